"""A registered model validated again on a base's latest outcomes: everything that the report asks, gathered."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

from features.dictionary import registered
from models.bundle import Bundle
from models.promotion import columns, latest_outcomes, registered_bundle
from models.registry import Registry, model_name
from models.training_table import training_table
from models.validation.population import groupings, protected
from models.validation.report import ValidationReport, validation_report
from records.base import RecordBase
from records.errors import HuixinError, ModelNotTrained
from records.words import Text


class NothingNewToJudge(HuixinError):
    code: ClassVar[str] = "nothing-new-to-judge"
    status: ClassVar[int] = 409
    title: ClassVar[Text] = Text("没有可用于验证的新结局", "No outcomes to judge by")


def report_on(base: RecordBase, segment: str, version: str | None = None) -> tuple[ValidationReport, str]:
    """Validate ``version`` (default: the champion) of a segment's rating model; returns the report and the version.

    Raises ``ModelNotTrained`` for an unknown version or no champion, ``TooLittleToLearn`` where history is too short,
    ``NothingNewToJudge`` where the latest complete outcomes are those that the model learnt from: what was said of it
    at training lies in its run.
    """
    registry, name = Registry(base.settings), model_name(segment)
    serving = _serving(registry, segment)
    chosen = version or (serving[1] if serving else registry.champion_version(segment))
    bundle = registered_bundle(registry, segment, chosen)
    champion = serving[0] if serving and serving[1] != chosen else None
    if champion is not None and not set(champion.codes) <= set(registered()):
        champion = None
    latest = latest_outcomes(base, segment, [one for one in (bundle, champion) if one])
    if bundle.trained_as_ofs and latest.as_of <= max(bundle.trained_as_ofs):
        raise NothingNewToJudge(
            Text(
                f"{name} 版本 {chosen} 已学习到 {max(bundle.trained_as_ofs)}，结局完整的最近月末为 {latest.as_of}；"
                "训练时的验证见其运行记录",
                f"{name} version {chosen} learnt up to {max(bundle.trained_as_ofs)}, and {latest.as_of} is the latest "
                "month end with a complete outcome; how it was validated at training lies in its run",
            )
        )
    connection, codes = latest.pipeline.connection, latest.pipeline.codes
    rows = latest.rows
    known = training_table(connection, latest.pipeline, list(bundle.trained_as_ofs)) if bundle.trained_as_ofs else None
    report = validation_report(
        replace(bundle, validated_as_of=latest.as_of),
        replace(rows, X=columns(rows.X, codes, bundle)),
        tuple(registered()[code].direction for code in bundle.codes),
        learning=None if known is None else replace(known, X=columns(known.X, codes, bundle)),
        groups=groupings(connection, segment, rows.subject, rows.as_of, rows.X, codes),
        attributes=protected(connection, segment, rows.subject, rows.as_of),
        champion=None if champion is None else (champion, columns(rows.X, codes, champion)),
        fingerprint=registry.tags(name, chosen).get("fingerprint", ""),
    )
    return report, chosen


def _serving(registry: Registry, segment: str) -> tuple[Bundle, str] | None:
    try:
        return registry.champion(segment)
    except ModelNotTrained:
        return None
