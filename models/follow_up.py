"""What warnings are learned from: who was not in distress at a month end, and how long and with what end each was seen.

Nothing is thrown away because its year is not over: a row that was seen for two months tells of two months.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from features.outcomes import label
from features.pipeline import FeaturePipeline
from features.spine import month_ends, numbered, recorded_span, spine
from records.catalogue import Catalogue
from records.moment import add_months, month_end, now, shanghai_day

Floats = npt.NDArray[np.float64]
HORIZON = 12
HISTORY = 6
MOST_ROWS = 160_000  # more rows of the same subjects tell little and cost much

# In distress at a month end: that month's account 30 days past due or non-performing, an enforcement case open, or a
# listing as dishonest judgment debtor in force. The beginning of any of these is the event (features/outcomes.py).
_IN_DISTRESS = """
    SELECT DISTINCT row FROM asked JOIN loan_account_month r USING (subject_id)
    WHERE last_day(r.occurred_on) = last_day(as_of_day) AND {visible}
      AND (days_past_due >= 30 OR five_class IN ('substandard', 'doubtful', 'loss'))
    UNION SELECT DISTINCT row FROM asked JOIN court_enforcement r USING (subject_id)
    WHERE r.occurred_on <= as_of_day AND (closed_on IS NULL OR closed_on > as_of_day) AND {visible}
    UNION SELECT DISTINCT row FROM asked JOIN court_dishonest r USING (subject_id)
    WHERE r.occurred_on <= as_of_day AND (removed_on IS NULL OR removed_on > as_of_day) AND {visible}
"""
_VISIBLE = "r.recorded_at <= $known_at AND (r.superseded_at IS NULL OR r.superseded_at > $known_at)"


@dataclass(frozen=True)
class FollowUp:
    """Rows at risk: borrowers neither in default nor in distress at a month end, in the order of as-of and subject.

    ``X`` [n, features]; ``months_to_distress`` [n]: whole months from the as-of to the month in which distress begins,
    NaN where it does not within ``followed`` [n], the whole months (at most 12) of which everything is known;
    ``weight`` [n]: how many rows a row stands for.
    """

    X: Floats
    subject: npt.NDArray[Any]
    as_of: npt.NDArray[np.datetime64]
    months_to_distress: Floats
    followed: Floats
    weight: Floats

    @property
    def fingerprint(self) -> str:
        """SHA-256 over features and what became of the rows, so that a model can be tied to its data."""
        total = hashlib.sha256(self.X.tobytes())
        for part in (self.months_to_distress, self.followed, self.weight):
            total.update(part.tobytes())
        return total.hexdigest()

    def where(self, chosen: npt.NDArray[np.bool_]) -> FollowUp:
        return FollowUp(
            self.X[chosen],
            self.subject[chosen],
            self.as_of[chosen],
            self.months_to_distress[chosen],
            self.followed[chosen],
            self.weight[chosen],
        )


def follow_up_days(connection: Any, segment: str, known_at: datetime) -> list[date]:
    """Month ends to learn from with what was known at ``known_at``: half a year of history before, a month after."""
    span = recorded_span(connection, segment)
    if span is None:
        return []
    first = month_end(add_months(month_end(span[0]).replace(day=1), HISTORY - 1))
    known_to = (_complete_to(known_at) + timedelta(days=1)).replace(day=1)  # the month before is known to its end
    last = month_end(add_months(known_to, -2))
    return month_ends(first, min(last, month_end(span[1]))) if last >= first else []


def follow_up(
    connection: Any,
    pipeline: FeaturePipeline,
    days: list[date],
    known_at: datetime | None = None,
    *,
    most_rows: int | None = None,
    seed: int = 0,
) -> FollowUp:
    """Those at risk at the month ends ``days`` and what was known of them at ``known_at`` (default: now).

    Whoever turns out to have been in distress at a month end is not at risk then, however late it was reported: of
    distress that is already there no warning is early. Of more than ``most_rows`` rows some are drawn, and each
    stands for several: first of all those without distress.
    """
    known_at = known_at or now()
    asked = spine(connection, pipeline.segment, days)
    seen = label(connection, asked, pipeline.segment, event="distress", known_at=known_at)
    at_risk = seen["eligible"].to_numpy(zero_copy_only=False) & ~in_distress(connection, asked, known_at)
    followed = _followed(connection, asked, known_at)
    months = seen["months_to_event"].to_numpy()
    months = np.where(months <= followed, months, np.nan)
    weight = at_risk.astype(np.float64)
    if most_rows is not None:
        weight = _thinned(at_risk, ~np.isnan(months), most_rows, seed)
    kept = weight > 0
    features = pipeline.build(asked.filter(pa.array(kept)))
    return FollowUp(
        X=np.column_stack([features[code].to_numpy() for code in pipeline.codes]),
        subject=np.array(features["subject_id"].to_pylist()),
        as_of=features["as_of"].to_numpy(),
        months_to_distress=months[kept],
        followed=followed[kept],
        weight=weight[kept],
    )


def _thinned(at_risk: npt.NDArray[np.bool_], distressed: npt.NDArray[np.bool_], most_rows: int, seed: int) -> Floats:
    """How many rows each row stands for [n], 0 for those left out; distress is rare and gets up to half of the room."""
    drawn = np.random.default_rng(seed).random(len(at_risk))
    weight, room = np.zeros(len(at_risk)), most_rows // 2
    for kind in (at_risk & distressed, at_risk & ~distressed):
        share = min(1.0, room / max(int(kind.sum()), 1))
        weight[kind & (drawn < share)] = 1 / share
        room = most_rows - int((weight > 0).sum())
    return weight


def in_distress(connection: Any, asked: pa.Table, known_at: datetime | None = None) -> npt.NDArray[np.bool_]:
    """Who of a spine of month ends was in distress then, as known at ``known_at`` (default: now); [rows]."""
    found = np.zeros(asked.num_rows, bool)
    with connection.con.cursor() as cursor:
        cursor.register("asked", numbered(asked))
        query = _IN_DISTRESS.format(visible=_VISIBLE)
        found[cursor.execute(query, {"known_at": known_at or now()}).fetchnumpy()["row"]] = True
    return found


def _followed(connection: Any, asked: pa.Table, known_at: datetime) -> Floats:
    """Whole months after each as-of of which everything is known: a month is, once the banks' deadline has passed."""
    query = """
        WITH known_to AS (
            SELECT max(occurred_on) AS day FROM loan_account_month
            WHERE recorded_at <= $known_at AND occurred_on <= $complete_to
        )
        SELECT coalesce(date_diff('month', as_of_day, known_to.day), 0) AS months
        FROM asked CROSS JOIN known_to ORDER BY row
    """
    with connection.con.cursor() as cursor:
        cursor.register("asked", numbered(asked))
        months = cursor.execute(query, {"known_at": known_at, "complete_to": _complete_to(known_at)}).fetchnumpy()[
            "months"
        ]
    return np.clip(np.asarray(months, np.float64), 0, HORIZON)


def _complete_to(known_at: datetime) -> date:
    """The last day by which every bank has reported what it had to."""
    return shanghai_day(known_at) - timedelta(days=Catalogue.load().item("loan.account_month").deadline_days)
