"""Completeness, accuracy and timeliness of one item in figures: one pass over its records, then grouped by month."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import Any

from records.as_of import VISIBLE, moments
from records.assessment.gathering import Gathered
from records.assessment.periods import delay_sql, month_sql, received_sql, reported_month_sql, step_of
from records.catalogue import Item

REMEMBERED = 3


@dataclass
class Reports:
    """What was reported for one month: judged records, those on time, delays in days, optional fields filled."""

    judged: int = 0
    on_time: int = 0
    delay_median: float | None = None
    delay_p95: float | None = None
    filled: float | None = None


@dataclass
class ItemFigures:
    """One item: by month of receipt (records, faulty), by reported month, and the days and months it ever came.

    ``coverage``: by month in which a period ends, the subjects (reported, expected).
    ``live``: by reported month, live records and those among them that repeat a natural key.
    """

    received: dict[int, tuple[int, int]] = field(default_factory=dict)
    reports: dict[int, Reports] = field(default_factory=dict)
    coverage: dict[int, tuple[int, int]] = field(default_factory=dict)
    live: dict[int, tuple[int, int]] = field(default_factory=dict)
    days: list[date] = field(default_factory=list)
    months: list[int] = field(default_factory=list)


def closed_subjects(found: Gathered) -> None:
    """Table ``closed`` (subject_id, since): subjects that have ended, as their own registration says at the as-of.

    That is: the latest record of an item that declares ``ended_when`` has one of its codes.
    """
    found.raw.execute("CREATE OR REPLACE TABLE closed (subject_id VARCHAR, since INTEGER)")
    for item in found.items:
        if not item.ended_when or item.code not in found.stored:
            continue
        says = " OR ".join(
            f'last."{name}" IN ({", ".join(f"{chr(39)}{code}{chr(39)}" for code in codes)})'
            for name, codes in item.ended_when.items()
        )
        columns = ", ".join(f'"{name}": "{name}"' for name in item.ended_when)
        rows = found.seen.sql(
            f"SELECT subject_id, {month_sql('last.day')} AS since FROM (SELECT subject_id, "
            f"arg_max({{'day': occurred_on, {columns}}}, (occurred_on, recorded_at, record_id)) AS last "
            f"FROM {item.table} WHERE {VISIBLE} GROUP BY subject_id) WHERE {says}",
            params=moments(found.as_of),
        ).to_arrow_table()
        found.raw.register("ended", rows)
        found.raw.execute("INSERT INTO closed SELECT subject_id, since FROM ended")


def item_figures(found: Gathered, item: Item, first: int, last: int) -> ItemFigures:
    """Figures of ``item`` for the months ``first`` to ``last``."""
    if item.code not in found.stored:
        return ItemFigures()
    made = ItemFigures()
    _gather(found, item, first, last)
    cursor = found.raw
    for month, records, faulty in cursor.execute(
        "SELECT received, count(*), count_if(faulty) FROM mine GROUP BY received"
    ).fetchall():
        made.received[month] = (records, faulty)
    for month, *values in cursor.execute(
        f"SELECT reported, count(*), count_if(delay <= {item.deadline_days}), median(greatest(delay, 0)), "
        "quantile_cont(greatest(delay, 0), 0.95), avg(filled) FROM mine WHERE first_report GROUP BY reported"
    ).fetchall():
        made.reports[month] = Reports(*values)
    if (step := step_of(item)) is not None:
        made.coverage = _coverage(cursor, first, last, step)
    if item.natural_key:
        made.live = _duplicates(found, item)
    made.days, made.months = _ever(found, item)
    return made


def _gather(found: Gathered, item: Item, first: int, last: int) -> None:
    """Table ``mine``: the records of the months asked for, and of the periods before that coverage looks back to.

    Subjects are told apart by a 64-bit hash: a third of the memory of their ids.
    """
    back = REMEMBERED * (step_of(item) or 0)
    received, reported = month_sql(received_sql()), reported_month_sql(item)
    found.raw.execute(
        f"CREATE OR REPLACE TEMP TABLE mine AS SELECT hash(r.subject_id) AS subject, {received} AS received, "
        f"{reported} AS reported, r.supersedes IS NULL AS first_report, {delay_sql(item)} AS delay, "
        "coalesce(r.superseded_at <= $as_of, false) OR f.record_id IS NOT NULL AS faulty, "
        f"{_filled(item)} AS filled "
        f"FROM {item.table} r LEFT JOIN faults f ON f.item = $item AND f.record_id = r.record_id "
        f"WHERE r.recorded_at <= $as_of AND ({received} BETWEEN $first AND $last "
        f"OR {reported} BETWEEN $first - {back} AND $last)",
        {"as_of": found.as_of, "item": item.code, "first": first, "last": last},
    )


def _filled(item: Item) -> str:
    """Share of a record's optional fields that are filled; fields that tell an end are empty while there is none."""
    ends = {item.conduct_ends, item.link.until if item.link else None}
    names = [
        name
        for name, one in item.fields.items()
        if not one.required and one.since == 1 and one.until is None and name not in ends
    ]
    if not names:
        return "CAST(NULL AS DOUBLE)"
    return "(" + " + ".join(f'CAST(r."{name}" IS NOT NULL AS INTEGER)' for name in names) + f") / {len(names)}.0"


