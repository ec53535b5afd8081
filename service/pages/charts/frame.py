"""What all charts share: colours, axes, lines."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from records.words import Language, Text
from service.pages.content import Curve, Option

GRADE_COLOURS = tuple(f"--grade-{position}" for position in range(9))
SEVERITY_COLOURS = {name: f"--severity-{name}" for name in ("blue", "yellow", "orange", "red")}
BLUE, ORANGE, GREY, GREEN, RED = "--blue", "--orange", "--grey", "--green", "--red"
LINES = (BLUE, ORANGE, GREY, GREEN)
INK, SOFT, LINE, PAPER = "--ink", "--soft", "--line", "--paper"


def chart(make: Callable[[Language], Option]) -> dict[Language, Option]:
    """An option in both languages."""
    return {"zh": make("zh"), "en": make("en")}


def said(language: Language, zh: str, en: str) -> str:
    return zh if language == "zh" else en


def frame(left: int = 4, right: int = 14, top: int = 44, bottom: int = 6) -> Option:
    """A chart of one panel."""
    return {
        **bare(),
        "grid": {"left": left, "right": right, "top": top, "bottom": bottom}
        | {"outerBoundsMode": "same", "outerBoundsContain": "all"},
    }


def bare() -> Option:
    return {
        "animation": False,
        "backgroundColor": "transparent",
        "textStyle": {"color": SOFT},
        "tooltip": {
            "trigger": "axis",
            "confine": True,
            "backgroundColor": PAPER,
            "borderColor": LINE,
            "textStyle": {"color": INK, "fontSize": 13},
        },
    }


def legend(**more: object) -> Option:
    return {"top": 0, "textStyle": {"color": INK, "fontSize": 13}, "itemWidth": 18, "itemHeight": 10, **more}


def value_axis(name: str = "", **more: object) -> Option:
    """A linear axis named along its middle."""
    return {"type": "value", "name": name, "nameLocation": "middle", "nameGap": 28, **_AXIS, **more}


def share_axis(name: str, **more: object) -> Option:
    """0 to 100 per cent of shares given as 0 to 1."""
    return value_axis(name, min=0, max=1, **({"axisLabel": {**_LABEL, "formatter": "=percent"}} | more))


def log_axis(name: str, low: float, high: float, **more: object) -> Option:
    """A log axis over whole powers of ten."""
    label = {**_LABEL, "formatter": "=plain"}
    named = {"name": name, "nameLocation": "middle", "nameGap": 28}
    return {"type": "log", "min": low, "max": high, **named, **_AXIS, "axisLabel": label, **more}


def category_axis(names: Sequence[str], **more: object) -> Option:
    return {"type": "category", "data": list(names), **_AXIS, "axisTick": {"show": False}, **more}


def words_axis(names: Sequence[str], shown: Option) -> Option:
    """``shown`` with rows named in words along its left, in a column that narrows with the page."""
    wide = {"color": INK, "fontSize": 13, "interval": 0, "width": 350, "overflow": "truncate"}
    middle = {**wide, "width": 210, "overflow": "break", "lineHeight": 15}
    narrow = {**middle, "width": 124, "fontSize": 11, "lineHeight": 12}
    axis = category_axis(names, inverse=True, axisLabel=wide)
    labels = ((460, narrow), (800, middle))
    media = [
        {"query": {"maxWidth": width}, "option": {"yAxis": {"axisLabel": label}}} for width, label in reversed(labels)
    ]
    return {
        "baseOption": {**shown, "yAxis": axis},
        "media": [{"option": {"yAxis": {"axisLabel": wide}}}, *media],
    }


def line(curve: Curve, language: Language, colour: str, *, dashed: bool = False) -> Option:
    """A curve as a line without points."""
    return {
        "name": curve.name.in_language(language),
        "type": "line",
        "showSymbol": False,
        "data": [[round(x, 4), round(y, 4)] for x, y in zip(curve.x, curve.y, strict=True)],
        "itemStyle": {"color": colour},
        "lineStyle": {"color": colour, "width": 1.5 if dashed else 2.25, "type": "dashed" if dashed else "solid"},
    }


def intervals(points: Sequence[tuple[float | int, float, float]], colour: str, **more: object) -> Option:
    """Vertical bars with caps: (x, low, high) each."""
    return {
        "type": "custom",
        "renderItem": "=interval",
        "encode": {"x": 0, "y": [1, 2]},
        "data": [list(point) for point in points],
        "itemStyle": {"color": colour},
        "silent": True,
        "tooltip": {"show": False},
        "z": 3,
        **more,
    }


CHANCE = Curve(Text("随机", "chance"), (0.0, 1.0), (0.0, 1.0))
_LABEL = {"color": SOFT, "fontSize": 12}
_AXIS: Option = {
    "axisLabel": _LABEL,
    "nameTextStyle": {"color": SOFT, "fontSize": 12},
    "axisLine": {"lineStyle": {"color": LINE}},
    "splitLine": {"lineStyle": {"color": LINE}},
}
