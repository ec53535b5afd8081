"""Uploads: declared, received chunk by chunk, given up or handed to the queue.

The offset that an upload tells is always true: a chunk is written and forced to disk first, and then counted by a
transaction. What the transaction does not count does not exist.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from records.base import RecordBase
from records.database import BatchRow, UploadRow, writing
from records.errors import HuixinError, NotAllowed
from records.exchange.errors import (
    BadDeclaration,
    GaveUp,
    KeyTaken,
    NotReceiving,
    SpoolLost,
    TooLarge,
    TooMany,
    UnknownUpload,
    WrongChecksum,
    WrongOffset,
)
from records.exchange.spool import Spool, lost
from records.moment import now
from records.words import Text

Ending = Literal["csv", "csv.gz", "jsonl", "jsonl.gz", "parquet", "xlsx"]
RECEIVING, QUEUED, ACCEPTED, REFUSED = "receiving", "queued", "accepted", "refused"
GIVEN_UP, EXPIRED = "given up", "expired"
OPEN = (RECEIVING, QUEUED)
SEND_AGAIN = frozenset({WrongChecksum.code, SpoolLost.code, GaveUp.code})
BATCH_KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:@+=/-]{0,99}")
RETRY_SECONDS = 30

# Writes an entry (actor, action, payload) of the audit trail inside the caller's transaction.
Enter = Callable[[Session, str, str, dict[str, Any]], None]


@dataclass(frozen=True)
class Sender:
    """A client that sends for one source."""

    client_id: str
    source: str


@dataclass(frozen=True)
class Declaration:
    """What a source is about to send. ``size`` in bytes and ``sha256`` (hexadecimal) are of the file as it is sent."""

    item: str
    batch_key: str
    ending: Ending
    size: int
    sha256: str
    version: int | None = None
    history: bool = False


class Uploads:
    """The uploads of one base."""

    def __init__(self, base: RecordBase, spool: Spool, enter: Enter) -> None:
        self.base = base
        self.engine = base.engine
        self.limits = base.settings.exchange
        self.spool = spool
        self.enter = enter

    def declare(self, sender: Sender, asked: Declaration) -> tuple[UploadRow, bool]:
        """The upload for what is asked, and whether it is new.

        The same declaration under the same key gives the upload that there is. An upload that was refused leaves its
        key to a corrected file; one that got damaged on the way, to the same file.
        """
        version = self.check(sender, asked)
        if asked.size > self.limits.upload_bytes_most:
            most = f"{self.limits.upload_bytes_most:,}"
            raise TooLarge(Text(f"一批至多 {most} 字节；请分批", f"a batch has at most {most} bytes: split it"))
        self.spool.check_room(0)
        key = qualified(sender.source, asked.batch_key)
        with writing(self.engine) as session:
            session.expire_on_commit = False
            found = session.scalars(select(UploadRow).where(UploadRow.batch_key == key)).first()
            if found is not None and not _leaves_key(found, asked):
                if not _same(found, asked):
                    raise _taken(asked.batch_key)
                return _loose(session, found), False
            if found is not None:
                found.batch_key = f"{key}~{found.upload_id}"
                session.flush()
            row = _row(sender, asked, key, version)
            batch = session.scalars(select(BatchRow).where(BatchRow.batch_key == key)).first()
            if batch is None:
                self._check_room(session, sender, asked.size)
                self.spool.check_room(asked.size)
            elif (batch.item, batch.sha256) != (asked.item, asked.sha256):
                raise _taken(asked.batch_key)
            else:
                row.state, row.received, row.batch_id = ACCEPTED, asked.size, batch.batch_id
            session.add(row)
            self.enter(session, sender.client_id, "upload.declare", _payload(row))
            session.flush()
            return _loose(session, row), batch is None

    def check(self, sender: Sender, asked: Declaration) -> int:
        """The version that the batch follows. Raises what is wrong with the declaration itself."""
        item = self.base.catalogue.item(asked.item)
        if item.source != sender.source:
            raise NotAllowed(
                Text(
                    f"{item.code} 由来源 {item.source} 报送；此密钥属于来源 {sender.source}",
                    f"{item.code} is reported by the source {item.source}; this key belongs to {sender.source}",
                )
            )
        item.fields_at(asked.version)
        if asked.history and not self.limits.history:
            raise NotAllowed(
                Text(
                    "未开放经接口装载历史数据（HUIXIN_EXCHANGE_HISTORY）",
                    "historical loads over this interface are not open here (HUIXIN_EXCHANGE_HISTORY)",
                )
            )
        if not BATCH_KEY.fullmatch(asked.batch_key):
            raise BadDeclaration(
                Text(
                    "batch_key 可用 1 至 100 个字母、数字与 . _ : @ + = / -，以字母或数字开头",
                    "a batch_key of 1 to 100 letters, digits and . _ : @ + = / - that begins with a letter or a digit "
                    "is accepted",
                )
            )
        return asked.version or item.version

    def get(self, upload_id: str, source: str | None) -> UploadRow:
        """The upload as it stands; ``source``: whose it must be, or ``None`` for any. Raises ``UnknownUpload``."""
        row = self._read(upload_id, source)
        if row.state == RECEIVING and not self.spool.holds(upload_id, row.stored):
            with self.spool.held(upload_id):
                row = self._read(upload_id, source)
                if row.state == RECEIVING and not self.spool.holds(upload_id, row.stored):
                    self._count(row, 0, 0)
                    row = self._read(upload_id, source)
        return row

    def receive(self, upload_id: str, sender: Sender, offset: int, chunk: bytes) -> UploadRow:
        """Take the chunk that begins at ``offset`` of the clear file; durable on return."""
        row = self.get(upload_id, sender.source)
        _check_takes(row, offset, chunk)
        if not chunk:
            return row
        self.spool.check_room(len(chunk))
        with self.spool.held(upload_id) as file:
            row = self._read(upload_id, sender.source)
            _check_takes(row, offset, chunk)
            if not self.spool.holds(upload_id, row.stored):
                raise lost()
            stored = file.write(row.stored, offset, chunk)
            self._count(row, offset + len(chunk), stored, sender)
        return self._read(upload_id, sender.source)

    def give_up(self, upload_id: str, sender: Sender) -> None:
        """Forget an upload that is unfinished or was refused; its key is free again."""
        row = self._read(upload_id, sender.source)
        with self.spool.held(upload_id):
            with writing(self.engine) as session:
                found = session.get_one(UploadRow, upload_id)
                if found.state not in (RECEIVING, REFUSED):
                    raise NotReceiving(found.state, found.received)
                _close(found, GIVEN_UP)
                self.enter(session, sender.client_id, "upload.give-up", _payload(row))
            self.spool.remove(upload_id)

    def expire(self) -> int:
        """Give up uploads without progress for too long; remove files that no open upload needs, returns how many."""
        idle = now() - timedelta(days=self.limits.idle_days)
        with Session(self.engine) as session:
            stale = session.scalars(
                select(UploadRow.upload_id).where(UploadRow.state == RECEIVING, UploadRow.updated_at < idle)
            ).all()
        for upload_id in stale:
            with self.spool.held(upload_id), writing(self.engine) as session:
                found = session.get_one(UploadRow, upload_id)
                if found.state == RECEIVING and found.updated_at < idle:
                    _close(found, EXPIRED)
                    self.enter(session, found.client_id, "upload.expire", _payload(found))
        return self._sweep()

    def _sweep(self) -> int:
        files = self.spool.uploads()
        with Session(self.engine) as session:
            needed = set(session.scalars(select(UploadRow.upload_id).where(UploadRow.state.in_(OPEN))))
        for upload_id in set(files) - needed:
            self.spool.remove(upload_id)
        return len(set(files) - needed)

    def _read(self, upload_id: str, source: str | None) -> UploadRow:
        with Session(self.engine, expire_on_commit=False) as session:
            row = session.get(UploadRow, upload_id)
        if row is None or (source is not None and row.source != source):
            raise UnknownUpload(Text("没有此上传，或属于另一来源", "no such upload, or it is another source's"))
        return row

    def _count(self, row: UploadRow, received: int, stored: int, sender: Sender | None = None) -> None:
        complete = received == row.size
        with writing(self.engine) as session:
            counted = session.connection().execute(
                update(UploadRow)
                .where(UploadRow.upload_id == row.upload_id, UploadRow.state == RECEIVING)
                .where(UploadRow.received == row.received)
                .values(received=received, stored=stored, updated_at=now(), state=QUEUED if complete else RECEIVING)
            )
            if counted.rowcount != 1:
                raise WrongOffset(row.received)
            if complete and sender is not None:
                self.enter(session, sender.client_id, "upload.complete", _payload(row))

    def _check_room(self, session: Session, sender: Sender, size: int) -> None:
        """Raises ``TooMany`` where the source, the queue or the spool has its fill."""
        is_open = UploadRow.state.in_(OPEN)
        count = select(func.count()).select_from(UploadRow)
        own = session.scalar(count.where(is_open, UploadRow.source == sender.source)) or 0
        queued = session.scalar(count.where(UploadRow.state == QUEUED)) or 0
        spooled = session.scalar(select(func.sum(UploadRow.size)).where(is_open)) or 0
        if own >= self.limits.open_most:
            words = Text(
                f"本来源已有 {own} 个未完成的上传；请先完成或放弃",
                f"this source has {own} open uploads: finish or give up some",
            )
        elif queued >= self.limits.queue_most:
            words = Text(f"已有 {queued} 批在排队", f"{queued} batches are waiting")
        elif spooled + size > self.limits.spool_bytes_most:
            words = Text("暂存空间已满", "the spool is full")
        else:
            return
        raise TooMany(words, RETRY_SECONDS)


def qualified(source: str, batch_key: str) -> str:
    """The key by which the base knows a pushed batch: no source can touch another's, whatever its keys are."""
    return f"push:{source}:{batch_key}"


