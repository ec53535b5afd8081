"""How sure an AUC is, and the difference of two on the same rows (DeLong, DeLong & Clarke-Pearson 1988)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Areas:
    """AUC of each of k rankings [k] of the same rows, and their covariance [k, k]."""

    auc: Floats
    covariance: Floats

    def error(self, at: int = 0) -> float:
        """Standard error of one AUC."""
        return float(np.sqrt(max(self.covariance[at, at], 0.0)))

    def lower(self, level: float, at: int = 0) -> float:
        """Bound that the true AUC exceeds with this certainty."""
        return float(self.auc[at]) - _z(level) * self.error(at)

    def difference(self, first: int = 0, second: int = 1) -> tuple[float, float]:
        """AUC of ``first`` less that of ``second``, and its standard error."""
        c = self.covariance
        variance = c[first, first] + c[second, second] - 2 * c[first, second]
        return float(self.auc[first] - self.auc[second]), float(np.sqrt(max(variance, 0.0)))


def areas(outcome: Floats, *scores: Floats) -> Areas:
    """AUC of each of ``scores`` [n] for ``outcome`` [n] (1 default), higher meaning riskier, ties counting half.

    By mid-ranks in n log n (Sun & Xu 2014, Fast Implementation of DeLong's Algorithm). Two events and two others at
    least are needed for a covariance; with fewer it is infinite.
    """
    from scipy.stats import rankdata

    bad, good = outcome > 0, outcome <= 0
    m, n = int(bad.sum()), int(good.sum())
    k = len(scores)
    if not m or not n:
        return Areas(np.full(k, np.nan), np.full((k, k), np.inf))
    over_good, under_bad = np.empty((k, m)), np.empty((k, n))
    for at, score in enumerate(scores):
        ranks = rankdata(score)
        over_good[at] = (ranks[bad] - rankdata(score[bad])) / n
        under_bad[at] = 1 - (ranks[good] - rankdata(score[good])) / m
    if min(m, n) < 2:
        return Areas(over_good.mean(axis=1), np.full((k, k), np.inf))
    covariance = np.atleast_2d(np.cov(over_good)) / m + np.atleast_2d(np.cov(under_bad)) / n
    return Areas(over_good.mean(axis=1), covariance)


def _z(level: float) -> float:
    from scipy.stats import norm

    return float(norm.ppf(level))


def one_sided(level: float, questions: int = 1) -> float:
    """Standard errors that chance exceeds in one of ``questions`` with a probability of 1 - ``level`` (Bonferroni)."""
    return _z(1 - (1 - level) / max(questions, 1))
