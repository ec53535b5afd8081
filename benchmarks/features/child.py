"""One measurement in a process of its own: warmed up on a small base, timed on the large one, its numbers kept."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa

from benchmarks.features import own, pandas_rival, polars_rival, sql
from benchmarks.features.measures import COLUMNS
from benchmarks.features.records import Made

# Each takes the records, the subject ids and the as-ofs, and gives a table an as-of with a row for each subject.
Contender = Callable[[Made, pa.ChunkedArray, Sequence[datetime]], list[Any]]
CONTENDERS: dict[str, Contender] = {
    "huixin": own.build,
    "huixin, first time": own.build_first,
    "sql": sql.answer,
    "polars": polars_rival.answer,
    "polars in memory": polars_rival.loop,
    "pandas": pandas_rival.answer,
}


def contender(name: str) -> Contender:
    """By name; ``sql: SHAPE`` and ``polars: SHAPE`` are the shapes that were tried."""
    kind, _, shape = name.partition(": ")
    return partial(CONTENDERS[kind], shape=shape) if shape else CONTENDERS[kind]  # type: ignore[call-arg]


def measured(task: dict[str, Any]) -> dict[str, float]:
    """Do ``task`` (see ``turns.Task``): wall and processor seconds, peak memory; the sample goes to a file."""
    compute = contender(task["contender"])
    as_ofs = [datetime.fromisoformat(text) for text in task["as_ofs"]]
    made, small = (Made(Path(folder), 0) for folder in (task["folder"], task["warm"]))
    compute(small, small.subject_ids, as_ofs[:2])
    ids = made.subject_ids
    started, processor = time.perf_counter(), time.process_time()
    found = compute(made, ids, as_ofs)
    seconds, processor = time.perf_counter() - started, time.process_time() - processor
    peak = peak_mb()
    places = np.load(task["sample"])
    np.save(task["values"], np.stack([values(table, places) for table in found]))
    return {"seconds": seconds, "processor_s": processor, "peak_rss_mb": round(peak)}


def peak_mb() -> float:
    """The largest resident memory of this program; ``ru_maxrss`` would count that of the process that started it."""
    status = Path("/proc/self/status")
    if status.exists():
        line = next(line for line in status.read_text(encoding="ascii").splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) / 1024
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def values(table: Any, places: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Rows of a result, whatever its kind, as float64 with NaN where a value is missing."""
    codes = [column.code for column in COLUMNS]
    if isinstance(table, pa.Table):
        chosen = table.select(codes).take(pa.array(places)).to_pandas()
    elif isinstance(table, pl.DataFrame):
        chosen = table.select(codes)[places].to_pandas()
    else:
        chosen = table[codes].iloc[places]
    return np.asarray(chosen.to_numpy(dtype=np.float64, na_value=np.nan))


def main() -> None:
    """Read a task from the first argument, print its figures as JSON in the last line."""
    sys.stdout.write(json.dumps(measured(json.loads(sys.argv[1]))) + "\n")


if __name__ == "__main__":
    main()
