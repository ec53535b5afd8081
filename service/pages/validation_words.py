"""The words of a validation report: what findings, colours and rivals are called, and how figures are written."""

from __future__ import annotations

from typing import Any

from models.validation.bootstrap import Interval
from models.validation.card import FAMILY_WORDS, model_card, segment_words
from models.validation.findings import findings
from models.validation.report import ValidationReport
from records.words import Text
from service.pages.charts.validation import gauge, gauge_top
from service.pages.feature_words import LEVEL_WORDS

WEIGHT_WORDS = {"bad": Text("不合格", "fails"), "look": Text("需关注", "look"), "good": Text("合格", "holds")}
COLOUR_WORDS = {"green": Text("绿", "green"), "yellow": Text("黄", "yellow"), "red": Text("红", "red")}
FAIRNESS_WORDS = {
    "reference": Text("参照组", "reference"),
    "even": Text("未见差别", "even"),
    "watch": Text("需关注", "watch"),
    "adverse": Text("不利影响", "adverse impact"),
    "few": Text("样本太少", "too few"),
}
TOO_FEW = Text("样本太少", "too few")
MOST_REACH = 12


def validation_words(report: ValidationReport) -> dict[str, Any]:
    """What the template of the report needs."""
    reach = sorted(report.monotonicity, key=lambda one: (-one.wrong, -one.reach))
    return {
        "report": report,
        "model": report.model,
        "kind": segment_words(report.model.segment),
        "family": FAMILY_WORDS.get(report.model.family, Text(report.model.family, report.model.family)),
        "findings": findings(report),
        "card": model_card(report),
        "directed": reach[:MOST_REACH],
        "words_of": {code: words for code, words, _ in report.model.depends_on},
        "weights": WEIGHT_WORDS,
        "colours": COLOUR_WORDS,
        "verdicts": FAIRNESS_WORDS,
        "levels": LEVEL_WORDS,
        "too_few": TOO_FEW,
        "number": number,
        "between": between,
        "gauge": gauge,
        "gauge_top": gauge_top,
    }


def number(value: float | None, places: int = 4, *, sign: bool = False) -> str:
    """A figure with so many places and a true minus; a dash where there is none."""
    if value is None or value != value:
        return "—"
    return f"{value:{'+' if sign else ''}.{places}f}".replace("-", "−")


def between(interval: Interval | None, places: int = 4, *, percent: bool = False, sign: bool = False) -> str:
    """An interval from low to high."""
    if interval is None or interval.low != interval.low:
        return "—"
    if percent:
        return f"{interval.low:.{places}%}–{interval.high:.{places}%}"
    low, high = number(interval.low, places, sign=sign), number(interval.high, places, sign=sign)
    return f"[{low}, {high}]" if sign else f"{low}–{high}"
