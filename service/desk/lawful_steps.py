"""Credit repair and erasure with four eyes: one proposes, another approves, and only then the record is touched.

Credit repair 信用修复: NDRC order 58 of 2023; a subject or an agency asks, the source's agency proposes, a regulator
approves. Erasure by court order: one regulator proposes, another approves.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import select
from sqlalchemy.orm import Session

from records.base import RecordBase
from records.database import SubjectRow, writing
from records.database_desk import LawfulStepRow
from records.erasure import erase
from records.lifecycle import Order, check, stored_facts, take, wait_until
from records.moment import now
from records.words import Text
from scoring.audit import enter
from service.desk.errors import BadCase, CaseClosed, SameHand, UnknownCase
from service.desk.paging import after, closed, instant
from service.desk.standing import about, may_speak, of_source, seen_by
from service.security import Client, allow

Kind = Literal["repair", "erase"]
State = Literal["asked", "proposed", "done", "refused"]
REPAIR_BASIS = "信用修复管理办法（试行）（国家发展改革委令第58号） / measures on credit repair, NDRC order 58 of 2023"
RECORDS_MOST = 100


@dataclass(frozen=True)
class Wanted:
    """What is asked for: which records of whom, why, on what basis, by which document."""

    subject: str
    item: str
    record_ids: Sequence[str]
    reason: str
    legal_basis: str = REPAIR_BASIS
    document: str | None = None
    authorisation: str | None = None


class LawfulSteps:
    """Repairs and erasures of one base, from asking to their effect."""

    def __init__(self, base: RecordBase) -> None:
        self.base = base

    def ask_repair(self, client: Client, wanted: Wanted) -> dict[str, Any]:
        """Ask for repair; asked by the agency that reported the records, it is proposed at once.

        Raises ``NotAllowed``, ``UnknownSubject``, ``UnknownItem``, ``UnknownRecord``, ``BadCase``, ``BadLifecycle``
        (such records cannot be repaired, or not yet).
        """
        allow(client, "repair")
        source = self.base.catalogue.item(wanted.item).source
        proposed = client.role == "agency" and client.source == source
        subject = self.base.subject(wanted.subject)
        if not proposed:
            may_speak(client, subject, wanted.authorisation)
        return self._ask("repair", client, subject, wanted, proposed=proposed)

    def propose_erasure(self, client: Client, wanted: Wanted) -> dict[str, Any]:
        """A regulator proposes what a court orders. Raises as ``ask_repair``."""
        allow(client, "erase")
        if not wanted.document:
            raise BadCase(Text("须给出法律文书号", "the reference of the court's order is needed as document"))
        return self._ask("erase", client, self.base.subject(wanted.subject), wanted, proposed=True)

    def propose(self, client: Client, step_id: str) -> dict[str, Any]:
        """The source's agency takes up a repair that was asked for. Raises ``UnknownCase``, ``CaseClosed``, ..."""
        allow(client, "propose")
        row = self._row(client, step_id, "repair")
        of_source(client, row.source)
        facts = stored_facts(self.base, self.base.catalogue.item(row.item), row.record_ids)
        with writing(self.base.engine) as session:
            row = self._in_state(session, step_id, "asked")
            check(session, "repair", self.base.catalogue.item(row.item), facts)
            row.state, row.proposed_by, row.proposed_at = "proposed", client.client_id, now()
            session.flush()
            self._enter(session, client, row, "propose")
            return as_dict(row)

    def approve(self, client: Client, step_id: str, kind: Kind, decision: str) -> dict[str, Any]:
        """Another one approves, and it is done. Raises ``SameHand``, ``CaseClosed``, ``BadLifecycle``, ..."""
        row = self._to_decide(client, step_id, kind)
        if row.state != "proposed":
            raise _not_now(row)
        if client.client_id in (row.client_id, row.proposed_by):
            raise SameHand(
                Text(
                    "提出者本人不得批准，须由另一人批准", "whoever asked or proposed may not approve: another one must"
                )
            )
        order = Order(client.client_id, row.reason, row.legal_basis, row.document or step_id)
        if row.kind == "erase":
            erase(
                self.base, row.item, row.record_ids, order, lambda session: self._done(session, client, row, decision)
            )
            return self.one(client, step_id)
        item = self.base.catalogue.item(row.item)
        facts = stored_facts(self.base, item, row.record_ids)
        with writing(self.base.engine) as session:
            events = take(session, "repair", item, facts, order)
            self._done(session, client, row, decision)
        wait_until(events[0].recorded_at)
        return self.one(client, step_id)

    def refuse(self, client: Client, step_id: str, kind: Kind, decision: str) -> dict[str, Any]:
        """It is not to be done. Raises ``UnknownCase``, ``CaseClosed``, ``NotAllowed``."""
        row = self._to_decide(client, step_id, kind)
        with writing(self.base.engine) as session:
            row = self._in_state(session, step_id, "asked", "proposed")
            row.state, row.decided_by, row.decided_at, row.decision = "refused", client.client_id, now(), decision
            session.flush()
            self._enter(session, client, row, "refuse")
            return as_dict(row)

    def one(self, client: Client, step_id: str, kind: Kind | None = None) -> dict[str, Any]:
        """Raises ``UnknownCase`` also where the client may not see it."""
        allow(client, "cases")
        return as_dict(self._row(client, step_id, kind))

    def page(
        self, client: Client, kind: Kind, state: State | None, cursor: str | None, limit: int
    ) -> tuple[list[dict[str, Any]], str | None]:
        """Cases that ``client`` may see, the newest first, and the cursor of the following page."""
        allow(client, "cases")
        query = select(LawfulStepRow).where(LawfulStepRow.kind == kind, seen_by(client, LawfulStepRow))
        if state is not None:
            query = query.where(LawfulStepRow.state == state)
        with Session(self.base.engine) as session:
            rows = session.scalars(after(query, LawfulStepRow.asked_at, LawfulStepRow.step_id, cursor, limit)).all()
        last = rows[limit - 1] if len(rows) > limit else None
        return [as_dict(row) for row in rows[:limit]], closed((last.asked_at, last.step_id)) if last else None

    def _ask(
        self, kind: Kind, client: Client, subject: SubjectRow, wanted: Wanted, *, proposed: bool
    ) -> dict[str, Any]:
        item = self.base.catalogue.item(wanted.item)
        facts = stored_facts(self.base, item, wanted.record_ids)
        about(facts, subject.subject_id)
        Order(client.client_id, wanted.reason, wanted.legal_basis, wanted.document)
        moment = now()
        with writing(self.base.engine) as session:
            if kind == "repair":
                check(session, "repair", item, facts)
            row = LawfulStepRow(
                step_id=f"{kind[0]}-{secrets.token_hex(12)}",
                kind=kind,
                item=item.code,
                record_ids=list(facts),
                subject_id=subject.subject_id,
                source=item.source,
                client_id=client.client_id,
                authorisation=wanted.authorisation,
                reason=wanted.reason.strip(),
                legal_basis=wanted.legal_basis.strip(),
                document=wanted.document,
                asked_at=moment,
                state="proposed" if proposed else "asked",
                proposed_by=client.client_id if proposed else None,
                proposed_at=moment if proposed else None,
            )
            session.add(row)
            session.flush()
            self._enter(session, client, row, "propose" if proposed else "ask")
            return as_dict(row)

    def _to_decide(self, client: Client, step_id: str, kind: Kind) -> LawfulStepRow:
        allow(client, "approve")
        return self._row(client, step_id, kind)

    def _done(self, session: Session, client: Client, seen: LawfulStepRow, decision: str) -> None:
        """In the transaction of the effect: the case is closed and the trail says so, or nothing happens."""
        row = self._in_state(session, seen.step_id, "proposed")
        row.state, row.decided_by, row.decided_at, row.decision = "done", client.client_id, now(), decision
        session.flush()
        self._enter(session, client, row, "approve")

    def _row(self, client: Client, step_id: str, kind: Kind | None = None) -> LawfulStepRow:
        query = select(LawfulStepRow).where(LawfulStepRow.step_id == step_id, seen_by(client, LawfulStepRow))
        with Session(self.base.engine, expire_on_commit=False) as session:
            row = session.scalars(query if kind is None else query.where(LawfulStepRow.kind == kind)).first()
        if row is None:
            raise UnknownCase(Text("没有此编号的申请", "no case of this id that you may see"))
        return row

    def _in_state(self, session: Session, step_id: str, *states: State) -> LawfulStepRow:
        row = session.get_one(LawfulStepRow, step_id)
        if row.state not in states:
            raise _not_now(row)
        return row

    def _enter(self, session: Session, client: Client, row: LawfulStepRow, step: str) -> None:
        payload = {"case": row.step_id, "item": row.item, "records": row.record_ids, "state": row.state}
        action = f"{'repair' if row.kind == 'repair' else 'erasure'}.{step}"
        enter(session, client.client_id, action, subject_id=row.subject_id, payload=payload)


def as_dict(row: LawfulStepRow) -> dict[str, Any]:
    """A case, JSON-ready."""
    return {
        "case_id": row.step_id,
        "kind": row.kind,
        "item": row.item,
        "record_ids": row.record_ids,
        "subject_id": row.subject_id,
        "source": row.source,
        "reason": row.reason,
        "legal_basis": row.legal_basis,
        "document": row.document,
        "state": row.state,
        "asked_by": row.client_id,
        "asked_at": instant(row.asked_at),
        "proposed_by": row.proposed_by,
        "proposed_at": instant(row.proposed_at),
        "decided_by": row.decided_by,
        "decided_at": instant(row.decided_at),
        "decision": row.decision,
    }


def _not_now(row: LawfulStepRow) -> CaseClosed:
    return CaseClosed(
        Text(f"此件状态为 {row.state}，不能这样办理", f"the case is {row.state}: this cannot be done now")
    )
