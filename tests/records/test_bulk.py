"""Many rows by few statements, on either database: none is lost where a statement is full."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from records.base import RecordBase
from records.bulk import execute, marked, select_in
from records.database import writing
from records.settings import Settings
from scoring.audit import Entry, enter_all, verify
from tests.databases import own_database


@pytest.mark.parametrize("engine", ["sqlite", "postgresql"])
def test_every_row_is_kept_and_found(engine: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    url = None if engine == "sqlite" else own_database(request.getfixturevalue("postgres"), "bulk")
    base = RecordBase.open(Settings(home=tmp_path / "home", database_url=url))
    entries = [Entry(f"a{at}", "score", f"{at:032x}", "review", {"score_id": f"s-{at}"}) for at in range(199)]
    with writing(base.engine) as session:
        assert enter_all(session, entries[:150]) == 150
        assert enter_all(session, []) == 150
        assert enter_all(session, entries[150:]) == 199
    assert verify(base.engine).sound
    wanted = [f"a{at}" for at in range(199)]
    with base.engine.connect() as connection:
        statement = "SELECT actor FROM audit WHERE actor IN ({keys}) AND action = ?"
        assert sorted(row[0] for row in select_in(connection, statement, wanted, ("score",))) == sorted(wanted)
        assert list(select_in(connection, statement, [], ("score",))) == []
        assert connection.scalar(text("SELECT count(*) FROM audit_days")) in (1, 2)
    with base.engine.connect() as connection, pytest.raises(DBAPIError) as refused:
        execute(connection, marked(connection, "SELECT nothing FROM audit WHERE actor = ?"), ("whose name is Li",))
    assert "Li" not in str(refused.value)
    with base.engine.connect() as connection:
        assert execute(connection, "SELECT count(*) FROM audit") == [(199,)]
