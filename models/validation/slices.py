"""Figures by year, sector, size and district: where a model is weaker, and where too few rows tell anything."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from models.validation.backtests import DRAWS
from models.validation.bootstrap import Interval, Resampling, percentiles, resampled_auc
from models.validation.figures import auc, brier, chance_ece, ece, jeffreys
from models.validation.population import Grouping
from records.words import Text

Floats = npt.NDArray[np.float64]
FEW_ROWS, FEW_DEFAULTS = 30, 10
HIDDEN_ROWS = 10
SLICE_ROUNDS = 200


@dataclass(frozen=True)
class Slice:
    """One group of rows.

    ``observed``, ``mean_pd`` and the 95% Jeffreys interval are None below 10 rows (nobody may be picked out), ``auc``,
    ``brier`` and ``ece`` below 30 rows, or 10 that defaulted, or 10 that did not: ``few`` says so. ``inside``: the
    mean PD lies in the interval.
    """

    value: str
    words: Text
    rows: int
    subjects: int
    defaults: int | None
    mean_pd: float | None
    observed: float | None
    interval: Interval | None
    inside: bool | None
    auc: float | None
    auc_interval: Interval | None
    brier: float | None
    ece: float | None
    chance_ece: float | None
    few: bool


@dataclass(frozen=True)
class Slices:
    """All groups of one grouping.

    ``dispersion``: sum over all groups, listed or not, of (defaults - expected)^2 / variance, over their number;
    ``dispersion_p``: how often chance gives as much where every PD is right. Small: some groups are misjudged.
    """

    code: str
    words: Text
    slices: tuple[Slice, ...]
    groups: int
    dispersion: float
    dispersion_p: float


def sliced(outcome: Floats, pd: Floats, subject: npt.NDArray[Any], groupings: Sequence[Grouping]) -> tuple[Slices, ...]:
    """Figures of PDs [n] against outcomes [n] in each group of each grouping."""
    found = []
    for grouping in groupings:
        shown = grouping.shortened()
        made = tuple(
            judged(value, shown.named(value), outcome[inside], pd[inside], subject[inside])
            for value, inside in ((value, shown.values == value) for value in shown.listed)
        )
        groups, dispersion, p = dispersed(outcome, pd, grouping.values)
        found.append(Slices(grouping.code, grouping.words, made, groups, dispersion, p))
    return tuple(found)


def judged(value: str, words: Text, outcome: Floats, pd: Floats, subject: npt.NDArray[Any]) -> Slice:
    """The figures of one group's rows."""
    rows, subjects = len(outcome), len(np.unique(subject))
    if min(rows, subjects) < HIDDEN_ROWS:
        nothing = (None,) * 9
        return Slice(value, words, rows, subjects, *nothing, None, few=True)
    events = int(outcome.sum())
    low, high = jeffreys(events, rows)
    mean = float(pd.mean())
    few = rows < FEW_ROWS or min(events, rows - events) < FEW_DEFAULTS
    known = (events, mean, events / rows, Interval(low, high), low <= mean <= high)
    if few:
        return Slice(value, words, rows, subjects, *known, None, None, None, None, None, few=True)
    drawn = percentiles(resampled_auc(outcome, pd, Resampling(subject, SLICE_ROUNDS)))
    figures = (auc(outcome, pd), drawn, brier(outcome, pd), ece(outcome, pd), chance_ece(pd))
    return Slice(value, words, rows, subjects, *known, *figures, few=False)


def dispersed(outcome: Floats, pd: Floats, values: npt.NDArray[Any], seed: int = 0) -> tuple[int, float, float]:
    """Number of groups, their mean squared standardised gap (1 where PDs are right), and the p-value of as much.

    Small groups are no chi-square: outcomes are drawn anew from the PDs, group by group as Poisson-binomial counts are
    (by their normal approximation where a group expects at least 30 defaults, else draw by draw).
    """
    place = np.unique(values.astype(str), return_inverse=True)[1].ravel()
    expected, variance = np.bincount(place, pd), np.bincount(place, pd * (1 - pd))
    gaps = (np.bincount(place, outcome) - expected) ** 2 / np.maximum(variance, 1e-12)
    groups = len(expected)
    rng, draws = np.random.default_rng(seed), DRAWS // 40
    if expected.min() >= FEW_ROWS:
        chance = rng.chisquare(1, (draws, groups)).mean(axis=1)
    else:
        drawn = np.stack([np.bincount(place, rng.random(len(pd)) < pd, groups) for _ in range(draws)])
        chance = ((drawn - expected) ** 2 / np.maximum(variance, 1e-12)).mean(axis=1)
    found = float(gaps.mean())
    return groups, found, float(((chance >= found - 1e-12).sum() + 1) / (draws + 1))
