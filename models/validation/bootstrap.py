"""Bootstrap intervals of every figure at once: whole subjects are drawn, sums are taken once, rounds are products."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from models.validation.figures import CALIBRATION_BINS

Floats = npt.NDArray[np.float64]
ROUNDS, SEED = 300, 20260101
LEVEL = 0.95
STEPS, COSTS = 1_000, 200
MOST_AT_ONCE = 4_000_000  # weights held at a time


@dataclass(frozen=True)
class Interval:
    """A figure's percentile interval over resampled subjects; NaN where no draw had both classes."""

    low: float
    high: float


def percentiles(drawn: Floats, level: float = LEVEL) -> Interval:
    """The middle ``level`` of the draws that are numbers."""
    known = drawn[~np.isnan(drawn)]
    if not len(known):
        return Interval(float("nan"), float("nan"))
    low, high = np.quantile(known, [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(low), float(high))


@dataclass(frozen=True)
class Resampling:
    """Draws of subjects with replacement; the same for all that is compared on the same rows.

    ``subject`` [n]: whose row each is, all rows of a subject come or stay together.
    """

    subject: npt.NDArray[Any]
    rounds: int = ROUNDS
    seed: int = SEED

    @cached_property
    def number(self) -> npt.NDArray[np.int64]:
        """A number from 0 for each row's subject."""
        return np.unique(self.subject, return_inverse=True)[1].ravel()

    @property
    def subjects(self) -> int:
        return int(self.number.max()) + 1 if len(self.number) else 0

    def counts(self, cell: npt.NDArray[np.int64], cells: int) -> Floats:
        """Rows of each draw by cell (a number from 0 for each row), [rounds, cells].

        Where each subject has one row, such counts are multinomial, so no row need be drawn at all.
        """
        from scipy import sparse

        rows = len(self.number)
        if self.subjects == rows:
            shares = np.bincount(cell, minlength=cells) / rows
            return np.random.default_rng(self.seed).multinomial(rows, shares, self.rounds).astype(np.float64)
        return self.sums(sparse.csr_matrix((np.ones(rows), (np.arange(rows), cell)), shape=(rows, cells)))

    def sums(self, columns: Any) -> Floats:
        """Sums over each draw of sparse or dense ``columns`` [n, k]; [rounds, k]."""
        from scipy import sparse

        rows = len(self.number)
        of_subject = sparse.csr_matrix(
            (np.ones(rows), (self.number, np.arange(rows))), shape=(self.subjects, rows)
        ) @ sparse.csr_matrix(columns)
        gathered = of_subject.T.tocsr()
        return np.concatenate([np.asarray(gathered @ weights).T for weights in self._weights()])

    def _weights(self) -> Iterator[Floats]:
        """How often each subject was drawn, [subjects, some rounds] at a time."""
        rng, count = np.random.default_rng(self.seed), self.subjects
        at_once = max(1, min(self.rounds, MOST_AT_ONCE // max(count, 1)))
        for first in range(0, self.rounds, at_once):
            some = min(at_once, self.rounds - first)
            place = rng.integers(0, count, (some, count))
            place *= some
            place += np.arange(some)[:, None]
            yield np.bincount(place.ravel(), minlength=count * some).reshape(count, some).astype(np.float64)


@dataclass(frozen=True)
class Draws:
    """Figures of one model over draws, each [rounds]: see ``figures`` of this package for what they are."""

    auc: Floats
    ks: Floats
    h_measure: Floats
    brier: Floats
    log_loss: Floats
    ece: Floats
    mean_pd: Floats
    observed: Floats

    @property
    def gini(self) -> Floats:
        return 2 * self.auc - 1

    def intervals(self, ece: float) -> dict[str, Interval]:
        """The interval of each figure by its name; ``ece``: what it is on the rows themselves.

        Drawing rows again adds chance to the gaps that an ECE sums, so its draws lie above it; they are shifted back.
        """
        names = ("auc", "gini", "ks", "h_measure", "brier", "log_loss", "mean_pd")
        found = {name: percentiles(getattr(self, name)) for name in names}
        shifted = np.maximum(self.ece - self.ece.mean() + ece, 0.0)
        return {**found, "ece": percentiles(shifted), "observed_rate": percentiles(self.observed)}


def resampled(outcome: Floats, pd: Floats, resampling: Resampling) -> Draws:
    """Figures of PDs [n] against outcomes [n] over the draws of ``resampling``.

    Ranks are kept to a thousandth of the rows; so the interval of an AUC is right to 1e-4 and costs no sorting.
    """
    from scipy import sparse

    n = len(pd)
    step, tenth = _steps(pd), _tenths(pd)
    steps, tenths = int(step.max()) + 1, int(tenth.max()) + 1
    p = np.clip(pd, 1e-12, 1 - 1e-12)
    loss = -(outcome * np.log(p) + (1 - outcome) * np.log1p(-p))
    rows = np.arange(n)
    ranked = sparse.csr_matrix((np.ones(n), (rows, step + steps * (outcome > 0))), shape=(n, 2 * steps))
    missed = sparse.csr_matrix((outcome - pd, (rows, tenth)), shape=(n, tenths))
    totals = np.column_stack([(outcome - pd) ** 2, loss, pd, outcome, np.ones(n)])
    sums = resampling.sums(sparse.hstack([ranked, missed, sparse.csr_matrix(totals)], format="csr"))
    good, bad = sums[:, :steps], sums[:, steps : 2 * steps]
    gaps = np.abs(sums[:, 2 * steps : -5]).sum(axis=1)
    brier, loss_sum, pd_sum, events, count = sums[:, -5:].T
    auc, ks, h = _ranking(good, bad)
    return Draws(auc, ks, h, brier / count, loss_sum / count, gaps / count, pd_sum / count, events / count)


def resampled_auc(outcome: Floats, pd: Floats, resampling: Resampling) -> Floats:
    """The AUC alone, where nothing else is asked for."""
    step = _steps(pd, 250)
    steps = int(step.max()) + 1
    counts = resampling.counts(step + steps * (outcome > 0), 2 * steps)
    return _auc(counts[:, :steps], counts[:, steps:])


def _auc(good: Floats, bad: Floats) -> Floats:
    """From counts of others and of defaulters by rank step [rounds, steps], rising PD; ties count half."""
    goods, bads = good.sum(axis=1), bad.sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        found = (bad * (np.cumsum(good, axis=1) - good / 2)).sum(axis=1) / (goods * bads)
    return np.where((goods > 0) & (bads > 0), found, np.nan)


def _ranking(good: Floats, bad: Floats) -> tuple[Floats, Floats, Floats]:
    """AUC, KS and H-measure of each round."""
    from scipy.stats import beta

    goods, bads = good.sum(axis=1), bad.sum(axis=1)
    both = (goods > 0) & (bads > 0)
    with np.errstate(invalid="ignore", divide="ignore"):
        above_good = np.cumsum(good[:, ::-1], axis=1) / goods[:, None]
        above_bad = np.cumsum(bad[:, ::-1], axis=1) / bads[:, None]
    start = np.zeros((len(good), 1))
    false, true = np.hstack([start, above_good]), np.hstack([start, above_bad])
    ks = np.where(both, np.abs(true - false).max(axis=1), np.nan)
    share = bads / (goods + bads)
    found = np.full(len(good), np.nan)
    levels = (np.arange(COSTS) + 0.5) / COSTS
    for at in np.flatnonzero(both):
        cost = beta.ppf(levels, 1 + share[at], 2 - share[at])
        x, y = _hull(false[at], true[at])
        of_rules = np.outer(cost * (1 - share[at]), x) + np.outer((1 - cost) * share[at], 1 - y)
        blind = np.minimum(cost * (1 - share[at]), (1 - cost) * share[at])
        found[at] = 1 - of_rules.min(axis=1).sum() / blind.sum()
    return _auc(good, bad), ks, found


def _hull(false: Floats, true: Floats) -> tuple[Floats, Floats]:
    """The corners of a ROC curve at which some cost is met at least.

    Between corners of the hull the slope falls, which pooling adjacent violators brings about (Fawcett and
    Niculescu-Mizil 2007, PAV and the ROC convex hull); slopes are told as shares, since they may be infinite.
    """
    from scipy.optimize import isotonic_regression

    rise, run = np.diff(true), np.diff(false)
    moved = np.flatnonzero(rise + run)
    length = (rise + run)[moved]
    blocks = isotonic_regression(rise[moved] / length, weights=length, increasing=False).blocks
    corners = np.append(0, moved[blocks[1:] - 1] + 1)
    return false[corners], true[corners]


def _steps(pd: Floats, steps: int = STEPS) -> npt.NDArray[np.int64]:
    """Rank of each PD in about ``steps`` steps; equal PDs share one."""
    edges = np.unique(np.quantile(pd, np.linspace(0, 1, min(steps, len(pd)) + 1)[1:-1], method="lower"))
    return np.searchsorted(edges, pd, side="right")


def _tenths(pd: Floats) -> npt.NDArray[np.int64]:
    """The bins of ``figures.ece``."""
    found = np.empty(len(pd), np.int64)
    for number, rows in enumerate(
        np.array_split(np.argsort(pd, kind="stable"), min(CALIBRATION_BINS, max(len(pd), 1)))
    ):
        found[rows] = number
    return found
