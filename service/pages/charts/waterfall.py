"""A score drawn from its base through its reasons."""

from __future__ import annotations

from records.words import Language, Text
from scoring.rating import Rating
from service.pages.charts.frame import GREEN, GREY, INK, RED, frame, value_axis, words_axis
from service.pages.content import Option

TOP_REASONS = 12
ROOM = 0.09


def waterfall(rating: Rating, language: Language) -> Option:
    """From the base to the score, one bar a reason; the rest in one bar; clipping as a bar of its own.

    The axis does not start at zero, so base and score are marks, not bars.
    """
    steps = waterfall_steps(rating)
    levels = _levels(steps)
    low, high = min(levels), max(levels)
    room = max(high - low, 1.0) * ROOM
    names = [words.in_language(language) for words, _ in steps]
    shown: Option = {
        **frame(right=58, top=8),
        "tooltip": {"show": False},
        "xAxis": value_axis(
            min=round(low - room, 1),
            max=round(high + room, 1),
            axisLabel={"show": False},
            splitLine={"show": False},
        ),
        "series": [_bars(steps, levels), _ends(steps)],
    }
    return words_axis(names, shown)


def waterfall_steps(rating: Rating) -> list[tuple[Text, float]]:
    """Base, the largest reasons, all others, clipping where there is some, the score; the steps between add up."""
    steps = [(Text("基准分", "Base"), rating.base_points)]
    steps += [(reason.words, reason.points) for reason in rating.reasons[:TOP_REASONS]]
    rest = rating.reasons[TOP_REASONS:]
    if rest:
        words = Text(f"其余 {len(rest)} 项", f"{len(rest)} others")
        steps.append((words, sum(reason.points for reason in rest)))
    if rating.clip_points:
        steps.append((Text("截至 300 至 900 分", "Clipped to 300 to 900"), rating.clip_points))
    return [*steps, (Text("评分", "Score"), rating.score)]


def _levels(steps: list[tuple[Text, float]]) -> list[float]:
    """The running total after each step; at the end the score itself."""
    levels = [steps[0][1]]
    for _, points in steps[1:-1]:
        levels.append(levels[-1] + points)
    return [*levels, steps[-1][1]]


def _bars(steps: list[tuple[Text, float]], levels: list[float]) -> Option:
    """One floating bar a step: [position, from, to], drawn by the page's own renderer, with connectors."""
    data = []
    for number in range(1, len(steps) - 1):
        points = steps[number][1]
        data.append(
            {
                "value": [levels[number - 1], levels[number], number, points],
                "itemStyle": {"color": GREEN if points >= 0 else RED},
            }
        )
    links = {"silent": True, "symbol": "none", "lineStyle": {"color": GREY, "width": 1, "type": "dotted"}}
    joined = [
        [{"coord": [levels[number], number]}, {"coord": [levels[number], number + 1]}]
        for number in range(len(steps) - 1)
    ]
    return {
        "type": "custom",
        "renderItem": "=step",
        "encode": {"x": [0, 1], "y": 2},
        "data": data,
        "markLine": {**links, "label": {"show": False}, "data": joined},
    }


def _ends(steps: list[tuple[Text, float]]) -> Option:
    """Base and score as marks with their values."""
    last = len(steps) - 1
    data = [
        {
            "value": [steps[number][1], number],
            "label": {"show": True, "formatter": f"{steps[number][1]:.1f}", "position": "right"}
            | {"color": INK, "fontSize": 14, "fontWeight": 700},
        }
        for number in (0, last)
    ]
    return {"type": "scatter", "symbol": "diamond", "symbolSize": 15, "itemStyle": {"color": INK}, "data": data, "z": 5}
