"""Batch scores to Parquet, with reasons, grades and PDs, against LightGBM's plain prediction and its own explanation.

Each size runs in a process of its own, so that its memory is its own; it scores a file of prepared features by
``scoring.batch.score_features``, what ``huixin score --features`` does. Between the halves of the smallest size's
repeats LightGBM's ``predict`` and ``pred_contrib`` run on rows that are in memory already, on the same threads.
``huixin bench batch --sizes 100000,1000000 --json P``.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.explain import FEATURES, SEED, TREES, _model
from benchmarks.machine import cores, machine
from huixin.console import out, say, table
from records.words import Text

SIZES = (100_000, 1_000_000)
DEPTH = 4
CHUNK = 100_000
PREDICTED, EXPLAINED = 50_000, 2_000
CODES = tuple(f"f{place}" for place in range(FEATURES))


def run(sizes: Sequence[int] = SIZES, repeats: int = 3) -> dict[str, Any]:
    """Measure ``sizes``, each so many times, taking turns with LightGBM; medians.

    ``batch_ratio_vs_predict`` = rows/s to Parquet / rows/s of ``predict``, the least of all sizes; so also
    ``batch_ratio_vs_pred_contrib``. ``batch_peak_rss_mb`` by size. ``max_abs_diff``: the largest difference of a
    feature's points, as log-odds, or of the PD's to LightGBM's.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    from models.shapley import compile_explainer

    facts = machine("lightgbm", "numba", "pyarrow")
    booster, X = _model(DEPTH)
    with tempfile.TemporaryDirectory(prefix="huixin-batch-") as made:
        folder = Path(made)
        _bundle(compile_explainer(booster)).save(folder / "bundle")
        by_size = {str(size): _measure(booster, X, folder, size, repeats) for size in sizes}
    figures = {
        "batch_ratio_vs_predict": min(one["ratio_vs_predict"] for one in by_size.values()),
        "batch_ratio_vs_pred_contrib": min(one["ratio_vs_pred_contrib"] for one in by_size.values()),
        "batch_peak_rss_mb": {size: one["peak_rss_mb"] for size, one in by_size.items()},
        "batch_rows_per_s": {size: one["rows_per_s"] for size, one in by_size.items()},
        "max_abs_diff": max(one["max_abs_diff"] for one in by_size.values()),
        "sizes": by_size,
        "machine": facts,
    }
    _show(figures)
    return figures


def _bundle(explainer: Any) -> Any:
    from models.bundle import Bundle

    return Bundle("enterprise", "boosted", CODES, explainer)


