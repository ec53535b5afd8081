"""How sources report: measures as a heat map, points over the months as lines."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import date
from statistics import fmean

from records.assessment import MEASURE_WORDS, MEASURES, Assessment, ItemMonth, SourceMonth
from records.words import Language, Text
from service.pages.charts.frame import (
    BLUE,
    GREEN,
    GREY,
    INK,
    ORANGE,
    RED,
    category_axis,
    frame,
    legend,
    said,
    value_axis,
    words_axis,
)
from service.pages.content import DataTable, Option

Names = Mapping[str, Text]
AVERAGE = Text("各来源平均", "mean of all sources")
WIDE_HEADS = {"color": INK, "fontSize": 13, "interval": 0, "rotate": 0, "margin": 8}
NARROW_HEADS = {**WIDE_HEADS, "fontSize": 11, "rotate": 45}
WIDE_CELLS = {"show": True, "formatter": "=cell", "fontSize": 12}
NARROW_CELLS = {**WIDE_CELLS, "formatter": "=share", "fontSize": 11}
NARROW = 600
LOWEST, WORST, ALL_POINTS = 5, 15, 99.95
ROW_HEIGHT, HEAD_HEIGHT = 27, 56
COLOURS = (RED, ORANGE, BLUE, GREEN, "--severity-yellow")
# From which share on, the colour of the cell, and that of the figure in it.
BANDS = (
    (0.9, "--grade-1", "#ffffff"),
    (0.8, "--grade-3", "#10181f"),
    (0.6, "--grade-5", "#10181f"),
    (0.0, "--grade-7", "#ffffff"),
)


def measures_map(found: Assessment, names: Names, language: Language) -> Option:
    """Sources of the month, the best first, by measure; empty where a measure is not known."""
    ranking = found.ranking
    cells = [
        {"value": [column, row, round(share, 4)], "label": {"color": _band(share)[2]}}
        for row, one in enumerate(ranking)
        for column, name in enumerate(MEASURES)
        if (share := one.measures[name]) is not None
    ]
    shown = {
        **frame(top=34, bottom=2),
        "tooltip": {**frame()["tooltip"], "trigger": "item", "formatter": "=cell"},
        "xAxis": category_axis(
            [MEASURE_WORDS[name].in_language(language) for name in MEASURES],
            position="top",
            axisLabel=WIDE_HEADS,
            splitArea={"show": False},
        ),
        "visualMap": {"show": False, "type": "piecewise", "dimension": 2, "pieces": _pieces()},
        "series": [
            {
                "type": "heatmap",
                "data": cells,
                "label": WIDE_CELLS,
                "itemStyle": {"borderColor": "--paper", "borderWidth": 2, "borderRadius": 4},
            }
        ],
    }
    made = words_axis([names[one.source].in_language(language) for one in ranking], shown)
    heads: Option = {"xAxis": {"axisLabel": WIDE_HEADS}, "series": [{"label": WIDE_CELLS}]}
    made["media"][0]["option"] |= heads
    for one in made["media"][1:]:
        narrow = one["query"]["maxWidth"] < NARROW
        one["option"] |= (
            {"xAxis": {"axisLabel": NARROW_HEADS}, "series": [{"label": NARROW_CELLS}]} if narrow else heads
        )
    return made


def map_height(found: Assessment) -> int:
    """Pixels that the heat map needs."""
    return HEAD_HEIGHT + ROW_HEIGHT * max(3, len(found.ranking))


def measures_table(found: Assessment, names: Names) -> DataTable:
    rows: tuple[tuple[str | Text, ...], ...] = tuple(
        (names[one.source], *(_percent(one.measures[name]) for name in MEASURES)) for one in found.ranking
    )
    columns = (Text("来源", "Source"), *(MEASURE_WORDS[name] for name in MEASURES))
    return DataTable(Text("各来源的五项指标", "Five measures by source"), columns, rows)


def trend_lines(found: Assessment, names: Names, language: Language) -> Option:
    """Points by month: the mean of all sources, and the five with the fewest points in the assessed month."""
    by_source = points_by_source(found)
    lowest = [one.source for one in reversed(found.ranking) if one.points is not None][:LOWEST]
    lines = [_line(AVERAGE.in_language(language), _mean(by_source, len(found.months)), GREY, width=3)]
    lines += [
        _line(names[source].in_language(language), by_source[source], colour)
        for source, colour in zip(lowest, COLOURS, strict=False)
    ]
    known = [value for line in lines for value in line["data"] if value is not None]
    low = max(0, math.floor((min(known, default=0) - 3) / 10) * 10)
    return {
        **frame(top=64, left=8),
        "legend": legend(data=[line["name"] for line in lines], type="scroll"),
        "xAxis": category_axis([f"{month:%Y-%m}" for month in found.months], axisLabel={"hideOverlap": True}),
        "yAxis": value_axis(said(language, "得分", "points"), min=low, max=100, nameGap=34),
        "series": lines,
    }


def trend_table(found: Assessment, names: Names) -> DataTable:
    by_source = points_by_source(found)
    rows: tuple[tuple[str | Text, ...], ...] = tuple(
        (names[source], *("—" if value is None else f"{value:.1f}" for value in values))
        for source, values in by_source.items()
    )
    columns = (Text("来源", "Source"), *(Text(f"{month:%Y-%m}", f"{month:%Y-%m}") for month in found.months))
    return DataTable(Text("各来源逐月得分", "Points by source and month"), columns, rows)


def points_by_source(found: Assessment) -> dict[str, list[float | None]]:
    """Points of each source, month by month, in the order of the ranking."""
    order = [one.source for one in found.ranking]
    order += sorted({one.source for one in found.standings} - set(order))
    at = {(one.source, one.month): one for one in found.standings}
    return {source: [_points(at, source, month) for month in found.months] for source in order}


def worst(found: Assessment) -> list[ItemMonth]:
    """The items with the fewest points in the assessed month, of those that do not have all."""
    return [row for row in found.items if row.points is not None and row.points < ALL_POINTS][:WORST]


def sparkline(values: Sequence[float | None], width: int = 96, height: int = 24) -> list[str]:
    """Points of the lines of a small drawing, 0 to 100 upwards; a month that is not known breaks the line."""
    step = (width - 4) / max(1, len(values) - 1)
    lines: list[list[str]] = [[]]
    for number, value in enumerate(values):
        if value is None:
            lines.append([])
            continue
        lines[-1].append(f"{2 + number * step:.1f},{height - 2 - (height - 4) * value / 100:.1f}")
    return [" ".join(line if len(line) > 1 else [line[0], line[0]]) for line in lines if line]


def _points(at: Mapping[tuple[str, date], SourceMonth], source: str, month: date) -> float | None:
    one = at.get((source, month))
    return one.points if one else None


def _mean(by_source: Mapping[str, Sequence[float | None]], months: int) -> list[float | None]:
    found: list[float | None] = []
    for number in range(months):
        known = [value for values in by_source.values() if (value := values[number]) is not None]
        found.append(fmean(known) if known else None)
    return found


def _line(name: str, values: Sequence[float | None], colour: str, width: float = 2) -> Option:
    return {
        "name": name,
        "type": "line",
        "symbolSize": 6,
        "connectNulls": False,
        "data": [None if value is None else round(value, 1) for value in values],
        "itemStyle": {"color": colour},
        "lineStyle": {"color": colour, "width": width},
    }


def _band(share: float) -> tuple[float, str, str]:
    return next(band for band in BANDS if share >= band[0])


def _pieces() -> list[Option]:
    upper = [1.01, *(low for low, _, _ in BANDS)]
    return [
        {"gte": low if low else -0.01, "lt": high, "color": colour}
        for (low, colour, _), high in zip(BANDS, upper, strict=False)
    ]


def _percent(share: float | None) -> str:
    return "—" if share is None else f"{share:.1%}"