def problem_of(error: HuixinError) -> dict[str, Any]:
    """What is kept of an error, to be told as an RFC 9457 problem later."""
    return {
        "code": error.code,
        "status": error.status,
        "title": error.title._asdict(),
        "detail": error.text._asdict(),
    }


def _row(sender: Sender, asked: Declaration, key: str, version: int) -> UploadRow:
    moment: datetime = now()
    return UploadRow(
        upload_id=f"u-{secrets.token_hex(12)}",
        client_id=sender.client_id,
        source=sender.source,
        item=asked.item,
        version=version,
        history=asked.history,
        batch_key=key,
        ending=asked.ending,
        size=asked.size,
        sha256=asked.sha256,
        received=0,
        stored=0,
        attempts=0,
        state=RECEIVING,
        created_at=moment,
        updated_at=moment,
    )


def _same(row: UploadRow, asked: Declaration) -> bool:
    """Whether the upload is of what is asked; a version left out means whichever it was."""
    return (row.item, row.ending, row.size, row.sha256, row.history) == (
        asked.item,
        asked.ending,
        asked.size,
        asked.sha256,
        asked.history,
    ) and asked.version in (None, row.version)


def _leaves_key(row: UploadRow, asked: Declaration) -> bool:
    if row.state != REFUSED:
        return False
    return not _same(row, asked) or (row.problem or {}).get("code") in SEND_AGAIN


def _close(row: UploadRow, state: str) -> None:
    row.state, row.updated_at = state, now()
    row.batch_key = f"{row.batch_key}~{row.upload_id}"


def _check_takes(row: UploadRow, offset: int, chunk: bytes) -> None:
    if row.state != RECEIVING:
        raise NotReceiving(row.state, row.received)
    if offset != row.received:
        raise WrongOffset(row.received)
    if offset + len(chunk) > row.size:
        raise TooLarge(Text(f"超出声明的 {row.size} 字节", f"goes past the {row.size} bytes that were declared"))


def _loose(session: Session, row: UploadRow) -> UploadRow:
    """The row, usable after its session."""
    session.refresh(row)
    session.expunge(row)
    return row


def _payload(row: UploadRow) -> dict[str, Any]:
    return {"upload_id": row.upload_id, "item": row.item, "batch_key": row.batch_key, "sha256": row.sha256}


def _taken(batch_key: str) -> KeyTaken:
    return KeyTaken(
        Text(
            f"批次键 {batch_key} 已用于内容或声明不同的一批；请换用新键",
            f"the batch key {batch_key} stands for a batch of other content or declaration; use a new key",
        )
    )