def _measure(booster: Any, X: Any, folder: Path, size: int, repeats: int) -> dict[str, float]:
    source, scores = folder / "features.parquet", folder / "scores.parquet"
    _write_features(source, size)
    seen: dict[str, list[float]] = {"batch": [], "predict": [], "pred_contrib": [], "rss": []}
    few, many = X[:EXPLAINED], np.concatenate([X] * -(-PREDICTED // len(X)))[:PREDICTED]
    threads = cores()
    booster.predict(many, num_threads=threads)
    for _ in range(repeats):
        started = time.perf_counter()
        booster.predict(many, num_threads=threads)
        seen["predict"].append((time.perf_counter() - started) / PREDICTED)
        told = _in_a_process_of_its_own(folder / "bundle", source, scores)
        seen["batch"].append(told["seconds"] / size)
        seen["rss"].append(told["peak_rss_mb"])
        started = time.perf_counter()
        booster.predict(few, pred_contrib=True, num_threads=threads)
        seen["pred_contrib"].append((time.perf_counter() - started) / EXPLAINED)
    seconds = {name: statistics.median(values) for name, values in seen.items()}
    figures = {
        "rows_per_s": 1 / seconds["batch"],
        "predict_rows_per_s": 1 / seconds["predict"],
        "ratio_vs_predict": seconds["predict"] / seconds["batch"],
        "ratio_vs_pred_contrib": seconds["pred_contrib"] / seconds["batch"],
        "peak_rss_mb": max(seen["rss"]),
        "bytes_a_row": scores.stat().st_size / size,
        "max_abs_diff": _difference(booster, source, scores),
    }
    source.unlink()
    scores.unlink()
    return figures


def _write_features(path: Path, size: int) -> None:
    """Features as those that the model learnt from, and no row twice."""
    rng = np.random.default_rng(SEED + 1)
    with pq.ParquetWriter(path, _schema(), compression="lz4", use_dictionary=False) as writer:
        for start in range(0, size, CHUNK):
            rows = min(CHUNK, size - start)
            X = rng.normal(size=(FEATURES, rows))
            X[0:4] = rng.integers(0, np.array([[5], [12], [30], [80]]), size=(4, rows))
            X[4] = rng.poisson(1.0, rows)
            X[rng.random(X.shape) < 0.1] = np.nan
            names = pa.array([f"{place:032x}" for place in range(start, start + rows)])
            writer.write_table(pa.table([names, *X], schema=_schema()))


def _schema() -> pa.Schema:
    return pa.schema([("subject_id", pa.string()), *((code, pa.float64()) for code in CODES)])


def _in_a_process_of_its_own(bundle: Path, source: Path, scores: Path) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.batch", str(bundle), str(source), str(scores)]
    said = subprocess.run(command, check=True, capture_output=True)
    told: dict[str, float] = orjson.loads(said.stdout)
    return told


def _score(bundle: Path, source: Path, scores: Path) -> dict[str, float]:
    """Score ``source``; seconds without the start of the program, and its largest resident memory."""
    from models.bundle import Bundle
    from scoring.batch import score_features
    from scoring.columns import ScoreColumns

    columns = ScoreColumns(Bundle.load(bundle), "1")
    first = next(pq.ParquetFile(source).iter_batches(1))
    columns.score(first)  # compiled, or read from the cache of what is compiled
    started = time.perf_counter()
    score_features(columns, source, scores)
    return {"seconds": time.perf_counter() - started, "peak_rss_mb": _peak_mb()}


def _peak_mb() -> float:
    """This program's own largest resident memory: what ``getrusage`` says begins with that of its parent."""
    status = Path("/proc/self/status")
    if status.exists():
        found = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(found.split()[1]) / 1024
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _difference(booster: Any, source: Path, scores: Path) -> float:
    """The largest difference to LightGBM over some of the first rows and of the last."""
    from models.grades import POINTS_PER_LOG_ODDS

    worst = 0.0
    asked, given = pq.ParquetFile(source), pq.ParquetFile(scores)
    count = given.metadata.num_rows
    for group in {0, given.num_row_groups - 1}:
        first = sum(given.metadata.row_group(place).num_rows for place in range(group))
        made = given.read_row_group(group)
        rows = _rows_from(asked, first, min(EXPLAINED, count - first))
        X = np.column_stack([rows[code].to_numpy() for code in CODES])
        theirs = booster.predict(X, pred_contrib=True)[:, :-1]
        points = np.column_stack([made[f"points_{code}"].to_numpy()[: len(X)] for code in CODES])
        pd = made["pd"].to_numpy()[: len(X)]
        worst = max(worst, float(np.abs(-points / POINTS_PER_LOG_ODDS - theirs).max()))
        worst = max(worst, float(np.abs(pd - booster.predict(X)).max()))
    return worst


def _rows_from(file: pq.ParquetFile, first: int, count: int) -> pa.Table:
    """Rows ``first`` and on, at least ``count`` of them where the file has so many."""
    group = 0
    while first >= file.metadata.row_group(group).num_rows:
        first -= file.metadata.row_group(group).num_rows
        group += 1
    return file.read_row_group(group).slice(first, count)


def _show(figures: dict[str, Any]) -> None:
    facts = figures["machine"]
    say(
        f"批量评分到 Parquet（全部理由、等级、PD）与 LightGBM 比较；{TREES} 棵树、{FEATURES} 个特征，"
        f"线程数均为 {facts['cores']}，轮流运行，取中位数",
        f"batch scores to Parquet (all reasons, grades, PDs) against LightGBM; {TREES} trees, {FEATURES} features, "
        f"{facts['cores']} threads each, taking turns, medians",
    )
    heads = [
        Text("行数", "rows"),
        Text("行/秒", "rows/s"),
        Text("比 predict", "rate, predict = 1"),
        Text("快于 pred_contrib", "times pred_contrib"),
        Text("内存峰值 MB", "peak RSS MB"),
        Text("字节/行", "bytes a row"),
        Text("最大差异", "differs by"),
    ]
    shown = table(Text("批量评分", "Batch scores"), heads)
    for size, one in figures["sizes"].items():
        shown.add_row(
            f"{int(size):,}",
            f"{one['rows_per_s']:,.0f}",
            f"{one['ratio_vs_predict']:.2f}",
            f"{one['ratio_vs_pred_contrib']:.1f}",
            f"{one['peak_rss_mb']:,.0f}",
            f"{one['bytes_a_row']:.0f}",
            f"{one['max_abs_diff']:.1e}",
        )
    out.print(shown)
    say(*(", ".join(f"{name} {value}" for name, value in facts.items()),) * 2)


if __name__ == "__main__":
    sys.stdout.buffer.write(orjson.dumps(_score(*(Path(one) for one in sys.argv[1:4]))))
