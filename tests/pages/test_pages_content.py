"""What the pages hold, before any browser looks at them."""

from __future__ import annotations

import dataclasses
import hashlib
import itertools
import json
import math
import re
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from records.words import Text
from scoring.rating import Rating
from service.pages.charts.waterfall import TOP_REASONS, waterfall, waterfall_steps
from service.pages.content import CumcmReport, DemoReport
from service.pages.render import HERE, credit_report_page, cumcm_page, demo_page, render_credit_report
from service.pages.summary import ladder, share, summary

Build = Callable[..., Rating]
STATIC = HERE / "static"
ATTACK = "</script><script>window.hacked=1</script><img src=x onerror='window.hacked=1'>"


@pytest.mark.parametrize("log_odds", [-14.0, -6.0, -2.8, 0.0, 5.0])
@pytest.mark.parametrize("reasons", [0, 1, TOP_REASONS, TOP_REASONS + 1, 60])
def test_the_steps_of_the_waterfall_sum_to_the_score(made_rating: Build, log_odds: float, reasons: int) -> None:
    rating = made_rating(log_odds=log_odds, reasons=reasons)
    steps = waterfall_steps(rating)
    assert math.isclose(sum(points for _, points in steps[:-1]), rating.score, abs_tol=1e-6)
    assert steps[-1][1] == rating.score


def test_the_drawn_bars_join_the_base_to_the_score(made_rating: Build) -> None:
    rating = made_rating("farmer", 6.0, 40)
    bars = [bar["value"] for bar in waterfall(rating, "zh")["baseOption"]["series"][0]["data"]]
    assert bars[0][0] == rating.base_points
    assert all(before[1] == after[0] for before, after in itertools.pairwise(bars))
    assert math.isclose(bars[-1][1], rating.score, abs_tol=1e-6)


def test_clipping_is_a_step_of_its_own(made_rating: Build) -> None:
    rating = made_rating(log_odds=14.0)
    assert rating.score == 300.0
    assert waterfall_steps(rating)[-2] == (Text("截至 300 至 900 分", "Clipped to 300 to 900"), rating.clip_points)


@pytest.mark.parametrize("log_odds", [-12.0, -5.0, -2.8, -1.0, 3.0])
def test_the_ladder_points_into_the_grade_of_the_rating(made_rating: Build, log_odds: float) -> None:
    rating = made_rating(log_odds=log_odds)
    (here,) = [rung for rung in ladder(rating) if rung.pointer is not None]
    assert here.grade == rating.grade
    assert here.score_from <= rating.score <= here.score_to


def test_no_ladder_is_shown_for_a_grade_of_another_scale(made_rating: Build) -> None:
    assert ladder(made_rating(grade="AAA")) == ()


def test_the_summary_names_result_reasons_and_gravest_signal(made_rating: Build) -> None:
    rating = made_rating()
    zh, en = (" ".join(text.in_language(language) for text in summary(rating)) for language in ("zh", "en"))
    assert "评为 B 级" in zh
    assert "grade B" in en
    lowest = next(reason for reason in rating.reasons if reason.points < 0)
    assert lowest.words.zh in zh
    assert lowest.words.en in en
    assert "橙色" in zh
    assert "orange" in en


def test_a_rating_without_reasons_or_signals_is_still_a_report(made_rating: Build) -> None:
    page = credit_report_page(made_rating(reasons=0, signals=(), confidence="low"))
    assert "没有预警信号" in page


def test_a_tiny_share_does_not_read_as_zero() -> None:
    assert share(0.00001) == "<0.01%"
    assert share(0.0) == "0.00%"
    assert share(None) == "—"


def test_the_page_names_no_other_host(demo_content: DemoReport, cumcm_content: CumcmReport) -> None:
    for page in (demo_page(demo_content), cumcm_page(cumcm_content)):
        assert not re.search(r"<(script|link|img|iframe)[^>]+(src|href)=[\"']?(https?:)?//", page)
        assert "@import" not in page.replace("@importance", "")


def test_options_cannot_end_their_script(made_rating: Build) -> None:
    rating = made_rating()
    bad = dataclasses.replace(rating.reasons[0], words=Text(ATTACK, ATTACK))
    page = credit_report_page(dataclasses.replace(rating, reasons=(bad, *rating.reasons[1:])))
    held = page.split('id="options">')[1].split("</script>")[0]
    assert ATTACK in json.dumps(json.loads(held), ensure_ascii=False)
    assert ATTACK not in page


def test_a_report_is_written_to_a_path(made_rating: Build, tmp_path: Path) -> None:
    written = render_credit_report(made_rating(), tmp_path / "report.html", synthetic=True)
    assert "合成数据" in written.read_text(encoding="utf-8")
    assert "合成数据" not in credit_report_page(made_rating())


def test_a_report_without_a_defaulted_enterprise_says_so(demo_content: DemoReport) -> None:
    page = demo_page(dataclasses.replace(demo_content, timeline=None, warnings=()))
    assert "最近一年没有企业违约" in page
    assert "目前没有预警" in page


def test_vendored_files_are_what_they_are_said_to_be() -> None:
    listed = tomllib.loads((STATIC / "VENDORED.toml").read_text(encoding="utf-8"))["files"]
    for entry in listed:
        assert hashlib.sha256((STATIC / entry["path"]).read_bytes()).hexdigest() == entry["sha256"], entry["path"]
        assert entry["licence"] in {"Apache-2.0", "OFL-1.1"}
    there = {str(path.relative_to(STATIC)) for path in STATIC.rglob("*") if path.is_file()} - {"VENDORED.toml"}
    assert there == {entry["path"] for entry in listed}
