"""Parquet to chunks, with its own types; what it declares and what its dictionaries unfold to is checked first."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from records.errors import BadBatch
from records.reading.chunk import Chunk, check_names, no_rows, refusal
from records.reading.limits import MOST_UNFOLDED

CHUNK_ROWS = 200_000
GROUP_MOST = 8 << 30
CHUNK_MOST = 1 << 30
VALUES_A_ROW = 64


def parquet_chunks(path: Path, rows_most: int) -> Iterator[Chunk]:
    """Chunks of 200,000 rows. Raises ``BadBatch`` where the file declares or unfolds to too much, or has no rows."""
    with pq.ParquetFile(path) as plain:
        _check_declared(path, plain, rows_most)
        packed = _dictionary_columns(plain)
    before = 0
    with pq.ParquetFile(path, read_dictionary=packed) as file:
        names = check_names(path, file.schema_arrow.names)
        for batch in file.iter_batches(batch_size=CHUNK_ROWS):
            frame = pl.DataFrame(pa.Table.from_batches([_unfolded(path, batch)]).rename_columns(names))
            yield Chunk(frame, np.arange(before + 1, before + frame.height + 1))
            before += frame.height
    if before == 0:
        raise no_rows(path)


def _check_declared(path: Path, file: pq.ParquetFile, rows_most: int) -> None:
    facts = file.metadata
    if facts.num_rows > rows_most:
        raise too_many_rows(path, rows_most)
    groups = [facts.row_group(number) for number in range(facts.num_row_groups)]
    sizes = [group.total_byte_size for group in groups]
    if sum(sizes) > MOST_UNFOLDED or max(sizes, default=0) > GROUP_MOST:
        limit = f"{GROUP_MOST >> 30} GiB"
        raise refusal(path, f"行组解压后过大；每组至多 {limit}", f"unfolds too far; at most {limit} a row group")
    for group in groups:
        for place in range(group.num_columns):
            if group.column(place).num_values > VALUES_A_ROW * max(group.num_rows, 1):
                raise refusal(path, "一行内的值过多", f"more than {VALUES_A_ROW} values in a row of one column")


def _dictionary_columns(file: pq.ParquetFile) -> list[str]:
    """Columns of text that are kept as dictionaries: there a few bytes may stand for any amount of text."""
    texts = (pa.types.is_string, pa.types.is_large_string, pa.types.is_binary, pa.types.is_large_binary)
    named = {field.name for field in file.schema_arrow if any(test(field.type) for test in texts)}
    found = set()
    for number in range(file.metadata.num_row_groups):
        group = file.metadata.row_group(number)
        for place in range(group.num_columns):
            column = group.column(place)
            if column.path_in_schema in named and "DICTIONARY" in " ".join(column.encodings):
                found.add(column.path_in_schema)
    return sorted(found)


def _unfolded(path: Path, batch: pa.RecordBatch) -> pa.RecordBatch:
    columns = [
        _dense(path, column) if pa.types.is_dictionary(column.type) else _checked(path, column)
        for column in batch.columns
    ]
    return pa.RecordBatch.from_arrays(columns, names=batch.schema.names)


def _dense(path: Path, column: pa.DictionaryArray) -> pa.Array:
    _checked(path, column.dictionary)
    lengths = pc.take(pc.binary_length(column.dictionary), column.indices)
    if (pc.sum(lengths).as_py() or 0) > CHUNK_MOST:
        limit = f"{CHUNK_MOST >> 20} MiB"
        raise refusal(
            path,
            f"一列解压后过大；每 {CHUNK_ROWS} 行至多 {limit}",
            f"a column unfolds too far; at most {limit} in {CHUNK_ROWS} rows",
        )
    text = pa.large_binary() if _is_binary(column.type.value_type) else pa.large_string()
    return column.cast(text)


def _checked(path: Path, column: pa.Array) -> pa.Array:
    """Text that Parquet marks as UTF-8 need not be it; what is not is refused rather than trusted."""
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        try:
            column.validate(full=True)
        except pa.ArrowInvalid as error:
            raise refusal(path, "文本列不是 UTF-8", "a text column is not UTF-8") from error
    return column


def _is_binary(kind: pa.DataType) -> bool:
    return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind))


def too_many_rows(path: Path, rows_most: int) -> BadBatch:
    """The refusal of a file with more rows than a batch may have."""
    return refusal(
        path,
        f"行数过多；每批至多 {rows_most:,} 行，请分批报送",
        f"too many rows; at most {rows_most:,} a batch are accepted, send it in parts",
    )
