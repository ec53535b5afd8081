"""A subject's file in two pictures: who is linked with it, and when its records happened."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import date

from records.catalogue.kinds import KIND_WORDS, POLARITY_WORDS, Polarity
from records.subject_file.model import Link, SubjectFile, SubjectRef
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
    SOFT,
    bare,
    category_axis,
    legend,
    said,
    value_axis,
)
from service.pages.content import DataTable, Option

MOST_LINKS = 16
MOST_MONTHS = 30
COLOURS: dict[Polarity, str] = {"positive": GREEN, "adverse": RED, "neutral": GREY}
PANELS: tuple[tuple[Polarity, ...], ...] = (("positive", "adverse"), ("neutral",))
NATURAL = frozenset({"individual", "farmer"})


def link_graph(file: SubjectFile, language: Language) -> Option:
    """The subject in the middle, those linked with it around; what has ended is dashed."""
    groups = _grouped(file.links)[:MOST_LINKS]
    nodes = [_node(file.subject, 0, 0, language, own=True)]
    edges = []
    for place, (other, ties) in enumerate(groups):
        angle = 2 * math.pi * (place + 0.5) / len(groups)
        nodes.append(_node(other, round(math.cos(angle), 3), round(math.sin(angle), 3), language))
        roles = said(language, "、", ", ").join(dict.fromkeys(one.words.in_language(language) for one in ties))
        style = "solid" if any(one.current for one in ties) else "dashed"
        edges.append(
            {
                "source": "0",
                "target": other.subject_id,
                "label": {"show": True, "formatter": _cut(roles, 18), "color": INK, "fontSize": 11},
                "lineStyle": {"color": GREY, "width": 1.6, "type": style, "opacity": 0.8},
            }
        )
    series = {"type": "graph", "coordinateSystem": "cartesian2d", "silent": True, "data": nodes, "links": edges}
    axis = {"show": False, "min": -1, "max": 1, "type": "value"}
    return {
        **bare(),
        "tooltip": {"show": False},
        "grid": {"left": 66, "right": 66, "top": 52, "bottom": 52},
        "xAxis": axis,
        "yAxis": axis,
        "series": [series],
    }


def month_bars(file: SubjectFile, language: Language) -> Option:
    """Positive and adverse records above, neutral ones below, by month or, over a longer time, by quarter."""
    days, counts = periods(file)
    names = [period_name(day, quarterly=len(months(file)) > MOST_MONTHS) for day in days]
    shown = [panel for panel in PANELS if any(file.count(polarity) for polarity in panel)]
    last = len(shown) - 1
    height = 200 // len(shown)
    return {
        **bare(),
        "legend": legend(),
        "grid": [
            {"left": 40, "right": 12, "top": 40 + place * (height + 30), "height": height - 6}
            for place in range(len(shown))
        ],
        "xAxis": [
            category_axis(names, gridIndex=place, axisLabel={"show": place == last, "color": SOFT, "hideOverlap": True})
            for place in range(len(shown))
        ],
        "yAxis": [value_axis(gridIndex=place, minInterval=1, splitNumber=3) for place in range(len(shown))],
        "series": [
            {
                "name": POLARITY_WORDS[polarity].in_language(language),
                "type": "bar",
                "xAxisIndex": place,
                "yAxisIndex": place,
                "barMaxWidth": 18,
                "itemStyle": {"color": COLOURS[polarity]},
                "data": [counts.get((day, polarity), 0) for day in days],
            }
            for place, panel in enumerate(shown)
            for polarity in panel
        ],
    }


def month_table(file: SubjectFile) -> DataTable:
    days, counts = periods(file)
    quarterly = len(months(file)) > MOST_MONTHS
    polarities: tuple[Polarity, ...] = ("positive", "adverse", "neutral")
    rows = tuple(
        (period_name(day, quarterly=quarterly), *(f"{counts.get((day, one), 0):,}" for one in polarities))
        for day in days
    )
    caption = Text("按季记录数", "Records by quarter") if quarterly else Text("按月记录数", "Records by month")
    columns = (Text("时间", "Period"), *(POLARITY_WORDS[one] for one in polarities))
    return DataTable(caption, columns, rows)


def months(file: SubjectFile) -> list[date]:
    """Every month from the first record to the last."""
    if not file.months:
        return []
    found, day, last = [], file.months[0].month, file.months[-1].month
    while day <= last:
        found.append(day)
        day = (day.replace(day=28) + (date(2000, 1, 8) - date(2000, 1, 1))).replace(day=1)
    return found


def periods(file: SubjectFile) -> tuple[list[date], dict[tuple[date, Polarity], int]]:
    """The first days of the months, or of the quarters where there are many, and the counts in them."""
    every = months(file)
    quarterly = len(every) > MOST_MONTHS
    counts: dict[tuple[date, Polarity], int] = {}
    for one in file.months:
        key = (_quarter(one.month) if quarterly else one.month), one.polarity
        counts[key] = counts.get(key, 0) + one.records
    return (list(dict.fromkeys(map(_quarter, every))) if quarterly else every), counts


def period_name(day: date, *, quarterly: bool) -> str:
    return f"{day.year}-Q{(day.month + 2) // 3}" if quarterly else f"{day:%Y-%m}"


def short(ref: SubjectRef) -> str:
    """A name that fits beside a node."""
    if ref.name:
        return _cut(ref.name, 14)
    return f"{ref.masked[:2]}…{ref.masked[-2:]}" if len(ref.masked) > 4 else f"{ref.subject_id[:6]}…"


def _quarter(day: date) -> date:
    return day.replace(month=(day.month - 1) // 3 * 3 + 1)


def _grouped(links: Sequence[Link]) -> list[tuple[SubjectRef, list[Link]]]:
    """Links by the other subject, those that last first, as the file has them."""
    found: dict[str, list[Link]] = {}
    for one in links:
        found.setdefault(one.other.subject_id, []).append(one)
    return [(ties[0].other, ties) for ties in found.values()]


def _node(ref: SubjectRef, x: float, y: float, language: Language, *, own: bool = False) -> Option:
    kind = KIND_WORDS[ref.kinds[0]].in_language(language) if ref.kinds else said(language, "未知", "unknown")
    person = bool(set(ref.kinds) & NATURAL)
    label = {"show": True, "position": "top" if y > 0 else "bottom", "color": INK, "fontSize": 12, "lineHeight": 15}
    label |= {"formatter": f"{short(ref)}\n{kind}"}
    if own:
        label |= {"fontWeight": 700, "backgroundColor": PAPER, "formatter": short(ref)}
    return {
        "id": "0" if own else ref.subject_id,
        "name": "0" if own else ref.subject_id,
        "value": [x, y],
        "symbolSize": 34 if own else 20,
        "itemStyle": {"color": BLUE if not ref.kinds else ORANGE if person else GREEN, "borderColor": LINE},
        "label": label,
    }


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"
