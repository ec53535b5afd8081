"""Exact reasons against plain prediction and against LightGBM's own explanation, on the same models and rows.

All three run on the same number of threads, one after the other in every repeat, so that a busy machine hinders
them alike. ``huixin bench explain --json P`` or ``python -m benchmarks.explain --json P``.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.machine import cores, machine
from huixin.console import out, say, table
from records.words import Text

DEPTHS = (3, 4, 5)
TREES, FEATURES = 400, 60
ROWS, CONTRIB_ROWS, LONE_ROWS = 20_000, 1_000, 500
SEED = 20260101


def run(repeats: int = 7) -> dict[str, Any]:
    """Measure depths 3, 4 and 5; the ratios on top are those of depth 4, medians over ``repeats``.

    ``ratio_vs_pred_contrib`` = time of ``pred_contrib`` / time of the kernel (more is better);
    ``ratio_vs_predict`` = time of the kernel / time of plain ``predict`` (less is better).
    ``rows_per_s`` is the kernel's, by depth; ``depths`` holds every figure.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    facts = machine("lightgbm", "numba", "numpy")
    depths = {str(depth): _measure(depth, repeats) for depth in DEPTHS}
    figures = {
        "ratio_vs_pred_contrib": depths["4"]["ratio_vs_pred_contrib"],
        "ratio_vs_predict": depths["4"]["ratio_vs_predict"],
        "max_abs_diff": max(figure["max_abs_diff"] for figure in depths.values()),
        "rows_per_s": {depth: figure["rows_per_s"] for depth, figure in depths.items()},
        "depths": depths,
        "machine": facts,
    }
    _show(figures)
    return figures


def _measure(depth: int, repeats: int) -> dict[str, float]:
    from models.shapley import compile_explainer

    booster, X = _model(depth)
    started = time.perf_counter()
    explainer = compile_explainer(booster)
    compiled_in = time.perf_counter() - started
    threads = cores()
    few = X[:CONTRIB_ROWS]
    contenders: dict[str, tuple[Callable[[], object], int]] = {
        "kernel": (lambda: explainer.explain(X, threads=threads), ROWS),
        "predict": (lambda: booster.predict(X, raw_score=True, num_threads=threads), ROWS),
        "pred_contrib": (lambda: booster.predict(few, pred_contrib=True, num_threads=threads), CONTRIB_ROWS),
        "lone": (lambda: [explainer.explain(X[i : i + 1]) for i in range(LONE_ROWS)], LONE_ROWS),
    }
    seconds = _seconds_a_row(contenders, repeats)
    return {
        "ratio_vs_pred_contrib": seconds["pred_contrib"] / seconds["kernel"],
        "ratio_vs_predict": seconds["kernel"] / seconds["predict"],
        "max_abs_diff": _difference(booster, explainer, few),
        "rows_per_s": 1 / seconds["kernel"],
        "predict_rows_per_s": 1 / seconds["predict"],
        "pred_contrib_rows_per_s": 1 / seconds["pred_contrib"],
        "lone_row_us": 1e6 * seconds["lone"],
        "tables_mb": explainer.table.nbytes / 1e6,
        "compile_s": compiled_in,
    }


def _model(depth: int) -> tuple[Any, NDArray[np.float64]]:
    """400 trees on 60 features: one value in ten missing, one feature with many zeros, four of categories."""
    import lightgbm

    rng = np.random.default_rng(SEED)
    X = rng.normal(size=(ROWS, FEATURES))
    X[:, 0:4] = rng.integers(0, (5, 12, 30, 80), size=(ROWS, 4))
    X[:, 4] = rng.poisson(1.0, ROWS)
    X[rng.random(X.shape) < 0.1] = np.nan
    known = np.nan_to_num(X)
    log_odds = known[:, 4:40] @ rng.normal(0, 0.25, 36) + np.sin(3 * known[:, 5]) + (known[:, 2] % 3 == 0) - 1
    outcome = (rng.random(ROWS) < 1 / (1 + np.exp(-log_odds))).astype(np.float64)
    parameters = {
        "objective": "binary",
        "max_depth": depth,
        "num_leaves": 2**depth,
        "learning_rate": 0.05,
        "seed": SEED,
        "num_threads": cores(),
        "verbose": -1,
    }
    data = lightgbm.Dataset(X, outcome, categorical_feature=[0, 1, 2, 3])
    return lightgbm.train(parameters, data, TREES), X


def _seconds_a_row(contenders: dict[str, tuple[Callable[[], object], int]], repeats: int) -> dict[str, float]:
    """Median seconds a row of each contender; they take turns, after one run each that is not counted."""
    seen: dict[str, list[float]] = {name: [] for name in contenders}
    for turn in range(repeats + 1):
        for name, (work, rows) in contenders.items():
            started = time.perf_counter()
            work()
            if turn:
                seen[name].append((time.perf_counter() - started) / rows)
    return {name: statistics.median(seconds) for name, seconds in seen.items()}


def _difference(booster: Any, explainer: Any, X: NDArray[np.float64]) -> float:
    """The largest difference to LightGBM in a contribution, the expected value or the margin."""
    margin, contributions, expected = explainer.explain(X)
    theirs = booster.predict(X, pred_contrib=True)
    raw = booster.predict(X, raw_score=True)
    gaps = (theirs[:, :-1] - contributions, theirs[:, -1] - expected, raw - margin)
    return max(float(np.abs(gap).max()) for gap in gaps)


def _show(figures: dict[str, Any]) -> None:
    facts = figures["machine"]
    say(
        "比较：编译后的精确解释（内核）、LightGBM 的 pred_contrib 与 predict；"
        f"{TREES} 棵树、{FEATURES} 个特征（含缺失值与类别），线程数均为 {facts['cores']}，轮流运行，取中位数",
        f"compared: the compiled exact explanation (kernel), LightGBM's pred_contrib and predict; {TREES} trees, "
        f"{FEATURES} features (some missing, some categories), {facts['cores']} threads each, taking turns, medians",
    )
    heads = [
        Text("深度", "depth"),
        Text("快于 pred_contrib", "times pred_contrib"),
        Text("耗时比 predict", "cost, predict = 1"),
        Text("行/秒", "rows/s"),
        Text("单行微秒", "lone row us"),
        Text("最大差异", "differs by"),
        Text("表 MB", "tables MB"),
        Text("编译秒", "compiled s"),
    ]
    shown = table(Text("解释的代价", "The cost of explaining"), heads)
    for depth, one in figures["depths"].items():
        shown.add_row(
            depth,
            f"{one['ratio_vs_pred_contrib']:.1f}",
            f"{one['ratio_vs_predict']:.2f}",
            f"{one['rows_per_s']:,.0f}",
            f"{one['lone_row_us']:.1f}",
            f"{one['max_abs_diff']:.1e}",
            f"{one['tables_mb']:.1f}",
            f"{one['compile_s']:.2f}",
        )
    out.print(shown)
    say(*(", ".join(f"{name} {value}" for name, value in facts.items()),) * 2)


def main() -> None:
    """``python -m benchmarks.explain --json P``."""
    import orjson

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path, help="写入此文件 · write the figures to this file")
    target = parser.parse_args().json
    figures = run()
    if target is not None:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(orjson.dumps(figures, option=orjson.OPT_INDENT_2))
        say(f"结果已写入 {target}", f"figures written to {target}")


if __name__ == "__main__":
    main()
