"""A warned enterprise month by month: its signals, score, probability of distress, and what its records say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from records.words import Language, Text
from service.pages.charts.frame import (
    BLUE,
    GREEN,
    GREY,
    INK,
    LINE,
    ORANGE,
    PAPER,
    RED,
    SEVERITY_COLOURS,
    SOFT,
    bare,
    category_axis,
    said,
    value_axis,
)
from service.pages.content import DataTable, Option, WarningTimeline

STRIP_TOP, STRIP_HEIGHT = 58, 96
PANEL_GAP, TITLE_ABOVE, BOTTOM = 50, 32, 40
SEVERITIES = ("blue", "yellow", "orange", "red")
TEN_THOUSAND = 1e4


@dataclass(frozen=True)
class _Panel:
    """One strip of the chart below the signals."""

    title: Text
    values: tuple[float | None, ...]
    kind: str
    colour: str
    height: int
    most: float | None = None
    floating: bool = False


def timeline(content: WarningTimeline, language: Language) -> Option:
    """Panels under one time axis; from the warning to the default the ground is shaded.

    Signals are numbered as in the table beside the chart.
    """
    panels = _panels(content)
    months = [f"{month:%Y-%m}" for month in content.months]
    tops = _tops(panels)
    last = len(panels)
    axes = [
        category_axis(months, gridIndex=i, axisLabel={"show": i == last, "color": SOFT, "hideOverlap": True})
        for i in range(last + 1)
    ]
    return {
        **bare(),
        "axisPointer": {"link": [{"xAxisIndex": "all"}], "lineStyle": {"color": GREY}},
        "title": [_title(said(language, "预警信号", "signals"), STRIP_TOP - TITLE_ABOVE)]
        + [
            _title(panel.title.in_language(language), top - TITLE_ABOVE)
            for panel, top in zip(panels, tops, strict=True)
        ],
        "grid": [{"left": 52, "right": 16, "top": STRIP_TOP, "height": STRIP_HEIGHT}]
        + [
            {"left": 52, "right": 16, "top": top, "height": panel.height}
            for panel, top in zip(panels, tops, strict=True)
        ],
        "xAxis": axes,
        "yAxis": [_severity_axis(language), *(_axis(panel, i + 1) for i, panel in enumerate(panels))],
        "series": [_signals(content, language)]
        + [_series(panel, i + 1, language) for i, panel in enumerate(panels)]
        + [_shaded(content, language, grid) for grid in range(last + 1)],
    }


def timeline_height(content: WarningTimeline) -> int:
    """Pixels that the chart needs."""
    panels = _panels(content)
    return _tops(panels)[-1] + panels[-1].height + BOTTOM


def timeline_table(content: WarningTimeline) -> DataTable:
    panels = _panels(content)
    rows = tuple(
        (f"{month:%Y-%m}", *(_plain(panel.values[i]) for panel in panels)) for i, month in enumerate(content.months)
    )
    columns = (Text("月份", "Month"), *(panel.title for panel in panels))
    return DataTable(Text("逐月数据", "Month by month"), columns, rows)


def _panels(content: WarningTimeline) -> list[_Panel]:
    distress = tuple(None if p is None else round(100 * p, 1) for p in content.distress_6m)
    revenue = tuple(None if r is None else round(r / TEN_THOUSAND, 2) for r in content.revenue)
    score = tuple(None if s is None else round(s, 1) for s in content.score)
    made = [
        _Panel(Text("评分", "Score"), score, "line", BLUE, 110, floating=True),
        _Panel(Text("6 个月困境概率（%）", "Distress within 6 months (%)"), distress, "area", RED, 80, most=100),
        _Panel(Text("申报销售额（万元）", "Declared revenue (CNY 10,000)"), revenue, "line", GREEN, 80),
    ]
    if content.electricity:
        made.append(_Panel(Text("用电量（千瓦时）", "Electricity (kWh)"), content.electricity, "line", GREY, 70))
    days = tuple(content.days_past_due)
    return [*made, _Panel(Text("贷款逾期天数", "Loan days past due"), days, "bar", ORANGE, 80)]


def _tops(panels: Sequence[_Panel]) -> list[int]:
    tops, at = [], STRIP_TOP + STRIP_HEIGHT + PANEL_GAP
    for panel in panels:
        tops.append(at)
        at += panel.height + PANEL_GAP
    return tops


def _title(text: str, top: int) -> Option:
    return {"text": text, "left": 0, "top": top, "textStyle": {"color": INK, "fontSize": 13, "fontWeight": 600}}


def _severity_axis(language: Language) -> Option:
    names = [said(language, zh, en) for zh, en in (("蓝", "blue"), ("黄", "yellow"), ("橙", "orange"), ("红", "red"))]
    return category_axis(names, gridIndex=0, splitLine={"show": True, "lineStyle": {"color": LINE, "type": "dotted"}})


def _axis(panel: _Panel, grid: int) -> Option:
    scaled: Option = {"scale": True} if panel.floating else {"min": 0}
    if panel.most is not None:
        scaled["max"] = panel.most
    return value_axis(gridIndex=grid, splitNumber=3, **scaled)


def _signals(content: WarningTimeline, language: Language) -> Option:
    """One mark a month and severity, with the numbers of the signals that showed first there."""
    places: dict[tuple[date, str], list[int]] = {}
    for number, signal in enumerate(content.signals, start=1):
        if content.months[0] <= signal.month <= content.months[-1]:
            places.setdefault((signal.month, signal.severity), []).append(number)
    data = []
    for (month, severity), numbers in places.items():
        label = " ".join(str(number) for number in numbers)
        names = "<br>".join(_harmless(content.signals[n - 1].words.in_language(language)) for n in numbers)
        data.append(
            {
                "name": names,
                "value": [f"{month:%Y-%m}", SEVERITIES.index(severity)],
                "symbolSize": [8 + 7 * len(label), 18],
                "itemStyle": {"color": SEVERITY_COLOURS[severity]},
                "label": {"show": True, "formatter": label, "color": "#ffffff", "fontSize": 11, "fontWeight": 600},
            }
        )
    return {
        "type": "scatter",
        "symbol": "roundRect",
        "data": data,
        "z": 5,
        "tooltip": {"trigger": "item", "formatter": "{b}"},
    }


def _harmless(text: str) -> str:
    """Signal words come from a file of rules, but a tooltip is HTML."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _series(panel: _Panel, grid: int, language: Language) -> Option:
    made: Option = {
        "name": panel.title.in_language(language),
        "type": "bar" if panel.kind == "bar" else "line",
        "xAxisIndex": grid,
        "yAxisIndex": grid,
        "data": list(panel.values),
        "showSymbol": False,
        "itemStyle": {"color": panel.colour},
        "lineStyle": {"color": panel.colour, "width": 2.25},
    }
    return made | ({"areaStyle": {"color": panel.colour, "opacity": 0.18}} if panel.kind == "area" else {})


