"""The additive part of a model: a signed logistic regression on binned normal scores, as trees of one feature."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from models.shapley import Split, Tree
from models.shapley.trees import MISSING_NAN

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
MOST_BINS = 32
# Below this share, rows that lack a feature are too few for a weight of their own.
MISSING_SHARE = 0.005


@dataclass(frozen=True)
class NormalScores:
    """Each feature in bins of equal rank, a bin worth the normal score of its middle rank (van der Waerden).

    Monotone and free of outliers. A ``graded`` feature is on a scale of its own, log-odds: its bins
    are worth their mean. A cut belongs to the bin below it, as in LightGBM. ``scores[column]`` [bins] has
    mean 0 over the rows that know the feature, ``rows[column]`` [bins + 1] counts them, those without it last.
    """

    cuts: tuple[Floats, ...]
    scores: tuple[Floats, ...]
    rows: tuple[Floats, ...]

    @classmethod
    def of(cls, X: Floats, graded: tuple[int, ...] = ()) -> NormalScores:
        from scipy.special import ndtri

        all_cuts, all_scores, all_rows = [], [], []
        for number, column in enumerate(X.T):
            known = np.sort(column[~np.isnan(column)])
            cuts = _cuts(known)
            counts = np.diff([0, *np.searchsorted(known, cuts, side="right"), len(known)]).astype(np.float64)
            middle = (np.cumsum(counts) - counts / 2) / max(len(known), 1)
            scores = ndtri(np.clip(middle, 1e-6, 1 - 1e-6))
            if number in graded and len(cuts):
                scores = np.bincount(np.searchsorted(cuts, known, side="left"), known, len(counts)) / counts
                scores /= max(float(known.std()), 1e-9)
            if len(known):
                scores = scores - counts @ scores / len(known)
            all_cuts.append(cuts)
            all_scores.append(scores if len(cuts) else np.zeros(1))
            all_rows.append(np.append(counts, len(column) - len(known)))
        return cls(tuple(all_cuts), tuple(all_scores), tuple(all_rows))

    @property
    def flagged(self) -> Ints:
        """Features that are missing often enough to count by themselves, and are not missing always."""
        shares = np.array([counts[-1] / counts.sum() for counts in self.rows])
        return np.flatnonzero((shares >= MISSING_SHARE) & (shares < 1))

    def design(self, X: Floats) -> Floats:
        """Scores [n, features], 0 where missing, then the centred flags of what is missing [n, flagged]."""
        design = np.zeros((len(X), X.shape[1] + len(self.flagged)))
        for column, (cuts, scores) in enumerate(zip(self.cuts, self.scores, strict=True)):
            values = X[:, column]
            design[:, column] = np.where(np.isnan(values), 0.0, scores[np.searchsorted(cuts, values, side="left")])
        for place, column in enumerate(self.flagged, start=X.shape[1]):
            design[:, place] = np.isnan(X[:, column]) - self._missing_share(column)
        return design

    def trees(self, weights: Floats) -> list[Tree]:
        """For each feature of weight one tree, whose leaves hold what its bins are worth; ``weights`` as in design."""
        flag = dict(zip(self.flagged.tolist(), weights[len(self.cuts) :].tolist(), strict=True))
        found = []
        for column, (cuts, scores, rows) in enumerate(zip(self.cuts, self.scores, self.rows, strict=True)):
            weight, missing = float(weights[column]), flag.get(column, 0.0)
            if weight or missing:
                share = self._missing_share(column) if column in flag else 0.0
                values = np.append(weight * scores - missing * share, missing * (1 - share) if column in flag else 0.0)
                found.append(_tree(column, cuts, values, np.maximum(rows, 1.0)))
        return found

    def _missing_share(self, column: int) -> float:
        return float(self.rows[column][-1] / self.rows[column].sum())


@dataclass(frozen=True)
class Additive:
    """log-odds = intercept + design x weights."""

    scores: NormalScores
    weights: Floats
    intercept: float

    def margin(self, X: Floats) -> Floats:
        """Log-odds of class 1, [n]."""
        return np.asarray(self.scores.design(X) @ self.weights + self.intercept)

    def trees(self) -> list[Tree]:
        """Trees whose sum is the margin less the intercept."""
        return self.scores.trees(self.weights)


def fit_additive(
    X: Floats,
    y: Floats,
    directions: tuple[int, ...],
    prior_sd: float,
    weight: float = 1.0,
    graded: tuple[int, ...] = (),
) -> Additive:
    """Weights of most posterior probability under a Gaussian prior, each kept to the declared sign of its feature.

    ``prior_sd``: standard deviation of the prior on a weight (features have unit variance; Gelman et al. 2008 call
    0.5 to 1 weakly informative for few features; with many that say much the same it is less). ``weight`` of a row:
    below 1 where rows are near copies of each other.
    """
    scores = NormalScores.of(X, graded)
    weights, intercept = signed_logistic(scores.design(X), y, directions, prior_sd, weight)
    return Additive(scores, weights, intercept)


def signed_logistic(
    design: Floats,
    y: Floats,
    directions: tuple[int, ...],
    prior_sd: float,
    weight: float = 1.0,
    *,
    steps: int = 200,
    tolerance: float = 1e-8,
) -> tuple[Floats, float]:
    """Weights [columns] and intercept of a logistic regression; columns beyond ``directions`` are free."""

    def loss(margin: Floats) -> tuple[float, Floats]:
        value = np.logaddexp(0.0, margin).sum() - y @ margin
        return float(weight * value), weight * (1 / (1 + np.exp(-margin)) - y)

    share = float(np.clip(y.mean(), 1e-6, 1 - 1e-6))
    start = float(np.log(share / (1 - share)))
    return signed_weights(loss, design, directions, prior_sd, start=start, steps=steps, tolerance=tolerance)


def signed_weights(
    loss: Callable[[Floats], tuple[float, Floats]],
    design: Floats,
    directions: tuple[int, ...],
    prior_sd: float,
    *,
    start: float = 0.0,
    steps: int,
    tolerance: float,
) -> tuple[Floats, float]:
    """Weights and intercept of least ``loss`` of a margin under a Gaussian prior, each weight kept to its sign.

    ``loss`` gives the loss of a margin [n] and its slope [n]; ``start`` is the intercept that the search begins at.
    """
    from scipy.optimize import minimize

    precision = 1 / prior_sd**2

    def penalised(parameters: Floats) -> tuple[float, Floats]:
        value, slopes = loss(design @ parameters[1:] + parameters[0])
        pull = precision * parameters[1:]
        return value + 0.5 * float(pull @ parameters[1:]), np.concatenate([[slopes.sum()], design.T @ slopes + pull])

    signs = [*directions, *([0] * (design.shape[1] - len(directions)))]
    bounds = [(None, None), *((0.0 if sign > 0 else None, 0.0 if sign < 0 else None) for sign in signs)]
    first = np.zeros(design.shape[1] + 1)
    first[0] = start
    options: Any = {"maxiter": steps, "ftol": tolerance, "gtol": 1e-9}
    found = minimize(penalised, first, jac=True, bounds=bounds, method="L-BFGS-B", options=options).x
    return np.asarray(found[1:]), float(found[0])


def _cuts(known: Floats) -> Floats:
    """Bins of about equal rank; every value has its own where there are few."""
    different = np.unique(known)
    if len(different) < 2:
        return np.empty(0)
    if len(different) <= MOST_BINS:
        return np.asarray((different[:-1] + different[1:]) / 2)
    places = np.linspace(0, len(known), MOST_BINS + 1)[1:-1].astype(np.int64)
    upper = np.unique(known[places])
    return np.asarray(upper[upper < different[-1]])


def _tree(feature: int, cuts: Floats, values: Floats, rows: Floats) -> Tree:
    """A balanced tree over the bins below one split that sets missing values aside."""
    splits, left, right = [Split(feature, np.inf, MISSING_NAN, False, None)], [0], [~len(cuts) - 1]
    split_rows = [float(rows.sum())]

    def grow(first: int, last: int) -> int:
        """Node that tells bins ``first`` to ``last`` apart."""
        if first == last:
            return ~first
        middle = (first + last) // 2
        node = len(splits)
        splits.append(Split(feature, float(cuts[middle]), MISSING_NAN, False, None))
        split_rows.append(float(rows[first : last + 1].sum()))
        left.append(0)
        right.append(0)
        left[node] = grow(first, middle)
        right[node] = grow(middle + 1, last)
        return node

    left[0] = grow(0, len(cuts))
    return Tree(tuple(splits), tuple(left), tuple(right), np.array(split_rows), rows, values)
