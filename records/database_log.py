"""SQLite's write-ahead log: carried over into the database aside, so that no commit has to wait for it."""

from __future__ import annotations

import threading
import time

import structlog
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

PASSIVE_SECONDS = 5.0
log = structlog.get_logger()


def keep_log_short(engine: Engine) -> None:
    """From now on, carry the log over every few seconds, beside readers and writers; other databases do so themselves.

    Passive checkpoints hold up nobody. What they leave is carried over by a commit once the log has
    ``records.database.LOG_PAGES`` pages, as ever: only the log's length changes, not what survives a power cut.
    """
    if engine.dialect.name == "sqlite":
        threading.Thread(target=_keep, args=(engine,), name="database log", daemon=True).start()


def _keep(engine: Engine) -> None:
    while True:
        time.sleep(PASSIVE_SECONDS)
        try:
            connection = engine.raw_connection()
            try:
                connection.cursor().execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
            finally:
                connection.close()
        except (SQLAlchemyError, OSError) as error:
            log.error("database log", kind=type(error).__name__)
