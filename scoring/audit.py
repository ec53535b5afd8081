"""The audit trail: every look, score and decision, each entry sealed by the hash of the one before."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any, ClassVar

import orjson
from sqlalchemy import Connection, Engine, String, select, type_coerce
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from records.bulk import day_in, execute, insert_rows, marked, moment_in
from records.database import AuditAnchorRow, AuditRow, writing
from records.database_audit import AuditDayRow
from records.errors import HuixinError
from records.moment import now, shanghai_day
from records.words import Text

GENESIS = "0" * 64
ANCHOR = 1
COLUMNS = ("seq", "at", "actor", "action", "subject_id", "purpose", "payload", "previous_hash", "hash")
DAY_ENDS = (
    "INSERT INTO audit_days (day, seq, hash) VALUES (?, ?, ?) "
    "ON CONFLICT (day) DO UPDATE SET seq = excluded.seq, hash = excluded.hash"
)
TRAIL_END = f"SELECT entries, hash FROM audit_anchor WHERE anchor_id = {ANCHOR}"
TRAIL_ENDS = (
    "INSERT INTO audit_anchor (anchor_id, entries, hash) VALUES (?, ?, ?) "
    "ON CONFLICT (anchor_id) DO UPDATE SET entries = excluded.entries, hash = excluded.hash"
)
FAULTS_TOLD = 1_000
ANCHOR_FORMAT = "huixin-audit-anchors-1"


@dataclass(frozen=True)
class Entry:
    """What is to be entered: who did what to whom, what for, and what else is to be known of it."""

    actor: str
    action: str
    subject_id: str | None = None
    purpose: str | None = None
    payload: dict[str, Any] = field(default_factory=dict)


def enter(
    session: Session,
    actor: str,
    action: str,
    *,
    subject_id: str | None = None,
    purpose: str | None = None,
    payload: dict[str, Any] | None = None,
) -> int:
    """Append an entry inside the caller's write transaction (``records.database.writing``); returns its number."""
    return enter_all(session, [Entry(actor, action, subject_id, purpose, payload or {})])


def enter_all(session: Session, entries: Sequence[Entry]) -> int:
    """Append ``entries`` in their order inside the caller's write transaction; returns the last one's number."""
    return append(session.connection(), entries)


def append(connection: Connection, entries: Sequence[Entry]) -> int:
    """As ``enter_all``, on a connection that is in a write transaction (``records.database.writing_connection``)."""
    end = execute(connection, TRAIL_END)
    seq, previous = end[0] if end else (0, GENESIS)
    at, rows = now(), []
    said, kept = at.isoformat(timespec="microseconds"), moment_in(connection, at)
    for entry in entries:
        seq += 1
        payload = orjson.dumps(entry.payload, option=orjson.OPT_SORT_KEYS).decode()
        facts = entry.actor, entry.action, entry.subject_id, entry.purpose, payload
        sealed = _hash(previous, seq, said, *facts)
        rows.append((seq, kept, *facts, previous, sealed))
        previous = sealed
    if rows:
        insert_rows(connection, "audit", COLUMNS, rows)
        execute(connection, marked(connection, DAY_ENDS), (day_in(connection, shanghai_day(at)), seq, previous))
    execute(connection, marked(connection, TRAIL_ENDS), (ANCHOR, seq, previous))
    return seq


def record(engine: Engine, actor: str, action: str, **entry: Any) -> None:
    """Append an entry in a transaction of its own."""
    with writing(engine) as session:
        enter(session, actor, action, **entry)


def seal(
    previous: str,
    seq: int,
    at: datetime,
    actor: str,
    action: str,
    subject_id: str | None,
    purpose: str | None,
    payload: str,
) -> str:
    """SHA-256 over the previous hash and the entry in a canonical form."""
    return _hash(previous, seq, at.isoformat(timespec="microseconds"), actor, action, subject_id, purpose, payload)


def _hash(previous: str, *body: Any) -> str:
    return hashlib.sha256(previous.encode() + orjson.dumps(body)).hexdigest()


def day_ends(rows: Iterable[AuditDayRow]) -> dict[date, tuple[int, str]]:
    """Number and hash of each day's last entry."""
    return {row.day: (row.seq, row.hash) for row in rows}


class BadAnchors(HuixinError):
    code: ClassVar[str] = "bad-anchors"
    status: ClassVar[int] = 422
    title: ClassVar[Text] = Text("锚点文件不可用", "Bad anchor file")


@dataclass(frozen=True)
class AuditReport:
    """What a verification found: at most the first thousand faults."""

    entries: int
    faults: tuple[Text, ...]
    anchors: int = 0

    @property
    def sound(self) -> bool:
        return not self.faults


@dataclass
class _Walk:
    """Where a walk along the chain is, and what it found so far."""

    previous: str = GENESIS
    last: int = 0
    days: dict[date, tuple[int, str]] = field(default_factory=dict)
    faults: list[Text] = field(default_factory=list)

    def fault(self, zh: str, en: str) -> None:
        if len(self.faults) < FAULTS_TOLD:
            self.faults.append(Text(zh, en))


