"""What trees and additive part say together: shares fitted on margins of rows that neither had seen."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from models.additive import fit_additive
from models.growing import Rows

Floats = npt.NDArray[np.float64]
PRIORS = (0.1, 0.3, 1.0)
# The search for a prior needs no more rows than this.
ROWS = 15_000
# With as many events, trees and additive part are worth the same before they are compared: trees want more data.
EVENTS_FOR_HALF = 30.0
# What the comparison may find other than that.
SHARE_SD = 0.15


@dataclass(frozen=True)
class Shares:
    """log-odds = trees x margin of the trees + additive x margin of the additive part + intercept."""

    trees: float
    additive: float
    intercept: float


def additive_margins(rows: Rows) -> tuple[float, Floats]:
    """The prior's standard deviation of least cross-validated loss, and each row's margin by models of other rows."""
    weight = 1 / rows.copies
    best: tuple[float, float, Floats] | None = None
    folds = rows.folds()
    for prior_sd in PRIORS:
        margins = np.full(len(rows.y), np.nan)
        for kept, held in folds:
            some = _at_most(kept, rows.seed)
            part = fit_additive(rows.X[some], rows.y[some], rows.directions, prior_sd, weight, rows.graded)
            margins[held] = part.margin(rows.X[held])
        loss = log_loss(margins, rows.y)
        if best is None or loss < best[0]:
            best = (loss, prior_sd, margins)
        elif loss > best[0] * 1.02:
            break
    assert best is not None  # noqa: S101
    return best[1], best[2]


def shares_of(trees: Floats, additive: Floats, rows: Rows) -> Shares:
    """The shares of most posterior probability, none negative (stacking: Wolpert 1992, Breiman 1996)."""
    from scipy.optimize import minimize

    known = ~np.isnan(trees) & ~np.isnan(additive)
    design, y = np.column_stack([trees, additive])[known], rows.y[known]
    weight = 1 / rows.copies
    events = weight * min(float(rows.y.sum()), float((1 - rows.y).sum()))
    prior = np.array([events, EVENTS_FOR_HALF]) / (events + EVENTS_FOR_HALF)

    def loss(shares: Floats) -> tuple[float, Floats]:
        margin = design @ shares[:2] + shares[2]
        residual = 1 / (1 + np.exp(-margin)) - y
        away = (shares[:2] - prior) / SHARE_SD**2
        value = weight * (np.logaddexp(0.0, margin).sum() - y @ margin) + 0.5 * away @ (shares[:2] - prior)
        return float(value), np.append(weight * (design.T @ residual) + away, weight * residual.sum())

    bounds = [(0.0, None), (0.0, None), (None, None)]
    found = minimize(loss, np.append(prior, 0.0), jac=True, bounds=bounds, method="L-BFGS-B").x
    share = np.where(found[:2] < 0.02, 0.0, found[:2])
    return Shares(float(share[0]), float(share[1]), float(found[2]))


def log_loss(margins: Floats, y: Floats) -> float:
    """Mean log-loss of log-odds, [n]; rows without a margin are left out."""
    known = ~np.isnan(margins)
    return float(np.mean(np.logaddexp(0.0, margins[known]) - y[known] * margins[known]))


def _at_most(kept: npt.NDArray[np.int64], seed: int) -> npt.NDArray[np.int64]:
    return kept if len(kept) <= ROWS else np.random.default_rng(seed).choice(kept, ROWS, replace=False)
