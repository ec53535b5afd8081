"""docs/operations.md tells of settings, commands, routes and metrics that there are."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from huixin.cli import app
from huixin.settings import configuration_table
from records.base import RecordBase
from records.settings_check import variables
from service.app import create_app
from service.metrics import exposition

ROOT = Path(__file__).parents[2]
GUIDE = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")


def test_the_table_of_settings_is_the_program_s(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in variables():
        monkeypatch.delenv(name, raising=False)
    assert configuration_table() in GUIDE, "put what huixin settings --markdown prints into docs/operations.md"


def test_every_command_exists() -> None:
    told = set(re.findall(r"`(?:HUIXIN_HOME=\w+ )?huixin ([a-z][^`]*)`", GUIDE))
    assert len(told) > 15
    for one in told:
        words, command = one.split(), get_command(app)
        while hasattr(command, "commands") and words:
            assert words[0] in command.commands, one
            command, words = command.commands[words[0]], words[1:]
        known: set[Any] = {name for parameter in command.params for name in parameter.opts}
        assert {word for word in words if word.startswith("--")} <= known, one


def test_every_metric_is_told_by_the_service(base: RecordBase) -> None:
    assert create_app(base.settings).title  # metrics are declared where they are counted
    told = set(re.findall(r"^# TYPE (huixin_\w+)", exposition(base).decode(), re.M))
    named = {re.sub(r"_(bucket|sum|count)$", "", one) for one in re.findall(r"\bhuixin_[a-z_]+\b", GUIDE)}
    files = {"huixin_database_url", "huixin_identity_key", "huixin_watch_webhook_key"}
    assert named - files - {"huixin_"} == told - {one for one in told if one.endswith("_created")}


def test_every_link_leads_somewhere() -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", GUIDE):
        assert (ROOT / "docs" / target).exists(), target
