"""Pages as a reader meets them: a real browser, both languages, nothing from elsewhere."""

from __future__ import annotations

import hashlib
import re
import shutil
import time
import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from county import CountyPlan
from huixin.demo_report import CurlLine, write_report
from records.base import RecordBase
from records.moment import end_of_day
from records.words import Text
from scoring.batch import score_all
from scoring.rating import Rater, Rating
from service.pages.charts import waterfall_steps
from service.pages.render import HERE, credit_report_page

PLAN = CountyPlan(subjects=3_000, months=36, block=1_500, seed=7)
CHINESE = re.compile(r"[\u4e00-\u9fff]")


@pytest.fixture(scope="module")
def report(trained_base: RecordBase, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo report of the small trained county."""
    folder = tmp_path_factory.mktemp("report")
    shutil.copy(trained_base.settings.home / "demo" / "truth.parquet", folder)
    for segment in ("enterprise", "farmer"):
        score_all(trained_base, segment, end_of_day(PLAN.month_ends[-1]), folder / "scores" / f"{segment}.parquet")
    return write_report(trained_base, PLAN, folder, time.perf_counter(), CurlLine(Path("var/demo/api-key"))).path


@pytest.fixture(scope="module")
def rating(trained_base: RecordBase) -> Rating:
    return Rater(trained_base).rate(trained_base.subjects("farmer")["subject_id"][2].as_py(), PLAN.month_ends[-1])


def opened(browser: Browser, path: Path, language: str = "zh", **options: Any) -> tuple[Page, list[str]]:
    """A page of ``path`` and what it complained of or asked other hosts for."""
    page = browser.new_page(**options)
    faults: list[str] = []
    page.on("console", lambda message: faults.append(message.text) if message.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("request", lambda one: None if one.url.startswith(("file:", "data:")) else faults.append(one.url))
    page.goto(f"{path.as_uri()}#{language}")
    page.wait_for_selector(".chart svg")
    return page, faults


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_chart_is_drawn_and_nothing_is_asked_of_other_hosts(browser: Browser, report: Path, scheme: Any) -> None:
    page, faults = opened(browser, report, color_scheme=scheme)
    charts = page.locator(".chart")
    assert charts.count() >= 10
    for number in range(charts.count()):
        box = charts.nth(number).locator("svg").bounding_box()
        assert box is not None
        assert box["width"] > 200
        assert box["height"] > 200
    assert faults == []
    assert re.findall(r'(?:src|href)="(?:https?:)?//', report.read_text(encoding="utf-8")) == []
    page.close()


def test_the_whole_page_speaks_the_language_that_is_chosen(browser: Browser, report: Path) -> None:
    page, faults = opened(browser, report)
    assert page.evaluate("document.documentElement.lang") == "zh"
    assert "合成数据" in page.inner_text(".banner")
    page.click("#language")
    assert page.evaluate("document.documentElement.lang") == "en"
    page.wait_for_timeout(300)
    said = page.inner_text("main") + page.evaluate(
        "Array.from(document.querySelectorAll('.chart svg text')).map(t => t.textContent).join(' ')"
    )
    assert "All data in this report are synthetic" in said
    left = {line.strip() for line in said.splitlines() if CHINESE.search(line)}
    assert left == set()
    page.reload()
    assert page.evaluate("document.documentElement.lang") == "en"
    assert faults == []
    page.close()


@pytest.mark.parametrize("width", [390, 1280])
def test_no_page_is_wider_than_its_screen(browser: Browser, report: Path, width: int) -> None:
    page, _ = opened(browser, report, viewport={"width": width, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.close()


def test_the_waterfall_adds_up_to_the_score(rating: Rating) -> None:
    steps = waterfall_steps(rating)
    assert sum(points for _, points in steps[:-1]) == pytest.approx(steps[-1][1], abs=1e-6)
    assert steps[-1][1] == rating.score


def test_what_records_say_cannot_become_markup(browser: Browser, rating: Rating, tmp_path: Path) -> None:
    evil = "</script><script>window.broken=1</script><img src=x onerror='window.broken=1'>"
    reasons = (replace(rating.reasons[0], words=Text(evil, evil)), *rating.reasons[1:])
    path = tmp_path / "r.html"
    path.write_text(credit_report_page(replace(rating, reasons=reasons, masked=evil)), encoding="utf-8")
    page, faults = opened(browser, path)
    assert page.evaluate("window.broken") is None
    assert page.evaluate("document.querySelectorAll('img').length") == 0
    assert faults == []
    page.close()


def test_the_report_can_be_printed(browser: Browser, report: Path) -> None:
    page, _ = opened(browser, report)
    assert len(page.pdf()) > 20_000
    page.close()


def test_vendored_files_are_the_ones_recorded() -> None:
    static = HERE / "static"
    files = tomllib.loads((static / "VENDORED.toml").read_text())["files"]
    assert {"echarts/echarts.min.js", "swagger-ui/swagger-ui-bundle.js"} <= {one["path"] for one in files}
    for one in files:
        assert hashlib.sha256((static / one["path"]).read_bytes()).hexdigest() == one["sha256"], one["path"]


def test_the_documentation_page_works_offline(browser: Browser, trained_base: RecordBase) -> None:
    from huixin.serving import running

    with running(trained_base.settings) as address:
        page = browser.new_page()
        elsewhere: list[str] = []
        page.on("request", lambda one: None if one.url.startswith((address, "data:")) else elsewhere.append(one.url))
        page.goto(f"{address}/docs")
        page.wait_for_selector(".opblock-summary-path >> text=scores")
        assert elsewhere == []
        page.close()
