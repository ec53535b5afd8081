"""The record base: batches in (``records.commit`` makes them visible), records as of any moment out.

A batch's rows are staged, checked against each other and against the base, sorted by subject and written as one
immutable Parquet file; then one transaction in the operations database names the file, its subjects and the receipt.
Files that no transaction names do not exist. One table an item, not partitioned further: a history load gives one file
instead of one a month, and rows sorted by subject let readers skip row groups.
"""

from __future__ import annotations

import secrets
import shutil
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session

from records.batch import BatchValidator
from records.catalogue import Catalogue, Item
from records.commit import BatchCommit, Sending
from records.database import BatchRow, FileRow, LifecycleRow, RewriteRow, SubjectRow, migrate, open_engine
from records.errors import BadIdentifier, UnknownSubject
from records.identity import SUBJECT_ID, Identity, check_number, scheme_of
from records.keyring import KeyRing
from records.known import KnownSubjects
from records.moment import now
from records.reading import readable
from records.receipt import Receipt
from records.settings import Settings
from records.staging import StagedBatch, digest
from records.storage import room
from records.stored_files import file_of, remove_file
from records.tables import Stored, connect
from records.versions import check_unchanged
from records.visibility import seen
from records.words import Text

STAGING = ".staging"
SUBJECT_COLUMNS = pa.schema(
    {
        "subject_id": pa.string(),
        "subject_kind": pa.string(),
        "masked": pa.string(),
        "first_recorded_at": pa.timestamp("us"),
    }
)
Progress = Callable[[int], None]


