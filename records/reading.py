"""Files as sources send them, to chunks of rows: CSV, JSON lines, Parquet; UTF-8 or GB18030; flat memory."""

from __future__ import annotations

import codecs
import csv
import gzip
import json
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa
import pyarrow.csv as arrow_csv
import pyarrow.parquet as pq

from records.errors import BadBatch
from records.words import Text

CHUNK_ROWS = 200_000
BLOCK_BYTES = 16 << 20
LONGEST_LINE = 16 << 20
JSON_ROWS = 50_000
ACCEPTED_TYPES = ".csv .csv.gz .jsonl .jsonl.gz .parquet"

_AS_WRITTEN = json.JSONDecoder(parse_float=str, parse_int=str, parse_constant=str)
_FLAT = {str, bool, type(None)}


@dataclass
class Chunk:
    """Some rows of a file. ``row`` numbers count data rows from 1; ``unreadable`` are rows that could not be split."""

    frame: pl.DataFrame
    row: npt.NDArray[np.int64]
    unreadable: list[int] = field(default_factory=list)


def file_type(path: Path) -> str:
    """``csv``, ``jsonl`` or ``parquet`` by the file's name; raises ``BadBatch`` for any other."""
    name = path.name.lower().removesuffix(".gz")
    for ending in ("csv", "jsonl", "parquet"):
        if name.endswith("." + ending):
            return ending
    raise BadBatch(
        Text(
            f"{path.name}：不支持的文件类型；可用：{ACCEPTED_TYPES}",
            f"{path.name}: file type not accepted; accepted: {ACCEPTED_TYPES}",
        )
    )


def readable(path: Path) -> Path:
    """``path`` itself if it is a file with content; raises ``BadBatch`` otherwise."""
    if not path.is_file():
        raise BadBatch(Text(f"{path}：没有此文件", f"{path}: no such file"))
    if path.stat().st_size == 0:
        raise BadBatch(Text(f"{path.name}：空文件", f"{path.name}: the file is empty"))
    return path


def read_chunks(path: Path) -> Iterator[Chunk]:
    """The rows of ``path`` in order. Raises ``BadBatch`` when the file as a whole cannot be read."""
    kind = file_type(readable(path))
    try:
        if kind == "parquet":
            yield from _parquet_chunks(path)
        else:
            encoding = _encoding(path)
            yield from (_csv_chunks(path, encoding) if kind == "csv" else _json_chunks(path, encoding))
    except (pa.ArrowException, pl.exceptions.PolarsError, OSError, EOFError, zlib.error, csv.Error) as error:
        reason = str(error).splitlines()[0][:200]
        raise BadBatch(
            Text(f"{path.name}：文件损坏或被截断（{reason}）", f"{path.name}: damaged or truncated ({reason})")
        ) from error


def _open(path: Path) -> BinaryIO:
    return gzip.open(path, "rb") if path.name.lower().endswith(".gz") else path.open("rb")  # type: ignore[return-value]


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """Lines with their numbers; raises ``BadBatch`` for one that no sensible row could need."""
    with _open(path) as file:
        number = 0
        while line := file.readline(LONGEST_LINE):
            number += 1
            if len(line) == LONGEST_LINE:
                limit = f"{LONGEST_LINE >> 20} MiB"
                raise BadBatch(
                    Text(
                        f"{path.name} 第 {number} 行过长；每行至多 {limit}",
                        f"{path.name} line {number}: too long; at most {limit} a line are accepted",
                    )
                )
            yield number, line


def _encoding(path: Path) -> str:
    """``utf-8`` or ``gb18030``; raises ``BadBatch`` naming the lines where a file mixes the two or is neither."""
    if _decodes(path, "utf-8"):
        return "utf-8"
    utf8_line = gb_line = None
    for number, line in _lines(path):
        encoding = _line_encoding(line)
        if encoding is None:
            raise BadBatch(
                Text(
                    f"{path.name} 第 {number} 行：既非 UTF-8 也非 GB18030",
                    f"{path.name} line {number}: neither UTF-8 nor GB18030, the encodings accepted",
                )
            )
        if encoding == "gb18030":
            gb_line = gb_line or number
        elif encoding == "utf-8":
            utf8_line = utf8_line or number
        if utf8_line and gb_line:
            raise BadBatch(
                Text(
                    f"{path.name}：编码混杂，第 {utf8_line} 行为 UTF-8，第 {gb_line} 行为 GB18030；请统一为一种",
                    f"{path.name}: mixed encodings, line {utf8_line} is UTF-8 and line {gb_line} is GB18030; use one",
                )
            )
    return "gb18030"


def _line_encoding(line: bytes) -> str | None:
    """``ascii`` (fits both), ``utf-8``, ``gb18030`` or ``None``. Only Chinese characters prove a line to be UTF-8."""
    try:
        text = line.decode("utf-8")
    except UnicodeDecodeError:
        try:
            line.decode("gb18030")
        except UnicodeDecodeError:
            return None
        return "gb18030"
    return "utf-8" if any("\u4e00" <= character <= "\u9fff" for character in text) else "ascii"


