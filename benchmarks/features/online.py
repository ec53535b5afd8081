"""One subject at a time, and what it costs to follow a batch: the on-line side of the feature benchmark."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.features.measures import ONE_AS_OF, SEGMENT, features
from benchmarks.features.records import Made, appended
from huixin.console import progress
from records.moment import now, shanghai_day

ASKED, WARM = 200, 10
SECONDS_MOST = 60
TOUCHED_SHARE, READ = 0.01, 500


def figures(made: Made, place: Path, subjects: int) -> dict[str, Any]:
    """On-line figures by key: on demand from ``made``, by key from a base of ``subjects`` under ``place``."""
    with progress("按需计算单个主体", "one subject on demand"):
        demand = _alone("on_demand", made)
    with progress("增量更新与按主键读取", "following a batch, reading by key"):
        kept = _alone("kept", Made(place / "kept", subjects))
    return {
        "on_demand_p50_ms": demand["p50_ms"],
        "on_demand_p95_ms": demand["p95_ms"],
        "on_demand_asked": demand["asked"],
        "on_demand_records": made.rows,
        **kept,
    }


def kept(folder: Path, subjects: int) -> dict[str, float]:
    """All model features kept by primary key: a full build, a batch that touches 1% of the subjects, and reads.

    On a real base of ``subjects`` subjects, 50 records each. The first build is a warm-up.
    """
    from features.online import OnlineFeatures
    from records.database import FeatureRunRow, writing

    folder.mkdir()
    base, made, numbers = appended(folder, subjects)
    online = OnlineFeatures(base, SEGMENT)
    online.refresh()
    with writing(base.engine) as session:
        session.delete(session.get_one(FeatureRunRow, SEGMENT))
    full = online.refresh()
    touched = max(int(subjects * TOUCHED_SHARE), 1)
    base.append(_filings(folder / "filings.csv", numbers[:touched]), "tax.filing")
    followed = online.refresh()
    if followed.whole or not full.whole or followed.subjects < touched:
        raise RuntimeError(f"not what was to be measured: {full}, {followed}")
    ids, times = made.subject_ids, []
    for place in np.random.default_rng(2).choice(len(ids), min(READ, len(ids)), replace=False):
        subject_id = ids[int(place)].as_py()
        started = time.perf_counter()
        if online.get(subject_id) is None:
            raise RuntimeError("a subject's features are not kept")
        times.append((time.perf_counter() - started) * 1000)
    return {
        "incremental_share": followed.seconds / full.seconds,
        "incremental_s": followed.seconds,
        "full_refresh_s": full.seconds,
        "kept_subjects": subjects,
        "kept_features": len(online.codes),
        "by_key_p50_ms": float(np.median(times)),
        "by_key_p95_ms": float(np.quantile(times, 0.95)),
    }


def _filings(path: Path, numbers: list[str]) -> Path:
    """A batch of one tax filing for each of some subjects."""
    day = shanghai_day(now()) - timedelta(days=1)
    with path.open("w", encoding="utf-8") as file:
        file.write("record_id,subject_number,occurred_on,period,revenue,tax_due,tax_paid,days_late\n")
        file.writelines(
            f"f-{place},{number},{day},{day},{1000 + place}.50,10.25,10.25,0\n" for place, number in enumerate(numbers)
        )
    return path


def on_demand(made: Made) -> dict[str, float]:
    """Milliseconds to compute all measures of one subject from the records, over 200 subjects in no order.

    Fewer where they take longer than a minute together.
    """
    from features.pipeline import FeaturePipeline

    pipeline = FeaturePipeline(made.connection(), SEGMENT, features())
    ids = made.subject_ids
    chosen = np.random.default_rng(2).choice(len(ids), min(ASKED + WARM, len(ids)), replace=False)
    times: list[float] = []
    for place in chosen:
        if len(times) > 2 * WARM and sum(times) > SECONDS_MOST * 1000:
            break
        subject_id = ids[int(place)].as_py()
        started = time.perf_counter()
        pipeline.one(subject_id, ONE_AS_OF)
        times.append((time.perf_counter() - started) * 1000)
    counted = times[WARM:] or times
    return {"p50_ms": float(np.median(counted)), "p95_ms": float(np.quantile(counted, 0.95)), "asked": len(counted)}


def _alone(name: str, made: Made) -> dict[str, float]:
    """A measure in a process of its own."""
    asked = [sys.executable, "-m", "benchmarks.features.online", name, str(made.folder), str(made.subjects)]
    done = subprocess.run(asked, check=True, capture_output=True, text=True)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def main() -> None:
    """``on_demand FOLDER SUBJECTS`` or ``kept FOLDER SUBJECTS``: figures as JSON in the last line."""
    name, folder, subjects = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    found = on_demand(Made(folder, subjects)) if name == "on_demand" else kept(folder, subjects)
    sys.stdout.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    main()
