"""Promotion of a registered version by hand: through the same gate, on the latest data."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from features.dictionary import registered
from features.pipeline import FeaturePipeline
from models.bundle import Bundle
from models.gate import Verdict, judge
from models.registry import Registry, model_name
from models.training import learning_days, training_table
from records.base import RecordBase
from records.errors import ModelNotTrained
from records.words import Text

Floats = npt.NDArray[np.float64]


def promote_version(base: RecordBase, segment: str, version: str) -> Verdict:
    """Let ``version`` of a segment's rating model serve, if the gate finds nothing against it on the latest outcomes.

    Raises ``ModelNotTrained`` for an unknown version. Nothing changes when the gate refuses.
    """
    registry = Registry(base.settings)
    name = model_name(segment)
    known = [one.version for one in registry.versions() if one.name == name]
    if version not in known:
        accepted = ", ".join(known) or "—"
        raise ModelNotTrained(
            Text(
                f"{name} 没有版本 {version[:20]}；可用：{accepted}",
                f"{name} has no version {version[:20]}; accepted: {accepted}",
            )
        )
    challenger = registry.bundle(name, version)
    champion = _champion(registry, segment)
    connection = base.connection()
    _, judged_on = learning_days(connection, segment)
    needed = {code: registered()[code] for bundle in (challenger, champion) if bundle for code in bundle.codes}
    pipeline = FeaturePipeline(connection, segment, list(needed.values()))
    rows = training_table(connection, pipeline, [judged_on])
    verdict = judge(
        challenger,
        champion,
        _columns(rows.X, pipeline.codes, challenger),
        rows.outcome,
        _columns(rows.X, pipeline.codes, champion) if champion else None,
        tuple(registered()[code].direction for code in challenger.codes),
    )
    if verdict.passed:
        registry.promote(name, version, verdict)
    else:
        registry.record_verdict(name, version, verdict)
    return verdict


def _champion(registry: Registry, segment: str) -> Bundle | None:
    try:
        return registry.champion(segment)[0]
    except ModelNotTrained:
        return None


def _columns(X: Floats, codes: tuple[str, ...], bundle: Bundle) -> Floats:
    return X[:, [codes.index(code) for code in bundle.codes]]