def anchors(engine: Engine) -> dict[str, Any]:
    """Each day's last entry and the very last one, to be kept where whoever can write here cannot."""
    with Session(engine) as session:
        days = day_ends(session.scalars(select(AuditDayRow).order_by(AuditDayRow.day)))
        tail = session.get(AuditAnchorRow, ANCHOR)
    last = (tail.entries, tail.hash) if tail else (0, GENESIS)
    listed = [[day.isoformat(), seq, sealed] for day, (seq, sealed) in days.items()]
    return {"format": ANCHOR_FORMAT, "made_at": f"{now().isoformat()}Z", "last": last, "days": listed}


def read_anchors(path: Path) -> dict[int, str]:
    """Hash by entry number of a file that ``anchors`` filled. Raises ``BadAnchors``."""
    try:
        told = orjson.loads(path.read_bytes())
        if told["format"] != ANCHOR_FORMAT:
            raise ValueError(told["format"])
        pairs = [(int(seq), str(sealed)) for _, seq, sealed in told["days"]]
        pairs.append((int(told["last"][0]), str(told["last"][1])))
    except (OSError, ValueError, KeyError, TypeError, IndexError) as error:
        raise BadAnchors(
            Text(f"{path} 不是锚点文件或无法读取", f"{path} is no anchor file, or cannot be read")
        ) from error
    return {seq: sealed for seq, sealed in pairs if seq}


def verify(engine: Engine, kept: Mapping[int, str] | None = None) -> AuditReport:
    """Walk the whole chain in flat memory. Finds edits, removals, insertions, reordering and a cut tail.

    ``kept``: hashes by entry number that were kept elsewhere (``read_anchors``). Without them, whoever can rewrite the
    whole chain with its days and its end leaves no trace.
    """
    walk, kept = _Walk(), kept or {}
    reached: set[int] = set()
    with Session(engine) as session:
        try:
            for row in _rows(session):
                _step(walk, row)
                if row.seq in kept:
                    reached.add(row.seq)
                    if row.hash != kept[row.seq]:
                        walk.fault(
                            f"第 {row.seq} 条与另行保存的锚点不符", f"entry {row.seq} is not the one that was anchored"
                        )
        except (DBAPIError, UnicodeDecodeError):
            walk.fault(f"第 {walk.last} 条之后无法读取", f"what follows entry {walk.last} cannot be read")
        try:
            _ends(walk, session)
        except (DBAPIError, ValueError, TypeError):
            walk.fault("锚点表无法读取", "the table of anchors cannot be read")
    for seq in sorted(set(kept) - reached):
        walk.fault(f"锚定的第 {seq} 条缺失", f"the anchored entry {seq} is missing")
    return AuditReport(walk.last, tuple(walk.faults), len(kept))


def _rows(session: Session) -> Iterator[Any]:
    """All entries as they lie there; the moment as text where the database keeps it as text."""
    row = AuditRow
    columns = (row.seq, type_coerce(row.at, String).label("at"), row.actor, row.action, row.subject_id, row.purpose)
    asked = select(*columns, row.payload, row.previous_hash, row.hash).order_by(row.seq)
    yield from session.execute(asked.execution_options(yield_per=1000))


def _step(walk: _Walk, row: Any) -> None:
    if row.seq != walk.last + 1:
        walk.fault(f"第 {walk.last + 1} 条缺失", f"entry {walk.last + 1} is missing")
    if row.previous_hash != walk.previous:
        walk.fault(f"第 {row.seq} 条与前一条不相接", f"entry {row.seq} does not follow the one before")
    at = _moment(row.at)
    if at is None or _sealed(row, at) != row.hash:
        walk.fault(f"第 {row.seq} 条被改动", f"entry {row.seq} was changed")
    walk.previous, walk.last = row.hash, row.seq
    if at is not None:
        walk.days[shanghai_day(at)] = row.seq, row.hash


def _sealed(row: Any, at: datetime) -> str | None:
    try:
        return seal(row.previous_hash, row.seq, at, row.actor, row.action, row.subject_id, row.purpose, row.payload)
    except (TypeError, AttributeError):  # some column holds another type than was written
        return None


def _moment(kept: Any) -> datetime | None:
    """The moment of an entry; None where it is not written as the service writes it."""
    if isinstance(kept, datetime):
        return kept
    try:
        found = datetime.fromisoformat(kept)
    except (TypeError, ValueError):
        return None
    return found if f"{found:%Y-%m-%d %H:%M:%S.%f}" == kept else None


def _ends(walk: _Walk, session: Session) -> None:
    """The ends of days, and the end of the trail, against what the walk saw."""
    told = day_ends(session.scalars(select(AuditDayRow)))
    for day in sorted(set(told) | set(walk.days)):
        if told.get(day) != walk.days.get(day):
            walk.fault(f"{day} 的末条与当日锚点不符", f"the last entry of {day} is not the anchored one")
    anchor = session.get(AuditAnchorRow, ANCHOR)
    length, last = (anchor.entries, anchor.hash) if anchor else (0, GENESIS)
    if length != walk.last or last != walk.previous:
        walk.fault(
            f"审计链应有 {length} 条，实有 {walk.last} 条或末条不符",
            f"the trail should end with entry {length}, not {walk.last}",
        )
