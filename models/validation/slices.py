"""Figures by year, sector, size and district: where a model is weaker, and where too few rows tell anything."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from models.calibration import AffineCalibrator
from models.grades import pd_of
from models.validation.bootstrap import Interval, Resampling, percentiles, resampled_auc
from models.validation.figures import auc, brier, chance_ece, ece, jeffreys
from models.validation.population import Grouping
from records.words import Text

Floats = npt.NDArray[np.float64]
FEW_ROWS, FEW_DEFAULTS = 30, 10
HIDDEN_ROWS = 10
SLICE_ROUNDS = 200
OUTCOME_DRAWS = 500


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

    ``dispersion``: mean over all groups, listed or not, of (defaults - expected)^2 / variance, once PDs are scaled to
    the level of all; ``dispersion_p``: how often chance gives as much where PDs are right but for that level. Small:
    some groups are misjudged beside the others.
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

    The level of all is a question of its own, so expected counts are first scaled to it. Counts are drawn anew
    and seen in the same way: as normal where every group expects 30 defaults and others, else row by row.
    """
    place = np.unique(values.astype(str), return_inverse=True)[1].ravel()
    groups, events = int(place.max()) + 1, float(outcome.sum())
    if groups < 2 or not 0 < events < len(outcome):
        return groups, 0.0, 1.0
    level = AffineCalibrator().anchored(_log_odds(pd), min(float(outcome.mean()), 0.499), most_shift=np.inf)
    right = pd_of(level.log_odds(_log_odds(pd)))
    expected, variance = np.bincount(place, right), np.bincount(place, right * (1 - right))

    def gap(counted: Floats) -> Floats:
        scaled = expected * (counted.sum(axis=-1, keepdims=True) / expected.sum())
        return np.asarray(((counted - scaled) ** 2 / np.maximum(variance, 1e-12)).mean(axis=-1))

    rng = np.random.default_rng(seed)
    if min(expected.min(), (np.bincount(place) - expected).min()) >= FEW_ROWS:
        drawn = rng.normal(expected, np.sqrt(variance), (OUTCOME_DRAWS, groups))
    else:
        drawn = np.stack(
            [np.bincount(place, rng.random(len(pd)) < right, groups).astype(np.float64) for _ in range(OUTCOME_DRAWS)]
        )
    found = float(gap(np.bincount(place, outcome, groups).astype(np.float64)))
    return groups, found, float(((gap(drawn) >= found - 1e-12).sum() + 1) / (OUTCOME_DRAWS + 1))


def _log_odds(pd: Floats) -> Floats:
    p = np.clip(pd, 1e-12, 1 - 1e-12)
    return np.asarray(np.log(p / (1 - p)))
