"""Is the model that serves still the one that was let in? Drift, maturing outcomes, expectations; with alarms."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from datetime import date
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from features.bins import Bins
from features.drift import FeatureDrift, compare
from features.peers import PeerTables
from features.pipeline import FeaturePipeline
from features.plain import plain
from features.spine import month_ends, recorded_span
from models.bundle import Bundle
from models.expected import Expected, expected
from models.gate import Thresholds
from models.gate.drift import drifted_weight
from models.grades import GRADES, clipped, pd_of, unclipped_score
from models.maturing import HORIZON, Cohort, Rated, cohort, rated, timing
from models.model_alarms import Alarm, AlarmLevel, alarms, worst
from models.promotion import declared
from models.registry import Registry, model_name
from models.score_drift import ScoreDrift, score_drift
from records.base import RecordBase
from records.errors import HuixinError
from records.moment import add_months, month_end, now, shanghai_day
from records.words import Text

Floats = npt.NDArray[np.float64]
EVERY_MONTHS = 3


class NothingToMonitor(HuixinError):
    code: ClassVar[str] = "nothing-to-monitor"
    status: ClassVar[int] = 422
    title: ClassVar[Text] = Text("没有可监测的数据", "Nothing to monitor")


@dataclass(frozen=True)
class ScoreBand:
    """Scores from ``low`` to ``high``, and the shares of subjects at the reference day and now."""

    low: float
    high: float
    reference: float
    current: float


@dataclass(frozen=True)
class GradeShare:
    """Shares of subjects in a grade at the reference day and now."""

    grade: str
    reference: float
    current: float


@dataclass(frozen=True)
class Weighed:
    """How far a feature moved, and the share of the model's weight that it carries."""

    drift: FeatureDrift
    weight: float


