"""How far the scores of a model have moved between two samples, and which feature moved them by how many points."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from features.bins import Bins, chance, stability
from features.drift import FALSE_ALARMS, Level, Two, graded
from models.bundle import Bundle
from models.grades import POINTS_PER_LOG_ODDS, unclipped_score
from models.registry import Registry, model_name
from records.errors import ModelNotTrained


@dataclass(frozen=True)
class ScoreDrift:
    """The drift of one model's scores.

    ``index``: population stability index of the score over the reference's deciles; ``mean``: mean score before
    clipping. ``points``: by feature, how far it moved the mean; they add up to the change of ``mean``, exactly, because
    reasons add up to scores. For a scorecard that is each feature's CSI in points: the sum over its bins of the change
    in share times the bin's points.
    """

    model: str
    version: str
    family: str
    index: float
    chance: float
    level: Level
    mean: Two
    points: dict[str, float]


def score_drift(bundle: Bundle, model: str, version: str, reference: pa.Table, current: pa.Table) -> ScoreDrift | None:
    """Drift of the scores that ``bundle`` gives two tables of features; None where they lack a feature of it."""
    if not set(bundle.codes) <= set(reference.column_names) & set(current.column_names):
        return None
    (old, old_shares), (new, new_shares) = (_scored(bundle, table, bundle.codes) for table in (reference, current))
    bins = Bins.of(old)
    before, after = bins.count(old), bins.count(new)
    index, by_chance = stability(before, after), chance(before, after, 1 - FALSE_ALARMS)
    moved = new_shares.mean(axis=0) - old_shares.mean(axis=0)
    return ScoreDrift(
        model,
        version,
        bundle.family,
        index,
        by_chance,
        graded(index, by_chance),
        Two(float(old.mean()), float(new.mean())),
        dict(zip(bundle.codes, moved.tolist(), strict=True)),
    )


def _scored(bundle: Bundle, table: pa.Table, codes: Sequence[str]) -> tuple[Any, Any]:
    """Scores before clipping [n], and the points of each feature [n, features]."""
    X = np.column_stack([table[code].to_numpy() for code in codes])
    log_odds, contributions, _ = bundle.explain(X)
    return unclipped_score(log_odds), -POINTS_PER_LOG_ODDS * contributions


def score_drifts(registry: Registry, segment: str, reference: pa.Table, current: pa.Table) -> tuple[ScoreDrift, ...]:
    """Drift of the champion's scores and, where another family serves, of the newest scorecard's; empty where none is
    trained, or one looks at a feature that the tables lack."""
    try:
        serving = registry.champion_version(segment)
    except ModelNotTrained:
        return ()
    name = model_name(segment)
    cards = [one.version for one in registry.versions() if one.name == name and one.family == "scorecard"]
    found = []
    for version in dict.fromkeys([serving, *cards[:1]]):
        found.append(score_drift(registry.bundle(name, version), name, version, reference, current))
    return tuple(one for one in found if one is not None)
