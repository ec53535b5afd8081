"""Exact reasons against plain prediction and against LightGBM's own explanation, on the same models and rows."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from rich.console import Console
from rich.table import Table

from benchmarks.machine import machine

DEPTHS, TREES, FEATURES = (3, 4, 5), 400, 60
TRAINING_ROWS, ROWS, CONTRIB_ROWS, REPEATS = 20_000, 20_000, 2_000, 5
SEED = 20260101


def run() -> dict[str, Any]:
    """Time kernel, ``pred_contrib`` and ``predict`` in turn; keys as in the issue, ratios of medians, depth 4 on top."""
    depths = {str(depth): _measure(depth) for depth in DEPTHS}
    figures = {
        "ratio_vs_pred_contrib": depths["4"]["ratio_vs_pred_contrib"],
        "ratio_vs_predict": depths["4"]["ratio_vs_predict"],
        "max_abs_diff": max(one["max_abs_diff"] for one in depths.values()),
        "rows_per_s": {depth: one["rows_per_s"] for depth, one in depths.items()},
        "depths": depths,
        "machine": machine("lightgbm", "numba", "numpy"),
    }
    _show(figures)
    return figures


def _measure(depth: int) -> dict[str, float]:
    from models.shapley import compile_explainer

    X, booster = _model(depth)
    explainer = compile_explainer(booster)
    few = X[:CONTRIB_ROWS]
    margin, contributions, base = explainer.explain(X)
    theirs = booster.predict(few, pred_contrib=True)
    difference = max(
        float(np.abs(theirs[:, :-1] - contributions[:CONTRIB_ROWS]).max()),
        float(np.abs(theirs[:, -1] - base).max()),
        float(np.abs(booster.predict(X, raw_score=True) - margin).max()),
    )
    timed: dict[str, list[float]] = {"kernel": [], "predict": [], "pred_contrib": [], "alone": []}
    one = X[:1]
    for _ in range(REPEATS):
        timed["kernel"].append(_seconds(lambda: explainer.explain(X)) / ROWS)
        timed["predict"].append(_seconds(lambda: booster.predict(X)) / ROWS)
        timed["pred_contrib"].append(_seconds(lambda: booster.predict(few, pred_contrib=True)) / CONTRIB_ROWS)
        timed["alone"].append(_seconds(lambda: [explainer.explain(one) for _ in range(100)]) / 100)
    median = {name: statistics.median(values) for name, values in timed.items()}
    return {
        "ratio_vs_pred_contrib": median["pred_contrib"] / median["kernel"],
        "ratio_vs_predict": median["kernel"] / median["predict"],
        "max_abs_diff": difference,
        "rows_per_s": 1 / median["kernel"],
        "one_row_us": median["alone"] * 1e6,
        "tables_mb": explainer.tables.nbytes / 1e6,
    }


def _model(depth: int) -> tuple[npt.NDArray[np.float64], Any]:
    """Rows with missing values and two categorical columns, and a model of 400 full-depth trees."""
    import lightgbm

    rng = np.random.default_rng(SEED)
    X = rng.normal(size=(TRAINING_ROWS, FEATURES))
    X[rng.random(X.shape) < 0.1] = np.nan
    X[:, 0], X[:, 1] = rng.integers(0, 40, TRAINING_ROWS), rng.integers(0, 5, TRAINING_ROWS)
    signal = np.nan_to_num(X[:, 2:12]).sum(axis=1) / 3 + np.nan_to_num(X[:, 12] * X[:, 13]) + (X[:, 0] % 3 == 0)
    y = signal + rng.normal(size=TRAINING_ROWS) > 0.5
    parameters = {
        "objective": "binary",
        "max_depth": depth,
        "num_leaves": 2**depth,
        "learning_rate": 0.05,
        "feature_fraction": 0.6,
        "seed": SEED,
        "verbose": -1,
    }
    data = lightgbm.Dataset(X, y.astype(float), categorical_feature=[0, 1])
    return X, lightgbm.train(parameters, data, TREES)


def _seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def _show(figures: dict[str, Any]) -> None:
    table = Table(title=f"compiled kernel / LightGBM, {TREES} trees, {FEATURES} features, {ROWS} rows, all cores")
    for name in ("depth", "pred_contrib / kernel", "kernel / predict", "rows/s", "one row, us", "largest difference"):
        table.add_column(name, justify="right")
    for depth, one in figures["depths"].items():
        table.add_row(
            depth,
            f"{one['ratio_vs_pred_contrib']:.1f}",
            f"{one['ratio_vs_predict']:.2f}",
            f"{one['rows_per_s']:,.0f}",
            f"{one['one_row_us']:.0f}",
            f"{one['max_abs_diff']:.0e}",
        )
    console = Console()
    console.print(table)
    console.print(figures["machine"])
