"""A feature's share of a score, in points and in words, with the records behind it."""

from __future__ import annotations

import math
from dataclasses import dataclass

from features.definition import AnyFeature
from features.pipeline import Evidence
from records.words import Text

MANY = 10_000.0


@dataclass(frozen=True)
class Reason:
    """One feature's exact share of the score."""

    feature: str
    words: Text
    value: float | None
    value_words: Text
    points: float
    evidence: tuple[Evidence, ...]


def reason(feature: AnyFeature, value: float, points: float, evidence: tuple[Evidence, ...]) -> Reason:
    """The reason that ``feature`` with ``value`` (NaN: missing) gives for ``points``."""
    known = None if math.isnan(value) else value
    return Reason(feature.code, feature.words, known, value_in_words(feature, value), points, evidence)


def value_in_words(feature: AnyFeature, value: float) -> Text:
    """A value with its unit as people say it; what missing means where there is none."""
    if math.isnan(value):
        return feature.missing
    whole = f"{value:,.0f}"
    short = f"{value:,.1f}" if value != round(value) else whole
    match feature.unit:
        case "CNY":
            zh = f"{value / MANY:,.1f} 万元" if abs(value) >= MANY else f"{whole} 元"
            return Text(zh, f"CNY {whole}")
        case "share":
            return Text(f"{value:.1%}", f"{value:.1%}")
        case "ratio":
            return Text(f"{value:.2f}", f"{value:.2f}")
        case "flag":
            return Text("是", "yes") if value else Text("否", "no")
        case "count":
            return Text(short, short)
        case "points":
            return Text(f"{short} 分", f"{short} points")
        case "persons":
            return Text(f"{short} 人", f"{short} persons")
        case "mu":
            return Text(f"{short} 亩", f"{short} mu")
        case "days":
            return Text(f"{short} 天", f"{short} days")
        case "months":
            return Text(f"{short} 个月", f"{short} months")
        case "years":
            return Text(f"{short} 年", f"{short} years")
    return Text(short, short)
