"""The validation report in a real browser: both languages, narrow screens, no scripts, nothing from other hosts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from models.validation.report import validation_report
from service.pages.render import validation_page
from tests.models.validating import DIRECTIONS, JUDGED, LEARNT, bundle, grouping, made_report, rows
from tests.pages.test_catalogue_and_assessment import CHINESE, SENTENCE, SHOWN

if TYPE_CHECKING:
    from playwright.sync_api import Page

Opened = Callable[..., "Page"]


@pytest.fixture(scope="module")
def page_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("validation") / "report.html"
    path.write_text(validation_page(made_report(), "7"), encoding="utf-8")
    return path


def test_the_page_speaks_the_chosen_language_and_asks_nobody(
    opened: Opened, faults: list[str], page_file: Path
) -> None:
    page = opened(page_file)
    assert [text for text in page.evaluate(SHOWN) if SENTENCE.search(text)] == []
    assert "版本 7" in page.inner_text("main")
    page.click("#language")
    assert [text for text in page.evaluate(SHOWN) if CHINESE.search(text)] == []
    for told in ("Model card", "Backtest of grades", "adverse impact", "Plain logistic regression", "female"):
        assert told.lower() in page.inner_text("main").lower()
    assert page.locator(".chart svg").count() == 5
    assert faults == []


@pytest.mark.parametrize("width", [390, 1280])
def test_the_page_is_no_wider_than_the_screen(opened: Opened, page_file: Path, width: int) -> None:
    page = opened(page_file, "en", width)
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_the_page_reads_without_scripts_and_prints(opened: Opened, page_file: Path) -> None:
    assert "Hosmer" in opened(page_file, scripts=False).inner_text("main")
    page = opened(page_file)
    page.emulate_media(media="print")
    assert len(page.pdf(format="A4")) > 20_000


def test_a_dozen_rows_make_a_page_that_says_too_few(opened: Opened, faults: list[str], tmp_path: Path) -> None:
    few = rows(12, JUDGED, 3)
    few.outcome = np.zeros(12)
    attribute = grouping("sex", "性别", "sex", ["0"] * 9 + ["?"] * 3)
    found = validation_report(
        bundle(), few, DIRECTIONS, learning=rows(40, LEARNT, 2), groups=[attribute], attributes=[attribute]
    )
    path = tmp_path / "few.html"
    path.write_text(validation_page(found), encoding="utf-8")
    said = opened(path, "en").inner_text("main")
    assert "too few" in said.lower()
    assert "nan" not in said.lower().split()
    assert faults == []
