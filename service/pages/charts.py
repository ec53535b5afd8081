"""ECharts options as plain data, in one language at a time."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from records.words import Language, Text
from scoring.rating import Rating
from service.pages.content import CumcmReport, Curve, GradeRow, Option, SegmentSection, WarningTimeline

GRADE_COLOURS = ("#1a7f5a", "#2f9e6e", "#66b37f", "#a8c27a", "#d9c06a", "#e0a050", "#d97742", "#c34f3d", "#9b2c2c")
SEVERITY_COLOURS = {"blue": "#3b82c4", "yellow": "#c9a227", "orange": "#d97742", "red": "#b3261e"}
GAIN, LOSS, BASE = "#2f9e6e", "#c34f3d", "#7c8a99"
LINES = ("#2563a8", "#d97742", "#7c8a99", "#2f9e6e")
TOP_REASONS = 12


def chart(make: Callable[[Language], Option]) -> dict[Language, Option]:
    """An option in both languages."""
    return {"zh": make("zh"), "en": make("en")}


def grade_bars(rows: Sequence[GradeRow], language: Language) -> Option:
    """Subjects by grade as bars, mean PD as a line on a log axis."""
    subjects, pd = _in(language, "户数", "subjects"), _in(language, "平均 PD（%）", "mean PD (%)")
    return {
        **_frame(),
        "legend": {"top": 0},
        "xAxis": {"type": "category", "data": [row.grade for row in rows]},
        "yAxis": [
            {"type": "value", "name": subjects},
            {"type": "log", "name": pd, "splitLine": {"show": False}},
        ],
        "series": [
            {
                "name": subjects,
                "type": "bar",
                "itemStyle": {"color": GRADE_COLOURS[2]},
                "data": [
                    {"value": row.subjects, "itemStyle": {"color": colour}}
                    for row, colour in zip(rows, GRADE_COLOURS, strict=True)
                ],
            },
            {
                "name": pd,
                "type": "line",
                "yAxisIndex": 1,
                "symbolSize": 7,
                "lineStyle": {"color": LINES[0]},
                "itemStyle": {"color": LINES[0]},
                "data": [None if row.mean_pd is None else round(100 * row.mean_pd, 3) for row in rows],
            },
        ],
    }


def roc_lines(curves: Sequence[Curve], language: Language) -> Option:
    """True positive rate over false positive rate, with the diagonal of chance."""
    chance = Curve(Text("随机", "chance"), (0.0, 1.0), (0.0, 1.0))
    return {
        **_frame(),
        "legend": {"top": 0, "type": "scroll"},
        "xAxis": _share_axis(_in(language, "假阳性率", "false positive rate")),
        "yAxis": _share_axis(_in(language, "真阳性率", "true positive rate"), name_gap=34),
        "series": [
            _line(curve, language, colour, dashed=curve is chance)
            for curve, colour in zip([*curves, chance], [*LINES[: len(curves)], "#b8c0c8"], strict=True)
        ],
    }


def ks_lines(section: SegmentSection, language: Language) -> Option:
    """Cumulative shares of defaulters and of the others by PD."""
    return {
        **_frame(),
        "legend": {"top": 0},
        "xAxis": {
            "type": "log",
            "name": "PD",
            "nameLocation": "middle",
            "nameGap": 26,
            "min": 10 ** math.floor(math.log10(max(1e-4, min(section.ks_bad.x)))),
            "max": 1,
            "axisLabel": {"formatter": "{value}"},
        },
        "yAxis": _share_axis(_in(language, "累计占比", "cumulative share"), name_gap=34),
        "series": [
            _line(section.ks_good, language, GAIN),
            _line(section.ks_bad, language, LOSS),
        ],
    }


def calibration_points(section: SegmentSection, language: Language) -> Option:
    """Observed default rate over mean PD by tenth of the portfolio, with Jeffreys intervals and the diagonal."""
    bins = section.calibration
    top = math.ceil(105 * max(max(one["high"], one["mean_pd"]) for one in bins))
    intervals = [
        {
            "type": "line",
            "data": [[100 * one["mean_pd"], 100 * one["low"]], [100 * one["mean_pd"], 100 * one["high"]]],
            "symbol": "none",
            "lineStyle": {"color": LINES[0], "width": 2, "opacity": 0.45},
            "silent": True,
            "tooltip": {"show": False},
        }
        for one in bins
    ]
    ideal = {
        "type": "line",
        "data": [[0, 0], [top, top]],
        "symbol": "none",
        "lineStyle": {"color": "#b8c0c8", "type": "dashed"},
        "silent": True,
    }
    return {
        **_frame(),
        "xAxis": {**_value_axis(_in(language, "平均 PD（%）", "mean PD (%)")), "max": top},
        "yAxis": {
            **_value_axis(_in(language, "实际违约率（%）", "observed rate (%)"), name_gap=34),
            "max": top,
        },
        "series": [
            ideal,
            *intervals,
            {
                "type": "scatter",
                "symbolSize": 10,
                "itemStyle": {"color": LINES[0]},
                "data": [[round(100 * one["mean_pd"], 3), round(100 * one["observed"], 3)] for one in bins],
            },
        ],
    }


def timeline(content: WarningTimeline, language: Language) -> Option:
    """Score and probability of distress above, revenue and days past due below; signals and default as lines."""
    months = [f"{month:%Y-%m}" for month in content.months]
    default = f"{content.default_month:%Y-%m}"
    marks = [
        {
            "xAxis": f"{signal.month:%Y-%m}",
            "lineStyle": {"color": SEVERITY_COLOURS[signal.severity], "type": "solid", "width": 1.5},
            "label": {"show": False},
            "name": signal.words.in_language(language),
        }
        for signal in content.signals
    ]
    ended = {
        "xAxis": default,
        "lineStyle": {"color": "#b3261e", "width": 2.5},
        "label": {"formatter": _in(language, "违约", "default"), "color": "#b3261e", "fontWeight": "bold"},
    }

    def series(name: str, values: Sequence[float | None], grid: int, axis: int, kind: str, colour: str) -> Option:
        return {
            "name": name,
            "type": kind,
            "xAxisIndex": grid,
            "yAxisIndex": axis,
            "data": list(values),
            "showSymbol": False,
            "itemStyle": {"color": colour},
            "lineStyle": {"color": colour, "width": 2},
        }

    score = _in(language, "评分", "score")
    distress = _in(language, "6个月困境概率（%）", "distress within 6 months (%)")
    revenue = _in(language, "申报销售额（万元）", "revenue (CNY 10k)")
    overdue = _in(language, "逾期天数", "days past due")
    axis = {"type": "category", "data": months, "boundaryGap": True}
    return {
        "textStyle": {"fontFamily": "inherit"},
        "animation": False,
        "tooltip": {"trigger": "axis"},
        "legend": {"top": 0, "type": "scroll"},
        "axisPointer": {"link": [{"xAxisIndex": "all"}]},
        "grid": [
            {"left": 56, "right": 60, "top": 54, "height": "34%"},
            {"left": 56, "right": 60, "top": "60%", "height": "28%"},
        ],
        "xAxis": [{**axis, "axisLabel": {"show": False}}, {**axis, "gridIndex": 1}],
        "yAxis": [
            {"type": "value", "name": score, "scale": True},
            {"type": "value", "name": "%", "max": 100, "splitLine": {"show": False}},
            {"type": "value", "name": revenue, "gridIndex": 1},
            {"type": "value", "name": overdue, "gridIndex": 1, "splitLine": {"show": False}},
        ],
        "series": [
            {
                **series(score, content.score, 0, 0, "line", LINES[0]),
                "markLine": {"symbol": "none", "data": [*marks, ended], "silent": True},
            },
            series(
                distress, [None if p is None else round(100 * p, 1) for p in content.distress_6m], 0, 1, "line", LOSS
            ),
            series(revenue, [None if r is None else round(r / 1e4, 2) for r in content.revenue], 1, 2, "line", GAIN),
            series(overdue, content.days_past_due, 1, 3, "bar", "#d9a0a0"),
        ],
    }


def waterfall(rating: Rating, language: Language) -> Option:
    """From the base to the score, one bar a reason; the rest in one bar; clipping as a bar of its own."""
    steps = waterfall_steps(rating)
    hidden, shown, level = [], [], 0.0
    for number, (_, points) in enumerate(steps):
        total = number in (0, len(steps) - 1)
        start = 0.0 if total else level
        level = points if total else level + points
        low, high = min(start, level), max(start, level)
        hidden.append(0 if total else round(low, 3))
        colour = BASE if total else (GAIN if points >= 0 else LOSS)
        shown.append(
            {
                "value": round(high - low if not total else level, 3),
                "itemStyle": {"color": colour},
                "label": {"formatter": f"{points:.1f}" if total else f"{points:+.1f}"},
            }
        )
    lows = [low for low in hidden if low] + [level, rating.base_points]
    axis_from = max(0.0, min(lows) - 25)
    return {
        **_frame(left=8, right=56),
        "tooltip": {"show": False},
        "xAxis": {"type": "value", "min": round(axis_from), "scale": True, "name": ""},
        "yAxis": {
            "type": "category",
            "inverse": True,
            "data": [words.in_language(language) for words, _ in steps],
            "axisLabel": {"width": 230, "overflow": "truncate"},
            "axisTick": {"show": False},
        },
        "series": [
            {"type": "bar", "stack": "s", "itemStyle": {"color": "transparent"}, "silent": True, "data": hidden},
            {
                "type": "bar",
                "stack": "s",
                "barCategoryGap": "28%",
                "label": {"show": True, "position": "right"},
                "data": shown,
            },
        ],
    }


def waterfall_steps(rating: Rating) -> list[tuple[Text, float]]:
    """Base, the largest reasons, all others, clipping where there is some, the score; the steps between add up."""
    steps = [(Text("基准分", "base"), rating.base_points)]
    steps += [(reason.words, reason.points) for reason in rating.reasons[:TOP_REASONS]]
    rest = rating.reasons[TOP_REASONS:]
    if rest:
        words = Text(f"其余 {len(rest)} 项", f"{len(rest)} others")
        steps.append((words, sum(reason.points for reason in rest)))
    if rating.clip_points:
        steps.append((Text("截至 300 至 900 分", "clipped to 300 to 900"), rating.clip_points))
    return [*steps, (Text("评分", "score"), rating.score)]


def bank_grades(content: CumcmReport, language: Language) -> Option:
    """Huixin's scores by the bank's own grade, a point an enterprise."""
    names = sorted(content.scores_by_bank_grade)
    points = [
        [position + (number % 7 - 3) * 0.05, round(score, 1)]
        for position, name in enumerate(names)
        for number, score in enumerate(sorted(content.scores_by_bank_grade[name]))
    ]
    return {
        **_frame(),
        "tooltip": {"show": False},
        "xAxis": {
            "type": "value",
            "min": -0.5,
            "max": len(names) - 0.5,
            "interval": 1,
            "splitLine": {"show": False},
            "axisLabel": {"show": False},
            "name": _in(language, "银行评级：", "bank's grade: ") + "  ·  ".join(names),
            "nameLocation": "middle",
            "nameGap": 12,
        },
        "yAxis": {"type": "value", "scale": True, "name": _in(language, "惠信评分", "Huixin score")},
        "series": [
            {"type": "scatter", "symbolSize": 8, "itemStyle": {"color": LINES[0], "opacity": 0.65}, "data": points}
        ],
    }


def _frame(left: int = 30, right: int = 24) -> Option:
    return {
        "textStyle": {"fontFamily": "inherit"},
        "animation": False,
        "tooltip": {"trigger": "axis"},
        "grid": {"left": left, "right": right, "top": 44, "bottom": 34, "containLabel": True},
    }


def _line(curve: Curve, language: Language, colour: str, *, dashed: bool = False) -> Option:
    return {
        "name": curve.name.in_language(language),
        "type": "line",
        "showSymbol": False,
        "data": [[round(x, 4), round(y, 4)] for x, y in zip(curve.x, curve.y, strict=True)],
        "itemStyle": {"color": colour},
        "lineStyle": {"color": colour, "width": 2, "type": "dashed" if dashed else "solid"},
    }


def _share_axis(name: str, name_gap: int = 26) -> Option:
    return {**_value_axis(name, name_gap), "min": 0, "max": 1}


def _value_axis(name: str, name_gap: int = 26) -> Option:
    return {"type": "value", "name": name, "nameLocation": "middle", "nameGap": name_gap}


def _in(language: Language, zh: str, en: str) -> Any:
    return zh if language == "zh" else en
