"""The audit trail: every look, score and decision, each entry sealed by the hash of the one before."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from records.database import AuditAnchorRow, AuditRow, writing
from records.moment import now
from records.words import Text

GENESIS = "0" * 64
ANCHOR = 1


@dataclass(frozen=True)
class AuditReport:
    """What a verification found."""

    entries: int
    faults: tuple[Text, ...]

    @property
    def sound(self) -> bool:
        return not self.faults


def enter(
    session: Session,
    actor: str,
    action: str,
    *,
    subject_id: str | None = None,
    purpose: str | None = None,
    payload: dict[str, Any] | None = None,
) -> AuditRow:
    """Append an entry inside the caller's write transaction (``records.database.writing``)."""
    anchor = session.get(AuditAnchorRow, ANCHOR)
    if anchor is None:
        anchor = AuditAnchorRow(anchor_id=ANCHOR, entries=0, hash=GENESIS)
        session.add(anchor)
    row = AuditRow(
        seq=anchor.entries + 1,
        at=now(),
        actor=actor,
        action=action,
        subject_id=subject_id,
        purpose=purpose,
        payload=orjson.dumps(payload or {}, option=orjson.OPT_SORT_KEYS).decode(),
        previous_hash=anchor.hash,
        hash="",
    )
    row.hash = seal(row)
    anchor.entries, anchor.hash = row.seq, row.hash
    session.add(row)
    session.flush()
    return row


def record(engine: Engine, actor: str, action: str, **entry: Any) -> None:
    """Append an entry in a transaction of its own."""
    with writing(engine) as session:
        enter(session, actor, action, **entry)


def seal(row: AuditRow) -> str:
    """SHA-256 over the previous hash and the entry in a canonical form."""
    at: datetime = row.at
    body = [
        row.seq,
        at.isoformat(timespec="microseconds"),
        row.actor,
        row.action,
        row.subject_id,
        row.purpose,
        row.payload,
    ]
    return hashlib.sha256(row.previous_hash.encode() + orjson.dumps(body)).hexdigest()


def verify(engine: Engine) -> AuditReport:
    """Walk the whole chain. Finds edits, removals, insertions and reordering, and a cut tail against the anchor.

    Whoever can rewrite the whole chain and the anchor leaves no trace here: keep copies of the anchor elsewhere.
    """
    faults: list[Text] = []
    previous, expected = GENESIS, 1
    with Session(engine) as session:
        for row in session.scalars(select(AuditRow).order_by(AuditRow.seq).execution_options(yield_per=1000)):
            if row.seq != expected:
                faults.append(Text(f"第 {expected} 条缺失", f"entry {expected} is missing"))
            if row.previous_hash != previous:
                faults.append(Text(f"第 {row.seq} 条与前一条不相接", f"entry {row.seq} does not follow the one before"))
            if seal(row) != row.hash:
                faults.append(Text(f"第 {row.seq} 条被改动", f"entry {row.seq} was changed"))
            previous, expected = row.hash, row.seq + 1
        anchor = session.get(AuditAnchorRow, ANCHOR)
    length, last = (anchor.entries, anchor.hash) if anchor else (0, GENESIS)
    if length != expected - 1 or last != previous:
        faults.append(
            Text(
                f"审计链应有 {length} 条，实有 {expected - 1} 条或末条不符",
                f"the trail should end with entry {length}, not {expected - 1}",
            )
        )
    return AuditReport(expected - 1, tuple(faults))
