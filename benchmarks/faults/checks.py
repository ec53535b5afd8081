"""What must hold while faults come, and after: nothing acknowledged is lost, nothing else is visible."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from sqlalchemy import Engine, create_engine, event, select
from sqlalchemy.orm import Session
from sqlalchemy.pool import NullPool

from benchmarks.faults.outbox import Batch
from benchmarks.faults.sources import Source
from records.database import BatchRow, FileRow
from records.exchange.signing import verify
from records.moment import now
from records.settings import Settings

TROUBLE = re.compile(r"(?<=\[)(?:error|warning) *\].*|^[A-Za-z_.]*(?:Error|Exception)\b|^Traceback.*")
NAMES = re.compile(r"\b(?:upload_id|request_id)=\S+")
ANSI = re.compile(r"\x1b\[[0-9;]*m")


@dataclass
class Findings:
    """What went against the promise, in words; and the batches that were concerned."""

    lost: set[str] = field(default_factory=set)
    unacknowledged_visible: set[str] = field(default_factory=set)
    incomplete: set[str] = field(default_factory=set)
    past_changed: dict[str, float] = field(default_factory=dict)
    other: list[str] = field(default_factory=list)

    @property
    def none(self) -> bool:
        return not (self.lost or self.unacknowledged_visible or self.incomplete or self.past_changed or self.other)


@dataclass(frozen=True)
class Look:
    """Which batches could be seen as of a moment, read right after it."""

    at: datetime
    batches: frozenset[str]


class Watch:
    """Looks at the base and at the receipts of all sources, again and again."""

    def __init__(self, settings: Settings, sources: list[Source], findings: Findings) -> None:
        self.settings, self.sources, self.findings = settings, sources, findings
        self.engine = opened_briefly(settings)
        self.key_set: dict[str, Any] = {}
        self.acknowledged: dict[str, dict[str, Any]] = {}
        self._looks: list[Look] = []
        self._counted: dict[str, int] = {}

    def look(self) -> None:
        """The checks that are cheap enough for every restart; raises ``OperationalError`` while nobody can be asked."""
        self.read_receipts()
        moment = now()
        with Session(self.engine) as session:
            rows = session.scalars(select(BatchRow)).all()
            files = session.scalars(select(FileRow)).all()
        self._looks.append(Look(moment, frozenset(row.batch_id for row in rows if row.accepted_at <= moment)))
        self._compare(rows, files)

    def read_receipts(self) -> None:
        """Receipts that have come since the last time, verified against the public key."""
        for source in self.sources:
            for batch in source.outbox.batches():
                if batch.key in self.acknowledged:
                    continue
                content = source.outbox.receipt(batch)
                if content is not None:
                    self.acknowledged[batch.key] = verify(content, self.key_set)

    def check_past(self) -> None:
        """Whatever could be seen as of a moment, when it was now, is what can be seen as of it today."""
        with Session(self.engine) as session:
            rows = session.execute(select(BatchRow.batch_id, BatchRow.accepted_at)).all()
        for look in self._looks:
            for row in rows:
                if (row.accepted_at <= look.at) != (row.batch_id in look.batches):
                    late = (look.at - row.accepted_at).total_seconds()
                    self.findings.past_changed[row.batch_id] = max(
                        late, self.findings.past_changed.get(row.batch_id, 0)
                    )

    def _compare(self, rows: Iterable[BatchRow], files: Iterable[FileRow]) -> None:
        by_key = {own(row.batch_key): row for row in rows}
        of_batch: dict[str, list[FileRow]] = {}
        for file in files:
            of_batch.setdefault(file.batch_id or "", []).append(file)
        for key, said in self.acknowledged.items():
            row = by_key.get(key)
            if (
                row is None
                or not told_the_same(said, row)
                or self._rows(of_batch.get(row.batch_id, [])) != row.rows_accepted
            ):
                self.findings.lost.add(key)
        for key, row in by_key.items():
            if self._rows(of_batch.pop(row.batch_id, [])) != row.rows_accepted or row.receipt is None:
                self.findings.unacknowledged_visible.add(key)
        self.findings.unacknowledged_visible |= {f"file of {batch_id}" for batch_id in of_batch}

    def _rows(self, files: list[FileRow]) -> int:
        """Records that can be read; none of a file that is not as its transaction said."""
        total = 0
        for file in files:
            path = self.settings.records_folder / file.path
            if not path.exists() or path.stat().st_size != file.bytes:
                continue
            if file.path not in self._counted:
                self._counted[file.path] = pq.read_metadata(path).num_rows
            total += self._counted[file.path]
        return total


def own(batch_key: str | None) -> str:
    """``push:tax:tax-0001`` is the source's ``tax-0001``."""
    return (batch_key or "").split(":", 2)[-1]


def told_the_same(said: dict[str, Any], row: BatchRow) -> bool:
    """Whether a signed receipt and the base tell the same of a batch."""
    names = ("batch_id", "item", "source", "sha256", "rows_accepted", "rows_rejected")
    return all(said[name] == getattr(row, name) for name in names)


def opened_briefly(settings: Settings) -> Engine:
    """Connections of an onlooker, who sees one instant in all of a session's questions.

    Each is as short as its session, so that SQLite recovers as it would without.
    """
    url = settings.operations_url
    if url.startswith("sqlite"):
        engine = create_engine(url, poolclass=NullPool, connect_args={"timeout": 60})
    else:
        engine = create_engine(url.replace("postgresql://", "postgresql+psycopg://", 1), poolclass=NullPool)
        return engine.execution_options(isolation_level="REPEATABLE READ")
    event.listen(engine, "connect", lambda connection, _: setattr(connection, "isolation_level", None))
    event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN"))
    return engine


def expected(batch: Batch, said: dict[str, Any] | None) -> bool:
    """Whether a receipt tells of the whole batch: every good row in, every bad one refused."""
    return said is not None and (said["rows_read"], said["rows_accepted"], said["rows_rejected"]) == (
        batch.rows,
        batch.rows - len(batch.bad),
        len(batch.bad),
    )


def answers(sources: list[Source]) -> dict[str, int]:
    """How often a source was told what, where it was not what it had asked for."""
    counted: dict[str, int] = {}
    for source in sources:
        path = source.outbox.folder / "answers"
        for line in path.read_text().splitlines() if path.exists() else []:
            counted[line] = counted.get(line, 0) + 1
    return dict(sorted(counted.items(), key=lambda one: -one[1]))


def said_in(log: Path) -> dict[str, int]:
    """How often the servers logged what kind of trouble."""
    counted: dict[str, int] = {}
    for line in log.read_text(errors="replace").splitlines():
        if found := TROUBLE.search(ANSI.sub("", line)):
            what = " ".join(NAMES.sub("", found.group(0)).split())
            counted[what] = counted.get(what, 0) + 1
    return dict(sorted(counted.items(), key=lambda one: -one[1]))
