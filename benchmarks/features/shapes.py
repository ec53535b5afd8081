"""``python -m benchmarks.features.shapes``: every shape of SQL and Polars that was tried, and Huixin, in turns.

All give the same numbers or the run stops.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path

from benchmarks.features import polars_rival, sql
from benchmarks.features.measures import ONE_AS_OF
from benchmarks.features.records import make
from benchmarks.features.running import WARM_SUBJECTS
from benchmarks.features.turns import Course, Job
from huixin.console import say

NAMES = (*(f"sql: {shape}" for shape in sql.SHAPES), *(f"polars: {shape}" for shape in polars_rival.SHAPES), "pandas")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--subjects", type=int, default=20_000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--only", default="", help="names that begin so, separated by commas")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    names = [name for name in NAMES if name.startswith(tuple(options.only.split(",")))]
    with tempfile.TemporaryDirectory(prefix="bench-shapes-") as folder:
        place = Path(folder)
        made, warm = make(place / "records", options.subjects), make(place / "warm", WARM_SUBJECTS)
        turns = Course(made, warm, place).turns(
            [Job(name, (ONE_AS_OF,)) for name in ("huixin", *names)], options.repeats
        )
    seconds, processor, peaks = turns.median("seconds"), turns.median("processor_s"), turns.peaks()
    for name in sorted(seconds, key=lambda one: seconds[one]):
        line = f"{name}: {seconds[name]:.2f} s, processor {processor[name]:.2f} s, peak {peaks[name]:,.0f} MB"
        say(line, line)
    for name, why in turns.failed.items():
        say(f"{name}：{why}", f"{name}: {why}")
    if options.json:
        options.json.write_text(json.dumps({"seconds": seconds, "processor_s": processor, "peak_mb": peaks}, indent=2))


if __name__ == "__main__":
    main()
