"""Promotion of a registered version by hand: through the same gate, on the latest data."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt

from features.definition import AnyFeature
from features.dictionary import registered, unknown_feature
from features.peers import PeerTables
from features.pipeline import FeaturePipeline
from models.bundle import Bundle, DamagedModel
from models.gate import Verdict, gather, judge, judge_warning
from models.registry import Registry, model_name
from models.training_table import TrainingTable, learning_days, training_table
from records.base import RecordBase
from records.errors import ModelNotTrained
from records.words import Text

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class LatestOutcomes:
    """The latest rows with a complete outcome, with the features that some bundles look at."""

    pipeline: FeaturePipeline
    rows: TrainingTable
    as_of: date

    def of(self, bundle: Bundle) -> Floats:
        """The rows as ``bundle`` reads them."""
        return columns(self.rows.X, self.pipeline.codes, bundle)


def promote_version(
    base: RecordBase, segment: str, version: str, *, warning: bool = False, actor: str = "command line"
) -> Verdict:
    """Let ``version`` of a segment's model serve, if the gate finds nothing against it on the latest outcomes.

    Raises ``ModelNotTrained`` for an unknown version. Nothing changes when the gate refuses.
    """
    registry, name = Registry(base.settings), model_name(segment, warning=warning)
    verdict = weigh(base, segment, version, warning=warning)
    if verdict.passed:
        registry.promote(name, version, verdict, actor=actor)
    else:
        registry.record_verdict(name, version, verdict)
    return verdict


def weigh(base: RecordBase, segment: str, version: str, *, warning: bool = False) -> Verdict:
    """What the gate says of ``version`` on the latest outcomes; changes nothing. Raises ``ModelNotTrained``."""
    registry = Registry(base.settings)
    challenger = registered_bundle(registry, segment, version, warning=warning)
    champion = _champion(registry, segment, warning=warning)
    latest = latest_outcomes(base, segment, [one for one in (challenger, champion) if one])
    rows, X = latest.rows, latest.of(challenger)
    theirs = latest.of(champion) if champion else None
    directions = tuple(registered()[code].direction for code in challenger.codes)
    learnt = None
    if challenger.trained_as_ofs and challenger.out_of_time:
        learnt = training_table(latest.pipeline.connection, latest.pipeline, [max(challenger.trained_as_ofs)])
    background = gather(
        latest.pipeline,
        challenger.codes,
        rows,
        learnt if learnt is not None and len(learnt.outcome) else None,
        claimed_auc=None if warning else challenger.metrics.get("auc"),
    )
    if warning:
        months = rows.months_to_distress
        return judge_warning(challenger, champion, X, months, theirs, directions, background=background)
    return judge(challenger, champion, X, rows.outcome, theirs, directions, background=background)


def latest_outcomes(base: RecordBase, segment: str, bundles: list[Bundle]) -> LatestOutcomes:
    """The latest month end with a complete outcome, with every feature that one of ``bundles`` looks at.

    Raises ``TooLittleToLearn`` where the history is too short, ``UnknownFeature`` for a feature no longer declared.
    """
    connection = base.connection()
    _, judged_on = learning_days(connection, segment)
    needed = declared(code for bundle in bundles for code in bundle.codes)
    pipeline = FeaturePipeline(connection, segment, needed, peers=PeerTables.of(base))
    return LatestOutcomes(pipeline, training_table(connection, pipeline, [judged_on]), judged_on)


def registered_bundle(registry: Registry, segment: str, version: str, *, warning: bool = False) -> Bundle:
    """A version's bundle. Raises ``ModelNotTrained``, with the versions that there are, for an unknown one."""
    name = model_name(segment, warning=warning)
    known = [one.version for one in registry.versions() if one.name == name]
    if version not in known:
        accepted = ", ".join(known) or "—"
        raise ModelNotTrained(
            Text(
                f"{name} 没有版本 {version[:20]}；可用：{accepted}",
                f"{name} has no version {version[:20]}; accepted: {accepted}",
            )
        )
    return registry.bundle(name, version)


def declared(codes: Iterable[str]) -> list[AnyFeature]:
    """The features of ``codes``, each once. Raises ``UnknownFeature`` for one that is no longer declared."""
    known, wanted = registered(), list(dict.fromkeys(codes))
    for code in wanted:
        if code not in known:
            raise unknown_feature(code)
    return [known[code] for code in wanted]


def columns(X: Floats, codes: tuple[str, ...], bundle: Bundle) -> Floats:
    """The columns of ``X`` [n, codes] that ``bundle`` looks at, in its order."""
    return X[:, [codes.index(code) for code in bundle.codes]]


def _champion(registry: Registry, segment: str, *, warning: bool) -> Bundle | None:
    """What serves; None where nothing does, or where it looks at features that are no longer declared."""
    try:
        found = registry.champion(segment, warning=warning)[0]
    except (ModelNotTrained, DamagedModel):
        return None
    return found if set(found.codes) <= set(registered()) else None
