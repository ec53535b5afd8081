"""What a sweep reads, kept beside each file of records as plain arrays: made once a file, read without an engine.

A file of records never changes, so neither do the inputs that are reckoned from it. What befalls its records later (a
correction, a withdrawal, a succession) is laid over them when they are read. The companions of a file go with it.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from features.inputs import whole_numbers
from features.plan import SweepPlan
from features.sweep_arrays import NEVER_DAY, NEVER_US, WORD
from records.catalogue import Item
from records.stored_files import companion_of
from records.succession import SUCCESSION_SCHEMA
from records.tables import Stored, queries

BATCH = 500_000
ALIGNED = 64
SUBJECT = "S32"
FORMAT = 1
Integers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Companion:
    """The inputs of one file for one plan. Arrays by name: see ``write_companion``."""

    path: Path
    columns: Mapping[str, tuple[str, int, int]]
    texts: Mapping[str, list[str]]

    @classmethod
    def open(cls, path: Path) -> Companion:
        """Raises ``FileNotFoundError``, and ``ValueError`` for a file that is not whole."""
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(size - 8, 0))
            length = int.from_bytes(file.read(8), "little")
            if not 0 < length <= size - 8:
                raise ValueError(f"{path.name} is not whole")
            file.seek(size - 8 - length)
            head = json.loads(file.read(length))
        return cls(path, {name: tuple(where) for name, where in head["columns"].items()}, head["texts"])

    @cached_property
    def _bytes(self) -> npt.NDArray[np.uint8]:
        return np.memmap(self.path, np.uint8, "r")

    def column(self, name: str) -> Any:
        """An array of the whole column, read as it is used."""
        kind, offset, count = self.columns[name]
        size = np.dtype(kind).itemsize
        return self._bytes[offset : offset + count * size].view(kind)

    def part(self, name: str, first: int, last: int) -> Any:
        """Some rows of a column, read into memory."""
        kind, offset, _ = self.columns[name]
        return np.fromfile(self.path, kind, last - first, offset=offset + first * np.dtype(kind).itemsize)

    @property
    def rows(self) -> int:
        return self.columns["recorded"][2]


def companion_path(file: Path, plan: SweepPlan, query: str) -> Path:
    """Beside ``file``; another plan, another engine or another layout has another name."""
    import duckdb

    said = f"{FORMAT} {duckdb.__version__} {query}"
    return companion_of(file, hashlib.sha256(said.encode()).hexdigest()[:16])


def write_companion(cursor: Any, file: Path, item: Item, plan: SweepPlan, query: str) -> Companion:
    """Reckon the inputs of the records in ``file`` and keep them, in flat memory.

    Columns by row: ``recorded`` (UTC, microseconds), ``occurred``, ``expires`` (days since 1970), the plan's ``v``,
    ``b``, ``e``, ``w`` and ``key``, and ``id``, a hash of the record id (that two ids of a base are alike in its 64
    bits is not reckoned with). By subject, in order: ``subjects`` and ``start``. ``corrected``: hashes of the ids that
    records of this file correct, in order, and ``corrected_at``. Raises ``TooLarge``, ``OSError``, ``ValueError``.
    """
    path = companion_path(file, plan, query)
    partial = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    rows = pq.read_metadata(file).num_rows
    try:
        with partial.open("wb") as out:
            writer = _Writer(out, rows)
            _write_inputs(cursor, file, item, plan, query, writer)
            _write_ids(cursor, file, writer)
            writer.close()
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
    return Companion.open(path)


class _Writer:
    """Columns of ``rows`` rows laid side by side, each filled bit by bit."""

    def __init__(self, out: Any, rows: int) -> None:
        self._out, self._rows, self._end = out, rows, 0
        self.columns: dict[str, list[Any]] = {}
        self.texts: dict[str, list[str]] = {}
        self._filled: dict[str, int] = {}

    def fill(self, name: str, values: Any) -> None:
        """The next rows of a column."""
        if name not in self.columns:
            self._reserve(name, values.dtype, self._rows)
        kind, offset, _ = self.columns[name]
        self._out.seek(offset + self._filled[name] * np.dtype(kind).itemsize)
        self._out.write(np.ascontiguousarray(values).data)
        self._filled[name] += len(values)

    def filled(self, name: str) -> int:
        """How many rows of a column there are so far."""
        return self._filled[name]

    def whole(self, name: str, values: Any) -> None:
        """A column of its own length."""
        self._reserve(name, values.dtype, len(values))
        self._out.seek(self.columns[name][1])
        self._out.write(np.ascontiguousarray(values).data)

    def close(self) -> None:
        self._out.seek(self._end)
        head = json.dumps({"columns": self.columns, "texts": self.texts}).encode()
        self._out.write(head + len(head).to_bytes(8, "little"))

    def _reserve(self, name: str, kind: Any, count: int) -> None:
        self.columns[name] = [np.dtype(kind).str, self._end, count]
        self._filled[name] = 0
        size = count * np.dtype(kind).itemsize
        self._end += -(-size // ALIGNED) * ALIGNED


def _write_inputs(cursor: Any, file: Path, item: Item, plan: SweepPlan, query: str, writer: _Writer) -> None:
    alone = queries([item], Stored({item.code: [(str(file), False)]}), SUCCESSION_SCHEMA.empty_table())[item.table]
    found = cursor.sql(f"WITH {item.table} AS ({alone}) SELECT * FROM ({query})").to_arrow_reader(BATCH)
    starts: list[Integers] = []
    names: list[pa.Array] = []
    codes: dict[str, dict[str, int]] = {}
    before = 0
    for batch in found:
        table = pa.Table.from_batches([batch])
        subjects = table["subject_id"].combine_chunks()
        new = np.flatnonzero(_changes(subjects, names[-1][-1].as_py() if names else None))
        starts.append(new + before)
        if len(new):
            names.append(subjects.take(pa.array(new)))
        before += len(subjects)
        _fill(table, plan, writer, codes)
    writer.texts.update({name: list(known) for name, known in codes.items()})
    ids = np.concatenate([np.array(part.to_pylist(), SUBJECT) for part in names] or [np.zeros(0, SUBJECT)])
    if len(ids) and not (ids[1:] > ids[:-1]).all():
        raise ValueError(f"{file.name} is not sorted by subject")
    writer.whole("subjects", ids)
    writer.whole("start", np.concatenate([*starts, [before]]).astype(np.int64))


def _fill(table: pa.Table, plan: SweepPlan, writer: _Writer, codes: dict[str, dict[str, int]]) -> None:
    inputs = plan.inputs
    writer.fill("recorded", _plain(table["recorded_at"], pa.timestamp("us"), pa.int64(), NEVER_US))
    writer.fill("occurred", _plain(table["occurred_on"], pa.date32(), pa.int32(), NEVER_DAY))
    if table["expires_on"].null_count < table.num_rows or "expires" in writer.columns:
        if "expires" not in writer.columns:
            writer.fill("expires", np.full(writer.filled("recorded") - table.num_rows, NEVER_DAY, np.int32))
        writer.fill("expires", _plain(table["expires_on"], pa.date32(), pa.int32(), NEVER_DAY))
    for letter, bounds in (("b", inputs.begins), ("e", inputs.ends)):
        for number in range(len(bounds)):
            writer.fill(f"{letter}{number}", _plain(table[f"{letter}{number}"], pa.date32(), pa.int32(), NEVER_DAY))
    for word in range(-(-len(inputs.conditions) // WORD)):
        writer.fill(f"w{word}", table[f"w{word}"].cast(pa.int64()).to_numpy())
    for number, value in enumerate(inputs.values):
        numbers, texts = whole_numbers(table[f"v{number}"], value)
        if value.kind == "text":
            known = codes.setdefault(f"v{number}", {})
            own = np.array([known.setdefault(text, len(known)) for text in texts.to_pylist()] or [0], np.int64)
            numbers = own[numbers]
        writer.fill(f"v{number}", numbers)
    if inputs.key is not None:
        writer.fill("key", table["key"].fill_null(0).to_numpy().view(np.int64))


def _write_ids(cursor: Any, file: Path, writer: _Writer) -> None:
    quoted = str(file).replace("'", "''")
    for batch in cursor.sql(f"SELECT hash(record_id) FROM read_parquet('{quoted}')").to_arrow_reader(BATCH):
        writer.fill("id", batch.column(0).to_numpy().view(np.uint64))
    found = cursor.sql(
        f"SELECT hash(supersedes) AS h, min(recorded_at) AS at FROM read_parquet('{quoted}') "
        "WHERE supersedes IS NOT NULL GROUP BY supersedes ORDER BY 1"
    ).to_arrow_table()
    writer.whole("corrected", found["h"].to_numpy().view(np.uint64))
    writer.whole("corrected_at", found["at"].cast(pa.timestamp("us")).cast(pa.int64()).to_numpy())


def _changes(subjects: pa.Array, before: str | None) -> npt.NDArray[np.bool_]:
    """Where another subject begins."""
    changed = np.ones(len(subjects), np.bool_)
    if len(subjects) > 1:
        changed[1:] = pa.compute.not_equal(subjects[1:], subjects[:-1]).to_numpy(zero_copy_only=False)
    if len(subjects) and before is not None:
        changed[0] = subjects[0].as_py() != before
    return changed


def _plain(column: pa.ChunkedArray, kind: pa.DataType, whole: pa.DataType, nothing: int) -> Any:
    found = column.cast(kind).cast(whole)
    return (found.fill_null(nothing) if found.null_count else found).to_numpy()
