"""Drift of inputs: how far the features of a segment have moved between two as-ofs, by feature and by source."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from statistics import fmean
from typing import Any, ClassVar, Literal

import numpy as np
import pyarrow as pa

from features.bins import MISSING, Bins, Counts, Floats, Kind, chance, parts, stability
from features.definition import AnyFeature
from features.lineage import sources_behind
from records.errors import HuixinError
from records.words import Text

Level = Literal["stable", "moderate", "large"]
LEVELS: tuple[Level, ...] = ("stable", "moderate", "large")
# Customary (Siddiqi 2006, Credit Risk Scorecards); changes of the missing share are this house's own bounds.
INDEX_BOUNDS = (0.1, 0.25)
MISSING_BOUNDS = (0.05, 0.2)
FALSE_ALARMS = 0.05


class BadComparison(HuixinError):
    code: ClassVar[str] = "bad-comparison"
    status: ClassVar[int] = 422
    title: ClassVar[Text] = Text("无法比较", "Nothing to compare")


@dataclass(frozen=True)
class Two:
    """The same figure in the reference and now."""

    reference: float
    current: float

    @property
    def change(self) -> float:
        return self.current - self.reference


@dataclass(frozen=True)
class BinShares:
    """A bin (see ``features.bins.Bin``), the share of subjects in it, and what it adds to the index."""

    kind: Kind
    low: float
    high: float
    shares: Two
    index: float


@dataclass(frozen=True)
class FeatureDrift:
    """How far one feature moved.

    ``index``: population stability index over ``bins`` (of a feature also called CSI); ``chance``: what it exceeds by
    chance alone so rarely that all features together raise a false alarm in one comparison of twenty.
    ``missing``, ``zero``, ``infinite``: shares of subjects; ``median`` of the present values, NaN where there are none.
    ``by_missing``: whether the share of missing values moved, as ``level`` of its own.
    """

    code: str
    sources: tuple[str, ...]
    index: float
    chance: float
    level: Level
    by_missing: Level
    missing: Two
    zero: Two
    infinite: Two
    median: Two
    bins: tuple[BinShares, ...]

    @property
    def worst(self) -> Level:
        return max(self.level, self.by_missing, key=LEVELS.index)


@dataclass(frozen=True)
class SourceDrift:
    """The features that rest on one source: how many moved, the one that moved most, their mean index."""

    source: str
    features: int
    moderate: int
    large: int
    mean_index: float
    worst_index: float
    worst_code: str
    missing: Two

    @property
    def level(self) -> Level:
        return "large" if self.large else "moderate" if self.moderate else "stable"


def compare(reference: pa.Table, current: pa.Table, features: Sequence[AnyFeature]) -> tuple[FeatureDrift, ...]:
    """Drift of each of ``features`` between two tables of them (``FeaturePipeline.build``), the largest index first.

    Raises ``BadComparison`` where a table is empty, lacks a feature, or holds what is no number.
    """
    for table, which in ((reference, Text("基准", "reference")), (current, Text("当前", "current"))):
        _check(table, which, features)
    level = 1 - FALSE_ALARMS / max(1, 2 * len(features))
    found = [_moved(feature, _values(reference, feature), _values(current, feature), level) for feature in features]
    return tuple(sorted(found, key=lambda one: (-LEVELS.index(one.worst), -one.index, one.code)))


def by_source(found: Sequence[FeatureDrift]) -> tuple[SourceDrift, ...]:
    """Drift gathered by source, the worst first; a feature that rests on two sources counts with both."""
    gathered: dict[str, list[FeatureDrift]] = {}
    for one in found:
        for source in one.sources:
            gathered.setdefault(source, []).append(one)
    made = [_source(source, own) for source, own in gathered.items()]
    return tuple(sorted(made, key=lambda one: (-LEVELS.index(one.level), -one.worst_index, one.source)))


def graded(index: float, by_chance: float, bounds: tuple[float, float] = INDEX_BOUNDS) -> Level:
    """``moderate`` from the first of ``bounds``, ``large`` from the second; stable where chance alone gives as much."""
    if index <= by_chance or index < bounds[0]:
        return "stable"
    return "large" if index >= bounds[1] else "moderate"


def check_days(reference: date, current: date) -> None:
    """Raises ``BadComparison`` unless the reference lies before the current day."""
    if reference >= current:
        raise BadComparison(
            Text(
                f"基准日（{reference}）应早于当前日（{current}）",
                f"the reference day ({reference}) has to lie before the current one ({current})",
            )
        )


def _moved(feature: AnyFeature, old: Floats, new: Floats, level: float) -> FeatureDrift:
    bins = Bins.of(old)
    before, after = bins.count(old), bins.count(new)
    index, by_chance = stability(before, after), chance(before, after, level)
    missing = Two(before[MISSING] / len(old), after[MISSING] / len(new))
    return FeatureDrift(
        feature.code,
        sources_behind(feature),
        index,
        by_chance,
        graded(index, by_chance),
        _missing_level(missing, before, after, level),
        missing,
        Two(float((old == 0).mean()), float((new == 0).mean())),
        Two(float(np.isinf(old).mean()), float(np.isinf(new).mean())),
        Two(_median(old), _median(new)),
        _bin_shares(bins, before, after),
    )


def _missing_level(missing: Two, before: Counts, after: Counts, level: float) -> Level:
    """By the change of the missing share, where chance alone would not give it."""
    old, new = (np.array([count[MISSING], count.sum() - count[MISSING]]) for count in (before, after))
    if stability(old, new) <= chance(old, new, level):
        return "stable"
    return graded(abs(missing.change), 0.0, MISSING_BOUNDS)


def _bin_shares(bins: Bins, before: Counts, after: Counts) -> tuple[BinShares, ...]:
    """Bins in which some subject lies, as they are shown."""
    listed, added = list(bins), parts(before, after)
    made = []
    for at in bins.in_order():
        if not before[at] and not after[at]:
            continue
        shares = Two(before[at] / before.sum(), after[at] / after.sum())
        made.append(BinShares(listed[at].kind, listed[at].low, listed[at].high, shares, float(added[at])))
    return tuple(made)


def _source(source: str, own: list[FeatureDrift]) -> SourceDrift:
    worst = max(own, key=lambda one: one.index)
    levels = [one.worst for one in own]
    return SourceDrift(
        source,
        len(own),
        levels.count("moderate"),
        levels.count("large"),
        fmean(one.index for one in own),
        worst.index,
        worst.code,
        Two(fmean(one.missing.reference for one in own), fmean(one.missing.current for one in own)),
    )


def _values(table: pa.Table, feature: AnyFeature) -> Floats:
    return np.asarray(table[feature.code].to_numpy(), np.float64)


def _median(values: Floats) -> float:
    present = values[np.isfinite(values)]
    return float(np.median(present)) if len(present) else float("nan")


def _check(table: pa.Table, which: Text, features: Sequence[AnyFeature]) -> None:
    if not table.num_rows:
        raise BadComparison(
            Text(f"{which.zh}时点没有任何主体", f"no subject was known at the {which.en} as-of"),
        )
    if absent := [one.code for one in features if one.code not in table.column_names]:
        listed = ", ".join(absent[:5])
        raise BadComparison(Text(f"{which.zh}表缺少特征 {listed}", f"the {which.en} table lacks features {listed}"))
    for feature in features:
        kind: Any = table[feature.code].type
        if not (pa.types.is_floating(kind) or pa.types.is_integer(kind)):
            raise BadComparison(
                Text(
                    f"{which.zh}表中 {feature.code} 的类型是 {kind}；特征须为数值",
                    f"{feature.code} of the {which.en} table is of type {kind}; features are numbers",
                )
            )
