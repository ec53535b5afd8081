"""Four eyes: what one client asks for takes effect only when another one approves it.

A kind of step names the action that proposing it takes and the action that deciding it takes (``KINDS``). ``propose``,
``approve`` and ``reject`` work inside the caller's write transaction, so that the effect, the decision and the audit
entry are one::

    with writing(engine) as session:
        found = approve(session, approval_id, client, "checked against the report")
        carry_out(session, found.payload)
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, ClassVar, Literal

from sqlalchemy import select
from sqlalchemy.orm import Session

from records.database_access import ApprovalRow
from records.errors import HuixinError
from records.moment import now
from records.words import Text
from scoring.audit import enter
from service.desk.errors import SameHand
from service.desk.paging import after, closed
from service.security import Action, Client, allow

KINDS: dict[str, tuple[Action, Action]] = {
    "promotion": ("promote", "approve"),
}
LASTS = timedelta(days=14)
State = Literal["open", "approved", "rejected", "expired"]


class UnknownApproval(HuixinError):
    code: ClassVar[str] = "unknown-approval"
    status: ClassVar[int] = 404
    title: ClassVar[Text] = Text("没有此待批事项", "No such step to approve")


class ApprovalClosed(HuixinError):
    code: ClassVar[str] = "approval-closed"
    status: ClassVar[int] = 409
    title: ClassVar[Text] = Text("此事项已有结果", "This step is closed")


class UnknownKind(HuixinError):
    code: ClassVar[str] = "unknown-kind"
    status: ClassVar[int] = 422
    title: ClassVar[Text] = Text("没有此类事项", "No such kind of step")


@dataclass(frozen=True)
class Approval:
    """A step between two people, as it stands."""

    approval_id: str
    kind: str
    payload: dict[str, Any]
    reason: str
    proposed_by: str
    proposed_at: datetime
    expires_at: datetime
    state: State
    decided_by: str | None
    decided_at: datetime | None
    decision: str | None


def propose(
    session: Session, kind: str, payload: dict[str, Any], client: Client, reason: str = "", lasts: timedelta = LASTS
) -> Approval:
    """``client`` asks for a step of ``kind``; it waits for another one. Raises ``NotAllowed``, ``UnknownKind``.

    ``payload``: what JSON can hold, without identity numbers.
    """
    allow(client, _actions(kind)[0])
    moment = now()
    row = ApprovalRow(
        approval_id=f"v-{secrets.token_hex(12)}",
        kind=kind,
        payload=payload,
        reason=reason,
        proposed_by=client.client_id,
        proposed_at=moment,
        expires_at=moment + lasts,
        state="open",
    )
    session.add(row)
    session.flush()
    _enter(session, client, row, "propose")
    return _seen(row)


def approve(session: Session, approval_id: str, client: Client, decision: str = "") -> Approval:
    """Another client lets it happen. Raises ``SameHand``, ``ApprovalClosed``, ``UnknownApproval``, ``NotAllowed``."""
    return _decide(session, approval_id, client, "approved", decision)


def reject(session: Session, approval_id: str, client: Client, decision: str = "") -> Approval:
    """It shall not happen; whoever proposed it may take it back so too. Raises as ``approve``, but no ``SameHand``."""
    return _decide(session, approval_id, client, "rejected", decision)


def one(session: Session, approval_id: str, client: Client) -> Approval:
    """Raises ``UnknownApproval`` also where the client may neither propose nor decide steps of its kind."""
    row = session.get(ApprovalRow, approval_id)
    if row is None or row.kind not in _seen_kinds(client):
        raise UnknownApproval(Text("没有此编号的待批事项", "no step of this id that you may see"))
    return _seen(row)


def page(session: Session, client: Client, cursor: str | None, limit: int) -> tuple[list[Approval], str | None]:
    """Steps that the client may see, the newest first, and the cursor of the following page. Raises ``BadCursor``."""
    query = select(ApprovalRow).where(ApprovalRow.kind.in_(_seen_kinds(client)))
    rows = session.scalars(after(query, ApprovalRow.proposed_at, ApprovalRow.approval_id, cursor, limit)).all()
    last = rows[limit - 1] if len(rows) > limit else None
    return [_seen(row) for row in rows[:limit]], closed((last.proposed_at, last.approval_id)) if last else None


def _decide(
    session: Session, approval_id: str, client: Client, state: Literal["approved", "rejected"], decision: str
) -> Approval:
    found = one(session, approval_id, client)
    own = found.proposed_by == client.client_id
    if state == "approved" or not own:
        allow(client, _actions(found.kind)[1])
    if state == "approved" and own:
        raise SameHand(Text("提出者本人不得批准，须由另一人批准", "whoever proposed may not approve: another one must"))
    if found.state != "open":
        raise ApprovalClosed(Text(f"此事项状态为 {found.state}", f"this step is {found.state}"))
    row = session.get_one(ApprovalRow, approval_id)
    row.state, row.decided_by, row.decided_at, row.decision = state, client.client_id, now(), decision
    session.flush()
    _enter(session, client, row, "approve" if state == "approved" else "reject")
    return _seen(row)


def _actions(kind: str) -> tuple[Action, Action]:
    if kind not in KINDS:
        raise UnknownKind(Text(f"可用：{', '.join(KINDS)}", f"accepted: {', '.join(KINDS)}"))
    return KINDS[kind]


def _seen_kinds(client: Client) -> list[str]:
    return [kind for kind, actions in KINDS.items() if any(client.may(action) for action in actions)]


def _seen(row: ApprovalRow) -> Approval:
    void = row.state == "open" and row.expires_at <= now()
    state: State = "expired" if void else row.state  # type: ignore[assignment]
    return Approval(
        row.approval_id,
        row.kind,
        row.payload,
        row.reason,
        row.proposed_by,
        row.proposed_at,
        row.expires_at,
        state,
        row.decided_by,
        row.decided_at,
        row.decision,
    )


def _enter(session: Session, client: Client, row: ApprovalRow, step: str) -> None:
    payload = {"approval_id": row.approval_id, "kind": row.kind, "asked": row.payload}
    enter(session, client.client_id, f"{row.kind}.{step}", payload=payload)
