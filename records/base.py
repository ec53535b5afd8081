"""The record base: batches in, records as of any moment out.

A batch's rows are staged, checked against each other and against the base, sorted by subject and written as one
immutable Parquet file; then one transaction in the operations database names the file, its subjects and the receipt.
Files that no transaction names do not exist. One table an item, not partitioned further: a history load gives one file
instead of one a month, and rows sorted by subject let readers skip row groups.
"""

from __future__ import annotations

import secrets
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
from sqlalchemy import Engine, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from records.batch import BatchValidator
from records.catalogue import Catalogue, Item
from records.database import BatchRow, FileRow, SubjectRow, migrate, open_engine, writing
from records.errors import BadIdentifier, UnknownSubject
from records.identity import SUBJECT_ID, Identity, check_number, scheme_of
from records.moment import now
from records.reading import readable
from records.settings import Settings
from records.staging import StagedBatch, WrittenFile, digest, discard
from records.tables import connect
from records.words import Text

STAGING = ".staging"
SOON = timedelta(milliseconds=100)
WRITTEN_A_SECOND = 400_000
SUBJECT_COLUMNS = pa.schema(
    {
        "subject_id": pa.string(),
        "subject_kind": pa.string(),
        "masked": pa.string(),
        "first_recorded_at": pa.timestamp("us"),
    }
)
Progress = Callable[[int], None]


@dataclass(frozen=True)
class Receipt:
    """What became of a batch. It is given out only after its records are durable."""

    batch_id: str
    batch_key: str | None
    item: str
    sha256: str
    received_at: datetime
    accepted_at: datetime
    rows_read: int
    rows_accepted: int
    rows_rejected: int
    files: tuple[str, ...]
    quarantine: str | None
    replayed: bool = False

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready; instants in ISO 8601 with the zone."""
        return {
            **asdict(self),
            "received_at": f"{self.received_at.isoformat()}Z",
            "accepted_at": f"{self.accepted_at.isoformat()}Z",
            "files": list(self.files),
        }

    @classmethod
    def from_dict(cls, stored: dict[str, Any]) -> Receipt:
        """The stored receipt of a batch that has been sent before."""
        instants = {
            name: datetime.fromisoformat(stored[name].removesuffix("Z")) for name in ("received_at", "accepted_at")
        }
        return cls(**{**stored, **instants, "files": tuple(stored["files"]), "replayed": True})


class RecordBase:
    """The public credit base of one installation."""

    def __init__(self, settings: Settings, engine: Engine, catalogue: Catalogue) -> None:
        self.settings = settings
        self.engine = engine
        self.catalogue = catalogue
        self.identity = Identity.from_settings(settings)

    @classmethod
    def open(cls, settings: Settings | None = None, catalogue: Catalogue | None = None) -> RecordBase:
        """Open the base of ``settings``; makes its folders and brings its database up to date."""
        settings = settings or Settings()
        settings.records_folder.mkdir(parents=True, exist_ok=True)
        engine = open_engine(settings.operations_url)
        migrate(engine)
        return cls(settings, engine, catalogue or Catalogue.load())

    def append(
        self,
        path: Path,
        item_code: str,
        *,
        history: bool = False,
        pseudonyms: str | None = None,
        batch_key: str | None = None,
        progress: Progress | None = None,
    ) -> Receipt:
        """Take a batch: good rows in, bad rows to quarantine, a receipt back.

        ``history`` accepts a ``recorded_at`` column (UTC) for records that another system learnt earlier;
        ``pseudonyms`` names the issuer of codes used in place of identity numbers (anonymised research data).
        The same content, or the same ``batch_key``, gives the first receipt again and adds nothing.
        Raises ``UnknownItem`` or ``BadBatch`` when the whole batch is refused; then nothing has changed.
        """
        item = self.catalogue.item(item_code)
        received_at = now()
        content = digest(readable(path))
        if earlier := self._earlier(item, content, batch_key):
            return earlier
        staging = self.settings.records_folder / STAGING / f"{time.time_ns():x}-{secrets.token_hex(4)}"
        staging.mkdir(parents=True)
        try:
            validator = BatchValidator(item, self.identity, received_at, history=history, pseudonyms=pseudonyms)
            staged = StagedBatch(validator, staging)
            staged.read(path, progress)
            return self._commit(staged, content, batch_key, received_at)
        finally:
            shutil.rmtree(staging, ignore_errors=True)

    def connection(self, items: tuple[str, ...] | None = None) -> Any:
        """An Ibis DuckDB backend with one view an item (all, or ``items``): see ``records.tables.connect``."""
        with Session(self.engine) as session:
            rows = session.execute(select(FileRow.item, FileRow.path, FileRow.has_corrections)).all()
        files: dict[str, list[tuple[str, bool]]] = {}
        for item, path, corrections in rows:
            files.setdefault(item, []).append((str(self.settings.records_folder / path), corrections))
        chosen = [self.catalogue.item(code) for code in items or self.catalogue.items]
        return connect(chosen, files)

    def state(self) -> int:
        """A number that changes whenever records become visible."""
        with Session(self.engine) as session:
            return int(session.scalar(select(func.count()).select_from(FileRow)) or 0)

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

    def sweep(self, older_than_seconds: float = 86_400) -> int:
        """Remove what interrupted batches left: files that no transaction names, older than given; returns how many."""
        with Session(self.engine) as session:
            named = {self.settings.records_folder / path for path in session.scalars(select(FileRow.path))}
            quarantine = self.settings.quarantine_folder
            named |= {quarantine / f"{batch_id}.jsonl" for batch_id in session.scalars(select(BatchRow.batch_id))}
        removed = 0
        for folder in (self.settings.records_folder, quarantine):
            for path in sorted(folder.rglob("*"), reverse=True):
                with suppress(OSError):
                    if path in named or time.time() - path.stat().st_mtime <= older_than_seconds:
                        continue
                    if path.is_file():
                        path.unlink()
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

    def _earlier(
        self, item: Item, content: str, batch_key: str | None, session: Session | None = None
    ) -> Receipt | None:
        """The receipt of the same batch key, or of the same content for this item where some of it was accepted.

        A file of which nothing was accepted may be sent again, say with the option that was forgotten.
        """
        same = (BatchRow.item == item.code) & (BatchRow.sha256 == content) & (BatchRow.rows_accepted > 0)
        if batch_key is not None:
            same = same | (BatchRow.batch_key == batch_key)
        with self._reading(session) as reader:
            found = reader.scalars(select(BatchRow).where(same)).first()
            return Receipt.from_dict(found.receipt) if found else None

    def _commit(self, staged: StagedBatch, content: str, batch_key: str | None, received_at: datetime) -> Receipt:
        """Settle duplicates outside the write lock, again inside it for what came meanwhile, then name the file.

        Live records are stamped with a moment just ahead, committed before it, and acknowledged after it: so whoever
        asks as of any moment, then or years later, sees the same records.
        """
        batch_id = f"{received_at:%Y%m%dT%H%M%S}-{secrets.token_hex(6)}"
        checked = self._files_of(staged.item)
        staged.settle(checked)
        draft = _Draft(staged, self.settings.records_folder, batch_id)
        with writing(self.engine) as session:
            if earlier := self._earlier(staged.item, content, batch_key, session):
                discard(draft.file)
                return earlier
            files = self._files_of(staged.item, session)
            newer = sorted(set(files) - set(checked))
            draft.keep_up(changed=bool(newer) and staged.settle(files, newer) > 0)
            quarantine = staged.write_quarantine(self.settings.quarantine_folder, batch_id)
            rows = draft.file.rows if draft.file else 0
            receipt = Receipt(
                batch_id=batch_id,
                batch_key=batch_key,
                item=staged.item.code,
                sha256=content,
                received_at=received_at,
                accepted_at=draft.accepted_at,
                rows_read=staged.rows_read,
                rows_accepted=rows,
                rows_rejected=staged.rows_read - rows,
                files=(draft.file.name,) if draft.file else (),
                quarantine=str(quarantine) if quarantine else None,
            )
            _name_batch(session, staged, receipt, draft.file)
        while (ahead := (draft.accepted_at - now()).total_seconds()) > 0:
            time.sleep(ahead)
        return receipt

    def _files_of(self, item: Item, session: Session | None = None) -> list[str]:
        with self._reading(session) as reader:
            paths = reader.scalars(select(FileRow.path).where(FileRow.item == item.code).order_by(FileRow.path)).all()
        return [str(self.settings.records_folder / path) for path in paths]

    @contextmanager
    def _reading(self, session: Session | None) -> Iterator[Session]:
        """The given session, or a fresh one for this one question."""
        if session is not None:
            yield session
            return
        with Session(self.engine) as fresh:
            yield fresh


class _Draft:
    """The batch's file before a transaction names it, and the moment from which its records will be seen."""

    def __init__(self, staged: StagedBatch, folder: Path, batch_id: str) -> None:
        self._staged, self._folder, self._batch_id = staged, folder, batch_id
        self._ahead = SOON + timedelta(seconds=(staged.rows_read - staged.rows_rejected) / WRITTEN_A_SECOND)
        self.file: WrittenFile | None = None
        self._write()

    def keep_up(self, changed: bool) -> None:
        """Write the file again where rows were refused meanwhile, or where its moment is too near to commit before."""
        if changed:
            self._write()
        if self._staged.history or self.file is None:
            self.accepted_at = now()
            return
        while self.accepted_at - now() < SOON / 2:
            self._ahead = SOON + 2 * self._took
            self._write()

    def _write(self) -> None:
        discard(self.file)
        started = now()
        self.accepted_at = started + self._ahead
        self.file = self._staged.write_file(self._folder, self._batch_id, self.accepted_at)
        self._took = now() - started


