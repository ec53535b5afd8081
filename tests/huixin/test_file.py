"""``huixin file``: on the console, as JSON, as a page; an unknown subject is told, a look is in the trail."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session
from typer.testing import CliRunner

from county.numbers import officer_numbers
from huixin.cli import app
from records.base import RecordBase
from records.database import AuditRow
from records.errors import UnknownSubject
from records.settings import Settings
from tests.records.life import FIRMS, send

PERSON = str(officer_numbers(np.arange(1))[0])


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HUIXIN_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HUIXIN_LANGUAGE", "en")
    base, day = RecordBase.open(Settings()), {"occurred_on": "2024-01-31"}
    office = {"record_id": "l", "subject_number": PERSON, **day, "enterprise": FIRMS[0]}
    send(base, tmp_path / "door", "market.legal_representative", office)
    lawyer = {"record_id": "w", "subject_number": PERSON, **day, "kind": "full_time", "employer": FIRMS[1]}
    send(base, tmp_path / "door", "justice.lawyer", {**lawyer, "certificate": "合成证1"})
    return tmp_path


def test_the_console_tells_who_and_what(home: Path) -> None:
    told = CliRunner().invoke(app, ["file", PERSON])
    assert told.exit_code == 0, told.output
    assert "key group: Lawyers" in told.output
    assert "2 records" in told.output
    assert PERSON not in told.output


def test_json_and_page_and_the_trail(home: Path) -> None:
    run = CliRunner()
    subject_id = RecordBase.open(Settings()).resolve(PERSON)
    told = run.invoke(app, ["file", "-", "--json", "--view", "public"], input=f"{PERSON}\n")
    found = json.loads(told.stdout)
    assert (found["subject"]["subject_id"], found["view"], found["records"]) == (subject_id, "public", 2)
    page = home / "pages" / "person.html"
    assert run.invoke(app, ["file", subject_id, "--out", str(page), "--as-of", "2024-06-30"]).exit_code == 0
    assert "信用档案" in page.read_text(encoding="utf-8")
    with Session(RecordBase.open(Settings()).engine) as session:
        looks = session.scalars(select(AuditRow).where(AuditRow.action == "file")).all()
    assert [look.subject_id for look in looks] == [subject_id, subject_id]


def test_what_cannot_be_asked_is_told(home: Path) -> None:
    run = CliRunner()
    assert isinstance(run.invoke(app, ["file", "0" * 32]).exception, UnknownSubject)
    assert run.invoke(app, ["file", PERSON, "--view", "everything"]).exit_code == 2
