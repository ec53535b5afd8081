"""A subject's file as a page: whole, in both languages, on a phone and on paper, and deaf to markup in records."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from county.numbers import officer_numbers
from records.base import RecordBase
from records.erasure import erase
from records.lifecycle import RecordLife
from records.settings import Settings
from records.subject_file import SubjectFiles
from service.pages.render import subject_file_page
from tests.records.life import FIRMS, ORDER, send

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

PERSON, OTHER = (str(number) for number in officer_numbers(np.arange(2)))
ATTACK = "</script><img src=x onerror='window.hacked=1'>"
SENTENCE = re.compile(r"\b[a-z]{2,}(?:[ ,]+[a-z]{2,}){3,}", re.IGNORECASE)
TEXTS = """() => {
  document.querySelectorAll("details").forEach(one => { one.open = true; });
  const seen = [], walker = document.createTreeWalker(document.querySelector("main"), NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const holder = walker.currentNode.parentElement;
    if (!holder.closest("script, style, noscript, code") && (holder.closest("svg") || holder.getClientRects().length))
      seen.push(walker.currentNode.textContent.trim());
  }
  return seen.filter(text => text);
}"""


@pytest.fixture(scope="module")
def page_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An enterprise with links, a contradiction, a correction, a dispute and a gap, some of it hostile text."""
    folder = tmp_path_factory.mktemp("file-page")
    base, door = RecordBase.open(Settings(home=folder / "home")), folder / "door"

    def row(record_id: str, day: str, number: str = FIRMS[0], **fields: Any) -> dict[str, Any]:
        return {"record_id": record_id, "subject_number": number, "occurred_on": day, **fields}

    registered = {"industry": "C", "district": "东城区", "status": "active", "legal_representative": PERSON}
    send(base, door, "market.registration", row("r", "2020-01-02", name=f"企业{ATTACK}", **registered))
    taxed = {"name": "另一名称", "taxpayer_kind": "general", "status": "normal"}
    send(base, door, "tax.registration", row("t", "2020-02-01", **taxed))
    holder = {"role": "shareholder", "share_percent": "60", "subscribed": "100"}
    send(base, door, "market.shareholding", row("s", "2021-01-01", holder=OTHER, **holder))
    arrears = [row(f"a{month}", f"2025-{month:02d}-05", amount="10") for month in range(1, 10)]
    send(base, door, "tax.arrears", *arrears, row("gone", "2025-01-09", amount="77"))
    send(base, door, "tax.arrears", row("a1c", "2025-01-05", amount="12", supersedes="a1"))
    RecordLife(base).apply("dispute", "tax.arrears", ["a2"], ORDER)
    erase(base, "tax.arrears", ["gone"], ORDER)
    path = folder / "file.html"
    found = SubjectFiles(base).read(base.resolve(FIRMS[0]))
    path.write_text(subject_file_page(found, synthetic=True), encoding="utf-8")
    return path


@pytest.fixture
def opened(browser: Browser, page_file: Path) -> Iterator[tuple[Page, list[str], list[str]]]:
    page, errors, requests = browser.new_page(viewport={"width": 1280, "height": 900}), [], []
    page.on("console", lambda said: errors.append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("request", lambda request: requests.append(request.url))
    page.goto(f"{page_file.as_uri()}#zh")
    yield page, errors, requests
    page.close()


Opened = tuple["Page", list[str], list[str]]


def test_it_speaks_either_language_and_asks_nobody(opened: Opened) -> None:
    page, errors, requests = opened
    assert [text for text in page.evaluate(TEXTS) if SENTENCE.search(text) and "img src" not in text] == []
    page.click("#language")
    shown = " ".join(page.evaluate(TEXTS))
    for said in ("Adverse records", "disputed", "Claimed differently", "1 erased on", "Shareholder", "60%"):
        assert said in shown
    assert errors == []
    assert {url.split(":")[0] for url in requests} <= {"file", "data"}


def test_records_that_hold_markup_stay_texts(opened: Opened) -> None:
    page, errors, _ = opened
    assert page.evaluate("window.hacked") is None
    assert page.locator("main img").count() == 0
    assert errors == []


def test_it_fits_a_phone_and_a_sheet_with_its_charts(opened: Opened) -> None:
    page, errors, _ = opened
    drawn = "[...document.querySelectorAll('.chart')].map(one => one.querySelectorAll('svg path').length)"
    page.set_viewport_size({"width": 390, "height": 900})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert all(paths > 2 for paths in page.evaluate(drawn))
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    page.emulate_media(media="print")
    page.set_viewport_size({"width": 720, "height": 1000})
    assert page.evaluate("[...document.querySelectorAll('details')].every(one => one.open)")
    assert page.evaluate("document.documentElement.scrollWidth") <= 740
    assert len(page.evaluate(drawn)) == 2
    assert errors == []


def test_identity_numbers_are_nowhere_in_it(page_file: Path) -> None:
    content = page_file.read_text(encoding="utf-8")
    assert not any(number in content for number in (*FIRMS, PERSON, OTHER))
    assert "合成数据" in content
