"""The words of the pages about features: units, uses, directions, how much a feature tells, how far it moved."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from math import isfinite
from typing import Any

from features.definition import AnyFeature, Unit, Use
from features.dictionary import registered
from features.documentation import Documentation, Entry
from features.drift import BinShares, Level
from features.monitoring import Drift
from features.poison import READS_AS_WORDS, Poisoned
from features.profile import Information
from features.silence import Cause, Silence
from models.score_drift import ScoreDrift
from records.catalogue import Catalogue
from records.catalogue.kinds import DISCLOSURE_WORDS, FREQUENCY_WORDS, KIND_WORDS, POLARITY_WORDS, USE_WORDS
from records.words import Text
from scoring.reasons import value_in_words
from service.pages.charts import spread

UNIT_WORDS: Mapping[Unit, Text] = {
    "CNY": Text("元", "CNY"),
    "ratio": Text("比值", "ratio"),
    "share": Text("占比", "share"),
    "count": Text("次数", "count"),
    "days": Text("天", "days"),
    "months": Text("个月", "months"),
    "years": Text("年", "years"),
    "points": Text("分", "points"),
    "mu": Text("亩", "mu"),
    "persons": Text("人", "persons"),
    "level": Text("等级", "level"),
    "flag": Text("是否", "yes or no"),
    "hours": Text("小时", "hours"),
}
FEATURE_USE_WORDS: Mapping[Use, Text] = {
    "model": Text("模型", "Models"),
    "supervision": Text("仅监管", "Supervision only"),
    "fairness": Text("仅公平性审计", "Fairness audits only"),
}
DIRECTION_WORDS: Mapping[int, Text] = {
    1: Text("值越大，违约概率越高", "PD rises with the value"),
    -1: Text("值越大，违约概率越低", "PD falls with the value"),
    0: Text("不作单调约束", "no direction is claimed"),
}
DIRECTION_MARKS: Mapping[int, Text] = {1: Text("PD ↑", "PD ↑"), -1: Text("PD ↓", "PD ↓"), 0: Text("—", "—")}
LEVEL_WORDS: Mapping[Level, Text] = {
    "stable": Text("稳定", "stable"),
    "moderate": Text("需关注", "moderate"),
    "large": Text("显著漂移", "large"),
}
CAUSE_WORDS: Mapping[Cause, Text] = {
    "silent": Text("逾期未报", "overdue"),
    "incomplete": Text("报送不全", "incomplete"),
    "thinned": Text("明显变少", "thinned out"),
    "never": Text("从未报送", "never reported"),
}
# Customary bands of the information value (Siddiqi 2006): below which value, and what it is called.
INFORMATION_BANDS = (
    (0.02, Text("几乎没有", "next to nothing")),
    (0.1, Text("弱", "weak")),
    (0.3, Text("中等", "medium")),
    (0.5, Text("强", "strong")),
    (float("inf"), Text("高得可疑", "suspiciously high")),
)
MOST_POINTS = 15
BY_CHANCE = Text("未超出偶然", "no more than chance")


def dictionary_words(found: Documentation) -> dict[str, Any]:
    """What the template of the dictionary page needs."""
    catalogue = Catalogue.load()
    entries = sorted(found.entries, key=lambda entry: (catalogue.items[entry.item].source, entry.item))
    groups = [(catalogue.items[code], list(own)) for code, own in groupby(entries, key=lambda entry: entry.item)]
    return {
        "found": found.profiles,
        "entries": found.entries,
        "by_code": {entry.feature.code: entry for entry in found.entries},
        "groups": groups,
        "ranked": sorted(found.entries, key=_told),
        "silences": silences(found.poisoned),
        "never": never(found.poisoned),
        "coverage": spread.coverage,
        "information": spread.information,
        "spread": spread.spread,
        "spread_bounds": spread.spread_bounds,
        "band": band,
        "marks": DIRECTION_MARKS,
        "directions": DIRECTION_WORDS,
        **common_words(catalogue),
    }


def drift_words(found: Drift, scores: Sequence[ScoreDrift]) -> dict[str, Any]:
    """What the template of the drift page needs."""
    return {
        "found": found,
        "scores": scores,
        "declared": registered(),
        "silences": silences(found.poisoned),
        "never": never(found.poisoned),
        "two_samples": spread.two_samples,
        "bin_words": bin_words,
        "totals": lambda one: [sum(pair[side] for pair in one.values.values()) for side in (0, 1)],
        "most_points": lambda one: sorted(one.points.items(), key=lambda pair: -abs(pair[1]))[:MOST_POINTS],
        **common_words(Catalogue.load()),
    }


def common_words(catalogue: Catalogue) -> dict[str, Any]:
    """What the templates of both pages about features need."""
    return {
        "catalogue": catalogue,
        "items": catalogue.items,
        "source_names": {code: source.words for code, source in catalogue.sources.items()},
        "kinds": KIND_WORDS,
        "units": UNIT_WORDS,
        "uses": FEATURE_USE_WORDS,
        "item_uses": USE_WORDS,
        "polarities": POLARITY_WORDS,
        "frequencies": FREQUENCY_WORDS,
        "disclosures": DISCLOSURE_WORDS,
        "levels": LEVEL_WORDS,
        "causes": CAUSE_WORDS,
        "reads_as": READS_AS_WORDS,
        "value": value_in_words,
        "named": lambda codes, of: [of[code] for code in codes],
    }


def kind(segment: str) -> Text:
    """What a kind of subject is called."""
    return next(words for code, words in KIND_WORDS.items() if code == segment)


def band(information: Information) -> Text:
    """What an information value is called."""
    if information.value <= information.chance:
        return BY_CHANCE
    return next(words for bound, words in INFORMATION_BANDS if information.value < bound)


def bin_words(feature: AnyFeature, one: BinShares) -> Text:
    """A bin in words: what missing means, one value, or the values from one bound to another."""
    if one.kind == "missing":
        return Text(f"缺失（{feature.missing.zh}）", f"missing ({feature.missing.en})")
    if one.kind == "infinite":
        return Text("无穷大", "infinite")
    low, high = (value_in_words(feature, at) if isfinite(at) else None for at in (one.low, one.high))
    if one.kind == "value" and low:
        return low
    if not low or not high:
        if high:
            return Text(f"低于 {high.zh}", f"below {high.en}")
        return Text(f"{low.zh} 及以上", f"{low.en} or more") if low else Text("其余各值", "any other value")
    return Text(f"{low.zh} 至 {high.zh}", f"{low.en} to {high.en}")


def silences(found: Iterable[Poisoned]) -> list[tuple[Silence, list[Poisoned]]]:
    """Silent items with the features that rest on each, in the order given; those never reported left out."""
    gathered: dict[str, tuple[Silence, list[Poisoned]]] = {}
    for one in found:
        if one.silence.cause != "never":
            gathered.setdefault(one.silence.item, (one.silence, []))[1].append(one)
    return list(gathered.values())


def never(found: Iterable[Poisoned]) -> dict[str, list[Poisoned]]:
    """Items that were never reported, with the features that rest on each."""
    gathered: dict[str, list[Poisoned]] = {}
    for one in found:
        if one.silence.cause == "never":
            gathered.setdefault(one.silence.item, []).append(one)
    return gathered


def _told(entry: Entry) -> tuple[bool, float, str]:
    found = entry.profile.information
    return found is None, -found.value if found else 0.0, entry.feature.code
