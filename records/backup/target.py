"""The store that a restore replaces: whether it holds anything, is in use, and how the new one takes its place."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy import Engine, make_url
from sqlalchemy.exc import DBAPIError, OperationalError

from records.backup.errors import RestoreRefused
from records.database import FileRow, open_engine, writing
from records.durable import make_durable
from records.every_table import every_table
from records.settings import Settings
from records.words import Text

SIDE_FILES = ("-journal", "-wal", "-shm")
NEW, FORMER = ".restoring", ".former"
LOCK_SECONDS = 10
MADE_AT_OPENING = frozenset({"identity_keys", "catalogue_versions", "audit_anchor"})


def sqlite_path(settings: Settings) -> Path | None:
    """The operations database's file, or ``None`` where a server keeps it."""
    url = make_url(settings.operations_url)
    return Path(str(url.database)) if url.get_backend_name() == "sqlite" else None


class Former:
    """What the target held before.

    ``occupied``: it has rows of some base, or cannot be read. ``files``: record files that it names.
    """

    def __init__(self, occupied: bool, files: frozenset[str]) -> None:
        self.occupied = occupied
        self.files = files

    @classmethod
    def of(cls, settings: Settings) -> Former:
        """Look without changing anything. Raises ``RestoreRefused`` where the server cannot be asked."""
        path = sqlite_path(settings)
        if path is not None and not path.exists():
            return cls(False, frozenset())
        engine = open_engine(settings.operations_url)
        try:
            with engine.connect() as connection:
                present = sorted(set(every_table().tables) & set(sa.inspect(connection).get_table_names()))
                occupied = any(
                    connection.scalar(sa.select(sa.literal(1)).select_from(sa.table(name)).limit(1))
                    for name in present
                    if name not in MADE_AT_OPENING
                )
                named = FileRow.__tablename__ in present
                files = connection.scalars(sa.select(FileRow.path)).all() if named else ()
            return cls(occupied, frozenset(files))
        except DBAPIError as error:
            if path is None:
                raise _unreachable(settings) from error
            return cls(True, frozenset())
        finally:
            engine.dispose()


def refuse_if_in_use(settings: Settings) -> None:
    """Raises ``RestoreRefused`` while another process has the SQLite database open. Folds its log into it otherwise."""
    path = sqlite_path(settings)
    if path is None or not path.exists():
        return
    try:
        with closing(sqlite3.connect(path, timeout=1)) as database:
            mode = database.execute("PRAGMA journal_mode=DELETE").fetchone()[0]
    except sqlite3.OperationalError as error:
        if "locked" not in str(error):
            return
        mode = "wal"
    except sqlite3.DatabaseError:
        return
    if mode == "wal":
        raise RestoreRefused(
            Text(
                f"{path} 正被其他进程使用；请先停止服务和定时任务",
                f"{path} is in use; stop the service and scheduled jobs first",
            )
        )


@contextmanager
def new_database(settings: Settings, fill: Callable[[sa.Connection], None]) -> Iterator[Callable[[], None]]:
    """Fill a database beside the former one; the yielded function puts it in its place, at once and durably.

    On PostgreSQL all of it is one transaction, which ends when the function is called and is rolled back otherwise.
    """
    path = sqlite_path(settings)
    if path is None:
        with _new_on_server(settings, fill) as switch:
            yield switch
        return
    new = path.with_name(path.name + NEW)
    _remove(new)
    engine = open_engine(f"sqlite:///{new}")
    try:
        try:
            with writing(engine) as session:
                fill(session.connection())
        finally:
            engine.dispose()
        with closing(sqlite3.connect(new)) as database:
            database.execute("PRAGMA journal_mode=DELETE")
        make_durable(new)
        yield lambda: put_in_place(new, path)
    finally:
        _remove(new)


def put_in_place(new: Path, path: Path) -> None:
    """Let the database ``new`` take the place of ``path``. The former's log goes first: it must not meet the new."""
    former = path.with_name(path.name + FORMER)
    for side in ("", *SIDE_FILES):
        with suppress(FileNotFoundError):
            Path(f"{path}{side}").replace(f"{former}{side}")
    make_durable(path.parent)
    new.replace(path)
    make_durable(path.parent)


def remove_former(path: Path) -> None:
    """Forget a database that was replaced."""
    _remove(path.with_name(path.name + FORMER))


@contextmanager
def _new_on_server(settings: Settings, fill: Callable[[sa.Connection], None]) -> Iterator[Callable[[], None]]:
    engine = open_engine(settings.operations_url)
    try:
        with _connected(engine, settings) as connection:
            transaction = connection.begin()
            try:
                connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{LOCK_SECONDS}s'")
                fill(connection)
                yield transaction.commit
            finally:
                if transaction.is_active:
                    transaction.rollback()
    except OperationalError as error:
        if type(error.orig).__name__ != "LockNotAvailable":
            raise
        raise RestoreRefused(
            Text(
                "数据库正被使用；请先停止服务和定时任务", "the database is in use; stop the service and scheduled jobs"
            )
        ) from error
    finally:
        engine.dispose()


def _connected(engine: Engine, settings: Settings) -> sa.Connection:
    try:
        return engine.connect()
    except DBAPIError as error:
        raise _unreachable(settings) from error


def _unreachable(settings: Settings) -> RestoreRefused:
    host = make_url(settings.operations_url).render_as_string(hide_password=True)
    return RestoreRefused(Text(f"{host} 无法连接", f"{host} cannot be reached"))


def _remove(path: Path) -> None:
    for side in ("", *SIDE_FILES):
        Path(f"{path}{side}").unlink(missing_ok=True)
