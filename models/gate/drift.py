"""Does the challenger still look at the world that it learnt from?"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from features.bins import Bins, chance, stability
from features.drift import FALSE_ALARMS
from models.gate.thresholds import Thresholds
from models.gate.verdict import Check
from records.words import Text

Floats = npt.NDArray[np.float64]
SCORES = Text("评分稳定性（PSI）", "stability of scores (PSI)")
FEATURES = Text("权重所依特征的稳定性", "stability of the features that weigh")
MOST_ROWS = 50_000


def drift(
    codes: tuple[str, ...],
    features: tuple[Floats, Floats],
    shares: tuple[Floats, Floats],
    scores: tuple[Floats, Floats],
    limits: Thresholds,
) -> list[Check]:
    """Population stability of ``scores`` [n] and ``features`` [n, features] between learning and judged rows.

    ``shares`` [n, features]: each feature's part of the log-odds. One feature that moved is news; a model of which a
    large part rests on features that moved has learnt of another population.
    """
    checks = [score_drift(*scores, limits)]
    weight, named = drifted_weight(codes, features, shares, limits)
    listed = ", ".join(f"{code} ({psi:.2f})" for code, psi in named[:5])
    said = Text(
        f"显著漂移的特征占权重 {weight:.1%}" + (f"：{listed}" if named else ""),
        f"{weight:.1%} of the weight rests on features that moved" + (f": {listed}" if named else ""),
    )
    passed = weight <= limits.drifted_weight_most
    if not passed:
        said = Text(f"漂移：{said.zh}", f"drifted: {said.en}")
    return [*checks, Check("drift-features", FEATURES, passed, said, weight, most=limits.drifted_weight_most)]


def score_drift(before: Floats, after: Floats, limits: Thresholds) -> Check:
    """Population stability of scores, or of anything that orders as they do."""
    index, by_chance = moved(before, after, 1 - FALSE_ALARMS)
    large = index > by_chance and index >= limits.score_drift
    said = Text(
        f"评分 PSI {index:.3f}（偶然上限 {by_chance:.3f}）",
        f"PSI of scores {index:.3f} (by chance up to {by_chance:.3f})",
    )
    if large:
        said = Text(f"漂移：{said.zh}", f"drifted: {said.en}")
    return Check("drift-scores", SCORES, not large, said, index, most=max(limits.score_drift, by_chance))


def drifted_weight(
    codes: tuple[str, ...], features: tuple[Floats, Floats], shares: tuple[Floats, Floats], limits: Thresholds
) -> tuple[float, list[tuple[str, float]]]:
    """Share of the weight on features that moved, and those with their index, the heaviest first.

    A feature has moved where its index is beyond chance and bound, and its part of the log-odds went with it: a share
    of eleven months that became one of twelve has other values, but says the same.
    """
    weights = np.abs(shares[1]).mean(axis=0)
    whole = float(weights.sum()) or 1.0
    level = 1 - FALSE_ALARMS / max(1, len(codes))
    (old, old_shares), (new, new_shares) = (_thinned(*pair) for pair in zip(features, shares, strict=True))
    total, found = 0.0, []
    for column in np.argsort(-weights).tolist():
        if weights[column] <= 0:
            break
        if not _told_differently(old_shares[:, column], new_shares[:, column], limits.share_moved):
            continue
        index, by_chance = moved(old[:, column], new[:, column], level)
        if index > by_chance and index >= limits.feature_drift:
            total += float(weights[column]) / whole
            found.append((codes[column], index))
    return total, found


def moved(old: Floats, new: Floats, level: float) -> tuple[float, float]:
    """Population stability index of two samples, and what chance alone reaches."""
    bins = Bins.of(old)
    before, after = bins.count(old), bins.count(new)
    return stability(before, after), chance(before, after, level)


def _told_differently(old: Floats, new: Floats, bound: float) -> bool:
    """Whether the two samples of a feature's part lie apart by so many standard deviations (Wasserstein distance)."""
    from scipy.stats import wasserstein_distance

    spread = float(np.std(old))
    apart = float(wasserstein_distance(old, new))
    return apart > bound * spread if spread else apart > 0


def _thinned(rows: Floats, shares: Floats) -> tuple[Floats, Floats]:
    """At most ``MOST_ROWS`` rows, evenly spread."""
    if len(rows) <= MOST_ROWS:
        return rows, shares
    chosen = np.linspace(0, len(rows) - 1, MOST_ROWS).astype(int)
    return rows[chosen], shares[chosen]
