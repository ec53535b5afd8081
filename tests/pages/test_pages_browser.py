"""The pages as a browser shows them: both languages, charts, print, and no way out."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import pytest

from records.words import Text
from scoring.rating import Rating
from service.pages.content import CumcmReport, DemoReport
from service.pages.render import credit_report_page, cumcm_page, demo_page

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

Build = Callable[..., Rating]
NAMES = ("demo", "cumcm", "report")
CHINESE = re.compile(r"[\u3400-\u9fff]")
# Four words in a row are a sentence, not a name or a term.
SENTENCE = re.compile(r"\b[a-z]{2,}(?:[ ,]+[a-z]{2,}){3,}", re.IGNORECASE)
TEXTS = """() => {
  const seen = [document.title];
  document.querySelectorAll("details").forEach(one => { one.open = true; });
  const drop = ["#language", "#curl", ".brand strong", "code"];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const node = walker.currentNode, holder = node.parentElement;
    if (holder.closest("script, style, noscript") || drop.some(one => holder.closest(one))) continue;
    if (holder.closest("svg") || holder.getClientRects().length) seen.push(node.textContent.trim());
  }
  document.querySelectorAll("[aria-label], [placeholder], [title]").forEach(one => {
    ["aria-label", "placeholder", "title"].forEach(name => seen.push(one.getAttribute(name) || ""));
  });
  return seen.filter(text => text);
}"""
SIZES = """() => [...document.querySelectorAll(".chart")].map(place => {
  const svg = place.querySelector("svg");
  const box = svg ? svg.getBoundingClientRect() : { width: 0, height: 0 };
  return [place.id, box.width, box.height, svg ? svg.querySelectorAll("path").length : 0];
})"""


@dataclass
class Looked:
    """An open page and what it did that it should not."""

    page: Page
    errors: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)


Look = Callable[..., Looked]


@pytest.fixture(scope="module")
def files(
    tmp_path_factory: pytest.TempPathFactory, demo_content: DemoReport, cumcm_content: CumcmReport, made_rating: Build
) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("pages")
    pages = {
        "demo": demo_page(demo_content),
        "cumcm": cumcm_page(cumcm_content),
        "report": credit_report_page(made_rating(), synthetic=True),
    }
    for name, page in pages.items():
        (folder / f"{name}.html").write_text(page, encoding="utf-8")
    return {name: folder / f"{name}.html" for name in pages}


@pytest.fixture
def look(browser: Browser) -> Iterator[Look]:
    """Opens a file and keeps what the console and the network saw."""
    opened: list[Looked] = []

    def open_file(
        path: Path, language: str = "zh", width: int = 1280, scheme: Literal["light", "dark"] = "light"
    ) -> Looked:
        looked = Looked(browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme))
        looked.page.on("console", lambda said: looked.errors.append(said.text) if said.type == "error" else None)
        looked.page.on("pageerror", lambda error: looked.errors.append(str(error)))
        looked.page.on("request", lambda request: looked.requests.append(request.url))
        looked.page.goto(f"{path.as_uri()}#{language}")
        opened.append(looked)
        return looked

    yield open_file
    for looked in opened:
        looked.page.close()


@pytest.mark.parametrize("name", NAMES)
def test_nothing_leaves_the_page_and_nothing_fails(look: Look, files: dict[str, Path], name: str) -> None:
    looked = look(files[name])
    looked.page.click("#language")
    assert looked.errors == []
    assert {url.split(":")[0] for url in looked.requests} <= {"file", "data"}


@pytest.mark.parametrize("name", NAMES)
def test_every_text_is_in_the_chosen_language(look: Look, files: dict[str, Path], name: str) -> None:
    page = look(files[name], "zh").page
    assert [text for text in page.evaluate(TEXTS) if SENTENCE.search(text)] == []
    page.click("#language")
    assert page.evaluate("document.documentElement.lang") == "en"
    assert [text for text in page.evaluate(TEXTS) if CHINESE.search(text)] == []


def test_the_language_is_remembered_in_the_address(look: Look, files: dict[str, Path]) -> None:
    page = look(files["demo"]).page
    page.click("#language")
    assert page.url.endswith("#en")
    page.reload()
    assert page.evaluate("document.documentElement.lang") == "en"
    page.click('nav a[href="#warning"]')
    assert page.url.endswith("#en/warning")
    page.reload()
    assert page.evaluate("document.documentElement.lang") == "en"
    assert page.evaluate("Math.abs(document.getElementById('warning').getBoundingClientRect().top) < 200")


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_every_chart_is_drawn_and_the_page_is_no_wider_than_the_screen(
    look: Look, files: dict[str, Path], name: str, width: int, scheme: Literal["light", "dark"]
) -> None:
    page = look(files[name], "en", width, scheme).page
    drawn = page.evaluate(SIZES)
    assert drawn
    assert all(wide > 100 and high > 100 and paths > 2 for _, wide, high, paths in drawn), drawn
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_every_chart_has_its_name(look: Look, files: dict[str, Path]) -> None:
    page = look(files["demo"]).page
    named = page.evaluate(
        "[...document.querySelectorAll('.chart')].map(one => "
        "document.getElementById(one.getAttribute('aria-labelledby')).textContent.trim())"
    )
    assert all(named)


def test_charts_follow_a_change_of_width(look: Look, files: dict[str, Path]) -> None:
    page = look(files["report"]).page
    page.set_viewport_size({"width": 500, "height": 900})
    page.wait_for_function("document.querySelector('.chart svg').getBoundingClientRect().width < 500")


def test_texts_that_look_like_markup_stay_texts(look: Look, made_rating: Build, tmp_path: Path) -> None:
    attack = "</script><script>window.hacked=1</script><img src=x onerror='window.hacked=1'>"
    rating = made_rating(masked=attack, notes=(Text(attack, attack),), subject_id=attack)
    bad = tuple(dataclasses.replace(one, words=Text(attack, attack)) for one in rating.reasons[:3])
    path = tmp_path / "attack.html"
    path.write_text(credit_report_page(dataclasses.replace(rating, reasons=(*bad, *rating.reasons[3:]))), "utf-8")
    looked = look(path)
    looked.page.click("#language")
    assert looked.page.evaluate("window.hacked") is None
    assert looked.page.locator("main img").count() == 0
    assert {url.split(":")[0] for url in looked.requests} <= {"file", "data"}


def test_signals_that_look_like_markup_stay_texts_in_a_tooltip(
    look: Look, demo_content: DemoReport, tmp_path: Path
) -> None:
    assert demo_content.timeline is not None
    attack = "<img src=x onerror='window.hacked=1'>"
    signals = tuple(dataclasses.replace(one, words=Text(attack, attack)) for one in demo_content.timeline.signals)
    content = dataclasses.replace(
        demo_content, timeline=dataclasses.replace(demo_content.timeline, signals=signals), reports=()
    )
    path = tmp_path / "tooltip.html"
    path.write_text(demo_page(content), "utf-8")
    page = look(path).page
    page.evaluate(
        "echarts.getInstanceByDom(document.getElementById('chart-timeline'))"
        ".dispatchAction({type: 'showTip', seriesIndex: 0, dataIndex: 0})"
    )
    page.wait_for_timeout(200)
    assert page.evaluate("window.hacked") is None
    assert page.locator("main img").count() == 0


def test_the_list_of_ratings_is_searched_and_sorted(look: Look, files: dict[str, Path]) -> None:
    page = look(files["cumcm"], "en").page
    page.fill("#find", "E425")
    assert page.inner_text("#found") == "1 / 425"
    page.fill("#find", "")
    scores = "[...document.querySelectorAll('table[data-sortable] tbody tr')].map(row => +row.cells[2].dataset.value)"
    page.click("th:nth-child(3) button")
    rising = page.evaluate(scores)
    assert rising == sorted(rising)
    assert page.get_attribute("table[data-sortable] th:nth-child(3)", "aria-sort") == "ascending"
    page.click("th:nth-child(3) button")
    assert page.evaluate(scores) == rising[::-1]


def test_the_page_prints_with_its_tables_and_its_charts_within_the_sheet(look: Look, files: dict[str, Path]) -> None:
    page = look(files["demo"], "zh", 1280, "dark").page
    assert len(page.pdf(format="A4")) > 50_000
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    page.emulate_media(media="print")
    page.set_viewport_size({"width": 720, "height": 1000})
    assert page.evaluate("[...document.querySelectorAll('details')].every(one => one.open)")
    assert page.evaluate("[...document.querySelectorAll('.chart svg')].every(one => one.getAttribute('viewBox'))")
    assert page.evaluate("document.documentElement.scrollWidth") <= 740
    page.evaluate("window.dispatchEvent(new Event('afterprint'))")
    assert page.evaluate("[...document.querySelectorAll('details')].some(one => !one.open)")


def test_the_page_can_be_read_without_scripts(browser: Browser, files: dict[str, Path]) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(files["demo"].as_uri())
    shown = page.inner_text("main")
    context.close()
    assert "能自我解释的评级" in shown
    assert "Ratings that explain themselves" in shown
