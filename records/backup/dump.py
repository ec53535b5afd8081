"""The operations database as of one instant: every table to Parquet, whatever engine holds it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from sqlalchemy import (
    Connection,
    Engine,
    MetaData,
    String,
    Table,
    cast,
    func,
    inspect,
    select,
    text,
    type_coerce,
    types,
)
from sqlalchemy.sql.elements import ColumnElement

from records.backup.errors import BackupFailed
from records.backup.manifest import TableEntry
from records.backup.store import FileStore, Kept, after, new_private
from records.database import BatchRow, FileRow
from records.words import Text

CHUNK_ROWS = 5_000
ARROW_TYPES: tuple[tuple[type[types.TypeEngine[Any]], pa.DataType], ...] = (
    (types.JSON, pa.string()),
    (types.Boolean, pa.bool_()),
    (types.Integer, pa.int64()),
    (types.Float, pa.float64()),
    (types.Numeric, pa.string()),
    (types.DateTime, pa.timestamp("us")),
    (types.Date, pa.date32()),
    (types.LargeBinary, pa.binary()),
    (types.String, pa.string()),
)


@dataclass(frozen=True)
class Snapshot:
    """What the operations database said at one instant."""

    revision: str
    tables: tuple[TableEntry, ...]
    record_files: dict[str, Kept]
    batches: int
    records: int
    newest_batch: str | None


def take_snapshot(engine: Engine, metadata: MetaData, store: FileStore, done: Callable[[int], None]) -> Snapshot:
    """Keep all tables of ``metadata`` in ``store``, read in one transaction. ``done`` counts rows."""
    with _one_instant(engine) as connection:
        tables, rows = [], 0
        for table in metadata.sorted_tables:
            tables.append(_keep_table(connection, table, store, after(rows, done)))
            rows += tables[-1].rows
        files = connection.execute(select(FileRow.path, FileRow.sha256, FileRow.bytes, FileRow.rows)).all()
        newest = select(BatchRow.batch_id).order_by(BatchRow.accepted_at.desc(), BatchRow.batch_id.desc()).limit(1)
        return Snapshot(
            revision=str(connection.scalar(text("SELECT version_num FROM alembic_version"))),
            tables=tuple(tables),
            record_files={path: Kept(sha256, size) for path, sha256, size, _ in files},
            batches=int(connection.scalar(select(func.count()).select_from(BatchRow)) or 0),
            records=sum(row.rows for row in files),
            newest_batch=connection.scalar(newest),
        )


def newest_batch_known(engine: Engine, batch_id: str) -> bool:
    """Whether this base has the batch."""
    with _one_instant(engine) as connection:
        if not inspect(connection).has_table(BatchRow.__tablename__):
            return False
        return connection.scalar(select(BatchRow.batch_id).where(BatchRow.batch_id == batch_id)) is not None


def stored_type(kind: types.TypeEngine[Any]) -> types.TypeEngine[Any]:
    """The type beneath decorators, that the database itself knows."""
    while isinstance(kind, types.TypeDecorator):
        kind = kind.impl_instance
    return kind


def arrow_type(table: str, column: str, kind: types.TypeEngine[Any]) -> pa.DataType:
    """How a column is kept, exactly. Raises ``BackupFailed`` for a type that would not come back as it was."""
    kind = stored_type(kind)
    for known, arrow in ARROW_TYPES:
        if isinstance(kind, known) and not getattr(kind, "timezone", False):
            return arrow
    raise BackupFailed(
        Text(f"{table}.{column}：备份不支持类型 {kind}", f"{table}.{column}: a backup cannot keep the type {kind}")
    )


@contextmanager
def _one_instant(engine: Engine) -> Iterator[Connection]:
    """A read transaction that sees one state from its first question to its last."""
    postgresql = engine.dialect.name == "postgresql"
    options = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True} if postgresql else {}
    with engine.connect().execution_options(**options) as connection, connection.begin():
        yield connection


def _keep_table(connection: Connection, table: Table, store: FileStore, done: Callable[[int], None]) -> TableEntry:
    schema = pa.schema([(column.name, arrow_type(table.name, column.name, column.type)) for column in table.columns])
    query = select(*map(_as_stored, table.columns)).order_by(*table.primary_key.columns)
    partial, rows = store.partial(), 0
    try:
        with (
            new_private(partial) as file,
            pq.ParquetWriter(file, schema, compression="zstd") as writer,
        ):
            for part in connection.execute(query.execution_options(yield_per=CHUNK_ROWS)).partitions():
                writer.write_table(_as_arrow(part, schema))
                done(rows := rows + len(part))
            writer.close()
            file.flush()
            os.fsync(file.fileno())
        kept = store.adopt(partial)
    finally:
        partial.unlink(missing_ok=True)
    return TableEntry(table.name, rows, *kept)


def _as_stored(column: ColumnElement[Any]) -> ColumnElement[Any]:
    """The value that the database holds: JSON as its text, so that null and NULL, 1 and 1.0 stay what they are."""
    kind = stored_type(column.type)
    if isinstance(kind, types.JSON):
        return cast(column, types.Text).label(column.name)
    return type_coerce(column, String() if isinstance(kind, types.String) else kind).label(column.name)


def _as_arrow(rows: Sequence[Any], schema: pa.Schema) -> pa.Table:
    columns = []
    for values, field in zip(zip(*rows, strict=True), schema, strict=True):
        texts = field.type == pa.string()
        columns.append(pa.array([_text(value) for value in values] if texts else list(values), field.type))
    return pa.table(columns, schema=schema)


def _text(value: Any) -> str | None:
    return value if value is None or isinstance(value, str) else str(value)
