"""Rows that change in place at the source, as records that never do: a changed row becomes a correction.

A row's first record has the row's key as its id; each later one ``<key>~<watermark>``, and supersedes the one before.
What the row says is compared as the base would store it, so that ``1.50`` and ``1.5`` are the same.
"""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
from sqlalchemy import select
from sqlalchemy.orm import Session

from records.base import RecordBase
from records.batch import BatchValidator
from records.catalogue import Item
from records.database import FileRow
from records.exchange.errors import BadConnector
from records.moment import now
from records.reading import read_chunks
from records.tables import nothing, quoted_files
from records.words import Text

CHANGE_COLUMNS = ("_key", "_watermark")
MEMORY = "1GB"
NOT_COMPARED = frozenset({"record_id", "recorded_at", "supersedes"})


def keep_changes(base: RecordBase, item: Item, version: int | None, pulled: Path, batch: Path) -> int:
    """Write to ``batch`` the rows of ``pulled`` that are new or changed; returns how many they are.

    ``pulled``: Parquet of text with ``CHANGE_COLUMNS`` before the batch's columns. Raises ``BadConnector`` where a key
    stands in it twice or is missing.
    """
    _check_keys(pulled)
    present = _Present(base, item)
    validator = BatchValidator(item, base.identity, now(), history=False, pseudonyms=None, version=version)
    kept = 0
    with pq.ParquetFile(pulled) as file:
        columns = [name for name in file.schema_arrow.names if name not in CHANGE_COLUMNS]
    schema = pa.schema([(name, pa.string()) for name in ("record_id", "supersedes", *columns)])
    with pq.ParquetWriter(batch, schema) as writer:
        for chunk in read_chunks(pulled):
            rows = chunk.frame.with_columns(
                record_id=_as_id(pl.col("_key")), supersedes=pl.lit(None, pl.String), row=pl.Series(chunk.row)
            )
            chunk.frame = rows.select("record_id", "supersedes", *columns)
            told = present.changed(rows.select("row", "record_id", "_watermark"), validator.check(chunk).frame)
            found = rows.drop("record_id", "supersedes").join(told, on="row", how="inner", maintain_order="left")
            kept += found.height
            writer.write_table(found.select(schema.names).to_arrow().cast(schema))
    return kept


class _Present:
    """What the base last had of each key."""

    def __init__(self, base: RecordBase, item: Item) -> None:
        self.item = item
        with Session(base.engine) as session:
            paths = session.scalars(select(FileRow.path).where(FileRow.item == item.code)).all()
        self._files = [str(base.settings.records_folder / path) for path in paths]

    def changed(self, rows: pl.DataFrame, typed: pl.DataFrame) -> pl.DataFrame:
        """``row``, ``record_id`` and ``supersedes`` of the rows to send.

        ``rows``: row, record_id (from the key), _watermark. ``typed``: the rows that pass the door, as it would store
        them; the others are sent as they are, so that the source is told why they do not.
        """
        import duckdb

        names = [name for name in self.item.arrow_schema.names if name not in NOT_COMPARED]
        if typed.is_empty():
            return rows.select("row", "record_id", supersedes=pl.lit(None, pl.String))
        differs = " OR ".join(f't."{name}" IS DISTINCT FROM l."{name}"' for name in names)
        query = (
            f"WITH stored AS ({self._stored()}), "
            "chains AS (SELECT *, regexp_replace(record_id, '~[^~]*$', '') AS origin FROM stored), "
            "last AS (SELECT * FROM chains SEMI JOIN rows ON origin = rows.record_id "
            "QUALIFY row_number() OVER (PARTITION BY origin ORDER BY recorded_at DESC, record_id DESC) = 1) "
            "SELECT r.row, "
            "CASE WHEN l.record_id IS NULL THEN r.record_id "
            "ELSE r.record_id || '~' || replace(r._watermark, ' ', 'T') END AS record_id, "
            "l.record_id AS supersedes FROM rows r LEFT JOIN typed t ON r.row = t.row "
            "LEFT JOIN last l ON l.origin = r.record_id "
            f"WHERE l.record_id IS NULL OR t.row IS NULL OR {differs} ORDER BY r.row"
        )
        with duckdb.connect(config={"memory_limit": MEMORY}) as database:
            database.execute("SET TimeZone = 'UTC'")
            database.register("rows", rows.to_arrow())
            database.register("typed", typed.select("row", *names).to_arrow())
            return pl.DataFrame(database.sql(query).to_arrow_table())

    def _stored(self) -> str:
        """The item's records in its present columns; what a version did not have is null."""
        if not self._files:
            return f"SELECT {nothing(self.item)} WHERE false"
        files = quoted_files(self._files).replace("])", "], union_by_name = true)")
        return f"SELECT * FROM {files} UNION ALL BY NAME SELECT {nothing(self.item)} WHERE false"


def _as_id(key: pl.Expr) -> pl.Expr:
    """The key as a record id; the mark that separates key and watermark is escaped in it."""
    return key.str.replace_all("%", "%25", literal=True).str.replace_all("~", "%7E", literal=True)


def _check_keys(pulled: Path) -> None:
    import duckdb

    with duckdb.connect() as database:
        found = database.execute(
            f"SELECT count(*) - count(DISTINCT _key) FROM {quoted_files([str(pulled)])}"
        ).fetchone()
    if found and found[0]:
        raise BadConnector(
            Text(
                f"key 列在所取范围内有 {found[0]} 行缺失或重复；它须唯一标识一行",
                f"{found[0]} rows have no key, or one that another row has: the key names one row",
            )
        )
