"""Objections: a record is marked disputed at once, its source answers within the legal time, the regulator sees all.

Regulation on the credit reporting industry (State Council order 631, 2013), Art. 25: whoever finds information wrong or
incomplete may object to it; it is marked as disputed, checked and answered in writing within 20 days.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Literal

from sqlalchemy import select
from sqlalchemy.orm import Session

from records.base import RecordBase
from records.catalogue import Item
from records.database import writing
from records.database_desk import ObjectionRow
from records.lifecycle import Order, stored_facts, take, wait_until
from records.moment import now, shanghai_day
from records.words import Text
from scoring.audit import enter
from service.desk.errors import BadCase, CaseClosed, UnknownCase
from service.desk.paging import after, closed, instant
from service.desk.standing import about, may_speak, of_source, seen_by
from service.security import Client, allow

BASIS = "征信业管理条例第二十五条 / Regulation on the credit reporting industry, Art. 25"
ANSWER_DAYS = 20
State = Literal["open", "overdue", "upheld", "rejected"]
Outcome = Literal["upheld", "rejected"]
Remedy = Literal["correction", "withdrawal"]


@dataclass(frozen=True)
class Lodged:
    """An objection as it is brought: to which record of whom, and why."""

    subject: str
    item: str
    record_id: str
    reason: str
    document: str | None = None
    authorisation: str | None = None


@dataclass(frozen=True)
class Answer:
    """What the source answers; ``corrected_by``: the record that corrects the disputed one, sent before."""

    outcome: Outcome
    reason: str
    remedy: Remedy | None = None
    corrected_by: str | None = None
    document: str | None = None


class ObjectionDesk:
    """Takes objections in and brings them to their answer, over one base."""

    def __init__(self, base: RecordBase) -> None:
        self.base = base

    def lodge(self, client: Client, lodged: Lodged) -> dict[str, Any]:
        """Keep an objection; the record is disputed from this moment on.

        Raises ``NotAllowed``, ``UnknownSubject``, ``UnknownItem``, ``UnknownRecord``, ``BadCase`` (another's record),
        ``BadLifecycle`` (in dispute already, or out of sight).
        """
        allow(client, "object")
        subject = self.base.subject(lodged.subject)
        subject_id = subject.subject_id
        may_speak(client, subject, lodged.authorisation)
        item = self.base.catalogue.item(lodged.item)
        facts = stored_facts(self.base, item, [lodged.record_id])
        about(facts, subject_id)
        order = Order(client.client_id, lodged.reason, BASIS, lodged.document)
        with writing(self.base.engine) as session:
            (event,) = take(session, "dispute", item, facts, order)
            row = _row(client, item, subject_id, lodged, event.recorded_at)
            session.add(row)
            session.flush()
            payload = {"objection": row.objection_id, "record": f"{item.code}/{lodged.record_id}"}
            enter(session, client.client_id, "objection", subject_id=subject_id, payload=payload)
        wait_until(event.recorded_at)
        return as_dict(row)

    def answer(self, client: Client, objection_id: str, answer: Answer) -> dict[str, Any]:
        """Close an objection: upheld, the record goes out of sight; rejected, it stands without the mark.

        Raises ``UnknownCase``, ``NotAllowed``, ``CaseClosed``, ``BadCase``.
        """
        allow(client, "answer")
        row = self._row(client, objection_id)
        of_source(client, row.source)
        item = self.base.catalogue.item(row.item)
        self._check(item, row, answer)
        facts = stored_facts(self.base, item, [row.record_id])
        action: Literal["dispute_upheld", "dispute_dismissed"]
        action = "dispute_upheld" if answer.outcome == "upheld" else "dispute_dismissed"
        order = Order(client.client_id, answer.reason, BASIS, answer.document or objection_id)
        with writing(self.base.engine) as session:
            row = session.get_one(ObjectionRow, objection_id)
            if row.state != "open":
                raise CaseClosed(Text("此异议已答复", "this objection is answered already"))
            (event,) = take(session, action, item, facts, order)
            row.state, row.answered_at, row.answered_by = answer.outcome, event.recorded_at, client.client_id
            row.answer, row.remedy, row.corrected_by = answer.reason.strip(), answer.remedy, answer.corrected_by
            session.flush()
            payload = {"objection": objection_id, "outcome": answer.outcome, "remedy": answer.remedy}
            enter(session, client.client_id, "objection.answer", subject_id=row.subject_id, payload=payload)
        wait_until(event.recorded_at)
        return as_dict(row)

    def one(self, client: Client, objection_id: str) -> dict[str, Any]:
        """Raises ``UnknownCase`` also where the client may not see it."""
        allow(client, "cases")
        return as_dict(self._row(client, objection_id))

    def page(
        self, client: Client, state: State | None, cursor: str | None, limit: int
    ) -> tuple[list[dict[str, Any]], str | None]:
        """Objections that ``client`` may see, the newest first, and the cursor of the following page."""
        allow(client, "cases")
        query = select(ObjectionRow).where(seen_by(client, ObjectionRow))
        if state is not None:
            query = query.where(ObjectionRow.state == ("open" if state == "overdue" else state))
        if state == "overdue":
            query = query.where(ObjectionRow.due_on < shanghai_day(now()))
        query = after(query, ObjectionRow.lodged_at, ObjectionRow.objection_id, cursor, limit)
        with Session(self.base.engine) as session:
            rows = session.scalars(query).all()
        last = rows[limit - 1] if len(rows) > limit else None
        return [as_dict(row) for row in rows[:limit]], closed((last.lodged_at, last.objection_id)) if last else None

    def _row(self, client: Client, objection_id: str) -> ObjectionRow:
        with Session(self.base.engine, expire_on_commit=False) as session:
            query = select(ObjectionRow).where(ObjectionRow.objection_id == objection_id)
            row = session.scalars(query.where(seen_by(client, ObjectionRow))).first()
        if row is None:
            raise UnknownCase(Text("没有此编号的异议", "no objection of this id that you may see"))
        return row

    def _check(self, item: Item, row: ObjectionRow, answer: Answer) -> None:
        """Raises ``BadCase`` where the remedy does not fit the outcome, or the correction is none of the record."""
        if (answer.outcome == "upheld") != (answer.remedy is not None):
            raise BadCase(
                Text(
                    "异议成立须给出 remedy（correction 或 withdrawal），不成立则不给",
                    "an objection that is upheld needs a remedy, correction or withdrawal; one rejected has none",
                )
            )
        if (answer.remedy == "correction") != (answer.corrected_by is not None):
            raise BadCase(
                Text(
                    "更正须先报送更正记录，并在 corrected_by 中给出其编号",
                    "for a correction, send the correcting record first and give its id as corrected_by",
                )
            )
        if answer.corrected_by is not None and not self._corrects(item, answer.corrected_by, row.record_id):
            raise BadCase(
                Text(
                    "corrected_by 所指记录并未更正（supersedes）该记录",
                    "the record named by corrected_by does not supersede the disputed one",
                )
            )

    def _corrects(self, item: Item, correcting: str, corrected: str) -> bool:
        with self.base.connection((item.code,)).con.cursor() as cursor:
            found = cursor.execute(
                f"SELECT count(*) FROM {item.table} WHERE record_id = $by AND supersedes = $what",
                {"by": correcting, "what": corrected},
            ).fetchone()
        return bool(found and found[0])


def as_dict(row: ObjectionRow, moment: datetime | None = None) -> dict[str, Any]:
    """An objection, JSON-ready, as it stood at ``moment`` (default: now)."""
    at = moment or now()
    answered = row.answered_at is not None and row.answered_at <= at
    return {
        "objection_id": row.objection_id,
        "subject_id": row.subject_id,
        "item": row.item,
        "record_id": row.record_id,
        "source": row.source,
        "reason": row.reason,
        "document": row.document,
        "lodged_at": instant(row.lodged_at),
        "due_on": row.due_on.isoformat(),
        "state": row.state if answered else "open",
        "overdue": not answered and shanghai_day(at) > row.due_on,
        "answered_at": instant(row.answered_at) if answered else None,
        "answered_late": answered and shanghai_day(row.answered_at or at) > row.due_on,
        "answer": row.answer if answered else None,
        "remedy": row.remedy if answered else None,
        "corrected_by": row.corrected_by if answered else None,
    }


def due(lodged_at: datetime) -> date:
    """The last day on which an answer is in time."""
    return shanghai_day(lodged_at) + timedelta(days=ANSWER_DAYS)


def _row(client: Client, item: Item, subject_id: str, lodged: Lodged, moment: datetime) -> ObjectionRow:
    return ObjectionRow(
        objection_id=f"o-{secrets.token_hex(12)}",
        item=item.code,
        record_id=lodged.record_id,
        subject_id=subject_id,
        source=item.source,
        client_id=client.client_id,
        authorisation=lodged.authorisation,
        reason=lodged.reason.strip(),
        document=lodged.document,
        lodged_at=moment,
        due_on=due(moment),
        state="open",
    )
