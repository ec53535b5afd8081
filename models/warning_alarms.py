"""Alarms about the early-warning model that serves: its risk, its features, what came of it, its age."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING

from models.gate import Thresholds
from models.maturing import Cohort
from models.model_alarms import ALARM_LEVELS, Alarm, AlarmLevel, age, calibrated, feature_drift, ranking
from records.words import Text

if TYPE_CHECKING:
    from models.warning_monitoring import RiskDrift

LEVELS: dict[str, AlarmLevel] = {"stable": "green", "moderate": "yellow", "large": "red"}


def alarms(
    risk: RiskDrift,
    drifted: tuple[float, Sequence[tuple[str, float]]],
    cohorts: Mapping[int, Sequence[Cohort]],
    reference: date,
    as_of: date,
) -> tuple[Alarm, ...]:
    """Every alarm, the gravest first; green ones say that something was looked at and is in order.

    ``drifted``: share of the model's weight on features that moved, and those with their index, the heaviest first;
    ``cohorts``: by horizon in months, those at risk at earlier month ends.
    """
    found = [_risk(risk), feature_drift(*drifted), age(reference, as_of)]
    for horizon, seen in cohorts.items():
        found += [*_came(horizon, seen), *_ranked(horizon, seen)]
    return tuple(sorted(found, key=lambda one: -ALARM_LEVELS.index(one.level)))


def _risk(risk: RiskDrift) -> Alarm:
    most = max(risk.log_odds, key=lambda code: abs(risk.log_odds[code])) if risk.log_odds else "—"
    before, after = risk.mean.reference, risk.mean.current
    return Alarm(
        "risk-drift",
        LEVELS[risk.level],
        Text("困境风险分布", "distribution of the risk of distress"),
        Text(
            f"PSI {risk.index:.3f}（偶然上限 {risk.chance:.3f}），12 个月平均困境概率 {before:.2%} → {after:.2%}",
            f"PSI {risk.index:.3f} (by chance up to {risk.chance:.3f}), mean probability of distress within 12 months "
            f"{before:.2%}, now {after:.2%}",
        ),
        Text(f"先看变动最大的特征 {most}", f"look first at the feature that moved it most, {most}"),
    )


def _came(horizon: int, cohorts: Sequence[Cohort]) -> list[Alarm]:
    """Of those at risk then, so many should have fallen into distress by now: the worst month end, the most mature."""
    found = calibrated(cohorts)
    if found is None:
        return []
    level, one = found
    return [
        Alarm(
            f"distress-{horizon}m",
            level,
            Text(f"{horizon} 个月困境：预计与实际", f"distress within {horizon} months, expected and observed"),
            Text(
                f"{one.day} 的 {one.rows} 户在 {one.elapsed} 个月内应陷入困境 {one.expected:.1f} 户，实际 "
                f"{one.observed} 户（与之相容 {one.low:.1f} 至 {one.high:.1f}）",
                f"of {one.rows} subjects on {one.day}, {one.expected:.1f} should have fallen into distress within "
                f"{one.elapsed} months; {one.observed} did (compatible with {one.low:.1f} to {one.high:.1f})",
            ),
            Text(
                "概率偏低则预警过少、偏高则误报过多：以最近结果重训预警模型",
                "probabilities that are too low warn too seldom, too high ones too often: train the model again on the "
                "latest outcomes",
            ),
        )
    ]


def _ranked(horizon: int, cohorts: Sequence[Cohort]) -> list[Alarm]:
    found = ranking(cohorts, Thresholds().minimum_warning_auc)
    if found is None:
        return []
    level, first, last, error = found
    return [
        Alarm(
            f"discrimination-{horizon}m",
            level,
            Text(f"{horizon} 个月困境：区分度", f"distress within {horizon} months, discrimination"),
            Text(
                f"{last.day} 的主体 AUC {last.auc:.3f} ± {1.96 * error:.3f}，{first.day} 为 {first.auc:.3f}",
                f"AUC of those on {last.day} is {last.auc:.3f} ± {1.96 * error:.3f}; it was {first.auc:.3f} on "
                f"{first.day}",
            ),
            Text("区分度下降须重训", "a model that ranks worse has to be trained again"),
        )
    ]
