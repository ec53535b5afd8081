"""Who looked at a subject, from the audit trail."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from records.database import AuditRow, ClientRow
from records.moment import shanghai_day
from records.words import Text
from service.desk.credit_report import Look
from service.desk.words import LOOK_WORDS, PURPOSE_WORDS, ROLE_WORDS, UNKNOWN_LOOKER

SINCE = timedelta(days=730)
SHOWN, READ = 100, 2_000


def looks(session: Session, subject_id: str, until: datetime, *, named: bool) -> tuple[tuple[Look, ...], int]:
    """The looks of the two years before ``until``, a client's of one day as one, and how many there were in all.

    The newest first, at most 100. ``named``: whether it is told who looked, not only in which role.
    """
    asked = (
        AuditRow.subject_id == subject_id,
        AuditRow.action.in_(tuple(LOOK_WORDS)),
        AuditRow.at < until,
        AuditRow.at >= until - SINCE,
    )
    rows = session.execute(
        select(AuditRow, ClientRow.name, ClientRow.role)
        .outerjoin(ClientRow, ClientRow.client_id == AuditRow.actor)
        .where(*asked)
        .order_by(AuditRow.seq.desc())
        .limit(READ)
    ).all()
    total = session.scalar(select(func.count()).select_from(AuditRow).where(*asked)) or 0
    by_day: dict[tuple[date, str], list[Any]] = {}
    for row in rows:
        by_day.setdefault((shanghai_day(row[0].at), row[0].actor), []).append(row)
    return tuple(_look(those, named) for those in list(by_day.values())[:SHOWN]), total


def _look(rows: list[Any], named: bool) -> Look:
    """What one client looked at in one day."""
    newest, name, role = rows[0]
    what = [LOOK_WORDS[one] for one in dict.fromkeys(row[0].action for row in reversed(rows))]
    purposes = [row[0].purpose for row in rows if row[0].purpose]
    return Look(
        at=newest.at,
        role=ROLE_WORDS.get(role or "", UNKNOWN_LOOKER),
        who=(name or newest.actor) if named else None,
        what=Text("、".join(one.zh for one in what), ", ".join(one.en for one in what)),
        purpose=PURPOSE_WORDS.get(purposes[0]) if purposes else None,
    )
