"""Many rows in few statements, asked of the driver itself: for the few tables that each score passes through.

One statement takes many rows: it is read once by the database, and the interpreter is let go once instead of once a
row. Numbers of rows are powers of two, so that few different statements need to be known. SQLAlchemy opens, begins,
commits and closes; its statements and results would cost several times what the database does.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from functools import lru_cache
from itertools import chain
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

MOST_ROWS = 64


def execute(connection: Connection, statement: str, values: tuple[Any, ...] = ()) -> list[Any]:
    """The rows of a statement with the driver's placeholders, in the transaction of ``connection``, which begins here
    where none has begun. Raises what SQLAlchemy raises for it (``DBAPIError``), without the values.
    """
    if not connection.in_transaction():
        connection.begin()
    driver = connection.connection
    cursor = driver.cursor()
    try:
        cursor.execute(statement, values)
        return list(cursor.fetchall()) if cursor.description else []
    except connection.dialect.loaded_dbapi.Error as error:
        if gone := connection.dialect.is_disconnect(error, driver.driver_connection, cursor):
            connection.invalidate(error)
        raise _told(connection, statement, error, gone) from error
    finally:
        cursor.close()


def insert_rows(connection: Connection, table: str, columns: tuple[str, ...], rows: Sequence[tuple[Any, ...]]) -> None:
    """Insert ``rows``, each a value a column; moments and days as ``moment_in`` and ``day_in`` give them."""
    start, dialect = 0, connection.dialect.name
    while start < len(rows):
        size = min(MOST_ROWS, 1 << ((len(rows) - start).bit_length() - 1))
        values = tuple(chain.from_iterable(rows[start : start + size]))
        execute(connection, _insert(dialect, table, columns, size), values)
        start += size


def select_in(connection: Connection, statement: str, keys: Sequence[str], more: tuple[Any, ...] = ()) -> list[Any]:
    """The rows of ``statement``: ``{keys}`` in it stands for a list of ``keys``, later question marks for ``more``."""
    found: list[Any] = []
    start = 0
    while start < len(keys):
        some = tuple(keys[start : start + MOST_ROWS])
        size = 1 << (len(some) - 1).bit_length()
        padded = some + some[-1:] * (size - len(some))
        found += execute(connection, _with_keys(connection.dialect.name, statement, size), padded + more)
        start += MOST_ROWS
    return found


def marked(connection: Connection, statement: str) -> str:
    """``statement`` with the driver's placeholders in place of question marks."""
    return statement.replace("?", _mark(connection.dialect.name))


def moment_in(connection: Connection, moment: datetime) -> Any:
    """A moment as the driver takes it: SQLite keeps text, in the form that SQLAlchemy reads."""
    return moment.isoformat(" ", "microseconds") if connection.dialect.name == "sqlite" else moment


def day_in(connection: Connection, day: date) -> Any:
    """A day as the driver takes it."""
    return day.isoformat() if connection.dialect.name == "sqlite" else day


def moment_out(kept: Any) -> datetime:
    """A moment as the driver gives it."""
    return datetime.fromisoformat(kept) if isinstance(kept, str) else kept


def _told(connection: Connection, statement: str, error: Exception, gone: bool) -> BaseException:
    dialect = connection.dialect
    return DBAPIError.instance(
        statement, None, error, dialect.loaded_dbapi.Error, connection_invalidated=gone, dialect=dialect
    )


@lru_cache(maxsize=256)
def _insert(dialect: str, table: str, columns: tuple[str, ...], rows: int) -> str:
    one = f"({', '.join([_mark(dialect)] * len(columns))})"
    return f"INSERT INTO {table} ({', '.join(columns)}) VALUES {', '.join([one] * rows)}"


@lru_cache(maxsize=256)
def _with_keys(dialect: str, statement: str, keys: int) -> str:
    return statement.replace("?", _mark(dialect)).replace("{keys}", ", ".join([_mark(dialect)] * keys))


def _mark(dialect: str) -> str:
    return "?" if dialect == "sqlite" else "%s"
