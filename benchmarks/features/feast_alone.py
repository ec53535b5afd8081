"""Runs in Feast's own environment, which has none of Huixin: one retrieval, timed; figures as JSON in the last line."""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

MEMORY_SHARE = 0.6


def main() -> None:
    task = json.loads(sys.argv[1])
    # Where memory does not suffice, this run is to fail and nothing else on the machine.
    most = int(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") * MEMORY_SHARE)
    resource.setrlimit(resource.RLIMIT_DATA, (most, most))
    moments = [datetime.fromisoformat(text) for text in task["as_ofs"]]
    subjects = pq.read_table(task["subjects"])["subject_id"].to_pandas()
    spine = pd.DataFrame(
        {
            "subject_id": np.tile(subjects.to_numpy(object), len(moments)),
            "event_timestamp": pd.to_datetime(np.repeat(np.array(moments, "datetime64[us]"), len(subjects)), utc=True),
        }
    )
    with TemporaryDirectory() as folder:
        os.chdir(folder)  # DuckDB puts what does not fit into memory beside it
        store = _store(Path(folder), task)
        names = [f"measures:{code}" for code in task["codes"]]
        store.get_historical_features(spine.head(100), names).to_arrow()
        started, processor = time.perf_counter(), time.process_time()
        found = store.get_historical_features(spine, names).to_arrow()
        seconds, processor = time.perf_counter() - started, time.process_time() - processor
    peak = _peak_mb()
    np.save(task["values"], _values(found, subjects, moments, np.load(task["sample"]), task["codes"]))
    sys.stdout.write(json.dumps({"seconds": seconds, "processor_s": processor, "peak_rss_mb": round(peak)}) + "\n")


def _peak_mb() -> float:
    """As ``benchmarks.features.child.peak_mb``, which is not at hand here."""
    status = Path("/proc/self/status")
    if status.exists():
        line = next(line for line in status.read_text(encoding="ascii").splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _store(folder: Path, task: dict[str, Any]) -> Any:
    """A Feast repository of one feature view over the feature table."""
    from feast import (  # type: ignore[import-not-found]
        Entity,
        FeatureStore,
        FeatureView,
        Field,
        FileSource,
        RepoConfig,
    )
    from feast.types import Float64  # type: ignore[import-not-found]
    from feast.value_type import ValueType  # type: ignore[import-not-found]

    store = FeatureStore(
        config=RepoConfig(
            project="bench",
            provider="local",
            registry=str(folder / "registry.db"),
            offline_store={"type": task["store"]},
            online_store=None,
            entity_key_serialization_version=3,
        )
    )
    subject = Entity(name="subject", join_keys=["subject_id"], value_type=ValueType.STRING)
    view = FeatureView(
        name="measures",
        entities=[subject],
        ttl=timedelta(days=task["lifetime_days"]),
        schema=[Field(name=code, dtype=Float64) for code in task["codes"]],
        source=FileSource(path=task["table"], timestamp_field="event_timestamp"),
        online=False,
    )
    store.apply([subject, view])
    return store


def _values(found: Any, subjects: Any, moments: list[datetime], places: Any, codes: list[str]) -> np.ndarray[Any, Any]:
    """The sample's numbers by as-of, subject and measure; Feast gives rows in an order of its own."""
    import pyarrow as pa
    import pyarrow.compute as pc

    chosen = subjects.iloc[places]
    rows = found.filter(pc.is_in(found["subject_id"], pa.array(chosen.to_numpy(object)))).to_pandas()
    rows["event_timestamp"] = pd.to_datetime(rows["event_timestamp"], utc=True)
    rows = rows.sort_values(["event_timestamp", "subject_id"])
    return np.asarray(rows[codes].to_numpy(np.float64)).reshape(len(moments), len(chosen), len(codes))


if __name__ == "__main__":
    main()
