"""A feature's values in bins that one sample declares, and how far two samples lie apart in them, against chance."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]
Kind = Literal["missing", "infinite", "value", "range"]
MOST_BINS, LEAST_ROWS = 10, 10
MISSING, INFINITE = 0, 1
SMOOTHING = 0.5
DRAWS, ENOUGH = 2_000, 10


@dataclass(frozen=True)
class Bin:
    """One bin: missing values, infinite ones, a single ``value`` (``low`` is ``high``), or ``low`` <= x < ``high``."""

    kind: Kind
    low: float
    high: float


@dataclass(frozen=True)
class Bins:
    """Bins in the order missing, infinite, each of ``spikes``, then the ranges that ``cuts`` divide.

    ``spikes`` are values that many subjects share, such as the zero of those without an event: each is a bin of its
    own, and no part of the ranges.
    """

    spikes: Floats
    cuts: Floats

    @classmethod
    def of(cls, values: Floats) -> Bins:
        """Bins of a reference sample: its deciles, after missing values and shared ones were given their own.

        A value that a tenth of the present ones share is a spike. Ranges hold at least ``LEAST_ROWS`` values of the
        sample, so small samples have fewer; an empty one has a single range.
        """
        present = values[np.isfinite(values)]
        found, counts = np.unique(present, return_counts=True)
        shared = counts >= max(LEAST_ROWS, len(present) / MOST_BINS)
        rest = np.repeat(found[~shared], counts[~shared])
        ranges = min(round(MOST_BINS * len(rest) / max(1, len(present))), len(rest) // LEAST_ROWS)
        inner = rest[(np.arange(1, ranges) * len(rest)) // ranges] if ranges > 1 else rest[:0]
        cuts = np.unique(inner)
        return cls(found[shared], cuts[cuts > rest[0]] if len(cuts) else cuts)

    @property
    def size(self) -> int:
        return 2 + len(self.spikes) + len(self.cuts) + 1

    def place(self, values: Floats) -> Counts:
        """Number of the bin of each value; a cut belongs to the range above it."""
        first = 2 + len(self.spikes)
        places = first + np.searchsorted(self.cuts, values, side="right")
        if len(self.spikes):
            near = np.minimum(np.searchsorted(self.spikes, values), len(self.spikes) - 1)
            places = np.where(self.spikes[near] == values, 2 + near, places)
        places = np.where(np.isinf(values), INFINITE, places)
        return np.where(np.isnan(values), MISSING, places)

    def count(self, values: Floats) -> Counts:
        """How many values lie in each bin."""
        return np.bincount(self.place(values), minlength=self.size)

    def __iter__(self) -> Iterator[Bin]:
        yield Bin("missing", np.nan, np.nan)
        yield Bin("infinite", np.nan, np.nan)
        for value in self.spikes.tolist():
            yield Bin("value", value, value)
        bounds = [-np.inf, *self.cuts.tolist(), np.inf]
        for low, high in pairwise(bounds):
            yield Bin("range", low, high)

    def in_order(self) -> list[int]:
        """Positions of the bins as they are shown: missing, infinite, then by value, a spike before its range."""
        bins = list(self)
        by_value = sorted(range(2, self.size), key=lambda at: (bins[at].high, bins[at].kind == "range"))
        return [MISSING, INFINITE, *by_value]


def stability(reference: Counts, current: Counts) -> float:
    """Population stability index of two samples counted in the same bins: sum of (q - p) ln(q / p).

    The same figure is the characteristic stability index (CSI) of a feature, and the information value of defaulters
    against the others. For each bin half a subject is added to either sample, spread over the bins as both samples
    together are: samples alike in shares give exactly 0, and no bin is empty on one side only. 0 where a sample is
    empty.
    """
    return float(parts(reference, current).sum())


def parts(reference: Counts, current: Counts) -> Floats:
    """What each bin adds to ``stability``, [bins]."""
    return np.asarray(_parts(reference[None], current[None])[0])


def chance(reference: Counts, current: Counts, level: float, seed: int = 0) -> float:
    """The index that two samples of this size from one population exceed with a probability of 1 - ``level`` only.

    The index is then close to (1/n + 1/m) chi-square with as many degrees of freedom as bins less one (Yurdakul 2018,
    Statistical Properties of the Population Stability Index). Where a bin expects under ten subjects, 2,000 draws of
    both samples from what they are together correct it: by their own quantile and, for levels that so few draws do not
    reach, by a gamma distribution of their mean and variance; the largest counts. Samples that share subjects lie
    closer together, so for them the bound is on the safe side.
    """
    from scipy import stats

    together = reference + current
    used = together > 0
    n, m = int(reference.sum()), int(current.sum())
    if used.sum() < 2 or not n or not m:
        return 0.0
    bound = (1 / n + 1 / m) * float(stats.chi2.ppf(level, int(used.sum()) - 1))
    shares = together[used] / (n + m)
    if shares.min() * min(n, m) >= ENOUGH:
        return bound
    rng = np.random.default_rng(seed)
    drawn = _parts(rng.multinomial(n, shares, DRAWS), rng.multinomial(m, shares, DRAWS)).sum(axis=1)
    bound = max(bound, float(np.quantile(drawn, level, method="higher")))
    mean, variance = float(drawn.mean()), float(drawn.var())
    if not mean > 0 or not variance > 0:
        return bound
    return max(bound, float(stats.gamma.ppf(level, mean**2 / variance, scale=variance / mean)))


def _parts(reference: Counts, current: Counts) -> Floats:
    """``parts`` of each pair of rows, [draws, bins]."""
    together = reference + current
    added = SMOOTHING * (together > 0).sum(axis=1, keepdims=True)
    if not (reference.any(axis=1) & current.any(axis=1)).all():
        return np.zeros(together.shape)
    spread = added * together / together.sum(axis=1, keepdims=True)
    old, new = reference + spread, current + spread
    old, new = old / old.sum(axis=1, keepdims=True), new / new.sum(axis=1, keepdims=True)
    apart = np.divide(new, old, out=np.ones(old.shape), where=old > 0)
    return np.asarray((new - old) * np.log(apart))
