"""Charts of the study of real enterprises: scores against the bank's grades, and what weighs most."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from records.words import Language, Text
from service.pages.charts.frame import BLUE, INK, PAPER, bare, category_axis, frame, said, value_axis, words_axis
from service.pages.content import CumcmReport, DataTable, Option

SPREAD = (-0.18, 0.06, -0.06, 0.18, 0.0, -0.12, 0.12)


def bank_grades(content: CumcmReport, language: Language) -> Option:
    """Huixin's scores by the bank's own grade: boxes (quartiles, whiskers to the ends), a point an enterprise."""
    names = sorted(content.scores_by_bank_grade)
    boxes = [_five(content.scores_by_bank_grade[name]) for name in names]
    points = [
        [position + SPREAD[number % len(SPREAD)], round(score, 1)]
        for position, name in enumerate(names)
        for number, score in enumerate(sorted(content.scores_by_bank_grade[name]))
    ]
    hidden = {"type": "value", "min": -0.5, "max": len(names) - 0.5, "show": False}
    label = {"color": INK, "fontSize": 14, "fontWeight": 600}
    name = {"name": said(language, "银行自评等级", "the bank's own grade"), "nameLocation": "middle", "nameGap": 26}
    return {
        **frame(top=14),
        "tooltip": {**bare()["tooltip"], "trigger": "item", "show": False},
        "xAxis": [category_axis(names, axisLabel=label, **name), hidden],
        "yAxis": value_axis(said(language, "惠信评分（折外）", "Huixin score (out of fold)"), scale=True, nameGap=42),
        "series": [
            {
                "type": "boxplot",
                "boxWidth": ["30%", "46%"],
                "data": boxes,
                "itemStyle": {"color": PAPER, "borderColor": BLUE},
            },
            {
                "type": "scatter",
                "xAxisIndex": 1,
                "symbolSize": 7,
                "itemStyle": {"color": BLUE, "opacity": 0.55},
                "data": points,
                "z": 4,
            },
        ],
    }


def bank_table(content: CumcmReport) -> DataTable:
    rows = []
    for name in sorted(content.scores_by_bank_grade):
        scores = content.scores_by_bank_grade[name]
        rows.append((name, f"{len(scores)}", *(f"{value:.0f}" for value in _five(scores))))
    columns = (
        Text("银行等级", "Bank's grade"),
        Text("户数", "Enterprises"),
        Text("最低", "Lowest"),
        Text("下四分位", "Lower quartile"),
        Text("中位", "Median"),
        Text("上四分位", "Upper quartile"),
        Text("最高", "Highest"),
    )
    return DataTable(Text("惠信评分按银行等级", "Huixin's scores by the bank's grade"), columns, tuple(rows))


def weights(features: Sequence[tuple[Text, float, str]], language: Language) -> Option:
    """Mean absolute points a feature moves a score by."""
    shown: Option = {
        **frame(right=46, top=8),
        "tooltip": {"show": False},
        "xAxis": value_axis(said(language, "平均绝对分值", "mean absolute points")),
        "series": [
            {
                "type": "bar",
                "barWidth": "60%",
                "itemStyle": {"color": BLUE, "borderRadius": [0, 4, 4, 0]},
                "label": {"show": True, "position": "right", "color": INK, "fontSize": 12},
                "data": [round(weight, 1) for _, weight, _ in features],
            }
        ],
    }
    return words_axis([words.in_language(language) for words, _, _ in features], shown)


def _five(scores: Sequence[float]) -> list[float]:
    """Lowest, lower quartile, median, upper quartile, highest."""
    if len(scores) < 2:
        return [round(score, 1) for score in scores] * 5
    low, middle, high = statistics.quantiles(scores, n=4, method="inclusive")
    return [round(value, 1) for value in (min(scores), low, middle, high, max(scores))]
