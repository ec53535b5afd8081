"""JSON lines to chunks of text columns: each value as the text that was written, so that no digit is lost."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import numpy as np
import polars as pl

from records.reading.chunk import Chunk, no_rows
from records.reading.encodings import encoding_of, lines

JSON_ROWS = 50_000

_AS_WRITTEN = json.JSONDecoder(parse_float=str, parse_int=str, parse_constant=str)
_FLAT = {str, bool, type(None)}


def json_chunks(path: Path) -> Iterator[Chunk]:
    """Chunks of 50,000 rows; a line that is no flat object is unreadable. Raises ``BadBatch`` where there is none."""
    encoding = encoding_of(path)
    rows: list[dict[str, str | None]] = []
    numbers: list[int] = []
    unreadable: list[int] = []
    seen = False
    for number, line in lines(path):
        if not line.strip():
            continue
        seen = True
        row = _row(line, encoding)
        if row is None:
            unreadable.append(number)
        else:
            rows.append(row)
            numbers.append(number)
        if len(rows) + len(unreadable) >= JSON_ROWS:
            yield Chunk(_frame(rows), np.array(numbers, np.int64), unreadable)
            rows, numbers, unreadable = [], [], []
    if not seen:
        raise no_rows(path)
    if rows or unreadable:
        yield Chunk(_frame(rows), np.array(numbers, np.int64), unreadable)


def _row(line: bytes, encoding: str) -> dict[str, str | None] | None:
    """One object with every value as the text that was written, or ``None`` where the line is no flat object."""
    try:
        row = _AS_WRITTEN.decode(line.decode(encoding).removeprefix("\ufeff").strip())
        if b"\\u" in line:
            json.dumps(row, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        return None
    if not isinstance(row, dict) or not row:
        return None
    kinds = set(map(type, row.values()))
    if not kinds <= _FLAT:
        return None
    if bool in kinds:
        row = {name: str(value).lower() if isinstance(value, bool) else value for name, value in row.items()}
    return row


def _frame(rows: list[dict[str, str | None]]) -> pl.DataFrame:
    columns = list(dict.fromkeys(chain.from_iterable(rows)))
    return pl.DataFrame({name: [row.get(name) for row in rows] for name in columns}, dict.fromkeys(columns, pl.String))
