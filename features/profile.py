"""How a segment's features are distributed, how far they are covered, and what they told of defaults, year by year."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from features.bins import Bins, Floats, chance, stability
from features.definition import AnyFeature
from features.distribution import Distribution, distribution
from features.outcomes import label
from features.pipeline import FeaturePipeline
from features.spine import month_ends, recorded_span, spine
from records.moment import add_months, end_of_day

MOST_SUBJECTS, MOST_ROWS = 20_000, 5_000
MOST_YEARS = 10
FEW_DEFAULTS = 30
LEVEL = 0.95
PARTNERS, LEAST_ALIKE = 3, 0.3
Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Information:
    """Information value against default within twelve months, ``defaults`` and ``others`` who could default.

    ``chance``: what a feature that tells nothing exceeds in one case of twenty.
    """

    value: float
    chance: float
    defaults: int
    others: int

    @property
    def few(self) -> bool:
        """Too few defaults to lean on."""
        return self.defaults < FEW_DEFAULTS


@dataclass(frozen=True)
class Year:
    """The as-ofs of one year: subjects asked about, shares of them with a value and with zero.

    ``information``: at the year's last as-of whose twelve months are known in full.
    """

    year: int
    rows: int
    present: float
    zero: float
    median: float
    information: Information | None


@dataclass(frozen=True)
class Profile:
    """One feature: at the last as-of, year by year, over all years, and the features that move with it.

    ``partners``: code and Spearman's rank correlation over subjects who have both, at most three of at least 0.3.
    """

    code: str
    rows: int
    present: float
    zero: float
    distribution: Distribution | None
    years: tuple[Year, ...]
    information: Information | None
    partners: tuple[tuple[str, float], ...]


@dataclass(frozen=True)
class Profiles:
    """The profiles of a segment's features. ``days``: the as-ofs asked; ``subjects`` of ``known``: those asked about,
    every so many of all where there are more than ``MOST_SUBJECTS``."""

    segment: str
    as_of: date
    days: tuple[date, ...]
    subjects: int
    known: int
    features: tuple[Profile, ...]


def profiles(pipeline: FeaturePipeline, as_of: date, every: int = 6) -> Profiles:
    """Profiles of the features of ``pipeline`` at the end of ``as_of`` and every so many months before it.

    At most ten years back. Outcomes are those known at the as-of. Features that are not for models have no information
    value.
    """
    connection, segment = pipeline.connection, pipeline.segment
    days = _days(connection, segment, as_of, every)
    asked, subjects, known = _asked(spine(connection, segment, days), as_of)
    table = pipeline.build(asked)
    when = asked["as_of"].to_numpy().astype("datetime64[us]")
    year = (when + np.timedelta64(8, "h")).astype("datetime64[Y]").astype(np.int64) + 1970
    last = when == np.datetime64(end_of_day(as_of), "us")
    rows = _Rows(last, year, _outcomes(connection, asked, segment, as_of, year))
    columns = {one.code: np.asarray(table[one.code].to_numpy(), np.float64) for one in pipeline.features}
    partners = _partners({code: values[rows.last][:MOST_ROWS] for code, values in columns.items()})
    made = tuple(_profile(one, columns[one.code], rows, partners[one.code]) for one in pipeline.features)
    return Profiles(segment, as_of, tuple(days), subjects, known, made)


@dataclass(frozen=True)
class _Rows:
    """Of each row: whether it is of the last as-of, its year, and its outcome where it is one to judge by, else NaN."""

    last: npt.NDArray[np.bool_]
    year: Numbers
    outcome: Floats


def _days(connection: Any, segment: str, as_of: date, every: int) -> list[date]:
    span = recorded_span(connection, segment)
    first = max(span[0] if span and span[0] else as_of, add_months(as_of, -12 * MOST_YEARS))
    days = [day for day in month_ends(min(first, as_of), as_of, every) if day < as_of]
    return [*days, as_of]


def _asked(table: pa.Table, as_of: date) -> tuple[pa.Table, int, int]:
    """The questions, thinned to so many subjects: ids are keyed hashes, so every k-th of them is a fair sample."""
    at_last = table.filter(pc.equal(table["as_of"], pa.scalar(end_of_day(as_of), pa.timestamp("us"))))
    known = at_last.num_rows
    if known <= MOST_SUBJECTS:
        return table, known, known
    ids = np.sort(at_last["subject_id"].to_numpy(zero_copy_only=False))
    kept = ids[np.arange(MOST_SUBJECTS) * known // MOST_SUBJECTS]
    return table.filter(pc.is_in(table["subject_id"], pa.array(kept))), MOST_SUBJECTS, known


def _outcomes(connection: Any, asked: pa.Table, segment: str, as_of: date, year: Numbers) -> Floats:
    """Outcomes of those who could default, at the last as-of of each year whose twelve months are known in full.

    One as-of a year, so that a default is counted once; while months are missing, only the bad news is known.
    """
    found = label(connection, asked, segment, known_at=end_of_day(as_of))
    outcome = np.where(found["eligible"].to_numpy(), found["outcome"].to_numpy(), np.nan)
    when = asked["as_of"].to_numpy().astype("datetime64[us]").astype(np.int64)
    complete = dict(zip(when[outcome == 0].tolist(), year[outcome == 0].tolist(), strict=True))
    last = [max(moment for moment, its in complete.items() if its == of) for of in set(complete.values())]
    return np.where(np.isin(when, last), outcome, np.nan)


def _profile(feature: AnyFeature, values: Floats, rows: _Rows, partners: tuple[tuple[str, float], ...]) -> Profile:
    last = values[rows.last]
    judged = ~np.isnan(rows.outcome) if feature.use == "model" else np.zeros(len(values), np.bool_)
    bins = Bins.of(values[judged])
    places = bins.place(values)
    return Profile(
        feature.code,
        len(last),
        _share(~np.isnan(last)),
        _share(last == 0),
        distribution(last),
        tuple(_years(values, rows, judged, places, bins.size)),
        _information(places[judged], rows.outcome[judged], bins.size),
        partners,
    )


def _years(values: Floats, rows: _Rows, judged: npt.NDArray[np.bool_], places: Numbers, bins: int) -> Iterator[Year]:
    for year in np.unique(rows.year).tolist():
        mine = rows.year == year
        own = values[mine]
        present = own[~np.isnan(own)]
        told = mine & judged
        yield Year(
            year,
            len(own),
            _share(~np.isnan(own)),
            _share(own == 0),
            float(np.median(present)) if len(present) else float("nan"),
            _information(places[told], rows.outcome[told], bins),
        )


def _information(places: Numbers, outcome: Floats, bins: int) -> Information | None:
    """None where nobody defaulted, or everybody did."""
    bad = np.bincount(places[outcome == 1], minlength=bins)
    good = np.bincount(places[outcome == 0], minlength=bins)
    if not bad.any() or not good.any():
        return None
    return Information(stability(good, bad), chance(good, bad, LEVEL), int(bad.sum()), int(good.sum()))


def _partners(columns: dict[str, Floats]) -> dict[str, tuple[tuple[str, float], ...]]:
    """For each feature, those that rank subjects most like it, over subjects who have both."""
    from scipy.stats import rankdata

    codes = list(columns)
    ranks = np.zeros((len(next(iter(columns.values()), [])), len(codes)))
    has = np.zeros(ranks.shape)
    for at, values in enumerate(columns.values()):
        present = ~np.isnan(values)
        if present.any():
            found = rankdata(values[present])
            ranks[present, at], has[present, at] = found - found.mean(), 1.0
    square = (ranks**2).T @ has
    with np.errstate(invalid="ignore", divide="ignore"):
        alike = np.nan_to_num(ranks.T @ ranks / np.sqrt(square * square.T))
    np.fill_diagonal(alike, 0.0)
    made = {}
    for at, code in enumerate(codes):
        nearest = np.argsort(-np.abs(alike[at]), kind="stable")[:PARTNERS]
        made[code] = tuple((codes[n], float(alike[at, n])) for n in nearest if abs(alike[at, n]) >= LEAST_ALIKE)
    return made


def _share(which: npt.NDArray[np.bool_]) -> float:
    return float(which.mean()) if len(which) else 0.0
