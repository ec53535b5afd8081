"""Batches in against a bare Polars read, check and write of the same file, taking turns in the same run.

``huixin bench ingest --json P [--sizes 1000000,10000000]`` or ``python -m benchmarks.ingest --json P``. Each run is a
process of its own, so that its peak memory is its own.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.ingest_rows import write_rows
from benchmarks.machine import machine
from huixin.console import out, progress, say, table
from records.catalogue import Catalogue, Item
from records.words import Text

SIZES = (250_000, 1_000_000)
COMPARED, REPEATS = 1_000_000, 3
ROWS_OF_EACH = 10_000
COMPARISON = (
    "huixin: append() to an empty base, whole: digest, encoding, types, rules, identity numbers to keyed hashes, "
    "numbers inside texts, duplicates in batch and base, sort, Parquet zstd, fsync, receipt; bare: one Polars query on "
    "the same file: scan_csv, casts, rules, check characters, Parquet zstd, nothing else"
)

CHILD = """
import json, resource, sys, time
from pathlib import Path
from benchmarks.ingest import ingest_in_this_process
print(json.dumps(ingest_in_this_process(sys.argv[1], sys.argv[2], Path(sys.argv[3]), Path(sys.argv[4]))))
"""


def run(sizes: tuple[int, ...] = SIZES, folder: Path | None = None) -> dict[str, Any]:
    """Measure the widest item at each of ``sizes`` (rows), and every item at 10,000 rows.

    ``ratio_vs_polars`` = rows/s of Huixin / rows/s of the bare competitor, median of three turns, at the size nearest
    to one million rows; ``rows_per_s`` and ``peak_rss_mb`` by size; ``bare`` the competitor's; ``items`` rows/s of each
    item, ``rows_per_s_all_items`` of all together. Files are made under ``folder`` (default: temporary) and removed.
    """
    items = Catalogue.load().items
    widest = max(items.values(), key=lambda item: (len(item.fields), item.code))
    place = Path(tempfile.mkdtemp(prefix="bench-ingest-", dir=folder))
    try:
        measured = {size: _turns(widest, size, place) for size in sorted(sizes)}
        each = _every_item(items, place)
    finally:
        shutil.rmtree(place, ignore_errors=True)
    nearest = min(measured, key=lambda size: abs(size - COMPARED))
    figures = {
        "ratio_vs_polars": measured[nearest]["ratio"],
        "ratio_by_size": {str(size): found["ratio"] for size, found in measured.items()},
        "rows_per_s": {str(size): found["huixin"]["rows_per_s"] for size, found in measured.items()},
        "peak_rss_mb": {str(size): found["huixin"]["peak_rss_mb"] for size, found in measured.items()},
        "bare": {str(size): found["bare"] for size, found in measured.items()},
        "rows_per_s_all_items": len(each) / sum(1 / speed for speed in each.values()),
        "items": each,
        "item": widest.code,
        "columns": len(widest.fields) + 3,
        "rows_of_each_item": ROWS_OF_EACH,
        "compared": COMPARISON,
        "machine": machine("polars", "pyarrow", "duckdb", "pandera"),
    }
    _show(figures)
    return figures


def ingest_in_this_process(what: str, code: str, source: Path, home: Path) -> dict[str, float]:
    """One run of ``huixin`` or ``bare`` on the rows of item ``code`` in ``source``: seconds, rows/s, peak memory."""
    import resource
    import time

    from benchmarks.ingest_bare import read_check_write
    from records.base import RecordBase
    from records.settings import Settings

    item = Catalogue.load().item(code)
    small = home.with_name(f"{home.name}-small.csv")
    write_rows(item, 1_000, small, seed=1)
    if what == "bare":
        home.mkdir()
        read_check_write(item, small, home / "warm.parquet")
        started = time.perf_counter()
        rows = read_check_write(item, source, home / "rows.parquet")
    else:
        RecordBase.open(Settings(home=home / "warm")).append(small, code)
        base = RecordBase.open(Settings(home=home / "base"))
        started = time.perf_counter()
        rows = base.append(source, code).rows_accepted
    seconds = time.perf_counter() - started
    small.unlink()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"rows": rows, "seconds": seconds, "rows_per_s": rows / seconds, "peak_rss_mb": round(peak)}


def _turns(item: Item, size: int, place: Path) -> dict[str, Any]:
    """Both in turn, as often as the size allows; medians, and the larger peak."""
    source = place / "rows.csv"
    with progress(f"生成 {size:,} 行", f"making {size:,} rows"):
        write_rows(item, size, source)
    found: dict[str, list[dict[str, float]]] = {"huixin": [], "bare": []}
    for _ in range(REPEATS if size <= COMPARED else 1):
        for what, runs in found.items():
            with progress(f"{what} {size:,} 行", f"{what} {size:,} rows"):
                runs.append(_child(what, item, source, place))
            if runs[-1]["rows"] != size:
                raise RuntimeError(f"{what} kept {runs[-1]['rows']} of {size} rows of {item.code}")
    source.unlink()
    ratios = [
        own["rows_per_s"] / other["rows_per_s"] for own, other in zip(found["huixin"], found["bare"], strict=True)
    ]
    return {"ratio": statistics.median(ratios), **{what: _middle(runs) for what, runs in found.items()}}


def _middle(runs: list[dict[str, float]]) -> dict[str, float]:
    return {
        "rows_per_s": statistics.median(run["rows_per_s"] for run in runs),
        "seconds": statistics.median(run["seconds"] for run in runs),
        "peak_rss_mb": max(run["peak_rss_mb"] for run in runs),
    }


def _child(what: str, item: Item, source: Path, place: Path) -> dict[str, float]:
    home = place / what
    done = subprocess.run(
        [sys.executable, "-c", CHILD, what, item.code, str(source), str(home)],
        check=True,
        capture_output=True,
        text=True,
    )
    shutil.rmtree(home)
    measured: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return measured


def _every_item(items: dict[str, Item], place: Path) -> dict[str, float]:
    """Rows a second of every item, one after the other into one base, 10,000 rows each."""
    import time

    from records.base import RecordBase
    from records.settings import Settings

    base = RecordBase.open(Settings(home=place / "every"))
    found = {}
    with progress("逐项测量", "item by item") as done:
        for number, (code, item) in enumerate(items.items(), 1):
            source = place / "item.csv"
            write_rows(item, ROWS_OF_EACH, source)
            started = time.perf_counter()
            receipt = base.append(source, code)
            found[code] = ROWS_OF_EACH / (time.perf_counter() - started)
            if receipt.rows_rejected:
                raise RuntimeError(f"{receipt.rows_rejected} rows of {code} were refused, see {receipt.quarantine}")
            done(number)
    return found


def _show(figures: dict[str, Any]) -> None:
    say(
        f"比较：{figures['item']}（{figures['columns']} 列）整批入库，与 Polars 读、验、写同一文件；轮流运行，取中位数",
        f"compared: a batch of {figures['item']} ({figures['columns']} columns) taken in whole, and Polars reading, "
        "checking and writing the same file; taking turns, medians",
    )
    heads = [
        Text("行数", "rows"),
        Text("行/秒", "rows/s"),
        Text("Polars 行/秒", "Polars rows/s"),
        Text("比值", "ratio"),
        Text("内存峰值 MB", "peak MB"),
    ]
    shown = table(Text("批次入库", "Batches in"), heads)
    for size, speed in figures["rows_per_s"].items():
        shown.add_row(
            f"{int(size):,}",
            f"{speed:,.0f}",
            f"{figures['bare'][size]['rows_per_s']:,.0f}",
            f"{figures['ratio_by_size'][size]:.2f}",
            f"{figures['peak_rss_mb'][size]:,.0f}",
        )
    out.print(shown)
    slowest = min(figures["items"], key=lambda code: figures["items"][code])
    every, speed = len(figures["items"]), f"{figures['rows_per_s_all_items']:,.0f}"
    say(
        f"全部 {every} 个目录项各一批 {ROWS_OF_EACH:,} 行：{speed} 行/秒，最慢 {slowest}",
        f"all {every} items, a batch of {ROWS_OF_EACH:,} rows each: {speed} rows/s, slowest {slowest}",
    )
    say(*(", ".join(f"{name} {value}" for name, value in figures["machine"].items()),) * 2)


def sizes_of(text: str) -> tuple[int, ...]:
    """``1000000,50000000`` as numbers of rows."""
    return tuple(int(part.replace("_", "")) for part in text.split(",") if part.strip())


def main() -> None:
    """``python -m benchmarks.ingest --json P --sizes 1000000,50000000``."""
    import orjson

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path, help="写入此文件 · write the figures to this file")
    parser.add_argument("--sizes", type=sizes_of, default=SIZES, help="各次行数，逗号分隔 · numbers of rows")
    parser.add_argument("--folder", type=Path, help="临时文件所在目录 · folder of the files that are made")
    options = parser.parse_args()
    figures = run(options.sizes, options.folder)
    if options.json is not None:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_bytes(orjson.dumps(figures, option=orjson.OPT_INDENT_2))
        say(f"结果已写入 {options.json}", f"figures written to {options.json}")


if __name__ == "__main__":
    main()