def _name_batch(session: Session, staged: StagedBatch, receipt: Receipt, file: WrittenFile | None) -> None:
    """The rows that make a batch exist: its receipt, its file and the subjects it is the first to name."""
    session.add(
        BatchRow(
            batch_id=receipt.batch_id,
            batch_key=receipt.batch_key,
            item=receipt.item,
            source=staged.item.source,
            sha256=receipt.sha256,
            received_at=receipt.received_at,
            accepted_at=receipt.accepted_at,
            rows_accepted=receipt.rows_accepted,
            rows_rejected=receipt.rows_rejected,
            history=staged.history,
            receipt=receipt.as_dict(),
        )
    )
    session.flush()
    if file is None:
        return
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
    _name_subjects(session, [(*pair, staged.subjects[pair[:2]]) for pair in file.subjects])


def _name_subjects(session: Session, subjects: list[tuple[str, str, datetime, str]]) -> None:
    """Subjects new to the base; for those it knows, the earliest moment at which it learnt of them."""
    insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    new = insert(SubjectRow)
    earlier = new.excluded.first_recorded_at < SubjectRow.first_recorded_at
    session.connection().execute(
        new.on_conflict_do_update(
            index_elements=[SubjectRow.subject_id, SubjectRow.kind],
            set_={"first_recorded_at": new.excluded.first_recorded_at},
            where=earlier,
        ),
        [
            {"subject_id": subject_id, "kind": kind, "masked": masked, "first_recorded_at": first}
            for subject_id, kind, first, masked in subjects
        ],
    )
