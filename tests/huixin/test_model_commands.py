"""``huixin model``: versions compared, judged, promoted and taken back; the service follows; monitoring and shadow."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import orjson
import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session
from typer.testing import CliRunner, Result

from huixin.model import app
from models.gate import Check, Verdict
from models.registry import NothingToRollBackTo, Registry
from records.base import RecordBase
from records.database import AuditRow
from records.settings import Settings
from records.words import Text
from scoring import rating
from scoring.rating import Rater
from tests.copying import copied

YES = Verdict((Check("discrimination", Text("区分度", "discrimination"), True, Text("足够", "enough")),))


@pytest.fixture(scope="module")
def home(trained_settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The trained county's own copy: the registry is written to."""
    return copied(trained_settings, tmp_path_factory.mktemp("models") / "home").home


@pytest.fixture
def huixin(home: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    monkeypatch.setenv("HUIXIN_HOME", str(home))
    monkeypatch.setenv("COLUMNS", "200")
    return lambda *words: CliRunner().invoke(app, list(words))


def test_versions_are_put_side_by_side(huixin: Callable[..., Result], tmp_path: Path) -> None:
    done = huixin("compare", "farmer", "--same-rows", "--json", str(tmp_path / "c.json"))
    assert done.exit_code == 0, done.output
    assert "champion" in done.output
    assert "challenger" in done.output
    told = orjson.loads((tmp_path / "c.json").read_bytes())
    assert len(told["versions"]) == len(told["gate"]) == 2
    assert told["same_rows"]["low"] < told["same_rows"]["difference"] < told["same_rows"]["high"]


def test_the_gate_tells_every_check_and_changes_nothing(
    huixin: Callable[..., Result], home: Path, tmp_path: Path
) -> None:
    registry = Registry(Settings(home=home))
    serving = registry.champion_version("farmer")
    done = huixin("gate", "farmer", serving, "--json", str(tmp_path / "g.json"))
    told = orjson.loads((tmp_path / "g.json").read_bytes())
    assert done.exit_code == (0 if told["passed"] else 1), done.output
    assert {"leakage-learning-gap", "leakage-claim", "fairness-head_sex_female"} <= {
        one["code"] for one in told["checks"]
    }
    assert "五分之四" in done.output
    assert registry.champion_version("farmer") == serving


def test_a_rollback_is_one_command_and_the_service_follows(
    huixin: Callable[..., Result], home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rating, "CHAMPION_CHECK_SECONDS", 0.0)
    base = RecordBase.open(Settings(home=home))
    registry, rater = Registry(base.settings), Rater(base)
    first = registry.champion_version("farmer")
    second = registry.challenger_version("farmer")
    assert second is not None
    registry.promote("huixin-farmer", second, YES)
    assert rater.serving("farmer").rating_version == second
    assert registry.challenger_version("farmer") is None
    done = huixin("rollback", "--segment", "farmer", "--reason", "PSI 红色告警")
    assert done.exit_code == 0, done.output
    assert rater.serving("farmer").rating_version == first
    assert registry.tags("huixin-farmer", second)["rolled_back_why"] == "PSI 红色告警"
    with Session(base.engine) as session:
        row = session.scalars(select(AuditRow).where(AuditRow.action == "rollback")).one()
    assert orjson.loads(row.payload)["to"] == first
    again = huixin("rollback", "--segment", "farmer", "--reason", "again")
    assert isinstance(again.exception, NothingToRollBackTo)
    registry.stand("huixin-farmer", second)


def test_monitoring_writes_a_page_and_ends_with_its_level(huixin: Callable[..., Result], tmp_path: Path) -> None:
    page = tmp_path / "m.html"
    done = huixin("monitor", "farmer", "--every", "12", "--to", str(page), "--alarm", "yellow")
    told = orjson.loads(page.with_suffix(".json").read_bytes())
    assert done.exit_code == (0 if told["level"] == "green" else 1), done.output
    assert "随结果到期的校准" in page.read_text()


def test_the_warning_model_is_monitored_by_the_same_command(huixin: Callable[..., Result], tmp_path: Path) -> None:
    page = tmp_path / "w.html"
    done = huixin("monitor", "farmer", "--warning", "--every", "12", "--to", str(page), "--alarm", "yellow")
    told = orjson.loads(page.with_suffix(".json").read_bytes())
    assert done.exit_code == (0 if told["level"] == "green" else 1), done.output
    assert "预警模型监测" in page.read_text()
    assert "困境" in done.output


def test_ratings_are_shadowed_by_command(
    huixin: Callable[..., Result], home: Path, last_day: date, tmp_path: Path
) -> None:
    base = RecordBase.open(Settings(home=home))
    from features.spine import spine

    subject = spine(base.connection(), "farmer", [last_day])["subject_id"][0].as_py()
    Rater(base).rate(subject, last_day)
    done = huixin("shadow", "farmer", "--json", str(tmp_path / "s.json"))
    assert done.exit_code == 0, done.output
    assert orjson.loads((tmp_path / "s.json").read_bytes())["rows"] >= 1


def test_help_names_every_command(huixin: Callable[..., Result]) -> None:
    shown: Any = huixin("--help").output
    for name in ("list", "report", "compare", "gate", "promote", "rollback", "monitor", "shadow"):
        assert name in shown
