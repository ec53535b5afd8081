"""Registered versions beside each other: made with what, how they did, what they weigh, what the gate said."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from features.plain import plain
from models.auc_error import areas
from models.bundle import Bundle
from models.grades import POINTS_PER_LOG_ODDS
from models.promotion import latest_outcomes, registered_bundle
from models.registry import ModelVersion, Registry, model_name
from models.validation import figures
from models.validation.stability import migration
from records.base import RecordBase
from records.errors import ModelNotTrained
from records.words import Text

HEAVIEST = 15


@dataclass(frozen=True)
class Comparison:
    """Versions of one registered model; each row of ``metrics``, ``parameters`` and ``weights`` has a value a version.

    ``parameters`` are those that differ; ``weights`` the mean absolute points of the features that any of them weighs
    most; ``gate`` what the gate said last of each, None where it was not asked.
    """

    name: str
    versions: tuple[ModelVersion, ...]
    metrics: dict[str, tuple[float | None, ...]]
    parameters: dict[str, tuple[str | None, ...]]
    weights: dict[str, tuple[float | None, ...]]
    gate: tuple[dict[str, Any] | None, ...]

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        found: dict[str, Any] = plain(self)
        return found


@dataclass(frozen=True)
class SameRows:
    """Two versions on the same latest outcomes.

    ``difference`` of AUC, second less first, with its 95% interval (DeLong 1988); ``grades`` [9, 9]: subjects by the
    first's grade (rows) and the second's (columns); ``same_grade``, ``within_one``: shares of subjects.
    """

    as_of: str
    first: dict[str, float]
    second: dict[str, float]
    difference: float
    low: float
    high: float
    grades: tuple[tuple[int, ...], ...]
    same_grade: float
    within_one: float


def compare_versions(
    registry: Registry, segment: str, versions: Sequence[str] = (), *, warning: bool = False
) -> Comparison:
    """Put ``versions`` beside each other (default: those with an alias). Raises ``ModelNotTrained``."""
    name = model_name(segment, warning=warning)
    known = {one.version: one for one in registry.versions() if one.name == name}
    asked = list(versions) or [version for version, one in known.items() if one.aliases]
    for version in asked:
        if version not in known:
            registered_bundle(registry, segment, version, warning=warning)
    if not asked:
        raise ModelNotTrained(Text(f"{name} 没有已登记的版本", f"{name} has no registered version"))
    chosen = tuple(known[version] for version in asked)
    bundles = [registry.bundle(name, version) for version in asked]
    parameters = [registry.parameters(name, version) for version in asked]
    keys = {key for one in parameters for key in one}
    differing = {key for key in keys if len({one.get(key) for one in parameters}) > 1}
    return Comparison(
        name,
        chosen,
        {
            key: tuple(one.metrics.get(key) for one in chosen)
            for key in sorted({key for one in chosen for key in one.metrics})
        },
        {key: tuple(one.get(key) for one in parameters) for key in sorted(differing)},
        _weights(bundles),
        tuple(registry.verdict(name, version) for version in asked),
    )


def on_same_rows(base: RecordBase, segment: str, first: str, second: str) -> SameRows:
    """Rating versions ``first`` and ``second`` on the latest rows with a complete outcome."""
    registry = Registry(base.settings)
    bundles = [registered_bundle(registry, segment, version) for version in (first, second)]
    latest = latest_outcomes(base, segment, bundles)
    outcome = latest.rows.outcome
    pds = [bundle.pd(latest.of(bundle)) for bundle in bundles]
    found = areas(outcome, pds[1], pds[0])
    difference, error = found.difference()
    moved = migration(*(bundle.scale.positions(pd) for bundle, pd in zip(bundles, pds, strict=True)))
    return SameRows(
        latest.as_of.isoformat(),
        figures(outcome, pds[0]),
        figures(outcome, pds[1]),
        difference,
        difference - 1.96 * error,
        difference + 1.96 * error,
        moved.counts,
        moved.stayed,
        moved.within_one,
    )


def _weights(bundles: Sequence[Bundle]) -> dict[str, tuple[float | None, ...]]:
    heaviest: dict[str, float] = {}
    for bundle in bundles:
        for code, weight in bundle.weights.items():
            heaviest[code] = max(heaviest.get(code, 0.0), weight)
    shown = sorted(heaviest, key=lambda code: -heaviest[code])[:HEAVIEST]
    return {
        code: tuple(
            None if code not in bundle.weights else POINTS_PER_LOG_ODDS * bundle.weights[code] for bundle in bundles
        )
        for code in shown
    }
