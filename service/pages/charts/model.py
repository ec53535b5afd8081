"""The model that serves: its scores then and now, and what became of those whom it rated."""

from __future__ import annotations

from collections.abc import Sequence

from models.maturing import Cohort
from models.monitoring import ModelHealth
from models.warning_monitoring import WarningHealth
from records.words import Language, Text
from service.pages.charts.frame import (
    BLUE,
    GREY,
    ORANGE,
    category_axis,
    frame,
    intervals,
    legend,
    said,
    value_axis,
)
from service.pages.content import DataTable, Option


def cohort_bars(health: ModelHealth, language: Language) -> Option:
    """Defaults so far of those rated at each day: expected as bars, observed as points with what is compatible."""
    words = (
        Text("应违约户数", "expected defaults"),
        Text("实际违约户数与相容区间", "observed, and what is compatible with it"),
    )
    return _due_and_seen(health.cohorts, words, language)


def ahead_bars(health: WarningHealth, horizon: int, language: Language) -> Option:
    """Distress within ``horizon`` months, or so far, of those at risk at each month end, drawn as defaults are."""
    words = (
        Text(f"{horizon} 个月内预计陷入困境户数", f"distress expected within {horizon} months"),
        Text("实际户数与相容区间", "observed, and what is compatible with it"),
    )
    return _due_and_seen(health.of(horizon), words, language)


def cohort_table(health: ModelHealth) -> DataTable:
    words = Text("评级日", "Rated on"), Text("应违约", "Expected")
    caption = Text("按评级日：应违约与实际违约", "By day of rating: expected and observed defaults")
    return _outcomes(health.cohorts, words, caption)


def ahead_table(health: WarningHealth, horizon: int) -> DataTable:
    caption = Text(
        f"{horizon} 个月内困境，按月末：预计与实际",
        f"Distress within {horizon} months, by month end: expected and observed",
    )
    return _outcomes(health.of(horizon), (Text("月末", "Month end"), Text("预计", "Expected")), caption)


def _due_and_seen(cohorts: Sequence[Cohort], words: tuple[Text, Text], language: Language) -> Option:
    cohorts = [one for one in cohorts if one.elapsed]
    due, seen = (one.in_language(language) for one in words)
    bars = [(at, one.low, one.high) for at, one in enumerate(cohorts)]
    return {
        **frame(),
        "legend": legend(),
        "xAxis": category_axis([f"{one.day:%Y-%m}" for one in cohorts]),
        "yAxis": value_axis(said(language, "户", "subjects"), nameLocation="end", nameGap=12),
        "series": [
            {"name": due, "type": "bar", "barWidth": "46%", "itemStyle": {"color": BLUE}}
            | {"data": [round(one.expected, 1) for one in cohorts]},
            {"name": seen, "type": "scatter", "symbol": "diamond", "symbolSize": 12, "itemStyle": {"color": ORANGE}}
            | {"data": [[at, one.observed] for at, one in enumerate(cohorts)], "z": 5},
            intervals(bars, ORANGE, name=seen),
        ],
    }


def _outcomes(cohorts: Sequence[Cohort], words: tuple[Text, Text], caption: Text) -> DataTable:
    rows = tuple(
        (
            f"{one.day}",
            f"{one.elapsed}",
            f"{one.rows:,}",
            f"{one.expected:.1f}",
            f"{one.observed}",
            f"{one.low:.1f}–{one.high:.1f}",
            "—" if one.auc is None else f"{one.auc:.3f}",
            "—" if one.ece is None else f"{one.ece:.3f}",
        )
        for one in cohorts
    )
    columns = (
        words[0],
        Text("已满月数", "Months complete"),
        Text("户数", "Subjects"),
        words[1],
        Text("实际", "Observed"),
        Text("相容区间", "Compatible"),
        Text("AUC", "AUC"),
        Text("ECE", "ECE"),
    )
    return DataTable(caption, columns, rows)


def score_bars(health: ModelHealth, language: Language) -> Option:
    """Shares of subjects in ten bands of score, each a tenth at the reference day."""
    names = [_band(one.low, one.high) for one in health.bands]
    series = (
        (f"{health.reference}", GREY, [round(100 * one.reference, 2) for one in health.bands]),
        (f"{health.as_of}", BLUE, [round(100 * one.current, 2) for one in health.bands]),
    )
    return {
        **frame(),
        "legend": legend(),
        "xAxis": category_axis(names),
        "yAxis": value_axis(said(language, "占比（%）", "share (%)"), nameLocation="end", nameGap=12),
        "series": [
            {"name": name, "type": "bar", "itemStyle": {"color": colour}, "data": shares}
            for name, colour, shares in series
        ],
    }


def score_table(health: ModelHealth) -> DataTable:
    bands = [(_band(one.low, one.high), one) for one in health.bands]
    rows = [(name, f"{one.reference:.1%}", f"{one.current:.1%}") for name, one in bands]
    rows += [(one.grade, f"{one.reference:.1%}", f"{one.current:.1%}") for one in health.grades]
    columns = (Text("分段或等级", "Band or grade"), Text("基准", "Reference"), Text("当前", "Current"))
    return DataTable(Text("各分段与各等级的主体占比", "Subjects by band of score and by grade"), columns, tuple(rows))


def _band(low: float, high: float) -> str:
    if low == float("-inf"):
        return f"< {high:.0f}"
    return f"≥ {low:.0f}" if high == float("inf") else f"{low:.0f}–{high:.0f}"
