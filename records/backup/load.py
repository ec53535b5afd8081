"""Tables of a backup into a database, SQLite or PostgreSQL, in one transaction."""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import pyarrow.parquet as pq
import sqlalchemy as sa
from sqlalchemy import Connection, MetaData, Table, insert, text, types

from records.backup.dump import CHUNK_ROWS
from records.backup.errors import DamagedBackup, RestoreFailed, UnknownRevision
from records.backup.manifest import Manifest, TableEntry
from records.backup.store import FileStore, after
from records.database import alembic_configuration
from records.every_table import every_table
from records.words import Text

REVISION_TABLE = "alembic_version"


def check_revision(manifest: Manifest) -> None:
    """Raises ``UnknownRevision`` where the backup's schema is not one that this Huixin can bring up to date."""
    from alembic.script import ScriptDirectory
    from alembic.util import CommandError

    scripts = ScriptDirectory.from_config(alembic_configuration())
    try:
        scripts.get_revision(manifest.revision)
    except CommandError as error:
        head = scripts.get_current_head()
        raise UnknownRevision(
            Text(
                f"备份由 Huixin {manifest.package} 在数据库版本 {manifest.revision} 上制作；"
                f"本程序至多识别 {head}，请用同版或更新的 Huixin 恢复",
                f"the backup was made by Huixin {manifest.package} at schema revision {manifest.revision}; this "
                f"program knows revisions up to {head}: restore with that Huixin or a newer one",
            )
        ) from error


def load(connection: Connection, manifest: Manifest, store: FileStore, done: Callable[[int], None]) -> None:
    """Put the backup's tables in place of those that ``connection`` has, and bring them up to date. Does not commit.

    Raises ``DamagedBackup`` where tables and schema do not fit. ``done`` counts rows.
    """
    _drop_tables(connection, {entry.name for entry in manifest.tables})
    _migrate(connection, manifest.revision)
    reflected = MetaData()
    reflected.reflect(connection)
    entries = {entry.name: entry for entry in manifest.tables}
    if absent := sorted(set(entries) - set(reflected.tables)):
        raise _misfit(absent[0], manifest)
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("PRAGMA defer_foreign_keys=ON")
    rows = 0
    for table in reflected.sorted_tables:
        if entry := entries.get(table.name):
            _load_table(connection, table, entry, store, manifest, after(rows, done))
            rows += entry.rows
    if connection.dialect.name == "postgresql":
        _reset_sequences(connection, [reflected.tables[name] for name in entries])
    _migrate(connection, "head")


def _drop_tables(connection: Connection, names: set[str]) -> None:
    """Remove the tables of an earlier base. Downgrading instead would trip over rows that an old schema forbids."""
    present = set(sa.inspect(connection).get_table_names())
    ours = (names | set(every_table().tables) | {REVISION_TABLE}) & present
    earlier = MetaData()
    earlier.reflect(connection, only=sorted(ours), resolve_fks=False)
    earlier.drop_all(connection)


def _migrate(connection: Connection, revision: str) -> None:
    from alembic import command

    configuration = alembic_configuration()
    configuration.attributes["connection"] = connection
    command.upgrade(configuration, revision)


def _load_table(
    connection: Connection,
    table: Table,
    entry: TableEntry,
    store: FileStore,
    manifest: Manifest,
    done: Callable[[int], None],
) -> None:
    with pq.ParquetFile(store.path(entry.sha256)) as file:
        names = file.schema_arrow.names
        if set(names) != set(table.columns.keys()) or file.metadata.num_rows != entry.rows:
            raise _misfit(entry.name, manifest)
        chunks = _chunks(file, done)
        if connection.dialect.name == "postgresql":
            _copy_in(connection, table, names, chunks)
        else:
            _insert(connection, table, names, chunks)


def _chunks(file: pq.ParquetFile, done: Callable[[int], None]) -> Iterator[list[tuple[Any, ...]]]:
    read = 0
    for batch in file.iter_batches(batch_size=CHUNK_ROWS):
        yield list(zip(*(column.to_pylist() for column in batch.columns), strict=True))
        done(read := read + batch.num_rows)


def _copy_in(connection: Connection, table: Table, names: list[str], chunks: Iterator[list[tuple[Any, ...]]]) -> None:
    """COPY reads every value as PostgreSQL reads text, so JSON stays as it was written; one statement a table."""
    import psycopg

    quoted = connection.dialect.identifier_preparer
    columns = ", ".join(map(quoted.quote, names))
    driver = connection.connection.driver_connection
    assert isinstance(driver, psycopg.Connection)  # noqa: S101  (open_engine uses psycopg)
    statement = f"COPY {quoted.format_table(table)} ({columns}) FROM STDIN"
    try:
        with driver.cursor() as cursor, cursor.copy(statement.encode()) as copy:
            for rows in chunks:
                for row in rows:
                    copy.write_row(row)
    except psycopg.errors.DiskFull as error:
        raise OSError(errno.ENOSPC, "PostgreSQL") from error
    except psycopg.DataError as error:
        reason = error.diag.message_primary or type(error).__name__
        raise RestoreFailed(
            Text(
                f"PostgreSQL 不接受表 {table.name} 的内容：{reason}；未做任何改动",
                f"PostgreSQL does not take the rows of {table.name}: {reason}; nothing was changed",
            )
        ) from error


def _insert(connection: Connection, table: Table, names: list[str], chunks: Iterator[list[tuple[Any, ...]]]) -> None:
    decimals = {name for name in names if _is_decimal(table.columns[name].type)}
    columns = [sa.column(name, _written_type(table.columns[name].type)) for name in names]
    statement = insert(sa.table(table.name, *columns))
    for rows in chunks:
        dicts = [dict(zip(names, row, strict=True)) for row in rows]
        for row in dicts if decimals else ():
            row |= {name: None if row[name] is None else Decimal(row[name]) for name in decimals}
        connection.execute(statement, dicts)


def _written_type(kind: types.TypeEngine[Any]) -> types.TypeEngine[Any]:
    return types.Text() if isinstance(kind, types.JSON) else kind


def _is_decimal(kind: types.TypeEngine[Any]) -> bool:
    return isinstance(kind, types.Numeric) and not isinstance(kind, types.Float)


def _reset_sequences(connection: Connection, tables: list[Table]) -> None:
    """Numbers that PostgreSQL gives out itself go on after the largest one loaded."""
    quoted = connection.dialect.identifier_preparer
    for table in tables:
        for column in table.columns:
            if not isinstance(column.type, types.Integer):
                continue
            name = quoted.format_table(table)
            asked = {"table": name, "column": column.name}
            sequence = connection.scalar(text("SELECT pg_get_serial_sequence(:table, :column)"), asked)
            if sequence is None:
                continue
            largest = connection.scalar(text(f"SELECT max({quoted.quote(column.name)}) FROM {name}"))
            move = text("SELECT setval(CAST(:sequence AS regclass), :value, :used)")
            used = largest is not None
            connection.execute(move, {"sequence": sequence, "value": largest if used else 1, "used": used})


def _misfit(table: str, manifest: Manifest) -> DamagedBackup:
    return DamagedBackup(
        Text(
            f"备份中的表 {table} 与数据库版本 {manifest.revision} 不符",
            f"the backup's table {table} does not fit schema revision {manifest.revision}",
        )
    )
