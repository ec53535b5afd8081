"""A portfolio by grade, and how well a model tells defaulters from the others."""

from __future__ import annotations

import math
from collections.abc import Sequence

from records.words import Language, Text
from service.pages.charts.frame import (
    BLUE,
    CHANCE,
    GRADE_COLOURS,
    GREEN,
    GREY,
    INK,
    LINES,
    ORANGE,
    PAPER,
    RED,
    category_axis,
    frame,
    intervals,
    legend,
    line,
    log_axis,
    said,
    share_axis,
    value_axis,
)
from service.pages.content import Curve, DataTable, GradeRow, Option, SegmentSection

ROC_STEPS = 10


def grade_bars(rows: Sequence[GradeRow], language: Language) -> Option:
    """Subjects by grade as bars; below, mean PD and observed rate (with its interval) on a log axis."""
    names = [row.grade for row in rows]
    subjects = said(language, "户数", "subjects")
    rates = [100 * rate for row in rows for rate in (row.mean_pd, row.observed) if rate]
    low = 10.0 ** math.floor(math.log10(min(rates, default=0.1)))
    bars = [
        {"value": row.subjects, "itemStyle": {"color": colour, "borderRadius": [4, 4, 0, 0]}}
        for row, colour in zip(rows, GRADE_COLOURS, strict=True)
    ]
    label = {"interval": 0, "color": INK, "fontSize": 12}
    count = {"show": True, "position": "top", "color": INK, "fontSize": 11, "formatter": "=count"}
    at_end = {"nameLocation": "end", "nameGap": 12}
    grid = {"left": 46, "right": 10}
    return {
        **frame(),
        "legend": legend(top=206, data=[series["name"] for series in _rates(rows, low, language)[:2]]),
        "grid": [{**grid, "top": 36, "height": 128}, {**grid, "top": 240, "height": 110}],
        "axisPointer": {"link": [{"xAxisIndex": "all"}]},
        "xAxis": [category_axis(names, axisLabel=label), category_axis(names, axisLabel=label, gridIndex=1)],
        "yAxis": [
            value_axis(subjects, splitNumber=3, **at_end),
            log_axis("%", low, 100.0, gridIndex=1, **at_end),
        ],
        "series": [
            {"name": subjects, "type": "bar", "barWidth": "66%", "itemStyle": {"color": GRADE_COLOURS[3]}}
            | {"label": count, "data": bars},
            *_rates(rows, low, language),
        ],
    }


def _rates(rows: Sequence[GradeRow], low: float, language: Language) -> list[Option]:
    """Mean PD and, where a portfolio has been judged, observed rates with their intervals; in per cent."""
    place = {"xAxisIndex": 1, "yAxisIndex": 1}
    predicted: Option = {
        "name": said(language, "平均 PD（%）", "mean PD (%)"),
        "type": "line",
        **place,
        "symbol": "circle",
        "symbolSize": 8,
        "lineStyle": {"color": BLUE, "width": 2},
        "itemStyle": {"color": BLUE},
        "data": [None if row.mean_pd is None else round(100 * row.mean_pd, 3) for row in rows],
    }
    seen = [(position, row) for position, row in enumerate(rows) if row.observed]
    if not seen:
        return [predicted]
    name = said(language, "实际违约率（%）与 95% 区间", "observed rate (%) and 95% interval")
    points = [[position, round(100 * (row.observed or 0), 3)] for position, row in seen]
    observed: Option = {
        "name": name,
        "type": "scatter",
        **place,
        "symbol": "diamond",
        "symbolSize": 12,
        "itemStyle": {"color": ORANGE},
        "data": points,
        "z": 5,
    }
    bounds = [(position, max(100 * (row.low or 0), low), 100 * (row.high or 0)) for position, row in seen]
    return [predicted, observed, intervals(bounds, ORANGE, name=name, **place)]


def roc_lines(curves: Sequence[Curve], language: Language) -> Option:
    """True positive rate over false positive rate, with the diagonal of chance; names in the empty corner."""
    return {
        **frame(top=14),
        "legend": legend(
            orient="vertical",
            right=18,
            bottom=58,
            top="auto",
            data=[curve.name.in_language(language) for curve in curves],
            backgroundColor=PAPER,
            textStyle={"color": INK, "fontSize": 12},
        ),
        "xAxis": share_axis(said(language, "未违约户中误报的占比", "others flagged wrongly")),
        "yAxis": share_axis(said(language, "违约户中识别出的占比", "defaulters found"), nameGap=42),
        "series": [
            line(curve, language, colour, dashed=curve is CHANCE)
            for curve, colour in zip([*curves, CHANCE], [*LINES[: len(curves)], GREY], strict=True)
        ],
    }


