"""The embedded model registry (MLflow on SQLite): copied as of one instant, and told where its artifacts lie now."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

TEXT_TYPES = ("CHAR", "TEXT", "CLOB")


def copy_registry(source: Path, copy: Path) -> None:
    """A consistent copy of a SQLite database that may be in use, as one file."""
    with closing(sqlite3.connect(f"{source.resolve().as_uri()}?mode=rw", uri=True, timeout=60)) as live:
        copy.touch(0o600)
        with closing(sqlite3.connect(copy)) as target:
            live.backup(target)
            target.execute("PRAGMA journal_mode=DELETE")


def move_artifacts(registry: Path, former: str, present: str) -> None:
    """Let every artifact location that began with the URI ``former`` begin with ``present``.

    MLflow keeps absolute locations, in columns that change between its versions: so in every column of text.
    """
    if former == present:
        return
    with closing(sqlite3.connect(registry)) as database, database:
        for table, column in _text_columns(database):
            database.execute(
                f'UPDATE "{table}" SET "{column}" = ? || substr("{column}", ?) '
                f'WHERE "{column}" = ? OR substr("{column}", 1, ?) = ?',
                (present, len(former) + 1, former, len(former) + 1, f"{former}/"),
            )


def _text_columns(database: sqlite3.Connection) -> list[tuple[str, str]]:
    tables = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    return [
        (table, column)
        for table in tables
        for _, column, kind, *_ in database.execute(f'PRAGMA table_info("{table}")').fetchall()
        if any(word in kind.upper() for word in TEXT_TYPES)
    ]
