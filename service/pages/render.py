"""Content to one self-contained HTML file."""

from __future__ import annotations

from functools import cache, partial
from pathlib import Path
from typing import Any

import orjson
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from markupsafe import Markup, escape

from models.grades import GRADE_WORDS
from records.words import Language, Text
from scoring.rating import Rating
from service.pages import charts
from service.pages.content import CumcmReport, DemoReport, Option

HERE = Path(__file__).parent
SEVERITY_WORDS = {
    "red": Text("红色", "red"),
    "orange": Text("橙色", "orange"),
    "yellow": Text("黄色", "yellow"),
    "blue": Text("蓝色", "blue"),
}
CONFIDENCE_WORDS = {"high": Text("高", "high"), "medium": Text("中", "medium"), "low": Text("低", "low")}
SEGMENT_WORDS = {"enterprise": Text("企业", "enterprise"), "farmer": Text("农户", "farmer household")}


def demo_page(content: DemoReport) -> str:
    """The demo's report."""
    options: dict[str, Any] = {}
    for section in content.segments:
        name = section.segment
        options[f"grades-{name}"] = charts.chart(partial(charts.grade_bars, section.grades))
        options[f"roc-{name}"] = charts.chart(partial(charts.roc_lines, section.roc))
        options[f"ks-{name}"] = charts.chart(partial(charts.ks_lines, section))
        options[f"calibration-{name}"] = charts.chart(partial(charts.calibration_points, section))
    if content.timeline is not None:
        options["timeline"] = charts.chart(partial(charts.timeline, content.timeline))
    for number, rating in enumerate(content.reports):
        options[f"waterfall-{number}"] = _waterfall(rating)
    return _page("demo.html", options, content=content)


def credit_report_page(rating: Rating) -> str:
    """One rating as a credit report."""
    return _page("credit_report.html", {"waterfall-0": _waterfall(rating)}, rating=rating)


def cumcm_page(content: CumcmReport) -> str:
    """The study of real small enterprises."""
    options = {
        "roc": charts.chart(partial(charts.roc_lines, [content.roc])),
        "grades": charts.chart(partial(charts.grade_bars, content.grades)),
        "bank": charts.chart(partial(charts.bank_grades, content)),
    }
    return _page("cumcm.html", options, content=content)


def _waterfall(rating: Rating) -> dict[Language, Option]:
    return charts.chart(partial(charts.waterfall, rating))


def _page(template: str, options: dict[str, Any], **content: Any) -> str:
    return (
        _environment()
        .get_template(template)
        .render(
            options=Markup(_script_json(options)),  # noqa: S704  (escaped below)
            echarts=Markup((HERE / "static/echarts/echarts.min.js").read_text(encoding="utf-8")),  # noqa: S704
            **content,
        )
    )


def _script_json(value: Any) -> str:
    """JSON that cannot end the script element that holds it."""
    return orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS).decode().replace("<", "\\u003c")


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=select_autoescape(default=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["both"] = both
    environment.filters["percent"] = lambda value, places=2: "—" if value is None else f"{100 * value:.{places}f}%"
    environment.globals.update(
        t=lambda zh, en: both(Text(zh, en)),
        grade_words=GRADE_WORDS,
        severity_words=SEVERITY_WORDS,
        severity_colours=charts.SEVERITY_COLOURS,
        confidence_words=CONFIDENCE_WORDS,
        segment_words=SEGMENT_WORDS,
        waterfall_steps=charts.waterfall_steps,
    )
    return environment


def both(text: Text) -> Markup:
    """A text in both languages; the page shows one of them."""
    return Markup('<span class="zh" lang="zh">{}</span><span class="en" lang="en">{}</span>').format(
        escape(text.zh), escape(text.en)
    )
