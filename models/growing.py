"""How large a boosted model should be, and growing it: cross-validation over subjects, then all rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from models.shapley import Tree, read_ensemble

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
FOLDS = 3
PATIENCE = 40
DEPTHS = (3, 4, 5)
DEPTH_COST = 0.0005
# Tables of the explanation kernel grow with the trees: so many in all, then boosters are fewer.
MOST_TREES = 1_500
STYLES = ("greedy", "random")
# The features that a tree may use, where cross-validation chooses: some of them, so that trees differ, or all.
FEATURE_SHARES = (0.5, 1.0)


@dataclass(frozen=True)
class Settings:
    """How trees are grown.

    ``learning_rate``: size of a step; ``feature_share`` of the features that a greedy tree may use,
    ``random_feature_share`` of those that a random one may; ``row_share`` of the rows that a greedy tree learns from;
    ``leaf_rows`` and ``penalty`` (L2, of greedy trees' leaves) are in subjects: they grow with the rows that a subject
    has; ``greedy_share``: what greedy trees count, the random ones count the rest.
    """

    learning_rate: float = 0.05
    feature_share: float = 0.5
    row_share: float = 0.8
    leaf_rows: float = 5.0
    penalty: float = 1.0
    greedy_share: float = 0.5
    random_feature_share: float = 0.5

    def with_feature_share(self, style: str, share: float) -> Settings:
        """The same, but for the features that a tree of ``style`` may use."""
        return replace(self, **{"feature_share" if style == "greedy" else "random_feature_share": share})

    @property
    def shares(self) -> tuple[float, float]:
        """What each of ``STYLES`` has in what trees say; they add up to 1."""
        return self.greedy_share, 1 - self.greedy_share


@dataclass(frozen=True)
class Rows:
    """What is learnt from: ``X`` [n, features], ``y`` [n] of 0 and 1, ``owner`` [n] numbers the subjects from 0.

    ``graded`` columns hold log-odds of categories; ``codes`` [n, graded] are the categories themselves, if trees may
    also choose among them.
    """

    X: Floats
    y: Floats
    owner: Ints
    directions: tuple[int, ...]
    graded: tuple[int, ...]
    settings: Settings
    seed: int
    threads: int
    codes: Floats | None = None

    @cached_property
    def inputs(self) -> Floats:
        """What trees read, [n, features and codes]."""
        return self.X if self.codes is None else np.column_stack([self.X, self.codes])

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
    """Depth, settings, the number of trees of each style, and what each says of rows that it had not seen.

    ``margins`` [n, styles]: of a style that has no share they are 0; None where there are too few events.
    """

    max_depth: int
    settings: Settings
    trees: tuple[int, ...]
    margins: Floats | None

    @property
    def together(self) -> Floats | None:
        """The margins [n] by all trees, as the settings share them out."""
        return None if self.margins is None else self.margins @ np.array(self.settings.shares)


@dataclass(frozen=True)
class Grown:
    """A LightGBM booster, one of ``bags`` that have ``share`` in what trees say."""

    booster: Any
    share: float
    bags: int

    def trees(self, whole: float) -> list[Tree]:
        """Its trees, where all trees together count ``whole``."""
        return [tree.scaled(whole * self.share / self.bags) for tree in read_ensemble(self.booster).trees]


def size_of(
    rows: Rows,
    max_depth: int | None,
    trees: int | None,
    most: int,
    choose: bool = False,
    watch: Callable[[], None] = lambda: None,
) -> Found:
    """Depth and numbers of trees of the least cross-validated loss; a deeper model must earn its depth.

    ``choose``: whether the features that trees of each style may use are found too. ``watch`` is called after every
    tree and may raise to end it all.
    """
    folds = rows.folds()
    if len(folds) < 2:
        return Found(max_depth or DEPTHS[0], rows.settings, (trees or min(most, 100),) * len(STYLES), None)
    learned, settings = dataset(rows), rows.settings
    if max_depth is None:
        losses = [_quick_loss(rows, learned, folds, one, trees or most) for one in DEPTHS]
        max_depth = next(d for d, loss in zip(DEPTHS, losses, strict=True) if loss <= min(losses) * (1 + DEPTH_COST))
    margins, counts = np.zeros((len(rows.y), len(STYLES))), [0] * len(STYLES)
    for number, (style, share) in enumerate(zip(STYLES, settings.shares, strict=True)):
        least = np.inf
        choices = [settings.with_feature_share(style, one) for one in FEATURE_SHARES] if choose else [settings]
        for choice in choices if share else []:
            told = with_depth(parameters(replace(rows, settings=choice), style), max_depth)
            loss, count, found = _held_out(told, rows, learned, folds, trees or most, stop=trees is None, watch=watch)
            if loss < least:
                least, settings, counts[number], margins[:, number] = loss, choice, count, found
    return Found(max_depth, settings, tuple(counts), margins)


def _quick_loss(rows: Rows, learned: Any, folds: list[tuple[Ints, Ints]], depth: int, most: int) -> float:
    """Held-out log-loss of what both styles say together at a depth, of trees that take longer steps."""
    margins = np.zeros(len(rows.y))
    for style, share in zip(STYLES, rows.settings.shares, strict=True):
        if share:
            quick = parameters(rows, style) | {"learning_rate": 3 * rows.settings.learning_rate}
            margins += share * _held_out(with_depth(quick, depth), rows, learned, folds, most)[2]
    return float(np.nanmean(np.logaddexp(0.0, margins) - rows.y * margins))


def with_codes(rows: Rows, codes: Floats, most: int) -> Rows:
    """``rows`` with ``codes`` beside, where trees that choose among these foretell better by over a standard error.

    A rate says how risky a category is, not whether it goes with others in some circumstances; but to learn that takes
    many rows, and where there are few, sets of categories are chance.
    """
    folds = rows.folds()
    if len(folds) < 2:
        return rows
    wider, losses = replace(rows, codes=codes), []
    for one in (rows, wider):
        quick = parameters(one, STYLES[0]) | {"learning_rate": 3 * rows.settings.learning_rate}
        margins = _held_out(with_depth(quick, DEPTHS[-1]), one, dataset(one), folds, most)[2]
        losses.append(np.logaddexp(0.0, margins) - rows.y * margins)
    gain = (losses[0] - losses[1])[~np.isnan(losses[0])]
    error = gain.std() * np.sqrt(rows.copies / len(gain))
    return wider if gain.mean() > error else rows


def grow(rows: Rows, max_depth: int, trees: tuple[int, ...], bags: int) -> list[Grown]:
    """Boosters on all rows, ``bags`` of each style, fewer where there would be too many trees."""
    import lightgbm

    bags = int(np.clip(MOST_TREES // sum(trees), 1, bags))
    learned = dataset(rows)
    return [
        Grown(
            lightgbm.train(with_depth(parameters(rows, style), max_depth) | {"seed": rows.seed + bag}, learned, count),
            share,
            bags,
        )
        for style, count, share in zip(STYLES, trees, rows.settings.shares, strict=True)
        if share
        for bag in range(bags)
    ]


def parameters(rows: Rows, style: str) -> dict[str, Any]:
    """What LightGBM is told. Leaves and penalty grow with the rows that a subject has.

    Half of the boosters choose the best cuts of samples of rows; the others choose among random cuts of all rows
    (extremely randomised trees: Geurts, Ernst & Wehenkel 2006). They err differently, so their mean errs less.
    """
    greedy, told, beside = style == "greedy", rows.settings, rows.graded if rows.codes is not None else ()
    return {
        "objective": "binary",
        "learning_rate": told.learning_rate,
        "feature_fraction": told.feature_share if greedy else told.random_feature_share,
        "bagging_fraction": told.row_share if greedy else 1.0,
        "bagging_freq": 1 if greedy and told.row_share < 1 else 0,
        "extra_trees": not greedy,
        "min_data_in_leaf": max(2, round(told.leaf_rows * rows.copies)),
        "min_sum_hessian_in_leaf": 0.01,
        "lambda_l2": told.penalty * rows.copies if greedy else 0.0,
        "deterministic": True,
        "force_row_wise": True,
        "feature_pre_filter": False,
        "seed": rows.seed,
        "num_threads": rows.threads,
        "verbose": -1,
        "max_cat_threshold": 64,
        "min_data_per_group": max(2, round(4 * told.leaf_rows * rows.copies)),
    } | ({"monotone_constraints": [*rows.directions, *(0 for _ in beside)]} if any(rows.directions) else {})


def dataset(rows: Rows) -> Any:
    """The rows in LightGBM's bins, which are the same for all that learn from them."""
    import lightgbm

    settings = {"feature_pre_filter": False, "seed": rows.seed, "num_threads": rows.threads, "verbose": -1}
    codes = list(range(rows.X.shape[1], rows.inputs.shape[1]))
    return lightgbm.Dataset(rows.inputs, rows.y, categorical_feature=codes, params=settings, free_raw_data=False)


def with_depth(settings: dict[str, Any], depth: int) -> dict[str, Any]:
    return settings | {"max_depth": depth, "num_leaves": 2**depth}


def _held_out(
    settings: dict[str, Any],
    rows: Rows,
    learned: Any,
    folds: list[tuple[Ints, Ints]],
    most: int,
    stop: bool = True,
    watch: Callable[[], None] = lambda: None,
) -> tuple[float, int, Floats]:
    """Least mean held-out log-loss, the number of trees that reach it, and each row's margin by trees of other rows."""
    import lightgbm

    found = lightgbm.cv(
        settings,
        learned,
        most,
        folds=folds,
        callbacks=[lambda _: watch(), *([lightgbm.early_stopping(PATIENCE, verbose=False)] if stop else [])],
        return_cvbooster=True,
    )
    boosters = found.pop("cvbooster").boosters
    losses = np.asarray(next(values for name, values in found.items() if name.endswith("logloss-mean")))
    trees = max(min(20, most), int(losses.argmin()) + 1) if stop else most
    margins = np.full(len(rows.y), np.nan)
    for (_, held), booster in zip(folds, boosters, strict=True):
        margins[held] = booster.predict(rows.inputs[held], raw_score=True, num_iteration=trees)
    return float(losses[min(trees, len(losses)) - 1]), trees, margins
