"""From figures to measures, points, grades and ranks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date
from statistics import fmean

from records.assessment.model import ItemMonth, SourceMonth
from records.assessment.scheme import MEASURES, Measure, Scheme

BEFORE = 3
TIE = 1e-9


def scored(row: ItemMonth, scheme: Scheme, periodic: bool) -> ItemMonth:
    """``row`` with its measures and points."""
    measures: dict[Measure, float | None] = {
        "completeness": _completeness(row, scheme, periodic),
        "accuracy": _accuracy(row),
        "timeliness": None if (periodic and row.provisional) or not row.judged else row.on_time / row.judged,
        "consistency": _consistency(row),
        "repair": _repair(row, scheme),
    }
    return replace(row, measures=measures, points=scheme.points(measures))


def standings(rows: Iterable[ItemMonth], months: Sequence[date], scheme: Scheme) -> tuple[SourceMonth, ...]:
    """Each source in each month, each month's best first."""
    by_source: dict[tuple[str, date], list[ItemMonth]] = {}
    for row in rows:
        by_source.setdefault((row.source, row.month), []).append(row)
    made = {key: _source_month(*key, some, scheme) for key, some in by_source.items()}
    ranked: list[SourceMonth] = []
    for number, month in enumerate(months):
        before = months[max(0, number - BEFORE) : number]
        this = [_with_change(one, made, before) for (_, at), one in made.items() if at == month]
        ranked += _ranked(this)
    return tuple(ranked)


def _completeness(row: ItemMonth, scheme: Scheme, periodic: bool) -> float | None:
    came = _came(row, periodic, scheme.monthly_word)
    if came is None:
        return None
    if row.filled is None:
        return came
    return (1 - scheme.filled_share) * came + scheme.filled_share * row.filled


def _came(row: ItemMonth, periodic: bool, monthly_word: bool) -> float | None:
    """Whether what was to be reported came: the share of expected subjects; without a period all or nothing.

    Where nothing came of an item without a period, that is not known to be too little until the wait is too long.
    """
    if row.nothing:
        return 1.0
    if not periodic:
        missed = row.overdue or (monthly_word and not row.provisional)
        return 1.0 if row.records else (0.0 if missed else None)
    if row.provisional or row.reported is None:
        return None
    return row.reported / row.expected if row.expected else 0.0


def _accuracy(row: ItemMonth) -> float | None:
    sent = row.records + row.rejected
    return 1 - (row.rejected + row.faulty) / sent if sent else None


def _consistency(row: ItemMonth) -> float | None:
    parts = []
    if row.live:
        parts.append(1 - row.duplicates / row.live)
    if row.compared:
        parts.append(1 - row.disagreeing / row.compared)
    if not parts:
        return None
    return parts[0] * parts[-1] if len(parts) == 2 else parts[0]


def _repair(row: ItemMonth, scheme: Scheme) -> float | None:
    parts = []
    if row.repair_days is not None:
        parts.append(scheme.repair_share(row.repair_days))
    if row.objections:
        parts.append(1 - row.late_objections / row.objections)
    return fmean(parts) if parts else None


def _source_month(source: str, month: date, rows: list[ItemMonth], scheme: Scheme) -> SourceMonth:
    measures: dict[Measure, float | None] = {}
    for name in MEASURES:
        known = [share for row in rows if (share := row.measures[name]) is not None]
        measures[name] = fmean(known) if known else None
    points = None if measures["completeness"] is None else scheme.points(measures)
    return SourceMonth(
        source=source,
        month=month,
        items=len(rows),
        records=sum(row.records for row in rows),
        rejected=sum(row.rejected for row in rows),
        history=sum(row.history for row in rows),
        measures=measures,
        points=points,
        grade=None if points is None else scheme.grade(points),
    )


def _with_change(one: SourceMonth, made: dict[tuple[str, date], SourceMonth], before: Sequence[date]) -> SourceMonth:
    earlier = [
        points for month in before if (past := made.get((one.source, month))) and (points := past.points) is not None
    ]
    if one.points is None or not earlier:
        return one
    return replace(one, change=one.points - fmean(earlier))


def _ranked(month: list[SourceMonth]) -> list[SourceMonth]:
    """The best first; equal points share a rank; those without points come last, without one."""
    ordered = sorted(month, key=lambda one: (one.points is None, -(one.points or 0), one.source))
    found: list[SourceMonth] = []
    for position, one in enumerate(ordered, start=1):
        if one.points is None:
            found.append(one)
            continue
        above = found[-1] if found else None
        tied = above is not None and abs((above.points or 0) - one.points) < TIE
        found.append(replace(one, rank=above.rank if above is not None and tied else position))
    return found
