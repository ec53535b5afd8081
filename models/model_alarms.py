"""Alarms about the model that serves: each with its level, what it saw and what to do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

from models.auc_error import one_sided
from models.expected import Expected
from models.maturing import Cohort
from models.score_drift import ScoreDrift
from models.validation import jeffreys
from records.words import Text

AlarmLevel = Literal["green", "yellow", "red"]
ALARM_LEVELS: tuple[AlarmLevel, ...] = ("green", "yellow", "red")
ALARM_WORDS: dict[str, Text] = {
    "green": Text("正常", "in order"),
    "yellow": Text("关注", "watch"),
    "red": Text("告警", "alarm"),
}
DRIFTED_WEIGHT = (0.1, 0.25)
AUC_LOST = (0.03, 0.06)
LEAST_AUC = 0.65
CERTAINTY = (0.95, 0.999)
RATIOS = (1.25, 1.5)
OLD_MONTHS = (24, 36)


@dataclass(frozen=True)
class Alarm:
    """One thing that was looked at: ``code``, how it stands, what was seen, and what is to be done about it."""

    code: str
    level: AlarmLevel
    words: Text
    found: Text
    advice: Text


def alarms(
    scores: ScoreDrift,
    drifted: tuple[float, Sequence[tuple[str, float]]],
    cohorts: Sequence[Cohort],
    now: Expected,
    then: Expected,
    reference: date,
    as_of: date,
) -> tuple[Alarm, ...]:
    """Every alarm, the gravest first; green ones say that something was looked at and is in order.

    ``drifted``: share of the model's weight on features that moved, and those with their index, the heaviest first.
    """
    found = [
        _scores(scores),
        feature_drift(*drifted),
        *_calibration(cohorts),
        *_discrimination(cohorts),
        _expected(now, then),
        age(reference, as_of),
    ]
    return tuple(sorted(found, key=lambda one: -ALARM_LEVELS.index(one.level)))


def worst(found: Sequence[Alarm]) -> AlarmLevel:
    """The gravest level among alarms."""
    return max((one.level for one in found), key=ALARM_LEVELS.index, default="green")


def _scores(scores: ScoreDrift) -> Alarm:
    levels: dict[str, AlarmLevel] = {"stable": "green", "moderate": "yellow", "large": "red"}
    most = max(scores.points, key=lambda code: abs(scores.points[code])) if scores.points else "—"
    return Alarm(
        "score-drift",
        levels[scores.level],
        Text("评分分布", "distribution of scores"),
        Text(
            f"PSI {scores.index:.3f}（偶然上限 {scores.chance:.3f}），平均分变动 {scores.mean.change:+.1f}",
            f"PSI {scores.index:.3f} (by chance up to {scores.chance:.3f}), mean score moved by "
            f"{scores.mean.change:+.1f}",
        ),
        Text(f"先看变动最大的特征 {most}", f"look first at the feature that moved it most, {most}"),
    )


def feature_drift(weight: float, moved: Sequence[tuple[str, float]]) -> Alarm:
    """``weight``: share of the model's weight on features that moved, ``moved``: those with their index."""
    named = ", ".join(f"{code} ({index:.2f})" for code, index in moved[:5])
    return Alarm(
        "feature-drift",
        _level(weight, DRIFTED_WEIGHT),
        Text("特征分布", "distribution of features"),
        Text(
            f"{len(moved)} 个特征显著漂移并改变评分，占权重 {weight:.1%}" + (f"：{named}" if named else ""),
            f"{len(moved)} features moved much, and scores with them: {weight:.1%} of the weight"
            + (f": {named}" if named else ""),
        ),
        Text(
            "查明是来源口径变化还是总体变化；前者修数据，后者重训",
            "find out whether a source changed what it reports, or the population changed: mend the data, or retrain",
        ),
    )


def _calibration(cohorts: Sequence[Cohort]) -> list[Alarm]:
    """Of those rated then, so many should have defaulted by now: the worst cohort, the most mature of them."""
    found = calibrated(cohorts)
    if found is None:
        return []
    level, one = found
    return [
        Alarm(
            "calibration",
            level,
            Text("校准（随结果到期）", "calibration as outcomes mature"),
            Text(
                f"{one.day} 评级者 {one.elapsed} 个月内应违约 {one.expected:.1f} 户，实际 {one.observed} 户"
                f"（与之相容 {one.low:.1f} 至 {one.high:.1f}）",
                f"of those rated on {one.day}, {one.expected:.1f} should have defaulted within {one.elapsed} months; "
                f"{one.observed} did (compatible with {one.low:.1f} to {one.high:.1f})",
            ),
            Text(
                "PD 偏低时收紧额度并重新校准；偏高时重新校准",
                "where PDs are too low, tighten limits and recalibrate; where too high, recalibrate",
            ),
        )
    ]


