"""The walk-throughs of docs/walkthroughs/ do what they say, block by block, with a running service on PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import insert, select
from typer.main import get_command

from features.online import OnlineFeatures
from huixin.cli import app
from huixin.serving import free_port, running
from records.base import RecordBase
from records.database import writing
from records.database_monitoring import MonitoringRow
from records.every_table import every_table
from records.moment import now
from records.settings import Settings
from tests.copying import copied
from tests.databases import own_database
from tests.docs.walking import Walker, blocks, comes_out

GUIDES = Path(__file__).parents[2] / "docs" / "walkthroughs"


@dataclass
class World:
    """The installation that the walk-throughs meet, and what their readers know of it."""

    environment: dict[str, str]
    known: dict[str, str]


def on_postgresql(settings: Settings, home: Path, server: str) -> Settings:
    """A copy of the installation of ``settings`` whose operations database is a PostgreSQL."""
    there = RecordBase.open(copied(settings, home))
    here = settings.model_copy(update={"home": home, "database_url": own_database(server, "walkthroughs")})
    made = RecordBase.open(here)
    with there.engine.connect() as kept, made.engine.begin() as connection:
        for table in every_table().sorted_tables:
            rows = [dict(row) for row in kept.execute(select(table)).mappings()]
            connection.execute(table.delete())
            if rows:
                connection.execute(insert(table), rows)
    return here


def people(base: RecordBase, day: date) -> dict[str, str]:
    """Whom the walk-throughs tell of: an enterprise and a farmer with overdue loans, a firm that paid its arrears."""
    with base.connection(("loan.account_month", "tax.arrears")).con.cursor() as cursor:
        overdue = f"""
            SELECT min(subject_id) FROM loan_account_month
            WHERE occurred_on = '{day}' AND days_past_due BETWEEN 30 AND 89
            GROUP BY subject_kind ORDER BY subject_kind
        """
        paid = "SELECT subject_id, record_id FROM tax_arrears WHERE cleared_on < '2025-06-30' ORDER BY 1, 2 LIMIT 1"
        (subject,), (farmer,) = cursor.sql(overdue).fetchall()
        firm, record = cursor.sql(paid).fetchall()[0]
    other = next(one for one in base.subjects("farmer")["subject_id"].to_pylist() if one != farmer)
    return {"SUBJECT": subject, "FIRM": firm, "RECORD": record, "FARMER": farmer, "OTHER": other}


@pytest.fixture(scope="module")
def world(
    trained_settings: Settings, postgres: str, tmp_path_factory: pytest.TempPathFactory, last_day: date
) -> Iterator[World]:
    settings = on_postgresql(trained_settings, tmp_path_factory.mktemp("walk") / "home", postgres)
    base = RecordBase.open(settings)
    OnlineFeatures(base, "enterprise").refresh()
    told = {"model_name": "huixin-enterprise", "model_version": "1", "level": "green", "result": {}}
    with writing(base.engine) as session:  # what the command that is not executed would have found
        session.add(MonitoringRow(**told, as_of=last_day, at=now()))
    environment = {
        "HUIXIN_HOME": str(settings.home),
        "HUIXIN_DATABASE_URL": str(settings.database_url),
        "HUIXIN_WATCH_LOOPBACK": "true",
        "HUIXIN_WATCH_LOOK_SECONDS": "0.05",
    }
    with running(settings, environment) as address:
        known = {"HUIXIN": address, "AS_OF": last_day.isoformat(), "PORT": str(free_port())}
        known["ANCHORS"] = str(settings.home / "anchors.json")
        yield World(environment, known | people(base, last_day))


@pytest.mark.parametrize("name", sorted(path.name for path in GUIDES.glob("*.md") if path.name != "README.md"))
def test_a_walk_through_does_what_it_says(world: World, name: str, tmp_path: Path) -> None:
    walker = Walker(tmp_path / "walk", world.environment, world.known)
    try:
        for block in blocks((GUIDES / name).read_text(encoding="utf-8")):
            if not block.tried:
                continue
            output = walker.execute(block)
            if block.expected is not None:
                assert comes_out(block.expected, output), f"{name}:{block.line} says otherwise:\n{output}"
    finally:
        walker.end()


def test_commands_that_take_too_long_here_exist() -> None:
    told = [block for path in GUIDES.glob("*.md") for block in blocks(path.read_text("utf-8")) if not block.tried]
    assert told
    for line in "".join(block.content for block in told).splitlines():
        words, command = line.split()[1:], get_command(app)
        while hasattr(command, "commands"):
            command = command.commands[words.pop(0)]
        assert {one for one in words if one.startswith("--")} <= {opt for one in command.params for opt in one.opts}, (
            line
        )
