"""The walk-throughs of docs/walkthroughs/ do what they say, block by block, with a running service on PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import insert, select
from typer.main import get_command

from county.numbers import enterprise_numbers
from features.online import OnlineFeatures
from huixin.cli import app
from huixin.serving import free_port, running
from huixin_client import HuixinClient, Problem
from models.decisions import recorded_decisions
from records.base import RecordBase
from records.database import writing
from records.database_monitoring import MonitoringRow
from records.every_table import every_table
from records.moment import now
from records.settings import Settings
from scoring.audit import verify
from scoring.given import GivenScores
from scoring.rating import Rater
from service.security import Clients
from tests.copying import copied
from tests.databases import own_database
from tests.docs.walking import Walker, blocks, comes_out

DOCS = Path(__file__).parents[2] / "docs"
GUIDES = {path.name: path for path in (*(DOCS / "walkthroughs").glob("[a-z]*.md"), DOCS / "pingxintong.md")}


@dataclass
class World:
    """The installation that the walk-throughs meet, and what their readers know of it."""

    environment: dict[str, str]
    known: dict[str, str] = field(repr=False)
    base: RecordBase = field(repr=False)


def on_postgresql(there: RecordBase, server: str) -> Settings:
    """The installation of ``there`` with its operations database moved to a PostgreSQL."""
    here = there.settings.model_copy(update={"database_url": own_database(server, "walkthroughs")})
    made = RecordBase.open(here)
    with there.engine.connect() as kept, made.engine.begin() as connection:
        for table in every_table().sorted_tables:
            rows = [dict(row) for row in kept.execute(select(table)).mappings()]
            connection.execute(table.delete())
            if rows:
                connection.execute(insert(table), rows)
    return here


def people(base: RecordBase, day: date) -> dict[str, str]:
    """Whom the walk-throughs tell of: two with overdue loans, another farmer, a firm that paid its arrears.

    The enterprise could be better graded; of the farmer there is a warning.
    """
    with base.connection(("loan.account_month", "tax.arrears")).con.cursor() as cursor:
        overdue = f"""
            SELECT DISTINCT subject_kind, subject_id FROM loan_account_month
            WHERE occurred_on = '{day}' AND days_past_due BETWEEN 30 AND 89 ORDER BY 1, 2
        """
        paid = "SELECT subject_id, record_id FROM tax_arrears WHERE cleared_on < '2025-06-30' ORDER BY 1, 2 LIMIT 1"
        late = cursor.sql(overdue).fetchall()
        firm, record = cursor.sql(paid).fetchall()[0]
    rater = Rater(base)
    given = GivenScores(base, rater.registry)

    def could_be_better(subject: str) -> bool:
        rating = rater.rate(subject, day)
        found = given.counterfactuals(given.row(rating.score_id))
        return rating.grade.startswith("C") and any(path.reaches_target for path in found.paths[:1])

    subject = next(one for kind, one in late if kind == "enterprise" and could_be_better(one))
    farmer = next(one for kind, one in late if kind == "farmer" and rater.rate(one, day).signals)
    other = next(one for one in base.subjects("farmer")["subject_id"].to_pylist() if one != farmer)
    codes = enterprise_numbers(np.arange(4_000))
    code = next(str(one) for one in codes if base.identity.subject_id("uscc", str(one)) == subject)
    return {"SUBJECT": subject, "CREDIT_CODE": code, "FIRM": firm, "RECORD": record, "FARMER": farmer, "OTHER": other}


@pytest.fixture(scope="module")
def world(
    trained_settings: Settings, postgres: str, tmp_path_factory: pytest.TempPathFactory, last_day: date
) -> Iterator[World]:
    there = RecordBase.open(copied(trained_settings, tmp_path_factory.mktemp("walk") / "home"))
    OnlineFeatures(there, "enterprise").refresh()
    settings = on_postgresql(there, postgres)
    base = RecordBase.open(settings)
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
        yield World(environment, known | people(there, last_day), base)


@pytest.mark.parametrize("name", sorted(GUIDES))
def test_a_walk_through_does_what_it_says(world: World, name: str, tmp_path: Path) -> None:
    walker = Walker(tmp_path / "walk", world.environment, world.known)
    try:
        for block in blocks(GUIDES[name].read_text(encoding="utf-8")):
            if not block.tried:
                continue
            output = walker.execute(block)
            if block.expected is not None:
                assert comes_out(block.expected, output), f"{name}:{block.line} says otherwise:\n{output}"
    finally:
        walker.end()


def test_what_a_platform_reports_is_what_training_reads_and_nobody_else_s(world: World) -> None:
    engine, code = world.base.engine, world.known["CREDIT_CODE"]
    keys = [Clients(engine).add(name, "platform") for name in ("platform A", "platform B")]
    ours, theirs = (HuixinClient(world.known["HUIXIN"], key, language="en") for key in keys)
    consent = {"reference": "SQ-A-1", "document": "DA-A-1", "valid_until": "2030-01-01T00:00:00+08:00"}
    asked = {"application_no": "A-1", "credit_code": code, "product": "x", "amount": "90000.00", "term_months": 6}
    rated = ours.pingxintong.apply({**asked, "purpose": "trade", "authorisation": consent})  # type: ignore[typeddict-item]
    mine, steps = rated["application_id"], ours.pingxintong
    paid = {"day": "2026-03-31", "status": "repaid", "balance": "0"}
    granted = {"decision": "approved", "decided_on": "2026-03-02", "granted": "80000", "rate_percent": "4.1"}
    for act, problem in (
        (lambda: theirs.pingxintong.one(mine), "unknown-application"),
        (lambda: theirs.pingxintong.decide(mine, granted), "unknown-application"),
        (lambda: steps.outcome(mine, paid), "not-at-this-stage"),
        (lambda: steps.decide(mine, {**granted, "granted": "90000.01"}), "bad-report"),
        (lambda: steps.decide(mine, {**granted, "decided_on": "2999-01-01"}), "bad-report"),
        (lambda: steps.decide(mine, granted) and steps.decide(mine, {**granted, "rate_percent": "5"}), "differs"),
        (lambda: steps.outcome(mine, {**paid, "status": "overdue"}), "bad-report"),
        (lambda: steps.outcome(mine, {**paid, "day": "2026-03-01"}), "bad-report"),
    ):
        with pytest.raises(Problem) as refused:
            act()  # type: ignore[no-untyped-call]
        assert problem in refused.value.type
    (watched,) = ours.watch_lists.every()["watch_lists"]
    assert (watched["name"], watched["entries"]) == ("评信通", 1)
    assert steps.outcome(mine, paid) == steps.outcome(mine, paid)
    assert ours.watch_lists.one(watched["watch_list_id"])["entries"] == 0
    connection = world.base.connection(("bank.credit_application", "loan.account_month"))
    known = recorded_decisions(connection, "enterprise", date(2026, 3, 2), date(2026, 3, 2))
    assert known.rows() == [(rated["subject_id"], date(2026, 3, 2), True)]
    query = f"SELECT five_class, balance FROM loan_account_month WHERE account = 'pxt-{mine}'"
    assert connection.con.sql(query).fetchall() == [("normal", 0)]
    assert verify(engine).sound
    with engine.connect() as kept:
        for table in every_table().sorted_tables:
            assert code not in str(kept.execute(select(table)).all()), table.name


def test_commands_that_take_too_long_here_exist() -> None:
    told = [block for path in GUIDES.values() for block in blocks(path.read_text("utf-8")) if not block.tried]
    assert told
    for line in "".join(block.content for block in told).splitlines():
        words, command = line.split()[1:], get_command(app)
        while hasattr(command, "commands"):
            command = command.commands[words.pop(0)]
        assert {one for one in words if one.startswith("--")} <= {opt for one in command.params for opt in one.opts}, (
            line
        )
