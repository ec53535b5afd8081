"""How large a boosted model should be, and growing it: cross-validation over subjects, then all rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
FOLDS = 3
PATIENCE = 40
DEPTHS = (3, 4, 5)
DEPTH_COST = 0.0005
# Tables of the explanation kernel grow with the trees: so many in all, then boosters are fewer.
MOST_TREES = 1_500
STYLES = ("greedy", "random")


@dataclass(frozen=True)
class Rows:
    """What is learnt from: ``X`` [n, features], ``y`` [n] of 0 and 1, ``owner`` [n] numbers the subjects from 0.

    ``graded`` columns hold log-odds of categories.
    """

    X: Floats
    y: Floats
    owner: Ints
    directions: tuple[int, ...]
    graded: tuple[int, ...]
    learning_rate: float
    seed: int
    threads: int

    @property
    def copies(self) -> float:
        """Rows a subject has, which are near copies of each other."""
        return len(self.y) / (int(self.owner.max()) + 1)

    def folds(self) -> list[tuple[Ints, Ints]]:
        """Training and held-out rows of each fold; no subject is in both, each fold has its share of events.

        None where there are too few events to hold any out.
        """
        from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

        subjects = int(self.owner.max()) + 1
        eventful = int((np.bincount(self.owner, weights=self.y, minlength=subjects) > 0).sum())
        quiet = int((np.bincount(self.owner, weights=1 - self.y, minlength=subjects) > 0).sum())
        if min(eventful, quiet) < 2 * FOLDS:
            return []
        folds = 5 if min(eventful, quiet) < 500 else FOLDS
        if subjects == len(self.y):
            splits = StratifiedKFold(folds, shuffle=True, random_state=self.seed).split(self.X, self.y)
        else:
            grouped = StratifiedGroupKFold(folds, shuffle=True, random_state=self.seed)
            splits = grouped.split(self.owner, self.y, self.owner)
        return [(kept, held) for kept, held in splits if 0 < self.y[held].sum() < len(held)]


@dataclass(frozen=True)
class Found:
    """Depth, and the number of trees of each style; the margins [n] of rows that the trees had not seen, if any."""

    max_depth: int
    trees: tuple[int, ...]
    margins: Floats | None


def size_of(rows: Rows, max_depth: int | None, trees: int | None, most: int) -> Found:
    """Depth and numbers of trees of the least cross-validated loss; a deeper model must earn its depth."""
    folds = rows.folds()
    if len(folds) < 2:
        return Found(max_depth or DEPTHS[0], (trees or min(most, 100),) * len(STYLES), None)
    if max_depth is None:
        quick = parameters(rows, STYLES[-1]) | {"learning_rate": 3 * rows.learning_rate}
        losses = [_held_out(_with_depth(quick, one), rows, folds, trees or most)[0] for one in DEPTHS]
        max_depth = next(d for d, loss in zip(DEPTHS, losses, strict=True) if loss <= min(losses) * (1 + DEPTH_COST))
    stop = trees is None
    by_style = [
        _held_out(_with_depth(parameters(rows, style), max_depth), rows, folds, trees or most, stop) for style in STYLES
    ]
    margins = np.mean([margins for _, _, margins in by_style], axis=0)
    return Found(max_depth, tuple(found for _, found, _ in by_style), margins)


def grow(rows: Rows, max_depth: int, trees: tuple[int, ...], bags: int) -> list[Any]:
    """LightGBM boosters on all rows, ``bags`` of each style, fewer where there would be too many trees."""
    import lightgbm

    bags = int(np.clip(MOST_TREES // sum(trees), 1, bags))
    return [
        lightgbm.train(
            _with_depth(parameters(rows, style), max_depth) | {"seed": rows.seed + bag},
            lightgbm.Dataset(rows.X, rows.y),
            count,
        )
        for style, count in zip(STYLES, trees, strict=True)
        for bag in range(bags)
    ]


def parameters(rows: Rows, style: str) -> dict[str, Any]:
    """What LightGBM is told. Leaves and penalty grow with the rows that a subject has.

    Half of the boosters choose the best cuts of samples of rows; the others choose among random cuts of all rows
    (extremely randomised trees: Geurts, Ernst & Wehenkel 2006). They err differently, so their mean errs less.
    """
    greedy = style == "greedy"
    return {
        "objective": "binary",
        "learning_rate": rows.learning_rate,
        "feature_fraction": 0.5,
        "bagging_fraction": 0.8 if greedy else 1.0,
        "bagging_freq": 1 if greedy else 0,
        "extra_trees": not greedy,
        "min_data_in_leaf": max(2, round(5 * rows.copies)),
        "min_sum_hessian_in_leaf": 0.01,
        "lambda_l2": rows.copies if greedy else 0.0,
        "deterministic": True,
        "force_row_wise": True,
        "feature_pre_filter": False,
        "seed": rows.seed,
        "num_threads": rows.threads,
        "verbose": -1,
    } | ({"monotone_constraints": list(rows.directions)} if any(rows.directions) else {})


def _with_depth(settings: dict[str, Any], depth: int) -> dict[str, Any]:
    return settings | {"max_depth": depth, "num_leaves": 2**depth}


def _held_out(
    settings: dict[str, Any], rows: Rows, folds: list[tuple[Ints, Ints]], most: int, stop: bool = True
) -> tuple[float, int, Floats]:
    """Least mean held-out log-loss, the number of trees that reach it, and each row's margin by trees of other rows."""
    import lightgbm

    found = lightgbm.cv(
        settings,
        lightgbm.Dataset(rows.X, rows.y, free_raw_data=False),
        most,
        folds=folds,
        callbacks=[lightgbm.early_stopping(PATIENCE, verbose=False)] if stop else [],
        return_cvbooster=True,
    )
    boosters = found.pop("cvbooster").boosters
    losses = np.asarray(next(values for name, values in found.items() if name.endswith("logloss-mean")))
    trees = max(min(20, most), int(losses.argmin()) + 1) if stop else most
    margins = np.full(len(rows.y), np.nan)
    for (_, held), booster in zip(folds, boosters, strict=True):
        margins[held] = booster.predict(rows.X[held], raw_score=True, num_iteration=trees)
    return float(losses[min(trees, len(losses)) - 1]), trees, margins