def _coverage(cursor: Any, first: int, last: int, step: int) -> dict[int, tuple[int, int]]:
    """By month in which a period ends: subjects reported, and subjects expected.

    Expected are those reported for the period or for one of the three before, unless closed by the end of the period
    and not reported for it. Each report of a subject stands for its period and the next three, until the next report.
    """
    rows = cursor.execute(
        f"WITH reports AS (SELECT DISTINCT subject, reported // {step} AS period FROM mine WHERE first_report), "
        f"ended AS (SELECT hash(subject_id) AS subject, min(since) // {step} AS period FROM closed GROUP BY 1), "
        "spans AS (SELECT r.period, greatest(r.period, least("
        f"r.period + {REMEMBERED}, "
        "coalesce(lead(r.period) OVER (PARTITION BY r.subject ORDER BY r.period) - 1, r.period + 99), "
        "coalesce(e.period - 1, r.period + 99))) AS until FROM reports r LEFT JOIN ended e USING (subject)), "
        "steps AS (SELECT period, 1 AS came, 1 AS change FROM spans UNION ALL "
        "SELECT until + 1, 0, -1 FROM spans) "
        "SELECT period, sum(came), sum(sum(change)) OVER (ORDER BY period) FROM steps GROUP BY period ORDER BY period"
    ).fetchall()
    found, expected, known = {}, 0, {period: (int(came), int(total)) for period, came, total in rows}
    for period in range(min(known, default=0), last // step + 1):
        came, expected = known.get(period, (0, expected))
        end = period * step + step - 1
        if known and first <= end <= last:
            found[end] = (came, expected)
    return found


def _duplicates(found: Gathered, item: Item) -> dict[int, tuple[int, int]]:
    """By reported month: live records, and those alike in subject and natural key to one that came before."""
    keys = ", ".join(f'r."{name}"' for name in item.natural_key)
    known = " AND ".join(f'r."{name}" IS NOT NULL' for name in item.natural_key)
    alike = f"{known} AND row_number() OVER (PARTITION BY r.subject_id, {keys} ORDER BY r.recorded_at, r.record_id) > 1"
    rows = found.seen.execute(
        f"SELECT month, count(*), count_if(again) FROM (SELECT {reported_month_sql(item)} AS month, {alike} AS again "
        f"FROM {item.table} r WHERE {VISIBLE}) GROUP BY month",
        moments(found.as_of),
    ).fetchall()
    return {month: (live, again) for month, live, again in rows}


def _ever(found: Gathered, item: Item) -> tuple[list[date], list[int]]:
    """The days on which records of the item ever came, and the months for which they were reported."""
    rows = found.raw.execute(
        f"SELECT DISTINCT {received_sql()}, {reported_month_sql(item)} FROM {item.table} r "
        "WHERE r.recorded_at <= $as_of",
        {"as_of": found.as_of},
    ).fetchall()
    return sorted({day for day, _ in rows}), sorted({month for _, month in rows})
