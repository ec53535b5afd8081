"""CSV to chunks of text columns: quoted line ends, rows of the wrong width told apart, flat memory.

Blocks without a quote, all of whose rows have the right width, are split by Polars on all cores. From the first quote
on Arrow reads the rest of the file, since only who reads from there knows which line ends are inside a cell; where rows
of a block are of the wrong width, Arrow tells which.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa
import pyarrow.csv as arrow_csv

from records.reading.chunk import Chunk, check_names, no_rows, refusal
from records.reading.encodings import LONGEST_LINE, encoding_of, is_utf8
from records.reading.limits import opened

BLOCK_BYTES = 16 << 20
NEAR_THE_END = 1 << 16


def csv_chunks(path: Path) -> Iterator[Chunk]:
    """Chunks of about 16 MiB, every column as text. Raises ``BadBatch``, ``pa.ArrowException`` or ``csv.Error``."""
    columns = _header(path)
    seen = False
    with opened(path) as file:
        file.readline(LONGEST_LINE)
        for chunk in _chunks(path, file, columns):
            if chunk.frame.height or chunk.unreadable:
                seen = True
                yield chunk
    if not seen:
        raise no_rows(path)


def _chunks(path: Path, file: BinaryIO, columns: list[str]) -> Iterator[Chunk]:
    """Block by block as long as they are UTF-8 without quotes; the rest, if any, by Arrow."""
    buffer = memoryview(bytearray(2 * BLOCK_BYTES))
    rest, before, ascii_only = 0, 0, True
    while read := file.readinto(buffer[rest : rest + BLOCK_BYTES]) + rest:  # type: ignore[attr-defined]
        end = _end_of_rows(buffer[:read], read < rest + BLOCK_BYTES)
        block = bytes(buffer[:end])
        if end == 0 or b'"' in block or not is_utf8(block):
            encoding = encoding_of(path)
            if encoding != "utf-8" and not ascii_only:
                raise refusal(
                    path, "编码混杂：前为 UTF-8，后为 GB18030", "mixed encodings, first UTF-8 and then GB18030"
                )
            joined = io.BufferedReader(_Joined(bytes(buffer[:read]), file), 1 << 20)
            yield from _by_arrow(path, joined, columns, encoding, before)
            return
        ascii_only = ascii_only and block.isascii()
        frame = _plain(block, columns)
        found = (
            [Chunk(frame, np.arange(before + 1, before + frame.height + 1), without_nul=b"\0" not in block)]
            if frame is not None
            else _by_arrow(path, io.BytesIO(block), columns, "utf-8", before)
        )
        for chunk in found:
            before += chunk.frame.height + len(chunk.unreadable)
            yield chunk
        rest = read - end
        buffer[:rest] = buffer[end:read]


def _end_of_rows(block: memoryview, last: bool) -> int:
    """Where the last whole row ends, 0 for nowhere: all of the last block, else after the last line end."""
    if last:
        return len(block)
    tail = len(block)
    while tail > 0:
        start = max(tail - NEAR_THE_END, 0)
        if (found := bytes(block[start:tail]).rfind(b"\n")) >= 0:
            return start + found + 1
        tail = start
    return 0


def _plain(block: bytes, columns: list[str]) -> pl.DataFrame | None:
    """The rows of a block without quotes, or ``None`` where it is not certain that each has the right width."""
    if b"\r" in block and block.count(b"\r") != block.count(b"\r\n"):
        return None
    try:
        frame = pl.read_csv(block, has_header=False, schema=dict.fromkeys(columns, pl.String), quote_char=None)
    except pl.exceptions.PolarsError:
        return None
    commas = np.count_nonzero(np.frombuffer(block, np.uint8) == ord(","))
    return frame if commas == frame.height * (len(columns) - 1) else None


def _by_arrow(path: Path, file: BinaryIO, columns: list[str], encoding: str, before: int) -> Iterator[Chunk]:
    """Chunks of ``file``, which is the part after ``before`` rows."""
    unreadable: list[int] = []

    def skip(row: arrow_csv.InvalidRow) -> str:
        unreadable.append(before + row.number)
        return "skip"

    row = before
    for batch in _batches(path, file, columns, encoding, skip):
        if batch.num_rows == 0:
            continue
        frame = pl.DataFrame(batch)
        rows = _row_numbers(row, frame.height, unreadable)
        row = int(rows[-1])
        told = [number for number in unreadable if number < row]
        del unreadable[: len(told)]
        yield Chunk(frame, rows, told)
    yield Chunk(pl.DataFrame(schema=dict.fromkeys(columns, pl.String)), np.empty(0, np.int64), unreadable)


def _batches(
    path: Path, file: BinaryIO, columns: list[str], encoding: str, skip: Callable[[arrow_csv.InvalidRow], str]
) -> Iterator[pa.RecordBatch]:
    if not (first := file.read(1)):
        return
    try:
        yield from arrow_csv.open_csv(
            io.BufferedReader(_Joined(first, file), 1 << 20),
            read_options=arrow_csv.ReadOptions(
                block_size=BLOCK_BYTES, encoding=encoding, use_threads=False, column_names=columns
            ),
            parse_options=arrow_csv.ParseOptions(newlines_in_values=True, invalid_row_handler=skip),
            convert_options=arrow_csv.ConvertOptions(
                column_types=dict.fromkeys(columns, pa.large_string()), strings_can_be_null=True, null_values=[""]
            ),
        )
    except pa.ArrowInvalid as error:
        if str(error) == "Empty CSV file":
            return
        if "straddling object" not in str(error):
            raise
        limit = f"{BLOCK_BYTES >> 20} MiB"
        raise refusal(
            path,
            f"有一行过长（引号可能未闭合）；每行至多 {limit}",
            f"a row is too long, perhaps a quote is not closed; at most {limit} a row are accepted",
        ) from error


class _Joined(io.RawIOBase):
    """Some bytes, and then those of a file."""

    def __init__(self, first: bytes, then: BinaryIO) -> None:
        self._first, self._then = memoryview(first), then

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        some = self._first[: len(buffer)] if self._first else self._then.read(len(buffer))
        self._first = self._first[len(some) :]
        buffer[: len(some)] = some
        return len(some)


def _header(path: Path) -> list[str]:
    with opened(path) as file:
        line = file.readline(LONGEST_LINE)
    encoding = "utf-8" if is_utf8(line) else encoding_of(path)
    first = line.decode(encoding).removeprefix("\ufeff").strip("\r\n")
    return check_names(path, next(csv.reader([first]), []))


def _row_numbers(before: int, count: int, unreadable: list[int]) -> npt.NDArray[np.int64]:
    """Numbers in the file of the next ``count`` readable rows after row ``before``, given those that were skipped."""
    ordinals = np.arange(1, count + 1)
    skipped = np.sort(np.array(unreadable, np.int64)) - before
    readable_before = skipped - 1 - np.arange(len(skipped))
    return before + ordinals + np.searchsorted(readable_before, ordinals, side="left")
