"""Where two sources claim one subject differently: each field that has to agree with an authority's."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from records.as_of import VISIBLE, moments
from records.assessment.gathering import Gathered
from records.assessment.model import Claim, Contradiction
from records.assessment.periods import last_day
from records.base import RecordBase
from records.catalogue import Item
from records.database import SubjectRow
from records.identity import NATURAL_PERSONS
from records.moment import end_of_day, shanghai_day

SHOWN = 20
VISIBLE_AT_MOMENTS = VISIBLE.replace("$as_of_day", "m.today").replace("$as_of", "m.moment")


@dataclass(frozen=True)
class Pair:
    """A field of an item, and the authority's field that it has to agree with."""

    item: Item
    field: str
    authority: Item
    authority_field: str


def pairs(base: RecordBase, stored: Iterable[str]) -> list[Pair]:
    """The pairs of which both sides have records."""
    known = frozenset(stored)
    found = []
    for item in base.catalogue.items.values():
        for name, one in item.fields.items():
            authority = base.catalogue.authority(one)
            if authority and item.code in known and authority[0].code in known:
                found.append(Pair(item, name, *authority))
    return found


def agreement(found: Gathered, pair: Pair, months: Sequence[int]) -> dict[int, tuple[int, int]]:
    """By month: subjects that both sides claim at its end (or at the as-of), and those claimed differently.

    Each side's claim is the value of the subject's latest visible record; empty says nothing, blanks around it do
    not count.
    """
    ends = [(month, end, shanghai_day(end)) for month in months for end in (_end(month, found.as_of),)]
    found.seen.execute("CREATE OR REPLACE TEMP TABLE moments (month INTEGER, moment TIMESTAMP, today DATE)")
    found.seen.executemany("INSERT INTO moments VALUES (?, ?, ?)", ends)
    ours, theirs = (
        f"SELECT m.month, subject_id, arg_max({{'said': {_said(field)}}}, (occurred_on, recorded_at, record_id)).said "
        f"AS said FROM {item.table} CROSS JOIN moments m WHERE {VISIBLE_AT_MOMENTS} GROUP BY ALL"
        for item, field in ((pair.item, pair.field), (pair.authority, pair.authority_field))
    )
    rows = found.seen.execute(
        f"SELECT o.month, count(*), count_if(o.said <> t.said) FROM ({ours}) o JOIN ({theirs}) t "
        "ON o.month = t.month AND o.subject_id = t.subject_id "
        "WHERE o.said IS NOT NULL AND t.said IS NOT NULL GROUP BY o.month"
    ).fetchall()
    return {month: (compared, disagreeing) for month, compared, disagreeing in rows}


def contradictions(base: RecordBase, found: Gathered, pair: Pair, month: int) -> list[Contradiction]:
    """Up to 20 of the subjects that the two sides of ``pair`` claim differently at the end of ``month``."""
    ours, theirs = (
        f"SELECT subject_id, last.kind AS kind, last.said AS said, last.shown AS shown, last.record_id AS record_id "
        f"FROM (SELECT subject_id, arg_max({{'said': {_said(field)}, 'shown': CAST(\"{field}\" AS VARCHAR), "
        "'kind': subject_kind, 'record_id': record_id}, (occurred_on, recorded_at, record_id)) AS last "
        f"FROM {item.table} WHERE {VISIBLE} GROUP BY subject_id)"
        for item, field in ((pair.item, pair.field), (pair.authority, pair.authority_field))
    )
    rows = found.seen.execute(
        "SELECT o.subject_id, o.kind, t.shown, t.record_id, o.shown, o.record_id "
        f"FROM ({ours}) o JOIN ({theirs}) t USING (subject_id) WHERE o.said <> t.said "
        f"ORDER BY o.subject_id LIMIT {SHOWN}",
        moments(_end(month, found.as_of)),
    ).fetchall()
    is_subject = pair.item.fields[pair.field].type == "subject"
    named = {row[0] for row in rows} | ({row[i] for row in rows for i in (2, 4)} if is_subject else set())
    masked = _masked(base, named)
    return [_contradiction(pair, row, masked, is_subject) for row in rows]


def _contradiction(pair: Pair, row: Any, masked: dict[str, str], is_subject: bool) -> Contradiction:
    subject, kind, authoritative, authoritative_id, said, said_id = row
    told = [_told(value, kind, masked if is_subject else None) for value in (authoritative, said)]
    return Contradiction(
        subject,
        masked.get(subject, ""),
        (
            Claim(pair.authority.source, pair.authority.code, pair.authority_field, told[0], authoritative_id),
            Claim(pair.item.source, pair.item.code, pair.field, told[1], said_id),
        ),
    )


def _told(value: str, kind: str, masked: dict[str, str] | None) -> str:
    """A claimed value as shown: subjects by masked number, what is said of persons by its first character."""
    if masked is not None:
        return masked.get(value) or f"{value[:8]}…"
    return f"{value[:1]}**" if kind in NATURAL_PERSONS else value[:120]


def _masked(base: RecordBase, ids: set[str]) -> dict[str, str]:
    if not ids:
        return {}
    query = select(SubjectRow.subject_id, SubjectRow.masked).where(SubjectRow.subject_id.in_(ids))
    with Session(base.engine) as session:
        return {row.subject_id: row.masked for row in session.execute(query)}


def _said(field: str) -> str:
    return f"nullif(trim(CAST(\"{field}\" AS VARCHAR)), '')"


def _end(month: int, as_of: datetime) -> datetime:
    """The end of a month, or the as-of where that comes first."""
    return min(as_of, end_of_day(last_day(month)))