def roc_table(curves: Sequence[Curve]) -> DataTable:
    """Shares of defaulters found at round shares of others flagged wrongly."""
    rows = []
    for step in range(ROC_STEPS + 1):
        wanted = step / ROC_STEPS
        found = (max(y for x, y in zip(curve.x, curve.y, strict=True) if x <= wanted + 1e-9) for curve in curves)
        rows.append((f"{wanted:.0%}", *(f"{share:.1%}" for share in found)))
    columns = (Text("误报占比", "Flagged wrongly"), *(curve.name for curve in curves))
    return DataTable(
        Text("各误报水平下识别出的违约户占比", "Defaulters found at each share of false alarms"), columns, tuple(rows)
    )


def ks_lines(section: SegmentSection, language: Language) -> Option:
    """Cumulative shares of defaulters and of the others by PD, and where they lie furthest apart."""
    good, bad = section.ks_good, section.ks_bad
    gap, at = max((good.y[i] - bad.y[i], i) for i in range(len(bad.x)))
    low = 10.0 ** math.floor(math.log10(max(1e-4, min(x for x in bad.x if x > 0))))
    mark = {
        "symbol": "none",
        "silent": True,
        "lineStyle": {"color": INK, "type": "dotted", "width": 1.5},
        "label": {"show": False},
        "data": [[{"coord": [bad.x[at], bad.y[at]]}, {"coord": [good.x[at], good.y[at]]}]],
    }
    positive = [Curve(one.name, *_positive(one)) for one in (good, bad)]
    return {
        **frame(top=30),
        "legend": legend(),
        "title": {"text": f"KS {gap:.3f}", "left": 74, "top": 40, "textStyle": {"color": INK, "fontSize": 17}},
        "xAxis": log_axis(said(language, "预测 PD（对数刻度）", "predicted PD (log scale)"), low, 1.0),
        "yAxis": share_axis(said(language, "累计占比", "cumulative share"), nameGap=42),
        "series": [line(positive[0], language, GREEN), {**line(positive[1], language, RED), "markLine": mark}],
    }


def ks_table(section: SegmentSection) -> DataTable:
    good, bad = section.ks_good, section.ks_bad
    step = max(1, len(bad.x) // 12)
    rows = tuple(
        (f"{bad.x[i]:.2%}", f"{bad.y[i]:.1%}", f"{good.y[i]:.1%}", f"{good.y[i] - bad.y[i]:.3f}")
        for i in range(0, len(bad.x), step)
    )
    columns = (Text("PD 不高于", "PD up to"), bad.name, good.name, Text("差距", "Gap"))
    return DataTable(Text("按 PD 的累计占比", "Cumulative shares by PD"), columns, rows)


def calibration_points(section: SegmentSection, language: Language) -> Option:
    """Observed default rate over mean PD by tenth of the portfolio, with Jeffreys intervals and the diagonal."""
    bins = section.calibration
    top = _round_up(102 * max(max(one["high"], one["mean_pd"]) for one in bins))
    ideal = Curve(Text("完全准确", "perfect"), (0.0, float(top)), (0.0, float(top)))
    bars = [(round(100 * one["mean_pd"], 3), 100 * one["low"], 100 * one["high"]) for one in bins]
    name = said(language, "每十分之一的主体（95% 区间）", "by tenth (95% interval)")
    points = [[round(100 * one["mean_pd"], 3), round(100 * one["observed"], 3)] for one in bins]
    return {
        **frame(top=30),
        "legend": legend(),
        "tooltip": {**frame()["tooltip"], "trigger": "item"},
        "xAxis": value_axis(said(language, "平均预测 PD（%）", "mean predicted PD (%)"), max=top),
        "yAxis": value_axis(said(language, "实际违约率（%）", "observed rate (%)"), nameGap=34, max=top),
        "series": [
            line(ideal, language, GREY, dashed=True),
            {"name": name, "type": "scatter", "symbolSize": 10, "itemStyle": {"color": BLUE}, "data": points},
            intervals(bars, BLUE, name=name),
        ],
    }


def calibration_table(section: SegmentSection) -> DataTable:
    rows = tuple(
        (
            f"{one['rows']:,.0f}",
            f"{one['mean_pd']:.2%}",
            f"{one['observed']:.2%}",
            f"{one['low']:.2%}–{one['high']:.2%}",
        )
        for one in section.calibration
    )
    columns = (
        Text("户数", "Rows"),
        Text("平均 PD", "Mean PD"),
        Text("实际", "Observed"),
        Text("95% 区间", "95% interval"),
    )
    return DataTable(Text("按 PD 分十等份", "Tenths by PD"), columns, rows)


def _positive(curve: Curve) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """The part of a curve that a log axis can show."""
    kept = [(x, y) for x, y in zip(curve.x, curve.y, strict=True) if x > 0]
    return tuple(x for x, _ in kept), tuple(y for _, y in kept)


def _round_up(value: float) -> float:
    """The next round number: 1, 2, 2.5, 4, 5, 6 or 8 times a power of ten."""
    power = 10.0 ** math.floor(math.log10(max(value, 1e-9)))
    return next(step * power for step in (1, 2, 2.5, 4, 5, 6, 8, 10) if step * power >= value)
