"""The examples of docs/exchange.md are what the programs accept."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from typer.main import get_command

from huixin.cli import app
from records.catalogue import Catalogue
from records.exchange.connector import Connector

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"


def test_the_connector_can_be_read() -> None:
    found = Connector.read(EXAMPLES / "tax-filing.toml", Catalogue.load())
    assert (found.item, found.on_change) == ("tax.filing", "correct")
    needed = {name for name, field in Catalogue.load().item("tax.filing").fields.items() if field.required}
    assert needed <= set(found.columns)


@pytest.mark.parametrize("name", ["exchange_dag.py", "push.py"])
def test_the_programs_compile(name: str) -> None:
    tree = ast.parse((EXAMPLES / name).read_text(encoding="utf-8"))
    compile(tree, name, "exec")


@pytest.mark.parametrize("name", ["exchange.cron", "exchange_dag.py", "../exchange.md"])
def test_every_command_that_is_told_exists(name: str) -> None:
    text = (EXAMPLES / name).read_text(encoding="utf-8")
    program = get_command(app)
    told = re.findall(r"(?:huixin|HUIXIN\}?) (exchange|client) ([a-z]+)", text)
    assert told
    for group, command in told:
        assert command in program.commands[group].commands, (group, command)  # type: ignore[attr-defined]


def test_cron_lines_have_five_times_a_user_and_a_command() -> None:
    lines = (EXAMPLES / "exchange.cron").read_text(encoding="utf-8").splitlines()
    jobs = [line for line in lines if line and line[0] not in "#ABCDEFGHIJKLMNOPQRSTUVWXYZ"]
    assert len(jobs) == 2
    for job in jobs:
        times, user, command = job.split()[:5], job.split()[5], job.split(maxsplit=6)[6]
        assert all(re.fullmatch(r"[0-9*/,-]+", one) for one in times)
        assert user == "huixin"
        assert "%" not in command
