"""How a batch becomes visible: one transaction names its file, its subjects and its receipt.

Duplicates are settled outside the write lock, and again inside it for what came meanwhile. Live records are stamped
with a moment just ahead, committed before it, and acknowledged after it: so whoever asks as of any moment, then or
years later, sees the same records.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

import duckdb
from sqlalchemy import Engine, select, update
from sqlalchemy.orm import Session

from records.catalogue import Item
from records.database import BatchRow, FileRow, SubjectRow, writing
from records.known import KnownSubjects
from records.moment import now
from records.receipt import Receipt
from records.staging import StagedBatch, WrittenFile, discard
from records.versions import remember

SOON = timedelta(milliseconds=100)


@dataclass(frozen=True)
class Sending:
    """How a batch came: its key, the version of the item it follows, the channel and the client that sent it."""

    sha256: str
    received_at: datetime
    batch_key: str | None = None
    channel: str = "command line"
    client_id: str | None = None


class BatchCommit:
    """Makes staged batches visible in one base."""

    def __init__(self, engine: Engine, records_folder: Path, quarantine_folder: Path, known: KnownSubjects) -> None:
        self.engine = engine
        self.records_folder = records_folder
        self.quarantine_folder = quarantine_folder
        self.known = known

    def earlier(self, item: Item, sending: Sending, session: Session | None = None) -> Receipt | None:
        """The receipt of the same batch key, or of the same content for this item where some of it was accepted.

        A file of which nothing was accepted may be sent again, say with the option that was forgotten.
        """
        same = (BatchRow.item == item.code) & (BatchRow.sha256 == sending.sha256) & (BatchRow.rows_accepted > 0)
        if sending.batch_key is not None:
            same = same | (BatchRow.batch_key == sending.batch_key)
        with self._reading(session) as reader:
            found = reader.scalars(select(BatchRow).where(same)).first()
            return Receipt.from_dict(found.receipt) if found else None

    def commit(self, staged: StagedBatch, sending: Sending) -> Receipt:
        """Make ``staged`` visible and durable; returns its receipt once its moment has passed."""
        batch_id = f"{sending.received_at:%Y%m%dT%H%M%S}-{secrets.token_hex(6)}"
        checked = self._settled(staged)
        draft = _Draft(staged, self.records_folder, batch_id)
        with writing(self.engine) as session:
            if earlier := self.earlier(staged.item, sending, session):
                discard(draft.file)
                return earlier
            remember(session, staged.item)
            files = self._files_of(staged.item, session)
            newer = sorted(set(files) - set(checked))
            draft.keep_up(changed=bool(newer) and staged.settle(files, newer) > 0)
            quarantine = staged.write_quarantine(self.quarantine_folder, batch_id)
            self._name_subjects(session, staged, draft)
            receipt = _receipt(staged, sending, batch_id, draft, quarantine)
            _name_batch(session, staged, sending, receipt, draft.file)
        while (ahead := (draft.accepted_at - now()).total_seconds()) > 0:
            time.sleep(ahead)
        return receipt

    def _settled(self, staged: StagedBatch) -> list[str]:
        """Refuse what the base has already; returns the files asked. One that an erasure removes is asked no more."""
        while True:
            files = self._files_of(staged.item)
            try:
                staged.settle(files)
            except (duckdb.IOException, FileNotFoundError):
                if all(Path(path).exists() for path in files):
                    raise
            else:
                return files

    def _name_subjects(self, session: Session, staged: StagedBatch, draft: _Draft) -> None:
        """Keep the subjects that the batch names; where there are so many that its moment passed, stamp it anew."""
        if draft.file is None:
            draft.keep_up()
            return
        self.known.name(session, staged.subjects_of(draft.file), staged.named_by(draft.file))
        stamped = draft.accepted_at
        draft.keep_up()
        if draft.accepted_at != stamped and not staged.history:
            session.execute(
                update(SubjectRow)
                .where(SubjectRow.first_recorded_at == stamped)
                .values(first_recorded_at=draft.accepted_at)
            )

    def _files_of(self, item: Item, session: Session | None = None) -> list[str]:
        with self._reading(session) as reader:
            paths = reader.scalars(select(FileRow.path).where(FileRow.item == item.code).order_by(FileRow.path)).all()
        return [str(self.records_folder / path) for path in paths]

    @contextmanager
    def _reading(self, session: Session | None) -> Iterator[Session]:
        """The given session, or a fresh one for this one question."""
        if session is not None:
            yield session
            return
        with Session(self.engine) as fresh:
            yield fresh


def _receipt(staged: StagedBatch, sending: Sending, batch_id: str, draft: _Draft, quarantine: Path | None) -> Receipt:
    rows = draft.file.rows if draft.file else 0
    receipt = Receipt(
        batch_id=batch_id,
        batch_key=sending.batch_key,
        item=staged.item.code,
        sha256=sending.sha256,
        received_at=sending.received_at,
        accepted_at=draft.accepted_at,
        rows_read=staged.rows_read,
        rows_accepted=rows,
        rows_rejected=staged.rows_read - rows,
        files=(draft.file.name,) if draft.file else (),
        quarantine=str(quarantine) if quarantine else None,
        source=staged.item.source,
        version=staged.version,
    )
    rejects = quarantine.with_suffix(".csv") if quarantine else None
    return replace(receipt, rejects=str(rejects)) if rejects and rejects.exists() else receipt


def _name_batch(
    session: Session, staged: StagedBatch, sending: Sending, receipt: Receipt, file: WrittenFile | None
) -> None:
    """The rows that make a batch exist: its receipt and its file."""
    session.add(
        BatchRow(
            batch_id=receipt.batch_id,
            batch_key=receipt.batch_key,
            item=receipt.item,
            source=receipt.source,
            sha256=receipt.sha256,
            received_at=receipt.received_at,
            accepted_at=receipt.accepted_at,
            rows_accepted=receipt.rows_accepted,
            rows_rejected=receipt.rows_rejected,
            history=staged.history,
            version=receipt.version,
            channel=sending.channel,
            client_id=sending.client_id,
            receipt=receipt.as_dict(),
        )
    )
    session.flush()
    if file is not None:
        session.add(
            FileRow(
                path=file.name,
                batch_id=receipt.batch_id,
                item=receipt.item,
                rows=file.rows,
                bytes=file.path.stat().st_size,
                sha256=file.sha256,
                has_corrections=file.has_corrections,
            )
        )
        session.flush()


class _Draft:
    """The batch's file before a transaction names it, and the moment from which its records will be seen."""

    def __init__(self, staged: StagedBatch, folder: Path, batch_id: str) -> None:
        self._staged, self._folder, self._batch_id = staged, folder, batch_id
        self._ahead = SOON + timedelta(seconds=staged.seconds_to_write)
        self.file: WrittenFile | None = None
        self._write()
        while self.file and not staged.history and self.accepted_at - now() < SOON / 2 + self._took / 8:
            self._write_with_more_time()  # here rather than under the write lock

    def keep_up(self, changed: bool = False) -> None:
        """Write the file again where rows were refused meanwhile, or where its moment is too near to commit before."""
        if changed:
            self._write()
        if self._staged.history or self.file is None:
            self.accepted_at = now() + SOON
            return
        while self.accepted_at - now() < SOON / 2:
            self._write_with_more_time()

    def _write_with_more_time(self) -> None:
        self._ahead = SOON + 2 * self._took
        self._write()

    def _write(self) -> None:
        discard(self.file)
        started = now()
        self.accepted_at = started + self._ahead
        self.file = self._staged.write_file(self._folder, self._batch_id, self.accepted_at)
        self._took = now() - started