def _decodes(path: Path, encoding: str) -> bool:
    decoder = codecs.getincrementaldecoder(encoding)()
    with _open(path) as file:
        try:
            while block := file.read(BLOCK_BYTES):
                decoder.decode(block)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return False
    return True


def _csv_chunks(path: Path, encoding: str) -> Iterator[Chunk]:
    columns = _header(path, encoding)
    unreadable: list[int] = []

    def skip(row: arrow_csv.InvalidRow) -> str:
        unreadable.append(row.number - 1)
        return "skip"

    with _open(path) as file:
        reader = arrow_csv.open_csv(
            file,
            read_options=arrow_csv.ReadOptions(
                block_size=BLOCK_BYTES, encoding=encoding, use_threads=False, column_names=columns, skip_rows=1
            ),
            parse_options=arrow_csv.ParseOptions(newlines_in_values=True, invalid_row_handler=skip),
            convert_options=arrow_csv.ConvertOptions(
                column_types={name: pa.string() for name in columns}, strings_can_be_null=True, null_values=[""]
            ),
        )
        before, reported = 0, 0
        for batch in reader:
            frame = _as_frame(batch)
            if frame.is_empty():
                continue
            ordinals = np.arange(before + 1, before + frame.height + 1)
            yield Chunk(frame, _row_numbers(ordinals, unreadable), unreadable[reported:])
            before, reported = before + frame.height, len(unreadable)
    if before == 0 and not unreadable:
        raise _no_rows(path)
    if len(unreadable) > reported:
        yield Chunk(
            pl.DataFrame(schema=dict.fromkeys(columns, pl.String)), np.empty(0, np.int64), unreadable[reported:]
        )


def _header(path: Path, encoding: str) -> list[str]:
    with _open(path) as file:
        first = file.readline(LONGEST_LINE).decode(encoding).removeprefix("\ufeff").strip("\r\n")
    columns = [name.strip() for name in next(csv.reader([first]), [])]
    if not any(columns):
        raise BadBatch(Text(f"{path.name}：首行没有列名", f"{path.name}: no column names in the first line"))
    twice = sorted({name for name in columns if columns.count(name) > 1})
    if twice:
        raise BadBatch(
            Text(f"{path.name}：重复的列：{', '.join(twice)}", f"{path.name}: columns given twice: {', '.join(twice)}")
        )
    return columns


def _row_numbers(ordinals: npt.NDArray[np.int64], unreadable: list[int]) -> npt.NDArray[np.int64]:
    """Number in the file of the k-th readable row, given the numbers of the rows that were skipped."""
    skipped = np.sort(np.array(unreadable, np.int64))
    readable_before = skipped - 1 - np.arange(len(skipped))
    return ordinals + np.searchsorted(readable_before, ordinals, side="left")


def _as_frame(batch: pa.RecordBatch) -> pl.DataFrame:
    frame = pl.from_arrow(batch)
    assert isinstance(frame, pl.DataFrame)  # noqa: S101  (from_arrow of a batch is a frame)
    return frame.rename({name: name.removeprefix("\ufeff").strip() for name in frame.columns})


def _json_chunks(path: Path, encoding: str) -> Iterator[Chunk]:
    rows: list[dict[str, str | None]] = []
    numbers: list[int] = []
    unreadable: list[int] = []
    seen = False
    for number, line in _lines(path):
        if not line.strip():
            continue
        seen = True
        row = _json_row(line, encoding)
        if row is None:
            unreadable.append(number)
        else:
            rows.append(row)
            numbers.append(number)
        if len(rows) == JSON_ROWS:
            yield Chunk(_rows_to_frame(rows), np.array(numbers, np.int64), unreadable)
            rows, numbers, unreadable = [], [], []
    if not seen:
        raise _no_rows(path)
    if rows or unreadable:
        yield Chunk(_rows_to_frame(rows), np.array(numbers, np.int64), unreadable)


def _json_row(line: bytes, encoding: str) -> dict[str, str | None] | None:
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


def _rows_to_frame(rows: list[dict[str, str | None]]) -> pl.DataFrame:
    columns = list(dict.fromkeys(chain.from_iterable(rows)))
    return pl.DataFrame({name: [row.get(name) for row in rows] for name in columns}, dict.fromkeys(columns, pl.String))


def _parquet_chunks(path: Path) -> Iterator[Chunk]:
    before = 0
    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(batch_size=CHUNK_ROWS):
            frame = _as_frame(batch)
            yield Chunk(frame, np.arange(before + 1, before + frame.height + 1))
            before += frame.height
    if before == 0:
        raise _no_rows(path)


def _no_rows(path: Path) -> BadBatch:
    return BadBatch(Text(f"{path.name}：只有表头，没有数据行", f"{path.name}: a header and no rows"))