@dataclass(frozen=True)
class ModelHealth:
    """What monitoring finds of the champion of a segment on ``as_of``, against its validation day ``reference``.

    ``cohorts``: those rated at earlier month ends, the oldest first; ``timing`` [12]: share of a year's defaults by
    month. ``now``: what may be expected of those rated now; ``then``: the same of the reference rows, beside what they
    showed (``shown_auc``).
    """

    segment: str
    model: str
    version: str
    family: str
    reference: date
    as_of: date
    subjects: tuple[int, int]
    scores: ScoreDrift
    bands: tuple[ScoreBand, ...]
    grades: tuple[GradeShare, ...]
    features: tuple[Weighed, ...]
    cohorts: tuple[Cohort, ...]
    timing: tuple[float, ...]
    now: Expected
    then: Expected
    shown_auc: float
    alarms: tuple[Alarm, ...]

    @property
    def level(self) -> AlarmLevel:
        return worst(self.alarms)

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready; what is not a number is null."""
        found: dict[str, Any] = {"level": self.level}
        return found | {one.name: _plain(getattr(self, one.name)) for one in fields(self)}


def monitor_model(
    base: RecordBase,
    segment: str,
    as_of: date | None = None,
    *,
    registry: Registry | None = None,
    every: int = EVERY_MONTHS,
    progress: Callable[[int], None] | None = None,
) -> ModelHealth:
    """Monitor the champion of ``segment`` on ``as_of``, with the outcomes that were known by then.

    Default: the end of the last month that was reported, with all outcomes that are known by now. ``every``: months
    between the cohorts. Progress counts to 100. Raises ``ModelNotTrained``, ``NothingToMonitor``.
    """
    done = progress or (lambda _: None)
    registry = registry or Registry(base.settings)
    bundle, version = registry.champion(segment)
    connection = base.connection()
    day, known_on = as_of or last_day(connection, segment), as_of or shanghai_day(now())
    reference = bundle.validated_as_of
    if reference is None or reference >= day:
        raise NothingToMonitor(
            Text(
                f"{day} 不晚于模型的验证日 {reference}，尚无可比",
                f"{day} is not after the model's validation day {reference}: there is nothing to compare yet",
            )
        )
    used = declared(bundle.codes)
    pipeline = FeaturePipeline(connection, segment, used, PeerTables.of(base))
    then, today = (rated(pipeline, bundle, one, known_on) for one in (reference, day))
    if not len(then.log_odds) or not len(today.log_odds):
        raise NothingToMonitor(Text("该时点没有借款主体", "there was no borrower at one of the days"))
    done(30)
    before, after = (pa.table(dict(zip(bundle.codes, one.X.T, strict=True))) for one in (then, today))
    moved = compare(before, after, used)
    scores = score_drift(bundle, model_name(segment), version, before, after)
    assert scores is not None  # noqa: S101  (both tables hold the bundle's features)
    done(50)
    days = [one for one in month_ends(reference, add_months(day, -1), every) if one > reference]
    shares = timing(then) if then.elapsed >= HORIZON else np.arange(1, HORIZON + 1) / HORIZON
    cohorts = [cohort(then, shares)]
    for number, one in enumerate(days):
        cohorts.append(cohort(rated(pipeline, bundle, one, known_on), shares))
        done(50 + 40 * (number + 1) // len(days))
    known = (then.log_odds, then.outcome) if then.elapsed >= HORIZON else None
    will, would = expected(today.log_odds, known), expected(then.log_odds, known)
    shares_of = bundle.explain(then.X)[1], bundle.explain(today.X)[1]
    drifted = drifted_weight(bundle.codes, (then.X, today.X), shares_of, Thresholds())
    whole = sum(bundle.weights.values()) or 1.0
    weighed = tuple(Weighed(one, bundle.weights.get(one.code, 0.0) / whole) for one in moved)
    shown = cohorts[0]
    found = ModelHealth(
        segment,
        model_name(segment),
        version,
        bundle.family,
        reference,
        day,
        (len(then.log_odds), len(today.log_odds)),
        scores,
        _bands(then, today),
        _grades(bundle, then, today),
        weighed,
        tuple(cohorts),
        tuple(shares.tolist()),
        will,
        would,
        shown.auc if shown.auc is not None else bundle.metrics.get("auc", float("nan")),
        alarms(scores, drifted, cohorts, will, would, reference, day),
    )
    done(100)
    return found


def last_day(connection: Any, segment: str) -> date:
    """The end of the last month that was reported. Raises ``NothingToMonitor`` where none was."""
    span = recorded_span(connection, segment)
    if span is None:
        raise NothingToMonitor(Text(f"{segment} 没有按月报送的记录", f"{segment} has no monthly records"))
    return month_end(span[1])


def _bands(then: Rated, today: Rated) -> tuple[ScoreBand, ...]:
    """Ten bands of equal share at the reference day."""
    old, new = (clipped(unclipped_score(one.log_odds)) for one in (then, today))
    edges = np.unique(np.quantile(old, np.linspace(0, 1, 11)[1:-1]))
    bins = Bins(np.empty(0), edges)
    before, after = bins.count(old) / len(old), bins.count(new) / len(new)
    return tuple(
        ScoreBand(one.low, one.high, float(before[at]), float(after[at]))
        for at, one in enumerate(bins)
        if one.kind == "range"
    )


def _grades(bundle: Bundle, then: Rated, today: Rated) -> tuple[GradeShare, ...]:
    shares = [
        np.bincount(bundle.scale.positions(pd_of(one.log_odds)), minlength=len(GRADES)) / len(one.log_odds)
        for one in (then, today)
    ]
    return tuple(GradeShare(grade, float(shares[0][at]), float(shares[1][at])) for at, grade in enumerate(GRADES))


def _plain(value: Any) -> Any:
    """As ``features.plain`` does it, days as text."""
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, tuple) and value and isinstance(value[0], Cohort):
        return [
            {**plain(_without_day(one)), "day": one.day.isoformat(), "ratio": plain(one.ratio), "mature": one.mature}
            for one in value
        ]
    return plain(value)


def _without_day(one: Cohort) -> dict[str, Any]:
    return {each.name: getattr(one, each.name) for each in fields(one) if each.name != "day"}
