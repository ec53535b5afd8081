"""What an assessment reads, as of one moment: batches, words of nothing to report, lifecycle steps, records."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from itertools import groupby
from pathlib import Path
from typing import Any

import pyarrow as pa
from sqlalchemy import select
from sqlalchemy.orm import Session

from records.assessment.periods import month_number
from records.base import STAGING, RecordBase
from records.catalogue import Item
from records.database import BatchRow, FileRow, LifecycleRow, NothingToReportRow
from records.moment import shanghai_day
from records.tables import Stored, connect
from records.visibility import HIDES, seen

MEMORY = "4GB"
FAULTS = ("withdraw", "dispute_upheld")
FAULT_SCHEMA = pa.schema({"item": pa.string(), "record_id": pa.string()})


@dataclass(frozen=True)
class Received:
    """A batch as the assessment sees it; ``month`` is the number of its month of receipt."""

    batch_id: str
    item: str
    accepted_at: datetime
    month: int
    accepted: int
    rejected: int
    history: bool


@dataclass(frozen=True)
class Objection:
    """An objection to a record, and when it was answered, if it was."""

    item: str
    opened_at: datetime
    answered_at: datetime | None


@dataclass(frozen=True)
class Gathered:
    """Operations as of ``as_of``, and two DuckDB connections over the records of the ``stored`` items.

    ``raw``: records as they came, with ``superseded_at`` of corrections alone, and a table ``faults`` (item, record_id)
    of those withdrawn or objected to with success. ``seen``: records with what hides them (``records.tables``), without
    those of predecessors: a source answers for what it reported itself.
    """

    as_of: datetime
    today: date
    items: tuple[Item, ...]
    stored: frozenset[str]
    batches: tuple[Received, ...]
    nothing: dict[str, dict[int, datetime]]
    objections: tuple[Objection, ...]
    raw: Any
    seen: Any
    quarantine_folder: Path


@contextmanager
def gathered(base: RecordBase, as_of: datetime) -> Iterator[Gathered]:
    """Open what is to be assessed; closes and cleans up at the end."""
    with Session(base.engine) as session:
        files = _files(base, session)
        visibility = seen(session)
        steps = session.scalars(
            select(LifecycleRow)
            .where(LifecycleRow.recorded_at <= as_of)
            .order_by(LifecycleRow.item, LifecycleRow.record_id, LifecycleRow.recorded_at)
        ).all()
        batches = _batches(session, as_of)
        nothing = _nothing(session, as_of)
    stored = tuple(item for item in base.catalogue.items.values() if item.code in files)
    spill = Path(tempfile.mkdtemp(prefix="assessment-", dir=_staging(base)))
    backends = []
    try:
        for given in (Stored(files), Stored(files, visibility)):
            backends.append(connect(stored, given))
            backends[-1].raw_sql(f"SET memory_limit = '{MEMORY}'")
            backends[-1].raw_sql(f"SET temp_directory = '{str(spill).replace(chr(39), chr(39) * 2)}'")
        raw, visible = (backend.con for backend in backends)
        raw.register("given_faults", _faults(steps))
        raw.execute("CREATE TABLE faults AS SELECT * FROM given_faults")
        yield Gathered(
            as_of,
            shanghai_day(as_of),
            tuple(base.catalogue.items.values()),
            frozenset(files),
            batches,
            nothing,
            _objections(steps),
            raw,
            visible,
            base.settings.quarantine_folder,
        )
    finally:
        for backend in backends:
            backend.disconnect()
        shutil.rmtree(spill, ignore_errors=True)


def _staging(base: RecordBase) -> Path:
    folder = base.settings.records_folder / STAGING
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _files(base: RecordBase, session: Session) -> dict[str, list[tuple[str, bool]]]:
    found: dict[str, list[tuple[str, bool]]] = {}
    for item, path, corrections in session.execute(select(FileRow.item, FileRow.path, FileRow.has_corrections)):
        if item in base.catalogue.items:
            found.setdefault(item, []).append((str(base.settings.records_folder / path), corrections))
    return found


def _batches(session: Session, as_of: datetime) -> tuple[Received, ...]:
    rows = session.execute(
        select(
            BatchRow.batch_id,
            BatchRow.item,
            BatchRow.accepted_at,
            BatchRow.rows_accepted,
            BatchRow.rows_rejected,
            BatchRow.history,
        )
        .where(BatchRow.accepted_at <= as_of)
        .order_by(BatchRow.accepted_at)
    )
    return tuple(
        Received(batch_id, item, at, month_number(shanghai_day(at)), accepted, rejected, history)
        for batch_id, item, at, accepted, rejected, history in rows
    )


def _nothing(session: Session, as_of: datetime) -> dict[str, dict[int, datetime]]:
    found: dict[str, dict[int, datetime]] = {}
    for row in session.scalars(select(NothingToReportRow).where(NothingToReportRow.at <= as_of)):
        found.setdefault(row.item, {})[month_number(row.month)] = row.at
    return found


def _faults(steps: Any) -> pa.Table:
    """Records whose last step out of sight was a withdrawal or an objection upheld."""
    rows = []
    for (item, record_id), befell in groupby(steps, key=lambda step: (step.item, step.record_id)):
        decisive = [step.action for step in befell if step.action in HIDES or step.action == "restore"]
        if decisive and decisive[-1] in FAULTS:
            rows.append({"item": item, "record_id": record_id})
    return pa.Table.from_pylist(rows, FAULT_SCHEMA)


def _objections(steps: Any) -> tuple[Objection, ...]:
    found = []
    for (item, _), befell in groupby(steps, key=lambda step: (step.item, step.record_id)):
        opened: datetime | None = None
        for step in befell:
            if step.action == "dispute":
                opened = step.recorded_at
            elif step.action in ("dispute_upheld", "dispute_dismissed") and opened is not None:
                found.append(Objection(item, opened, step.recorded_at))
                opened = None
        if opened is not None:
            found.append(Objection(item, opened, None))
    return tuple(found)