def calibrated(cohorts: Sequence[Cohort]) -> tuple[AlarmLevel, Cohort] | None:
    """How far events are off what was expected, of the worst cohort, the most mature of them; None before any month."""
    seen = [(_off(one), one) for one in cohorts if one.elapsed and one.rows]
    return max(seen, key=lambda pair: (ALARM_LEVELS.index(pair[0]), pair[1].elapsed), default=None)


def _off(one: Cohort) -> AlarmLevel:
    """Beyond chance and by a factor that matters."""
    level: AlarmLevel = "green"
    for name, certainty, ratio in zip(ALARM_LEVELS[1:], CERTAINTY, RATIOS, strict=True):
        low, high = jeffreys(float(one.observed), one.rows, certainty)
        outside = not low * one.rows <= one.expected <= high * one.rows
        if outside and not 1 / ratio <= (one.expected + 0.5) / (one.observed + 0.5) <= ratio:
            level = name
    return level


def _discrimination(cohorts: Sequence[Cohort]) -> list[Alarm]:
    """The latest cohort with all its outcomes against the first, the one of validation."""
    found = ranking(cohorts, LEAST_AUC)
    if found is None:
        return []
    level, first, last, error = found
    return [
        Alarm(
            "discrimination",
            level,
            Text("区分度（结果已到期）", "discrimination, outcomes complete"),
            Text(
                f"{last.day} 评级者 AUC {last.auc:.3f} ± {1.96 * error:.3f}，验证时 {first.auc:.3f}",
                f"AUC of those rated on {last.day} is {last.auc:.3f} ± {1.96 * error:.3f}; it was {first.auc:.3f} at "
                "validation",
            ),
            Text("区分度下降须重训", "a model that ranks worse has to be trained again"),
        )
    ]


def ranking(cohorts: Sequence[Cohort], least: float) -> tuple[AlarmLevel, Cohort, Cohort, float] | None:
    """How the latest complete cohort is ranked against the first complete one: level, both, the latest AUC's error.

    Red where the latest is surely under ``least``; None before any cohort is complete.
    """
    mature = [one for one in cohorts if one.auc is not None]
    if not mature:
        return None
    first, last = mature[0], mature[-1]
    assert first.auc is not None  # noqa: S101
    assert last.auc is not None  # noqa: S101
    error = last.auc_error or 0.0
    lost = first.auc - last.auc - one_sided(CERTAINTY[0]) * error if last is not first else 0.0
    level = _level(lost, AUC_LOST)
    if last.auc + one_sided(CERTAINTY[0]) * error < least:
        level = "red"
    return level, first, last, error


def _expected(now: Expected, then: Expected) -> Alarm:
    lost = then.auc - now.auc
    level = _level(lost, AUC_LOST)
    if now.auc_high < LEAST_AUC:
        level = "red"
    return Alarm(
        "expected-performance",
        level,
        Text("预计表现（结果到期之前）", "expected performance, before outcomes"),
        Text(
            f"预计 AUC {now.auc:.3f}（{now.auc_low:.3f} 至 {now.auc_high:.3f}），验证日总体 {then.auc:.3f}；"
            f"预计违约 {now.defaults:.0f} 户（{now.defaults_low:.0f} 至 {now.defaults_high:.0f}）",
            f"AUC of {now.auc:.3f} is to be expected ({now.auc_low:.3f} to {now.auc_high:.3f}), {then.auc:.3f} on the "
            f"population of validation; {now.defaults:.0f} defaults ({now.defaults_low:.0f} to "
            f"{now.defaults_high:.0f})",
        ),
        Text(
            "总体变得更难区分：看评分分布与新增主体", "the population is harder to tell apart: look at who has joined"
        ),
    )


def age(reference: date, as_of: date) -> Alarm:
    """How long ago the model was validated."""
    months = (as_of.year - reference.year) * 12 + as_of.month - reference.month
    level: AlarmLevel = "red" if months >= OLD_MONTHS[1] else "yellow" if months >= OLD_MONTHS[0] else "green"
    return Alarm(
        "age",
        level,
        Text("模型年龄", "age of the model"),
        Text(f"距验证日 {months} 个月", f"{months} months since its validation day"),
        Text("满两年须复验", "after two years it has to be validated again"),
    )


def _level(value: float, bounds: tuple[float, float]) -> AlarmLevel:
    return "red" if value > bounds[1] else "yellow" if value > bounds[0] else "green"
