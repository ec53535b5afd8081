"""A copy of the trained county, for tests that change what all of its records or models say."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

from records.settings import Settings

DATABASES = ("operations.db", "mlflow.db")


def copied(settings: Settings, home: Path) -> Settings:
    """Everything of ``settings`` once more in ``home``, while other tests go on with the original.

    Databases are copied by SQLite itself: a file that is being written would be torn, and closing one that this process
    has open elsewhere would drop its locks.
    """
    shutil.copytree(settings.home, home, ignore=shutil.ignore_patterns(*(f"{name}*" for name in DATABASES)))
    for name in DATABASES:
        with closing(sqlite3.connect(settings.home / name)) as there, closing(sqlite3.connect(home / name)) as here:
            there.backup(here)
    return Settings(home=home)
