"""One subject at a time, and what it costs to follow a batch: the on-line side of the feature benchmark."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.features.measures import ONE_AS_OF, SEGMENT, features
from benchmarks.features.records import Made
from huixin.console import progress

ASKED, WARM = 200, 10
SECONDS_MOST = 60
NOT_YET = "features are not kept by primary key yet"


def figures(made: Made) -> tuple[dict[str, Any], dict[str, str]]:
    """On-line figures by key, measured on ``made``; and why those are missing that are."""
    with progress("按需计算单个主体", "one subject on demand"):
        demand = _alone("on_demand", made)
    found = {
        "on_demand_p50_ms": demand["p50_ms"],
        "on_demand_p95_ms": demand["p95_ms"],
        "on_demand_asked": demand["asked"],
        "on_demand_records": made.rows,
    }
    return found, {"by_key_p50_ms": NOT_YET, "incremental_share": NOT_YET}


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


MEASURES = {"on_demand": on_demand}


def _alone(name: str, made: Made) -> dict[str, float]:
    """A measure in a process of its own."""
    asked = [sys.executable, "-m", "benchmarks.features.online", name, str(made.folder), str(made.subjects)]
    done = subprocess.run(asked, check=True, capture_output=True, text=True)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def main() -> None:
    """``NAME FOLDER SUBJECTS``: figures as JSON in the last line."""
    name, folder, subjects = sys.argv[1:]
    sys.stdout.write(json.dumps(MEASURES[name](Made(Path(folder), int(subjects)))) + "\n")


if __name__ == "__main__":
    main()
