"""The committed files of a record base as Spark's tables: the views of ``records.tables``, the same rows."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from features.compiled import compiled
from features.definition import AnyFeature
from features.dictionary import features_for
from features.spark.dialect import from_duckdb, spark_sql
from features.spark.session import ALIKE
from records.catalogue import Catalogue, Item
from records.tables import connect as duckdb_tables
from records.tables import queries

if TYPE_CHECKING:
    from records.base import RecordBase


class SparkTables:
    """A Spark session of its own, so that its tables meet nobody else's, in which records are tables by name.

    ``filled``: names of the tables that have files. ``lock`` is held while a question's own tables (the spine, the
    measures) are named and read by a query.
    """

    def __init__(self, session: Any) -> None:
        self.session = session.newSession()
        self.filled: set[str] = set()
        for name, value in ALIKE.items():
            self.session.conf.set(name, value)
        self.lock = Lock()

    def keep(self, name: str, rows: pa.Table) -> None:
        """``rows``, held by the driver, as the table ``name``."""
        self.session.createDataFrame(rows).createOrReplaceTempView(name)

    def read(self, name: str, paths: Sequence[str | Path], schema: pa.Schema) -> None:
        """Parquet files as the table ``name``; a column that a file does not have is null."""
        from pyspark.sql.pandas.types import from_arrow_schema

        columns = from_arrow_schema(schema, prefer_timestamp_ntz=True)
        found = self.session.read.schema(columns).parquet(*(_address(path) for path in paths))
        found.createOrReplaceTempView(name)
        self.filled.add(name)


def connect(base: RecordBase, session: Any, items: tuple[str, ...] | None = None) -> SparkTables:
    """The records of ``base`` as they are now, one table an item (all, or ``items``): see ``records.tables.connect``.

    Every executor must see the record folder under the same path.
    """
    chosen, stored, following = base.stored(items)
    tables = SparkTables(session)
    followed = duckdb_tables((), stored, following).table("succession").to_pyarrow()
    tables.keep("visibility", stored.visibility)
    tables.keep("succession", followed)
    files = 0

    def scan(item: Item, paths: Sequence[str]) -> str:
        nonlocal files
        files += 1
        name = f"files_{files}"
        tables.read(name, paths, item.arrow_schema)
        return name

    for table, query in queries(chosen, stored, followed, scan).items():
        tables.session.sql(from_duckdb(query)).createOrReplaceTempView(table)
    tables.filled = {item.table for item in chosen if stored.files.get(item.code)}
    return tables


def items_for(segment: str, features: Iterable[AnyFeature] | None = None) -> tuple[str, ...]:
    """The items that ``features`` (default: those of ``segment``) and a spine of ``segment`` are read from."""
    chosen = tuple(features if features is not None else features_for(segment))
    about = {code for code, item in Catalogue.load().items.items() if segment in item.subject_kinds}
    return tuple(sorted(about.union(compiled(chosen, segment, spark_sql).items)))


def _address(path: str | Path) -> str:
    """Where Spark finds a file: not relative to its own default, and no character of it a pattern."""
    return "file://" + re.sub(r"([\\{}\[\]*?])", r"\\\1", str(Path(path).absolute()))
