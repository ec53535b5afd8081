"""``huixin features dictionary`` and ``drift`` as typed, and their pages in a real browser."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson
import pytest
from click.testing import Result
from typer.testing import CliRunner

from features.drift import BadComparison, Level
from huixin.cli import app
from huixin.feature_reports import alarming
from records.base import RecordBase
from records.settings import Settings
from tests.features.reporting import report
from tests.pages.test_catalogue_and_assessment import CHINESE, SENTENCE, SHOWN

if TYPE_CHECKING:
    from playwright.sync_api import Page

NAMES = ("dictionary", "drift")
Open = Callable[..., "Page"]


def run(home: Path, *words: str) -> Result:
    """A command in this process: what was compiled once serves all."""
    return CliRunner().invoke(app, ["features", *words], env={"HUIXIN_HOME": str(home), "COLUMNS": "120"})


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("reporting") / "home"
    report(RecordBase.open(Settings(home=made)), made.parent / "door")
    return made


@pytest.fixture(scope="module")
def written(home: Path) -> dict[str, Any]:
    """Both commands, run once: what they said, and where their pages and data lie."""
    dictionary = run(
        home, "dictionary", "--segment", "enterprise", "--as-of", "2025-12-31", "--every", "12",
        "--to", str(home / "dictionary.html"), "--json", str(home / "dictionary.json"), "--csv", str(home / "f.csv"),
    )  # fmt: skip
    drift = run(
        home, "drift", "--segment", "enterprise", "--reference", "2025-09-30", "--current", "2025-12-31",
        "--to", str(home / "drift.html"), "--json", str(home / "drift.json"),
    )  # fmt: skip
    return {"dictionary": dictionary, "drift": drift, "pages": {name: home / f"{name}.html" for name in NAMES}}


@pytest.fixture
def opened(opened: Open, written: dict[str, Any]) -> Open:
    """Opens one of the pages by its name."""
    return lambda name, *where, **how: opened(written["pages"][name], *where, **how)


def test_the_dictionary_is_written_as_page_and_data(home: Path, written: dict[str, Any]) -> None:
    found = written["dictionary"]
    assert found.exit_code == 0, found.output
    assert "4 items silent" in found.output  # those of autumn, and registrations that never changed
    data = {one["code"]: one for one in orjson.loads((home / "dictionary.json").read_bytes())["features"]}
    assert data.keys() >= {"revenue_month_12m", "court_defendant_count_12m"}
    assert data["court_defendant_count_12m"]["poisoned"][0]["silence"]["cause"] == "silent"
    assert data["revenue_month_12m"]["rests_on"]["tax.filing"]["uses"]
    assert data["tax_arrears_share_of_revenue"]["inputs"] == ["tax_arrears_open", "revenue_month_12m"]
    assert all(one["profile"]["information"] is None for one in data.values() if one["use"] != "model")
    rows = (home / "f.csv").read_text(encoding="utf-8-sig").splitlines()
    assert rows[0].startswith("code,")
    assert len(rows) == 1 + len(data)


def test_drift_ends_with_one_where_silence_looks_like_good_behaviour(home: Path, written: dict[str, Any]) -> None:
    found = written["drift"]
    assert found.exit_code == 1, found.output
    assert "court_defendant_count_12m" in found.output
    assert "silence reads as good behaviour" in found.output
    data = orjson.loads((home / "drift.json").read_bytes())
    assert data["level"] == "large"
    assert data["poisoned"][0]["reads_as"] == "good"


@pytest.mark.parametrize(
    ("level", "alarm", "rings"),
    [("large", "never", False), ("moderate", "large", False), ("large", "large", True), ("moderate", "moderate", True)],
)
def test_the_level_that_alarms_is_chosen(level: Level, alarm: str, rings: bool) -> None:
    assert alarming(level, alarm) is rings
    assert not alarming("stable", alarm)


def test_wrong_questions_are_refused(home: Path) -> None:
    wrong = run(home, "drift", "--segment", "shop", "--reference", "2025-08-31", "--current", "2025-09-30")
    assert isinstance(wrong.exception, BadComparison)
    assert "accepted: enterprise" in wrong.exception.text.en


@pytest.mark.parametrize("name", NAMES)
def test_the_page_speaks_the_chosen_language_and_asks_nobody(opened: Open, faults: list[str], name: str) -> None:
    page = opened(name)
    assert [text for text in page.evaluate(SHOWN) if SENTENCE.search(text)] == []
    page.click("#language")
    assert [text for text in page.evaluate(SHOWN) if CHINESE.search(text)] == []
    assert page.evaluate("window.hacked") is None
    assert faults == []


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("width", [390, 1280])
def test_the_page_is_no_wider_than_the_screen(opened: Open, name: str, width: int) -> None:
    page = opened(name, "en", width)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.locator("svg.drawn").count() > 50


@pytest.mark.parametrize("name", NAMES)
def test_the_page_reads_without_scripts_and_prints(opened: Open, name: str) -> None:
    shown = opened(name, scripts=False).inner_text("main")
    assert "court_defendant_count_12m" in shown
    page = opened(name)
    page.emulate_media(media="print")
    assert len(page.pdf(format="A4")) > 20_000


def test_the_dictionary_is_searched_filtered_and_linked(opened: Open) -> None:
    page = opened("dictionary", "en/revenue_month_12m")
    assert page.evaluate("document.getElementById('revenue_month_12m').open")
    page.fill("#find", "tax_arrears_open not yet cleared")
    assert page.locator(".entry:visible").first.get_attribute("id") == "tax_arrears_open"
    assert page.locator(".entry:visible").count() <= 3
    page.fill("#find", "")
    page.locator(".pick input[value=silent]").check()
    silent = {one.get_attribute("id") for one in page.locator(".entry:visible").all()}
    assert "court_defendant_count_12m" in silent
    assert "revenue_month_12m" not in silent
    page.locator(".pick input[value=supervision]").check()
    assert page.is_visible("#nothing") or page.locator(".entry:visible").count() < len(silent)


def test_the_most_dangerous_features_stand_first(opened: Open) -> None:
    first = opened("drift", "en").locator(".silences .reads").first
    assert first.inner_text() == "silence reads as good behaviour"


def test_what_moved_is_sorted_and_searched(opened: Open) -> None:
    page = opened("drift", "en")
    page.fill("#find", "court_defendant_count_12m")
    assert page.inner_text("#found").startswith("1 / ")
    page.fill("#find", "")
    page.locator(".moved th button").nth(2).click()
    shown = page.locator(".moved > tbody > tr > td:nth-child(3)").all_inner_texts()
    assert [float(text) for text in shown] == sorted(float(text) for text in shown)
