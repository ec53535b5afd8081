"""Does a model say much the same of the same subjects a while later? Scores, ranks, grades and reasons."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt

from features.bins import Bins, chance, stability
from features.drift import FALSE_ALARMS, Level, graded
from models.bundle import Bundle
from models.grades import GRADES, pd_of, unclipped_score

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
TOP_REASONS = 3
ALIKE_POINTS = 10.0
FEW_SUBJECTS = 50
MOST_ROWS = 20_000


@dataclass(frozen=True)
class ScoreStability:
    """The population's scores at two as-ofs: index over the earlier one's deciles, what chance gives, mean score."""

    index: float
    chance: float
    level: Level
    mean_before: float
    mean_after: float


@dataclass(frozen=True)
class Migration:
    """Grades of the same subjects at two as-ofs.

    ``counts`` [before, after]; ``stayed``, ``within_one``: shares; ``upgraded``, ``downgraded``; ``upper``, ``lower``:
    matrix weighted bandwidth (ECB 2019, 2.5.5.1: 0 nobody moves, 1 all who move go as far as can be; upper means to
    worse grades); ``mobility``: (K - trace) / (K - 1) over the grades that are used (Shorrocks 1978).
    """

    grades: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]
    stayed: float
    within_one: float
    upgraded: float
    downgraded: float
    upper: float
    lower: float
    mobility: float


@dataclass(frozen=True)
class ReasonStability:
    """Reasons of subjects whose score hardly moved (by 10 points at most): they should be much the same.

    ``overlap``: mean share of the three weightiest reasons that are the same; ``first_kept``: share whose weightiest
    one is; ``by_chance``: the overlap of two subjects picked at random, so what a model gives that tells all the same.
    """

    subjects: int
    overlap: float
    first_kept: float
    by_chance: float


@dataclass(frozen=True)
class Stability:
    """Everything above between two as-ofs; the last three are None where under 50 subjects are in both."""

    before: date
    after: date
    subjects: int
    scores: ScoreStability
    rank_correlation: float | None
    migration: Migration | None
    reasons: ReasonStability | None


def compared(
    bundle: Bundle,
    days: tuple[date, date],
    before: tuple[Floats, npt.NDArray[Any]],
    after: tuple[Floats, npt.NDArray[Any]],
) -> Stability:
    """Stability of ``bundle`` between two samples of (features [n, features], subjects [n]), each subject once."""
    old, new = (bundle.explain(X) for X, _ in (before, after))
    scores = score_stability(unclipped_score(old[0]), unclipped_score(new[0]))
    _, left, right = np.intersect1d(before[1], after[1], return_indices=True)
    if len(left) < FEW_SUBJECTS:
        return Stability(*days, len(left), scores, None, None, None)
    from scipy.stats import spearmanr

    correlation = float(spearmanr(old[0][left], new[0][right]).statistic)
    moved = migration(*(bundle.scale.positions(pd_of(one)) for one in (old[0][left], new[0][right])))
    points = unclipped_score(old[0][left]) - unclipped_score(new[0][right])
    alike = np.flatnonzero(np.abs(points) <= ALIKE_POINTS)
    kept = reason_stability(old[1][left][alike], new[1][right][alike])
    return Stability(*days, len(left), scores, correlation, moved, kept)


def moved_features(before: Floats, after: Floats, codes: Sequence[str]) -> tuple[str, ...]:
    """The features [n, features] whose distribution moved much between two samples, beyond chance: PSI from 0.25 on.

    Where a base's history is short, counts over 36 months and the like grow with it and mean another thing later: a
    model that leans on them is miscalibrated when it serves. No outcome is looked at, so a model may be spared them.
    """
    level = 1 - FALSE_ALARMS / max(1, len(codes))
    found = []
    for at, code in enumerate(codes):
        bins = Bins.of(before[:, at])
        old, new = bins.count(before[:, at]), bins.count(after[:, at])
        if graded(stability(old, new), chance(old, new, level)) == "large":
            found.append(code)
    return tuple(found)


def score_stability(before: Floats, after: Floats) -> ScoreStability:
    """How far the distribution of scores moved."""
    bins = Bins.of(before)
    old, new = bins.count(before), bins.count(after)
    index, by_chance = stability(old, new), chance(old, new, 0.95)
    return ScoreStability(index, by_chance, graded(index, by_chance), float(before.mean()), float(after.mean()))


def migration(before: Ints, after: Ints) -> Migration:
    """Movement between grade positions [n] of the same subjects."""
    size = len(GRADES)
    counts = np.bincount(before * size + after, minlength=size * size).reshape(size, size)
    steps = after - before
    used = np.flatnonzero(counts.sum(axis=1))
    shares = counts[used] / counts[used].sum(axis=1, keepdims=True)
    trace = float(sum(shares[at, grade] for at, grade in enumerate(used)))
    upper, lower = _bandwidth(counts)
    return Migration(
        GRADES,
        tuple(tuple(int(one) for one in row) for row in counts),
        float((steps == 0).mean()),
        float((np.abs(steps) <= 1).mean()),
        float((steps < 0).mean()),
        float((steps > 0).mean()),
        upper,
        lower,
        (len(used) - trace) / max(len(used) - 1, 1),
    )


def reason_stability(before: Floats, after: Floats, seed: int = 20260101) -> ReasonStability | None:
    """From contributions [n, features] of the same subjects at two as-ofs; None below 50 subjects."""
    if len(before) < FEW_SUBJECTS:
        return None
    some = _spaced(len(before))
    old, new = _weightiest(before[some]), _weightiest(after[some])
    strangers = np.random.default_rng(seed).permutation(len(new))
    return ReasonStability(
        len(before), _overlap(old, new), float((old[:, 0] == new[:, 0]).mean()), _overlap(old, new[strangers])
    )


def reason_agreement(one: Floats, other: Floats) -> float:
    """Mean share of the weightiest reasons that two models of the same features give alike, [n, features] each."""
    some = _spaced(len(one))
    return _overlap(_weightiest(one[some]), _weightiest(other[some]))


def _weightiest(contributions: Floats) -> Ints:
    """The features that weigh most, [n, 3], the first first."""
    most = min(TOP_REASONS, contributions.shape[1])
    return np.asarray(np.argsort(-np.abs(contributions), axis=1, kind="stable")[:, :most])


def _spaced(rows: int) -> Ints:
    """At most 20,000 rows at even distances: a mean over more is no better."""
    return np.unique(np.linspace(0, rows - 1, min(rows, MOST_ROWS)).astype(np.int64))


def _overlap(one: Ints, other: Ints) -> float:
    return float((one[:, :, None] == other[:, None, :]).any(axis=2).mean())


def _bandwidth(counts: Ints) -> tuple[float, float]:
    """Upper and lower matrix weighted bandwidth."""
    size = len(counts)
    distance = np.subtract.outer(np.arange(size), np.arange(size)).T  # columns less rows: above 0 is worse
    found = []
    for side in (distance > 0, distance < 0):
        furthest = np.maximum(np.arange(size), size - 1 - np.arange(size))
        moved = counts * side
        most = float((moved.sum(axis=1) * furthest).sum())
        found.append(float((moved * np.abs(distance)).sum() / most) if most else 0.0)
    return found[0], found[1]
