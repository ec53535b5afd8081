"""The exchange of one installation: its uploads, queue, receipts and zero reports around one record base."""

from __future__ import annotations

import threading
from datetime import date, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import select, tuple_
from sqlalchemy.orm import Session

from records.base import RecordBase
from records.database import BatchRow, NothingToReportRow, writing
from records.errors import BadMoment, KeysRotated
from records.exchange.errors import KeyTaken, UnknownBatch
from records.exchange.private import PrivateFiles
from records.exchange.queue import UploadQueue
from records.exchange.signing import ReceiptSigner
from records.exchange.spool import Spool, write
from records.exchange.uploads import Declaration, Enter, Sender, Uploads, qualified
from records.moment import now, shanghai_day
from records.receipt import Receipt
from records.storage import room
from records.words import Text


class Exchange:
    """All ways in; ``enter`` writes the audit trail."""

    def __init__(self, base: RecordBase, enter: Enter) -> None:
        self.base = base
        self.enter = enter
        self.spool = Spool(base.settings)
        self.uploads = Uploads(base, self.spool, enter)
        self.queue = UploadQueue(base.engine, enter, base.settings.exchange.lease_seconds)
        self.signer = ReceiptSigner(base.settings)
        self.private = PrivateFiles(base.settings)
        self._reopening = threading.Lock()

    def append(self, path: Path, item: str, **options: Any) -> Receipt:
        """``RecordBase.append``; where the identity keys were rotated meanwhile, with the present ones.

        Raises ``StorageFull`` for a full disk, whoever met it.
        """
        base = self.base
        with room(base.settings.home):
            try:
                return base.append(path, item, **options)
            except KeysRotated:
                with self._reopening:
                    if self.base is base:
                        self.base = RecordBase.open(base.settings, base.catalogue)
                return self.base.append(path, item, **options)

    def push(self, sender: Sender, asked: Declaration, content: bytes) -> Receipt:
        """Take a small batch at once. Raises ``KeyTaken`` where its key stands for other content."""
        version = self.uploads.check(sender, asked)
        self.spool.check_room(2 * len(content))
        key = qualified(sender.source, asked.batch_key)
        self._check_key(key, asked)
        with self.private.file(f"batch.{asked.ending}", len(content)) as path:
            write(path, content)
            receipt = self.append(
                path,
                asked.item,
                version=version,
                history=asked.history,
                batch_key=key,
                channel="push",
                client_id=sender.client_id,
            )
        self._check_key(key, asked)
        payload = {"batch_id": receipt.batch_id, "item": asked.item, "batch_key": key}
        with writing(self.base.engine) as session:
            self.enter(session, sender.client_id, "batch.accepted", payload)
        return receipt

    def batch(self, batch_id: str, source: str | None) -> BatchRow:
        """A batch of ``source``, or of any where it is ``None``. Raises ``UnknownBatch``."""
        with Session(self.base.engine, expire_on_commit=False) as session:
            row = session.get(BatchRow, batch_id)
        if row is None or (source is not None and row.source != source):
            raise UnknownBatch(Text("没有此批次，或属于另一来源", "no such batch, or it is another source's"))
        return row

    def batches(
        self, source: str | None, item: str | None, after: tuple[datetime, str] | None, most: int
    ) -> list[BatchRow]:
        """Batches in the order in which they came into sight, those after ``after`` (accepted_at, batch_id) only.

        A batch whose moment is still ahead is left for the next question, so that following the order misses none.
        """
        query = select(BatchRow).where(BatchRow.accepted_at <= now())
        if source is not None:
            query = query.where(BatchRow.source == source)
        if item is not None:
            query = query.where(BatchRow.item == self.base.catalogue.item(item).code)
        if after is not None:
            query = query.where(tuple_(BatchRow.accepted_at, BatchRow.batch_id) > tuple_(*after))
        with Session(self.base.engine, expire_on_commit=False) as session:
            return list(session.scalars(query.order_by(BatchRow.accepted_at, BatchRow.batch_id).limit(most)))

    def reject_file(self, batch: BatchRow) -> Path | None:
        """The rows of a batch that were refused, to correct and resend; ``None`` where there are none."""
        path = self.base.settings.quarantine_folder / f"{batch.batch_id}.csv"
        return path if path.is_file() else None

    def nothing_to_report(self, sender: Sender, item: str, month: date) -> bool:
        """Keep a source's word that there was nothing of ``item`` in the month; returns whether it is new."""
        self.uploads.check(sender, Declaration(item, "nothing", "csv", 0, ""))
        first = month.replace(day=1)
        if first > shanghai_day(now()):
            raise BadMoment(Text("月份尚未开始", "this month has not begun"))
        with writing(self.base.engine) as session:
            if session.get(NothingToReportRow, (item, first)) is not None:
                return False
            session.add(NothingToReportRow(item=item, month=first, at=now(), client_id=sender.client_id))
            payload = {"item": item, "month": f"{first:%Y-%m}"}
            self.enter(session, sender.client_id, "nothing-to-report", payload)
            return True

    def _check_key(self, key: str, asked: Declaration) -> None:
        with Session(self.base.engine) as session:
            known = session.execute(select(BatchRow.item, BatchRow.sha256).where(BatchRow.batch_key == key)).first()
        if known is not None and tuple(known) != (asked.item, asked.sha256):
            raise KeyTaken(
                Text("此批次键已用于另一批；请换用新键", "this batch key stands for another batch; use a new key")
            )