def _shaded(content: WarningTimeline, language: Language, grid: int) -> Option:
    """The time from warning to default as a band, and its ends as lines, on a panel; named on the uppermost one."""
    named = grid == 0
    warned, default = f"{content.warned_month:%Y-%m}", f"{content.default_month:%Y-%m}"
    early = warned < default

    def end(month: str, words: str, side: str) -> Option:
        label = {"show": named, "formatter": words, "color": INK, "fontWeight": 700, "fontSize": 13, "align": side}
        style = {"color": RED if month == default else ORANGE, "width": 2, "type": "solid"}
        return {"xAxis": month, "label": label | {"backgroundColor": PAPER, "padding": [1, 4]}, "lineStyle": style}

    ends = [end(default, said(language, "违约", "default"), "left" if early else "center")]
    if early:
        ends.append(end(warned, said(language, "进入预警名单", "on the alert list"), "right"))
    band = {"silent": True, "itemStyle": {"color": ORANGE, "opacity": 0.1}}
    return {
        "type": "line",
        "xAxisIndex": grid,
        "yAxisIndex": grid,
        "data": [],
        "silent": True,
        "tooltip": {"show": False},
        "markLine": {"symbol": "none", "silent": True, "data": ends},
        "markArea": {**band, "data": [[{"xAxis": warned}, {"xAxis": default}]] if early else []},
    }


def _plain(value: float | None) -> str:
    return "—" if value is None else f"{value:,.1f}".removesuffix(".0")
