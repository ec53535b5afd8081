"""The long look at the end of a run: every record, every receipt, the audit trail, and what lies on the disks."""

from __future__ import annotations

import csv
import http.client
import io
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from sqlalchemy import inspect, select, text
from sqlalchemy.orm import Session

from benchmarks.faults.checks import Watch, expected, own
from benchmarks.faults.outbox import Batch
from benchmarks.faults.sources import ITEMS, Source
from records.base import RecordBase
from records.database import BatchRow, UploadRow
from records.exchange.private import PrivateFiles
from scoring.audit import verify

REJECTS_ASKED = 40
BLOCK = 8 << 20
LENGTH = 18


class Numbers:
    """Identity numbers, all of 18 characters, to be found in whatever bytes."""

    def __init__(self, numbers: set[str]) -> None:
        self._numbers = {number.encode() for number in numbers}
        beginnings = sorted({number[:6] for number in self._numbers})
        self._beginning = re.compile(b"|".join(map(re.escape, beginnings)))

    def are_in(self, content: bytes) -> bool:
        found = self._beginning.finditer(content)
        return any(content[one.start() : one.start() + LENGTH] in self._numbers for one in found)


def ask_again(watch: Watch, port: int) -> None:
    """Every receipt once more over REST: the same bytes; and the refused rows, as many as the receipt says."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    asked = 0
    for source in watch.sources:
        headers = {"X-API-Key": (source.outbox.folder / "key").read_text()}
        for batch in source.outbox.batches():
            said = watch.acknowledged.get(batch.key)
            if said is None:
                continue
            status, content = _get(connection, f"/v1/batches/{said['batch_id']}/receipt", headers)
            if status != 200 or content != source.outbox.receipt(batch):
                watch.findings.lost.add(batch.key)
            if batch.bad and asked < REJECTS_ASKED:
                asked += 1
                status, content = _get(connection, f"/v1/batches/{said['batch_id']}/rejects", headers)
                if status != 200 or sum(1 for _ in csv.reader(io.StringIO(content.decode()))) != len(batch.bad) + 1:
                    watch.findings.incomplete.add(batch.key)


def check_records(watch: Watch, base: RecordBase) -> int:
    """Every record that can be read against every row that was sent; returns how many records there are."""
    findings = watch.findings
    batches = {batch.key: batch for source in watch.sources for batch in source.outbox.batches()}
    seen: dict[str, set[str]] = {key: set() for key in batches}
    total = 0
    for record_id in _record_ids(base):
        total += 1
        key = record_id.rpartition("-")[0]
        if key not in seen:
            findings.unacknowledged_visible.add(key)
        elif record_id in seen[key]:
            findings.other.append(f"{key}: a record stands twice")
        else:
            seen[key].add(record_id)
    for key, batch in batches.items():
        if key not in watch.acknowledged:
            findings.incomplete.add(key)
            if seen[key] and seen[key] != batch.good_ids:
                findings.unacknowledged_visible.add(key)
        elif batch.good_ids - seen[key]:
            findings.lost.add(key)
        elif seen[key] - batch.good_ids or not expected(batch, watch.acknowledged[key]):
            findings.incomplete.add(key)
    return total


def check_settled(watch: Watch, base: RecordBase) -> None:
    """One batch a key, the trail whole, and nothing left over where batches wait and are worked."""
    findings = watch.findings
    with Session(base.engine) as session:
        keys = [own(key) for key in session.scalars(select(BatchRow.batch_key))]
        open_uploads = session.scalars(select(UploadRow.upload_id).where(UploadRow.state.in_(("receiving", "queued"))))
        findings.other += [f"{upload}: still open" for upload in open_uploads]
    findings.other += [f"{key}: taken twice" for key in {key for key in keys if keys.count(key) > 1}]
    findings.other += [fault.en for fault in verify(base.engine).faults]
    base.sweep(older_than=timedelta(seconds=-1))
    PrivateFiles(base.settings).sweep()
    home = base.settings.home
    findings.other += [f"left behind: {path.relative_to(home)}" for path in _left(home)]


def check_numbers(watch: Watch, folders: list[Path], base: RecordBase) -> int:
    """Look for the identity numbers that were sent; returns how many bytes were read."""
    numbers = Numbers({number for source in watch.sources for number in source.numbers})
    read = 0
    for folder in folders:
        for path in sorted(folder.rglob("*")) or [folder]:
            if path.is_file() and not path.is_symlink():
                read += path.stat().st_size
                if _is_in(path, numbers):
                    watch.findings.other.append(f"an identity number in clear: {path.relative_to(folder)}")
    for table, row in _rows_of(base):
        if numbers.are_in(row.encode()):
            watch.findings.other.append(f"an identity number in clear: table {table}")
    return read


def waiting(sources: list[Source]) -> list[Batch]:
    return [batch for source in sources for batch in source.outbox.waiting()]


def _get(connection: http.client.HTTPConnection, path: str, headers: dict[str, str]) -> tuple[int, bytes]:
    connection.request("GET", path, headers=headers)
    answer = connection.getresponse()
    return answer.status, answer.read()


def _record_ids(base: RecordBase) -> Iterator[str]:
    items = tuple(code for codes in ITEMS.values() for code in codes)
    connection = base.connection(items)
    for code in items:
        table = connection.table(base.catalogue.item(code).table)
        yield from table.select("record_id").to_pyarrow()["record_id"].to_pylist()


def _left(home: Path) -> Iterator[Path]:
    for pattern in ("spool/*.spool", "spool/clear/*", "records/.staging/*"):
        yield from home.glob(pattern)


def _rows_of(base: RecordBase) -> Iterator[tuple[str, str]]:
    """Every row of every table as text: what is compressed on disk is in clear here."""
    with base.engine.connect() as connection:
        for table in inspect(connection).get_table_names():
            for row in connection.execute(text(f'SELECT * FROM "{table}"')):
                yield table, str(tuple(row))


def _is_in(path: Path, numbers: Numbers) -> bool:
    """Whether the file, or the values of a Parquet file, hold one of the numbers."""
    if path.suffix == ".parquet":
        return any(numbers.are_in(values) for values in _texts(pq.read_table(path)))
    tail = b""
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            if numbers.are_in(tail + block):
                return True
            tail = block[-LENGTH:]
    return False


def _texts(table: pa.Table) -> Iterator[bytes]:
    for column in table.columns:
        if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
            yield "\n".join(value or "" for value in column.unique().to_pylist()).encode()
