"""Are groups that law protects treated alike? Adverse impact, equal opportunity, and PDs that hold in each group."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from models.validation.bootstrap import ROUNDS, Interval, Resampling, percentiles
from models.validation.figures import auc, jeffreys
from models.validation.population import UNKNOWN, Grouping
from models.validation.slices import FEW_DEFAULTS, HIDDEN_ROWS, dispersed
from records.words import Text

Floats = npt.NDArray[np.float64]
# The four-fifths rule: 29 CFR 1607.4(D), Uniform Guidelines on Employee Selection Procedures (1978).
FOUR_FIFTHS = 0.8
FAVOURABLE_PD = 0.04
FEW_ROWS, FEW_FAVOURED = 50, 10
MOST_LISTED = 12
Finding = Literal["reference", "even", "watch", "adverse", "few"]


@dataclass(frozen=True)
class Treated:
    """One group of a protected attribute.

    ``favoured``: share that gets the favourable result; ``impact``: that share over the reference group's (adverse
    impact ratio); ``opportunity``: share favoured of those who did not default, less that of the reference group (equal
    opportunity, Hardt, Price & Srebro 2016); ``missed``: share not favoured of those who did default, less that of the
    reference. Intervals are 95%, over resampled subjects. ``observed`` with its Jeffreys interval and ``mean_pd`` say
    whether the difference follows from what really happened. ``finding``: ``adverse`` where the whole interval of
    the impact lies below four fifths, ``watch`` where the ratio does but not the interval. None where ``few``.
    """

    value: str
    words: Text
    rows: int
    defaults: int | None
    favoured: float | None
    impact: float | None
    impact_interval: Interval | None
    opportunity: float | None
    opportunity_interval: Interval | None
    missed: float | None
    missed_interval: Interval | None
    mean_pd: float | None
    observed: float | None
    observed_interval: Interval | None
    calibrated: bool | None
    auc: float | None
    finding: Finding


@dataclass(frozen=True)
class Fairness:
    """One attribute; ``reference``: its largest group; ``dispersion_p`` as in ``Slices``, over all groups.

    ``worst``: the gravest finding of any group.
    """

    code: str
    words: Text
    reference: str
    groups: tuple[Treated, ...]
    groups_in_all: int
    dispersion: float
    dispersion_p: float

    @property
    def worst(self) -> Finding:
        order: tuple[Finding, ...] = ("few", "reference", "even", "watch", "adverse")
        return max((one.finding for one in self.groups), key=order.index, default="few")


def fairness(
    outcome: Floats,
    pd: Floats,
    subject: npt.NDArray[Any],
    attributes: Sequence[Grouping],
    *,
    favourable_pd: float = FAVOURABLE_PD,
    rounds: int = ROUNDS,
) -> tuple[Fairness, ...]:
    """How PDs [n] treat the groups of each protected attribute; a PD below ``favourable_pd`` is the favourable result.

    The default is grade BB or better. Rows whose group is not known are left out. A finding says that a difference is
    there, not why: whoever reads it looks at the observed rates beside it.
    """
    return tuple(
        _attribute(outcome[known], pd[known], subject[known], one, known, favourable_pd, rounds)
        for one, known in ((one, one.values != UNKNOWN) for one in attributes)
        if known.any()
    )


def _attribute(
    outcome: Floats,
    pd: Floats,
    subject: npt.NDArray[Any],
    attribute: Grouping,
    known: npt.NDArray[np.bool_],
    favourable_pd: float,
    rounds: int,
) -> Fairness:
    whole = Grouping(attribute.code, attribute.words, attribute.values[known], attribute.names)
    shown = whole.shortened(MOST_LISTED)
    listed = shown.listed
    counted = {value: int((shown.values == value).sum()) for value in listed}
    reference = max(listed, key=lambda value: (counted[value], value))
    favoured = (pd < favourable_pd).astype(np.float64)
    cell = _cells(shown.values, listed, favoured, outcome)
    drawn = _rates(Resampling(subject, rounds).counts(cell, 4 * len(listed)))
    exact = _rates(np.bincount(cell, minlength=4 * len(listed))[None].astype(np.float64))
    base = listed.index(reference)
    groups = tuple(
        _treated(shown, value, outcome[inside], pd[inside], exact, drawn, at, base)
        for at, (value, inside) in enumerate((value, shown.values == value) for value in listed)
    )
    count, dispersion, p = dispersed(outcome, pd, whole.values)
    return Fairness(attribute.code, attribute.words, reference, groups, count, dispersion, p)


@dataclass(frozen=True)
class _Rates:
    """By draw and group: shares favoured of all, of those who did not default, of those who did; counts favoured."""

    favoured: Floats
    good_favoured: Floats
    bad_favoured: Floats


def _cells(values: npt.NDArray[Any], listed: Sequence[str], favoured: Floats, outcome: Floats) -> npt.NDArray[np.int64]:
    """Each row's cell: its group, whether it defaulted, whether it was favoured."""
    place = {value: at for at, value in enumerate(listed)}
    group = np.array([place[value] for value in values.tolist()], np.int64)
    return np.asarray(4 * group + 2 * (outcome > 0) + (favoured > 0))


