"""The rival Feast, in an environment of its own: historical retrieval of measures that somebody else has computed.

Feast joins what it finds in a feature table to a spine, as of each row; it computes no windows. So it is given all 52
measures ready made, at every month end (by Huixin, off the clock), and asked for the spine for which Huixin computes
them from the records. Feast joins each row of the spine to every earlier row of its subject that is still alive, and
keeps the latest; so its time hangs on the lifetime of a row (``ttl``):

- ``a day``: the least there can be, one row each. It serves spines of these very month ends only;
- ``a month``: what a table that is remade each month needs to serve any as-of, one or two rows each;
- ``for ever``: what Feast does where nobody says; hundreds of rows each, so only small spines are tried.

The DuckDB store is used. The other that runs on one machine, Dask, took ten times as long as DuckDB on 48,000 rows
of spine, and 1.3 GB.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.features import own
from benchmarks.features.measures import COLUMNS
from benchmarks.features.records import Made
from benchmarks.features.turns import Job

SCRIPT = Path(__file__).with_name("feast_alone.py")
STORE = "duckdb"
# Most subjects for a lifetime without end: 20,000 at 24 as-ofs take 4 GB.
FOR_EVER_MOST = 20_000
# By what follows "feast" in the name: days that a row of the feature table lives; 0 is for ever.
LIFETIMES = {"a day": 1, "a month": 31, "for ever": 0}


@dataclass(frozen=True)
class FeastJob(Job):
    """A retrieval by the Feast of another Python (``python``), from the feature table in ``table``."""

    python: Path
    table: Path

    def command(self, task: dict[str, Any]) -> list[str]:
        days = LIFETIMES[self.contender.removeprefix("feast, ")]
        whole = {**task, "table": str(self.table.resolve()), "store": STORE, "lifetime_days": days}
        whole["subjects"] = str(Path(task["folder"]).resolve() / "subjects.parquet")
        whole["codes"] = [column.code for column in COLUMNS]
        return [str(self.python), "-P", str(SCRIPT), json.dumps(whole)]


def jobs(python: Path, table: Path, as_ofs: tuple[datetime, ...], subjects: int) -> list[Job]:
    """A job for each lifetime that this many subjects allow."""
    chosen = [name for name, days in LIFETIMES.items() if days or subjects <= FOR_EVER_MOST]
    return [FeastJob(f"feast, {name}", as_ofs, python, table) for name in chosen]


def version(python: Path) -> str:
    """The version of Feast there. Raises ``RuntimeError`` with what Python says where there is none."""
    asked = [str(python), "-c", "from importlib.metadata import version; print(version('feast'))"]
    try:
        done = subprocess.run(asked, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        said = getattr(error, "stderr", None) or str(error)
        raise RuntimeError(said.strip().splitlines()[-1]) from error
    return done.stdout.strip()


def write_table(made: Made, as_ofs: Sequence[datetime], path: Path) -> None:
    """The feature table: every measure of every subject at each as-of, as Feast keeps them."""
    ids = made.subject_ids
    writer: pq.ParquetWriter | None = None
    for as_of, measures in zip(as_ofs, own.build(made, ids, as_ofs), strict=True):
        moments = pa.repeat(pa.scalar(as_of, pa.timestamp("us")), len(ids)).cast(pa.timestamp("us", "UTC"))
        table = measures.append_column("subject_id", ids).append_column("event_timestamp", moments)
        writer = writer or pq.ParquetWriter(path, table.schema, compression="zstd", compression_level=1)
        writer.write_table(table)
    if writer:
        writer.close()
