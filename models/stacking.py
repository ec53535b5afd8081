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
# A part of less is left out: it costs its tables and says next to nothing.
LEAST_SHARE = 0.02


@dataclass(frozen=True)
class Shares:
    """log-odds = trees x margin of the trees + additive x margin of the additive part + intercept.

    The margin of the trees is the mean of those of their styles by the settings' shares.
    """

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


def shares_of(trees: Floats, additive: Floats, rows: Rows, styles: tuple[float, ...]) -> tuple[Shares, float]:
    """The shares of most posterior probability, none negative (stacking: Wolpert 1992, Breiman 1996).

    ``trees`` [n, styles] and ``additive`` [n]: margins of rows that neither had seen. ``styles``: what each style of
    trees counts among trees before they are compared; one of 0 stays 0. Also what the first style counts afterwards.
    """
    from scipy.optimize import minimize

    known = ~np.isnan(trees).any(axis=1) & ~np.isnan(additive)
    design, y = np.column_stack([trees, additive])[known], rows.y[known]
    weight, parts = 1 / rows.copies, design.shape[1]
    events = weight * min(float(rows.y.sum()), float((1 - rows.y).sum()))
    prior = np.append(events * np.array(styles), EVENTS_FOR_HALF) / (events + EVENTS_FOR_HALF)

    def loss(shares: Floats) -> tuple[float, Floats]:
        margin = design @ shares[:parts] + shares[parts]
        residual = 1 / (1 + np.exp(-margin)) - y
        away = (shares[:parts] - prior) / SHARE_SD**2
        value = weight * (np.logaddexp(0.0, margin).sum() - y @ margin) + 0.5 * away @ (shares[:parts] - prior)
        return float(value), np.append(weight * (design.T @ residual) + away, weight * residual.sum())

    bounds = [*((0.0, None if one else 0.0) for one in prior), (None, None)]
    found = minimize(loss, np.append(prior, 0.0), jac=True, bounds=bounds, method="L-BFGS-B").x
    share = np.where(found[:parts] < LEAST_SHARE, 0.0, found[:parts])
    by_style = share[:-1] if share[:-1].any() else prior[:-1]
    first = float(by_style[0] / by_style.sum())
    return Shares(float(share[:-1].sum()), float(share[-1]), float(found[parts])), first


def log_loss(margins: Floats, y: Floats) -> float:
    """Mean log-loss of log-odds, [n]; rows without a margin are left out."""
    known = ~np.isnan(margins)
    return float(np.mean(np.logaddexp(0.0, margins[known]) - y[known] * margins[known]))


def _at_most(kept: npt.NDArray[np.int64], seed: int) -> npt.NDArray[np.int64]:
    return kept if len(kept) <= ROWS else np.random.default_rng(seed).choice(kept, ROWS, replace=False)