class RecordBase:
    """The public credit base of one installation."""

    def __init__(self, settings: Settings, engine: Engine, catalogue: Catalogue) -> None:
        self.settings = settings
        self.engine = engine
        self.catalogue = catalogue
        self.known = KnownSubjects(engine, KeyRing.from_settings(settings))
        self.identity = Identity(self.known.ring, self.known.ids)
        self._commit = BatchCommit(engine, settings.records_folder, settings.quarantine_folder, self.known)

    @classmethod
    def open(cls, settings: Settings | None = None, catalogue: Catalogue | None = None) -> RecordBase:
        """Open the base of ``settings``; makes its folders and brings its database up to date."""
        from records.backup import refuse_half_restored

        settings = settings or Settings()
        refuse_half_restored(settings)
        settings.records_folder.mkdir(parents=True, exist_ok=True)
        engine = open_engine(settings.operations_url)
        migrate(engine)
        from records.erasure import finish_erasures

        base = cls(settings, engine, catalogue or Catalogue.load(more=settings.catalogue_folder))
        finish_erasures(base)
        return base

    def append(
        self,
        path: Path,
        item_code: str,
        *,
        version: int | None = None,
        history: bool = False,
        pseudonyms: str | None = None,
        batch_key: str | None = None,
        channel: str = "command line",
        client_id: str | None = None,
        progress: Progress | None = None,
    ) -> Receipt:
        """Take a batch: good rows in, bad rows to quarantine, a receipt back.

        ``version``: the version of the item that the batch follows (default: the present one);
        ``history`` accepts a ``recorded_at`` column (UTC) for records that another system learnt earlier;
        ``pseudonyms`` names the issuer of codes used in place of identity numbers (anonymised research data);
        ``channel`` and ``client_id`` say how it came, and from whom.
        The same content, or the same ``batch_key``, gives the first receipt again and adds nothing.
        Raises ``UnknownItem`` or ``BadBatch`` when the whole batch is refused; then nothing has changed.
        """
        item = self.catalogue.item(item_code)
        item.fields_at(version)
        with Session(self.engine) as session:
            check_unchanged(session, item)
        sending = Sending(digest(readable(path)), now(), batch_key, channel, client_id)
        if earlier := self._commit.earlier(item, sending):
            return earlier
        staging = self.settings.records_folder / STAGING / f"{time.time_ns():x}-{secrets.token_hex(4)}"
        with room(staging.parent):
            staging.mkdir(parents=True)
        try:
            validator = BatchValidator(
                item, self.identity, sending.received_at, history=history, pseudonyms=pseudonyms, version=version
            )
            staged = StagedBatch(validator, staging, self.settings.batch_rows_most)
            staged.read(path, progress)
            return self._commit.commit(staged, sending)
        finally:
            shutil.rmtree(staging, ignore_errors=True)

    def connection(self, items: tuple[str, ...] | None = None) -> Any:
        """An Ibis DuckDB backend with one view an item (all, or ``items``): see ``records.tables.connect``."""
        return connect(*self.stored(items))

    def stored(self, items: tuple[str, ...] | None = None) -> tuple[list[Item], Stored, list[Item]]:
        """All items (or ``items``), what is stored, and the items that say who carries on whose file."""
        with Session(self.engine) as session:
            rows = session.execute(select(FileRow.item, FileRow.path, FileRow.has_corrections)).all()
            visibility = seen(session)
        files: dict[str, list[tuple[str, bool]]] = {}
        for item, path, corrections in rows:
            files.setdefault(item, []).append((str(self.settings.records_folder / path), corrections))
        chosen = [self.catalogue.item(code) for code in items or self.catalogue.items]
        following = [item for item in self.catalogue.items.values() if item.succession]
        return chosen, Stored(files, visibility), following

    def state(self) -> int:
        """A number that changes whenever records come into sight or out of it, or lie in other files."""
        with Session(self.engine) as session:
            return sum(
                int(session.scalar(select(func.count()).select_from(table)) or 0)
                for table in (BatchRow, LifecycleRow, RewriteRow)
            )

    def batches(self) -> list[BatchRow]:
        """Every accepted batch, the first one first."""
        with Session(self.engine, expire_on_commit=False) as session:
            return list(session.scalars(select(BatchRow).order_by(BatchRow.accepted_at, BatchRow.batch_id)))

    def subjects(self, kind: str | None = None) -> pa.Table:
        """Columns subject_id, subject_kind, masked, first_recorded_at; ordered by subject_id."""
        query = select(SubjectRow.subject_id, SubjectRow.kind, SubjectRow.masked, SubjectRow.first_recorded_at)
        if kind is not None:
            query = query.where(SubjectRow.kind == kind)
        with Session(self.engine) as session:
            rows = session.execute(query.order_by(SubjectRow.subject_id, SubjectRow.kind)).all()
        columns = list(zip(*rows, strict=True)) or [()] * len(SUBJECT_COLUMNS)
        return pa.table(
            [pa.array(column, field.type) for column, field in zip(columns, SUBJECT_COLUMNS, strict=True)],
            schema=SUBJECT_COLUMNS,
        )

    def subject(self, text: str) -> SubjectRow:
        """The subject named by a subject id or an identity number. Raises ``UnknownSubject`` or ``BadIdentifier``."""
        text = text.strip()
        candidates = [text] if SUBJECT_ID.fullmatch(text) else self._candidates(text)
        with Session(self.engine, expire_on_commit=False) as session:
            found = session.scalars(select(SubjectRow).where(SubjectRow.subject_id.in_(candidates))).first()
        if found is None:
            raise UnknownSubject(
                Text(
                    "信用库中没有此主体；可用主体编号（32 位十六进制）、统一社会信用代码或公民身份号码",
                    "no such subject in the base; a subject id (32 hexadecimal characters), a unified social credit "
                    "code or a citizen number is accepted",
                )
            )
        return found

    def resolve(self, text: str) -> str:
        """The subject id for a subject id or an identity number."""
        return self.subject(text).subject_id

    def sweep(self, older_than: timedelta = timedelta(days=1)) -> int:
        """Remove files that no transaction names (any more), left or replaced longer ago than given; returns how many.

        Interrupted batches leave some, compaction others, which readers may still have open.
        """
        with Session(self.engine) as session:
            named = {self.settings.records_folder / path for path in session.scalars(select(FileRow.path))}
            quarantine = self.settings.quarantine_folder
            batches = session.scalars(select(BatchRow.batch_id)).all()
            named |= {quarantine / f"{batch_id}.{ending}" for batch_id in batches for ending in ("jsonl", "csv")}
            recent = select(RewriteRow.before).where(RewriteRow.at > now() - older_than)
            named |= {self.settings.records_folder / path for some in session.scalars(recent) for path in some}
        removed = 0
        for folder in (self.settings.records_folder, quarantine):
            for path in sorted(folder.rglob("*"), reverse=True):
                with suppress(OSError):
                    if path in named or time.time() - path.stat().st_mtime <= older_than.total_seconds():
                        continue
                    if (file := file_of(path)) is not None and file.exists():
                        continue
                    if path.is_file():
                        remove_file(path)
                        removed += 1
                    elif path.parent.name == STAGING:
                        path.rmdir()
        return removed

    def _candidates(self, text: str) -> list[str]:
        """Subject ids that an identity number could stand for."""
        ids = []
        for kind in ("enterprise", "individual"):
            try:
                ids.append(self.identity.subject_id(scheme_of(kind), check_number(kind, text)))
            except BadIdentifier:
                continue
        return ids
