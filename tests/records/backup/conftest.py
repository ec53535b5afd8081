"""A base with content, and a PostgreSQL without."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from records.base import RecordBase
from records.database import migrate, open_engine
from records.settings import Settings
from scoring.audit import record
from tests.records.backup.sample import arrears


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The home of a base with two batches, each with a rejected row, and a trail; closed."""
    folder = tmp_path_factory.mktemp("prepared")
    base = RecordBase.open(Settings(home=folder / "home"))
    for name in "ab":
        base.append(arrears(folder, name), "tax.arrears")
    for number in range(5):
        record(base.engine, f"actor{number}", "look", payload={"n": number})
    base.engine.dispose()
    return folder / "home"


@pytest.fixture
def filled(prepared: Path, tmp_path: Path) -> RecordBase:
    """A base of one's own, with content."""
    shutil.copytree(prepared, tmp_path / "home")
    return RecordBase.open(Settings(home=tmp_path / "home"))


@pytest.fixture
def emptied_postgres(postgres: str) -> Iterator[str]:
    """A PostgreSQL without tables, before and after."""
    for turn in range(2):
        engine = open_engine(postgres)
        migrate(engine, "base")
        with engine.begin() as connection:
            connection.execute(text("DROP TABLE IF EXISTS alembic_version"))
        engine.dispose()
        if turn == 0:
            yield postgres
