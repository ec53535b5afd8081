"""Files as sources send them, to chunks of rows: CSV, Excel, JSON lines, Parquet; UTF-8 or GB18030; flat memory.

Only the ending of a file's name counts, for its type. A reject file that comes back is read as the batch it is.
"""

from __future__ import annotations

import csv
import zlib
from collections.abc import Iterator
from dataclasses import replace
from errno import EDQUOT, ENOSPC
from pathlib import Path

import polars as pl
import pyarrow as pa

from records.cells import REJECT_COLUMNS, unguarded
from records.errors import BadBatch
from records.reading.chunk import Chunk
from records.reading.csv_files import csv_chunks
from records.reading.json_lines import json_chunks
from records.reading.parquet_files import parquet_chunks, too_many_rows
from records.words import Text

__all__ = ["ACCEPTED_TYPES", "Chunk", "file_type", "read_chunks", "readable"]

ACCEPTED_TYPES = ".csv .csv.gz .xlsx .jsonl .jsonl.gz .parquet"
ROWS_MOST = 100_000_000


def file_type(path: Path) -> str:
    """``csv``, ``xlsx``, ``jsonl`` or ``parquet`` by the file's name; raises ``BadBatch`` for any other."""
    name = path.name.lower()
    for ending in ("csv", "jsonl", "parquet", "xlsx", "csv.gz", "jsonl.gz"):
        if name.endswith("." + ending):
            return ending.removesuffix(".gz")
    raise BadBatch(
        Text(
            f"{path.name}：不支持的文件类型；可用：{ACCEPTED_TYPES}",
            f"{path.name}: file type not accepted; accepted: {ACCEPTED_TYPES}",
        )
    )


def readable(path: Path) -> Path:
    """``path`` itself if it is a file with content; raises ``BadBatch`` otherwise."""
    if not path.is_file():
        raise BadBatch(Text(f"{path.name}：没有此文件", f"{path.name}: no such file"))
    if path.stat().st_size == 0:
        raise BadBatch(Text(f"{path.name}：空文件", f"{path.name}: the file is empty"))
    return path


def read_chunks(path: Path, rows_most: int = ROWS_MOST) -> Iterator[Chunk]:
    """The rows of ``path`` in order. Raises ``BadBatch`` when the file as a whole cannot be read, or has too many."""
    kind, read = file_type(readable(path)), 0
    try:
        for chunk in _chunks(path, kind, rows_most):
            read += chunk.frame.height + len(chunk.unreadable)
            if read > rows_most:
                raise too_many_rows(path, rows_most)
            yield _corrected(chunk)
    except (pa.ArrowException, pl.exceptions.PolarsError, OSError, EOFError, zlib.error, csv.Error) as error:
        if isinstance(error, OSError) and error.errno in (ENOSPC, EDQUOT):
            raise
        reason = (str(error).splitlines() or [""])[0][:200]
        raise BadBatch(
            Text(f"{path.name}：文件损坏或被截断（{reason}）", f"{path.name}: damaged or truncated ({reason})")
        ) from error


def _chunks(path: Path, kind: str, rows_most: int) -> Iterator[Chunk]:
    match kind:
        case "parquet":
            return parquet_chunks(path, rows_most)
        case "xlsx":
            from records.reading.spreadsheets import sheet_chunks

            return sheet_chunks(path)
        case "csv":
            return csv_chunks(path)
        case _:
            return json_chunks(path)


def _corrected(chunk: Chunk) -> Chunk:
    """A chunk of a reject file without the columns that told the reasons, and without the guards before its texts."""
    told = [name for name in REJECT_COLUMNS if name in chunk.frame.columns]
    if not told:
        return chunk
    return replace(chunk, frame=unguarded(chunk.frame.drop(told)))
