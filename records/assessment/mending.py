"""How long refused records and objections wait: from quarantine files, later batches and lifecycle steps."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from records.assessment.gathering import Gathered, Received
from records.assessment.model import RejectReason
from records.assessment.periods import month_number, month_sql, received_sql
from records.moment import shanghai_day
from records.words import Text

REASONS = 3


@dataclass(frozen=True)
class Repairs:
    """Refused records of one month: accepted later, still open, median days of both, age of the oldest open one."""

    repaired: int
    open: int
    days: float
    oldest_open_days: float | None


@dataclass(frozen=True)
class Answers:
    """Objections opened in one month: how many, not answered in time, not yet answered."""

    opened: int
    late: int
    open: int


def load_quarantine(found: Gathered, first: int, last: int) -> None:
    """Table ``refused``: a row for each finding of the batches received in the months asked for."""
    batches = [one for one in found.batches if one.rejected and first <= one.month <= last]
    files = {path: one for one in batches if (path := found.quarantine_folder / f"{one.batch_id}.jsonl").is_file()}
    found.raw.execute(
        "CREATE OR REPLACE TABLE refused (item VARCHAR, moment TIMESTAMP, batch_id VARCHAR, row_number BIGINT, "
        "record_id VARCHAR, field VARCHAR, zh VARCHAR, en VARCHAR)"
    )
    if not files:
        return
    found.raw.execute(
        "CREATE OR REPLACE TEMP TABLE senders (path VARCHAR, item VARCHAR, moment TIMESTAMP, batch_id VARCHAR)"
    )
    found.raw.executemany(
        "INSERT INTO senders VALUES (?, ?, ?, ?)",
        [(str(path), one.item, one.accepted_at, one.batch_id) for path, one in files.items()],
    )
    found.raw.execute(
        'INSERT INTO refused SELECT s.item, s.moment, s.batch_id, q."row", q.record_id, q.field, '
        "q.reason.zh, q.reason.en "
        "FROM read_json($paths, format = 'newline_delimited', ignore_errors = true, filename = true, columns = "
        "{'row': 'BIGINT', 'record_id': 'VARCHAR', 'field': 'VARCHAR', 'reason': 'STRUCT(zh VARCHAR, en VARCHAR)'}) q "
        "JOIN senders s ON s.path = q.filename",
        {"paths": [str(path) for path in files]},
    )


def repairs(found: Gathered, item: str, table: str) -> dict[int, Repairs]:
    """By month of refusal: from the first refusal of a record id to its acceptance in a later batch.

    Left out: rows without a record id, ids that are masked because they hold an identity number, and ids that the base
    had already when they were refused. Open ones count with the days they have waited so far.
    """
    stored = item in found.stored
    accepted = f"SELECT record_id, min(recorded_at) AS moment FROM {table} r SEMI JOIN wanted USING (record_id) "
    accepted += "WHERE recorded_at <= $as_of GROUP BY record_id"
    nothing = "SELECT CAST(NULL AS VARCHAR) AS record_id, CAST(NULL AS TIMESTAMP) AS moment WHERE $as_of IS NULL"
    rows = found.raw.execute(
        "WITH wanted AS (SELECT record_id, min(moment) AS moment FROM refused "
        "WHERE item = $item AND record_id IS NOT NULL "
        f"AND NOT contains(record_id, '**') GROUP BY record_id), accepted AS ({accepted if stored else nothing}), "
        "waits AS (SELECT w.moment, a.moment IS NULL AS open, "
        "date_diff('second', w.moment, coalesce(a.moment, $as_of)) / 86400.0 AS days "
        "FROM wanted w LEFT JOIN accepted a USING (record_id) WHERE a.moment IS NULL OR a.moment > w.moment) "
        f"SELECT {month_sql(received_sql('moment'))} AS month, count_if(NOT open), count_if(open), median(days), "
        "max(days) FILTER (WHERE open) FROM waits GROUP BY month",
        {"item": item, "as_of": found.as_of},
    ).fetchall()
    return {month: Repairs(*values) for month, *values in rows}


def reasons(found: Gathered, item: str) -> dict[int, tuple[RejectReason, ...]]:
    """By month of receipt: the most frequent reasons for refusal, with the number of rows."""
    counted = (
        f"SELECT {month_sql(received_sql('moment'))} AS month, field, zh, en, "
        "count(DISTINCT (batch_id, row_number)) AS refusals "
        "FROM refused WHERE item = $item GROUP BY month, field, zh, en"
    )
    rows = found.raw.execute(
        f"SELECT * FROM ({counted}) "
        f"QUALIFY row_number() OVER (PARTITION BY month ORDER BY refusals DESC, field, zh) <= {REASONS} "
        "ORDER BY month, refusals DESC, field, zh",
        {"item": item},
    ).fetchall()
    made: dict[int, list[RejectReason]] = {}
    for month, field, zh, en, count in rows:
        made.setdefault(month, []).append(RejectReason(field, Text(zh or "", en or ""), count))
    return {month: tuple(some) for month, some in made.items()}


def answers(found: Gathered, within_days: int) -> dict[tuple[str, int], Answers]:
    """By item and month of opening: objections, those late, those open."""
    allowed = timedelta(days=within_days)
    made: dict[tuple[str, int], list[int]] = {}
    for one in found.objections:
        counts = made.setdefault((one.item, month_number(shanghai_day(one.opened_at))), [0, 0, 0])
        counts[0] += 1
        counts[1] += (one.answered_at or found.as_of) - one.opened_at > allowed
        counts[2] += one.answered_at is None
    return {key: Answers(*counts) for key, counts in made.items()}


def rejected_by_month(batches: Iterable[Received]) -> dict[tuple[str, int], tuple[int, int]]:
    """By item and month of receipt: rows refused, and rows accepted in batches that are no historical loads."""
    made: dict[tuple[str, int], tuple[int, int]] = {}
    for one in batches:
        rejected, live = made.get((one.item, one.month), (0, 0))
        made[one.item, one.month] = (rejected + one.rejected, live + (0 if one.history else one.accepted))
    return made
