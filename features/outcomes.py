"""What became of a subject after an as-of: the outcomes that models learn and are judged by."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Literal

import pyarrow as pa

from features.spine import numbered
from records.catalogue import Catalogue
from records.moment import now, shanghai_day

Event = Literal["default", "distress"]

# Default: 90 days past due or a non-performing class (Basel framework CRE36.69; five-class classification of loans), or
# a listing as dishonest judgment debtor. Distress comes earlier: 30 days past due, or an enforcement.
_EVENTS: dict[Event, tuple[tuple[str, str], ...]] = {
    "default": (
        ("loan_account_month", "days_past_due >= 90 OR five_class IN ('substandard', 'doubtful', 'loss')"),
        ("court_dishonest", "true"),
    ),
    "distress": (
        ("loan_account_month", "days_past_due >= 30 OR five_class IN ('substandard', 'doubtful', 'loss')"),
        ("court_dishonest", "true"),
        ("court_enforcement", "true"),
    ),
}
_ACTIVE_MONTHS = 3


def label(
    connection: Any,
    spine: pa.Table,
    segment: str,
    *,
    horizon_months: int = 12,
    event: Event = "default",
    known_at: datetime | None = None,
) -> pa.Table:
    """Outcome of every row of ``spine`` (subject_id, as_of), in its order.

    Columns subject_id, as_of, ``eligible`` (a loan account reported in the last three months, and no default yet: only
    a borrower's default can be seen), ``outcome`` (1.0 the event happened within the horizon, 0.0 it did not, NaN the
    horizon reaches past what is known at ``known_at``, default now) and ``months_to_event`` (whole months from the
    as-of to the first event after it, or NaN). The horizon ends with its month; a month is known once the banks'
    deadline for it has passed, for until then silence is not good news.
    """
    known_at = known_at or now()
    complete_to = shanghai_day(known_at) - timedelta(days=Catalogue.load().item("loan.account_month").deadline_days)
    query = f"""
        WITH asked AS (
            SELECT row, subject_id, as_of, as_of_day FROM spine
        ),
        events AS ({_dates(_EVENTS[event], segment)}),
        defaults AS ({_dates(_EVENTS["default"], segment)}),
        defaulted AS (SELECT subject_id, min(occurred_on) AS since FROM defaults GROUP BY 1),
        active AS ({_dates((("loan_account_month", "balance > 0 OR days_past_due > 0"),), segment)}),
        known_to AS (
            SELECT max(occurred_on) AS day FROM loan_account_month
            WHERE recorded_at <= $known_at AND occurred_on <= $complete_to
        ),
        first_event AS (
            SELECT a.row, min(e.occurred_on) AS day FROM asked a
            JOIN events e ON e.subject_id = a.subject_id AND e.occurred_on > a.as_of_day GROUP BY 1
        ),
        activity AS (
            SELECT DISTINCT a.row FROM asked a JOIN active x ON x.subject_id = a.subject_id
             AND x.occurred_on <= a.as_of_day AND x.occurred_on > a.as_of_day - INTERVAL {_ACTIVE_MONTHS} MONTH
        )
        SELECT a.subject_id, a.as_of,
               coalesce(activity.row IS NOT NULL AND (d.since IS NULL OR d.since > a.as_of_day), false) AS eligible,
               CASE WHEN f.day <= last_day(a.as_of_day + INTERVAL {horizon_months} MONTH) THEN 1.0
                    WHEN last_day(a.as_of_day + INTERVAL {horizon_months} MONTH) <= last_day(known_to.day) THEN 0.0
                    ELSE CAST('nan' AS DOUBLE) END AS outcome,
               coalesce(date_diff('month', a.as_of_day, f.day), CAST('nan' AS DOUBLE)) AS months_to_event
        FROM asked a CROSS JOIN known_to
        LEFT JOIN first_event f ON f.row = a.row
        LEFT JOIN defaulted d ON d.subject_id = a.subject_id
        LEFT JOIN activity ON activity.row = a.row
        ORDER BY a.row
    """
    with connection.con.cursor() as cursor:
        cursor.register("spine", numbered(spine))
        return cursor.sql(query, params={"known_at": known_at, "complete_to": complete_to}).to_arrow_table()


def _dates(sources: tuple[tuple[str, str], ...], segment: str) -> str:
    """SQL of (subject_id, occurred_on) of records that meet a condition, as known at ``$known_at``."""
    return " UNION ALL ".join(
        f"SELECT subject_id, occurred_on FROM {table} WHERE ({condition}) AND subject_kind = '{segment}' "
        "AND recorded_at <= $known_at AND (superseded_at IS NULL OR superseded_at > $known_at)"
        for table, condition in sources
    )
