"""CSV to chunks of text columns: quoted line ends, rows of the wrong width told apart, flat memory."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa
import pyarrow.csv as arrow_csv

from records.reading.chunk import Chunk, check_names, no_rows, refusal
from records.reading.encodings import LONGEST_LINE, encoding_of
from records.reading.limits import opened

BLOCK_BYTES = 32 << 20
LONGEST_ROW = 32 << 20


def csv_chunks(path: Path) -> Iterator[Chunk]:
    """Chunks of about 32 MiB, every column as text. Raises ``BadBatch``, ``pa.ArrowException`` or ``csv.Error``."""
    encoding = encoding_of(path)
    columns = _header(path, encoding)
    unreadable: list[int] = []

    def skip(row: arrow_csv.InvalidRow) -> str:
        unreadable.append(row.number - 1)
        return "skip"

    seen = False
    with opened(path) as file:
        row = 0
        for batch in _batches(path, file, columns, encoding, skip):
            if batch.num_rows == 0:
                continue
            frame = pl.DataFrame(batch)
            rows = _row_numbers(row, frame.height, unreadable)
            row, seen = int(rows[-1]), True
            told = [number for number in unreadable if number < row]
            del unreadable[: len(told)]
            yield Chunk(frame, rows, told)
    if not seen and not unreadable:
        raise no_rows(path)
    if unreadable:
        yield Chunk(pl.DataFrame(schema=dict.fromkeys(columns, pl.String)), np.empty(0, np.int64), unreadable)


def _batches(path: Path, file: object, columns: list[str], encoding: str, skip: object) -> Iterator[pa.RecordBatch]:
    block = max(BLOCK_BYTES, 1 << 10)
    try:
        yield from arrow_csv.open_csv(
            file,
            read_options=arrow_csv.ReadOptions(
                block_size=block, encoding=encoding, use_threads=False, column_names=columns, skip_rows=1
            ),
            parse_options=arrow_csv.ParseOptions(newlines_in_values=True, invalid_row_handler=skip),
            convert_options=arrow_csv.ConvertOptions(
                column_types=dict.fromkeys(columns, pa.large_string()), strings_can_be_null=True, null_values=[""]
            ),
        )
    except pa.ArrowInvalid as error:
        if "straddling object" not in str(error):
            raise
        limit = f"{block >> 20} MiB"
        raise refusal(
            path,
            f"有一行过长（引号可能未闭合）；每行至多 {limit}",
            f"a row is too long, perhaps a quote is not closed; at most {limit} a row are accepted",
        ) from error


def _header(path: Path, encoding: str) -> list[str]:
    with opened(path) as file:
        first = file.readline(LONGEST_LINE).decode(encoding).removeprefix("\ufeff").strip("\r\n")
    return check_names(path, next(csv.reader([first]), []))


def _row_numbers(before: int, count: int, unreadable: list[int]) -> npt.NDArray[np.int64]:
    """Numbers in the file of the next ``count`` readable rows after row ``before``, given those that were skipped."""
    ordinals = np.arange(1, count + 1)
    skipped = np.sort(np.array(unreadable, np.int64)) - before
    readable_before = skipped - 1 - np.arange(len(skipped))
    return before + ordinals + np.searchsorted(readable_before, ordinals, side="left")
