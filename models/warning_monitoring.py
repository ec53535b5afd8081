"""Is the early-warning model still the one that was let in? Its risk then and now, and distress as it comes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from features.drift import FALSE_ALARMS, Level, Two, compare, graded
from features.peers import PeerTables
from features.pipeline import FeaturePipeline
from features.plain import plain
from features.spine import month_ends
from models.auc_error import areas
from models.bundle import Bundle
from models.follow_up import FollowUp, follow_up
from models.gate import Thresholds, distressed_within
from models.gate.drift import drifted_weight, moved
from models.hazard import HORIZONS, HazardModel
from models.maturing import Cohort
from models.model_alarms import Alarm, AlarmLevel, worst
from models.monitoring import EVERY_MONTHS, NothingToMonitor, Weighed, last_day
from models.promotion import declared
from models.registry import Registry, model_name
from models.validation import brier, ece, jeffreys
from models.warning_alarms import alarms
from records.base import RecordBase
from records.moment import add_months, end_of_day, now
from records.words import Text

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class RiskDrift:
    """How far the risk of distress moved.

    ``index``: population stability index of the log-odds over the reference's deciles, ``chance`` what chance alone
    reaches; ``mean``: mean probability of distress within 12 months. ``log_odds``: by feature, how far it moved the
    mean log-odds; these add up to the change of the mean.
    """

    index: float
    chance: float
    level: Level
    mean: Two
    log_odds: dict[str, float]


@dataclass(frozen=True)
class Ahead:
    """Those at risk at a month end, by what came within ``horizon`` months: expected and observed distress so far.

    The cohort's ``elapsed`` is at most the horizon; figures of discrimination come once it is reached.
    """

    horizon: int
    cohort: Cohort

    @property
    def mature(self) -> bool:
        return self.cohort.elapsed >= self.horizon


@dataclass(frozen=True)
class WarningHealth:
    """What monitoring finds of the early-warning champion of a segment on ``as_of``, against ``reference``.

    ``ahead``: for each horizon those at risk at earlier month ends, the oldest first.
    """

    segment: str
    model: str
    version: str
    reference: date
    as_of: date
    subjects: tuple[int, int]
    risk: RiskDrift
    features: tuple[Weighed, ...]
    ahead: tuple[Ahead, ...]
    alarms: tuple[Alarm, ...]

    @property
    def level(self) -> AlarmLevel:
        return worst(self.alarms)

    def of(self, horizon: int) -> tuple[Cohort, ...]:
        """What became of each month end within ``horizon`` months."""
        return tuple(one.cohort for one in self.ahead if one.horizon == horizon)

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready; what is not a number is null."""
        found: dict[str, Any] = {"level": self.level}
        for one in fields(self):
            value = getattr(self, one.name)
            found[one.name] = value.isoformat() if isinstance(value, date) else plain(value)
        found["ahead"] = [
            {"horizon": one.horizon, "mature": one.mature, **plain(one.cohort), "day": one.cohort.day.isoformat()}
            for one in self.ahead
        ]
        return found


def monitor_warning(
    base: RecordBase,
    segment: str,
    as_of: date | None = None,
    *,
    registry: Registry | None = None,
    every: int = EVERY_MONTHS,
    progress: Callable[[int], None] | None = None,
) -> WarningHealth:
    """Monitor the early-warning champion of ``segment`` on ``as_of``, with what was known by then.

    Default: the end of the last month that was reported, with all that is known by now. ``every``: months between the
    month ends that are looked back at. Progress counts to 100. Raises ``ModelNotTrained``, ``NothingToMonitor``.
    """
    done = progress or (lambda _: None)
    registry = registry or Registry(base.settings)
    bundle, version = registry.champion(segment, warning=True)
    connection = base.connection()
    day, known_at = as_of or last_day(connection, segment), end_of_day(as_of) if as_of else now()
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
    then, today = (follow_up(connection, pipeline, [one], known_at) for one in (reference, day))
    if not len(then.X) or not len(today.X):
        raise NothingToMonitor(
            Text("该时点没有可预警的借款主体", "there was no borrower to warn of at one of the days")
        )
    done(40)
    codes = bundle.codes
    (old, old_shares), (new, new_shares) = (bundle.explainer.explain(one.X)[:2] for one in (then, today))
    index, by_chance = moved(old, new, 1 - FALSE_ALARMS)
    shift = new_shares.mean(axis=0) - old_shares.mean(axis=0)
    risk = RiskDrift(
        index,
        by_chance,
        graded(index, by_chance),
        Two(*(float(bundle.distress(one.X)[:, -1].mean()) for one in (then, today))),
        dict(zip(codes, shift.tolist(), strict=True)),
    )
    weights = np.abs(new_shares).mean(axis=0)
    weight_of = dict(zip(codes, (weights / (weights.sum() or 1.0)).tolist(), strict=True))
    before, after = (pa.table(dict(zip(codes, one.X.T, strict=True))) for one in (then, today))
    weighed = tuple(Weighed(one, weight_of[one.code]) for one in compare(before, after, used))
    drifted = drifted_weight(codes, (then.X, today.X), (old_shares, new_shares), Thresholds())
    done(55)
    ahead = list(_ahead(bundle, reference, then))
    days = [one for one in month_ends(reference, add_months(day, -1), every) if one > reference]
    for number, one in enumerate(days):
        ahead += _ahead(bundle, one, follow_up(connection, pipeline, [one], known_at))
        done(55 + 40 * (number + 1) // len(days))
    by_horizon = {horizon: [one.cohort for one in ahead if one.horizon == horizon] for horizon in HORIZONS}
    found = WarningHealth(
        segment,
        model_name(segment, warning=True),
        version,
        reference,
        day,
        (len(then.X), len(today.X)),
        risk,
        weighed,
        tuple(one for horizon in HORIZONS for one in ahead if one.horizon == horizon),
        alarms(risk, drifted, by_horizon, reference, day),
    )
    done(100)
    return found


def _ahead(bundle: Bundle, day: date, seen: FollowUp) -> list[Ahead]:
    """What came within each horizon, and what the model had said of it; nothing where nobody was at risk."""
    if not len(seen.X):
        return []
    assert isinstance(bundle.explainer, HazardModel)  # noqa: S101
    chances = bundle.explainer.term_structure(seen.X)
    return [Ahead(horizon, cohort_ahead(day, horizon, chances, seen)) for horizon in HORIZONS]


def cohort_ahead(day: date, horizon: int, chances: Floats, seen: FollowUp) -> Cohort:
    """Those at risk at ``day``: distress expected and observed within ``horizon`` months, or as many as are complete.

    ``chances`` [n, 12]: probability of distress by the end of each month. Whatever the months that are complete, the
    model says itself how much is due by then.
    """
    elapsed = min(horizon, int(seen.followed.min()))
    outcome, rows = distressed_within(seen.months_to_distress, elapsed), len(chances)
    due = chances[:, elapsed - 1] if elapsed else np.zeros(rows)
    observed = int(outcome.sum())
    low, high = jeffreys(float(observed), rows)
    mature = elapsed >= horizon and 0 < observed < rows
    found = areas(outcome, due) if mature else None
    return Cohort(
        day,
        elapsed,
        rows,
        float(due.sum()),
        observed,
        low * rows,
        high * rows,
        float(found.auc[0]) if found else None,
        found.error() if found else None,
        brier(outcome, due) if mature else None,
        ece(outcome, due) if mature else None,
    )
