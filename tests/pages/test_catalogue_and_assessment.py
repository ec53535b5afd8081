"""The pages of the catalogue and of the assessment in a real browser: both languages, phone, print, no scripts."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from records.assessment import assess
from records.base import RecordBase
from records.catalogue import Catalogue
from records.settings import Settings
from service.pages.render import assessment_page, catalogue_page
from tests.records.assessment.sample import declare, month_row, sender

if TYPE_CHECKING:
    from playwright.sync_api import Page

CHINESE = re.compile(r"[\u3400-\u9fff]")
SENTENCE = re.compile(r"\b[a-z]{2,}(?:[ ,]+[a-z]{2,}){3,}", re.IGNORECASE)
# What an agency claims and what a law is called stay in their own language.
SHOWN = """() => {
  document.querySelectorAll("details").forEach(one => { one.open = true; });
  const left = ["#language", ".brand strong", "code", ".law", ".claims", ".why"];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT), seen = [document.title];
  while (walker.nextNode()) {
    const holder = walker.currentNode.parentElement;
    if (holder.closest("script, style, noscript") || left.some(one => holder.closest(one))) continue;
    if (holder.closest("svg") || holder.getClientRects().length) seen.push(walker.currentNode.textContent.trim());
  }
  return seen.filter(text => text);
}"""
EVIL = "</script><img src=x onerror='window.hacked=1'>"
NAMES = ("assessment", "catalogue")
Open = Callable[..., "Page"]


@pytest.fixture(scope="module")
def catalogue(tmp_path_factory: pytest.TempPathFactory) -> Catalogue:
    return Catalogue.load(more=declare(tmp_path_factory.mktemp("own") / "catalogue"))


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory, catalogue: Catalogue) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("pages")
    base = RecordBase.open(Settings(home=folder / "home"), catalogue)
    send = sender(base, folder / "door")
    months = ("2025-01-31", "2025-02-28", "2025-03-31")
    send("alpha.month", *(month_row(n, end, "2025-04-02") for end in months for n in range(9)), history=True)
    day = {"occurred_on": "2025-03-05", "recorded_at": "2025-03-06T04:00:00"}
    send("alpha.body", {"record_id": "b", "name": EVIL, "status": "open"} | day, history=True)
    send("beta.account", {"record_id": "a", "name": "甲"} | day, history=True)
    send("alpha.event", {"record_id": "e", "occurred_on": "2025-03-05", "amount": "x"})
    found = assess(base, "2025-03", as_of="2025-09-30")
    texts = {"assessment": assessment_page(found, catalogue), "catalogue": catalogue_page(catalogue)}
    for name, text in texts.items():
        (folder / f"{name}.html").write_text(text, encoding="utf-8")
    return {name: folder / f"{name}.html" for name in texts}


@pytest.mark.parametrize("name", NAMES)
def test_the_page_speaks_the_chosen_language_and_asks_nobody(
    opened: Open, pages: dict[str, Path], faults: list[str], name: str
) -> None:
    page = opened(pages[name])
    assert [text for text in page.evaluate(SHOWN) if SENTENCE.search(text)] == []
    page.click("#language")
    assert [text for text in page.evaluate(SHOWN) if CHINESE.search(text)] == []
    assert page.evaluate("window.hacked") is None
    assert faults == []


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("width", [390, 1280])
def test_the_page_is_no_wider_than_the_screen_and_prints(
    opened: Open, pages: dict[str, Path], name: str, width: int
) -> None:
    page = opened(pages[name], "en", width)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    sizes = page.evaluate("[...document.querySelectorAll('.chart svg')].map(one => one.getBoundingClientRect().width)")
    assert all(size > 200 for size in sizes)
    assert len(sizes) == (2 if name == "assessment" else 0)


@pytest.mark.parametrize("name", NAMES)
def test_the_page_can_be_printed_and_read_without_scripts(opened: Open, pages: dict[str, Path], name: str) -> None:
    page = opened(pages[name], scripts=False)
    if name == "catalogue":
        entry = page.locator("[id='tax.filing']")
        entry.scroll_into_view_if_needed()
        assert "declared revenue" in entry.inner_text().lower()
        assert "申报销售额" in entry.inner_text()
        return
    shown = page.inner_text("main")
    assert "alpha.month" in shown
    assert "Monthly figures" in shown
    page = opened(pages[name])
    page.emulate_media(media="print")
    assert len(page.pdf(format="A4")) > 20_000


def test_the_assessment_shows_ranks_silence_reasons_and_contradictions(opened: Open, pages: dict[str, Path]) -> None:
    page = opened(pages["assessment"], "en")
    ranking = page.inner_text(".ranking")
    assert "Beta bank" in ranking
    assert "Alpha office" in ranking
    silent = page.locator(".alerts").first.inner_text()
    assert "Monthly figures: 5 periods in a row missing" in silent
    claims = page.inner_text(".claims")
    assert claims.index("Alpha office") < claims.index("Beta bank")
    assert EVIL in claims
    page.fill("#find", "beta")
    assert page.inner_text("#found") == "1 / 3"


def test_the_catalogue_is_searched_filtered_and_linked(opened: Open, pages: dict[str, Path]) -> None:
    page = opened(pages["catalogue"], "en/tax.filing")
    assert page.evaluate("document.getElementById('tax.filing').open")
    page.fill("#find", "alpha.")
    assert page.locator(".entry:visible").count() == 4  # alpha's three items, and the one that agrees with alpha.body
    page.locator(".pick input[value=adverse]").check()
    assert [one.get_attribute("id") for one in page.locator(".entry:visible").all()] == ["alpha.event"]
    page.locator(".pick input[value=farmer]").check()
    assert page.locator(".entry:visible").count() == 0
    assert page.is_visible("#nothing")