def _rates(counts: Floats) -> _Rates:
    """From counts of rows [draws, cells]."""
    good, good_favoured, bad, bad_favoured = np.moveaxis(counts.reshape(len(counts), -1, 4), -1, 0)
    with np.errstate(invalid="ignore", divide="ignore"):
        return _Rates(
            (good_favoured + bad_favoured) / (good + good_favoured + bad + bad_favoured),
            good_favoured / (good + good_favoured),
            bad_favoured / (bad + bad_favoured),
        )


def _treated(
    shown: Grouping, value: str, outcome: Floats, pd: Floats, exact: _Rates, drawn: _Rates, at: int, base: int
) -> Treated:
    rows, words = len(outcome), shown.named(value)
    if rows < HIDDEN_ROWS:
        return Treated(value, words, rows, *(None,) * 13, "few")
    events = int(outcome.sum())
    low, high = jeffreys(events, rows)
    mean = float(pd.mean())
    rates = (mean, events / rows, Interval(low, high), low <= mean <= high)
    discriminates = auc(outcome, pd) if min(events, rows - events) >= FEW_DEFAULTS else None
    share, of_reference = float(exact.favoured[0, at]), float(exact.favoured[0, base])
    if rows < FEW_ROWS or of_reference * rows < FEW_FAVOURED:
        return Treated(value, words, rows, events, share, *(None,) * 6, *rates, discriminates, "few")
    ratio = share / of_reference
    with np.errstate(invalid="ignore", divide="ignore"):
        ratios = percentiles(drawn.favoured[:, at] / drawn.favoured[:, base])
    opportunity = _gap(exact.good_favoured, drawn.good_favoured, at, base)
    missed = _gap(-exact.bad_favoured, -drawn.bad_favoured, at, base) if events >= FEW_DEFAULTS else (None, None)
    finding: Finding = "even" if ratio >= FOUR_FIFTHS else "adverse" if ratios.high < FOUR_FIFTHS else "watch"
    return Treated(
        value=value,
        words=words,
        rows=rows,
        defaults=events,
        favoured=share,
        impact=ratio,
        impact_interval=ratios,
        opportunity=opportunity[0],
        opportunity_interval=opportunity[1],
        missed=missed[0],
        missed_interval=missed[1],
        mean_pd=mean,
        observed=events / rows,
        observed_interval=Interval(low, high),
        calibrated=low <= mean <= high,
        auc=discriminates,
        finding="reference" if at == base else finding,
    )


def _gap(exact: Floats, drawn: Floats, at: int, base: int) -> tuple[float, Interval]:
    return float(exact[0, at] - exact[0, base]), percentiles(drawn[:, at] - drawn[:, base])
