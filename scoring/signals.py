"""Early-warning signals of a subject at an as-of: declared rules that fire, and the hazard model's own alarm."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from features.dictionary import registered
from features.pipeline import Evidence
from records.words import Text
from scoring.reasons import value_in_words
from scoring.warning_rules import SEVERITIES, BadRules, ModelAlarm, Rule, Severity, rules

__all__ = [
    "AFTER_DEFAULT",
    "IN_DEFAULT",
    "SEVERITIES",
    "AlarmReason",
    "BadRules",
    "Explained",
    "ModelAlarm",
    "Rule",
    "Severity",
    "Signal",
    "alarm_reasons",
    "fired",
    "raising_most",
    "rules",
    "signals",
]

IN_DEFAULT = "default.current"
AFTER_DEFAULT = frozenset({IN_DEFAULT, "court.dishonest"})
REASONS_WITH_EVIDENCE = 5


@dataclass(frozen=True)
class AlarmReason:
    """One feature's exact share of the alarm: it multiplies the odds of distress by ``times``."""

    feature: str
    words: Text
    value: float | None
    value_words: Text
    times: float
    evidence: tuple[Evidence, ...]


@dataclass(frozen=True)
class Signal:
    """One early-warning finding, with the day since when its evidence reaches and the records themselves.

    The model's alarm carries its reasons: ``base_odds`` times all of them are the odds of distress that it speaks of.
    """

    code: str
    severity: Severity
    since: date
    words: Text
    detail: Text
    evidence: tuple[Evidence, ...]
    reasons: tuple[AlarmReason, ...] = ()
    base_odds: float | None = None


@dataclass(frozen=True)
class Explained:
    """Why the odds of distress at the alarm's horizon are what they are: ``base_odds`` times all ``reasons``."""

    reasons: tuple[AlarmReason, ...]
    base_odds: float


def fired(segment: str, features: Mapping[str, float]) -> list[Rule]:
    """The rules of ``segment`` that hold for these features, the gravest first."""
    chosen = [rule for rule in rules()[0] if segment in rule.segments and rule.fires(features)]
    return sorted(chosen, key=lambda rule: SEVERITIES.index(rule.severity))


def signals(
    segment: str,
    features: Mapping[str, float],
    distress: Mapping[int, float],
    evidence: Mapping[str, tuple[Evidence, ...]],
    today: date,
    why: Explained | None = None,
) -> tuple[Signal, ...]:
    """Every signal of a subject, the gravest first.

    ``distress``: probability by horizon in months; ``evidence`` by feature code; ``today``: the as-of's day; ``why``
    the probability at the alarm's horizon is what it is.
    """
    found = [_from_rule(rule, features, evidence, today) for rule in fired(segment, features)]
    alarm = rules()[1]
    probability = distress.get(alarm.horizon, 0.0)
    severity = alarm.severity(probability)
    if severity is not None:
        found.append(_from_model(alarm, severity, probability, today, why))
    return tuple(sorted(found, key=lambda one: SEVERITIES.index(one.severity)))


def alarm_reasons(
    features: Mapping[str, float],
    shares: Mapping[str, float],
    evidence: Mapping[str, tuple[Evidence, ...]],
) -> tuple[AlarmReason, ...]:
    """What raises and lowers the odds of distress, the weightiest first; ``shares`` of the log-odds by feature code."""
    declared = registered()
    made = [
        AlarmReason(
            feature=code,
            words=declared[code].words,
            value=None if math.isnan(features[code]) else features[code],
            value_words=value_in_words(declared[code], features[code]),
            times=math.exp(share),
            evidence=evidence.get(code, ()),
        )
        for code, share in shares.items()
        if share
    ]
    return tuple(sorted(made, key=lambda one: -abs(math.log(one.times))))


def raising_most(reasons: tuple[AlarmReason, ...]) -> list[AlarmReason]:
    """Those of ``reasons`` whose records are the alarm's evidence: the ones that raise the odds most."""
    return [one for one in reasons if one.times > 1][:REASONS_WITH_EVIDENCE]


def _from_model(
    alarm: ModelAlarm,
    severity: Severity,
    probability: float,
    today: date,
    why: Explained | None,
) -> Signal:
    """The alarm; its evidence is that of the reasons which raise the odds most."""
    reasons = why.reasons if why else ()
    raising = raising_most(reasons)
    said = Text(
        f"{alarm.horizon}个月内陷入困境的概率 {probability:.1%}",
        f"probability of distress within {alarm.horizon} months {probability:.1%}",
    )
    if raising:
        most, times = raising[0], f"{raising[0].times:.1f}"
        said = Text(
            f"{said.zh}；首要原因：{most.words.zh}（{most.value_words.zh}），风险倍数 {times}",
            f"{said.en}; first of all {most.words.en} ({most.value_words.en}): the odds times {times}",
        )
    evidence = _latest_first({record for one in raising for record in one.evidence})
    words = Text(alarm.zh, alarm.en)
    return Signal(
        alarm.code, severity, _since(evidence, today), words, said, evidence, reasons, why.base_odds if why else None
    )


def _from_rule(
    rule: Rule, features: Mapping[str, float], evidence: Mapping[str, tuple[Evidence, ...]], today: date
) -> Signal:
    records = _latest_first({record for code in rule.features for record in evidence.get(code, ())})
    code = rule.when[0][0]
    feature = registered()[code]
    value = value_in_words(feature, features[code])
    detail = Text(f"{feature.words.zh}：{value.zh}", f"{feature.words.en}: {value.en}")
    return Signal(rule.code, rule.severity, _since(records, today), Text(rule.zh, rule.en), detail, records)


def _latest_first(records: set[Evidence]) -> tuple[Evidence, ...]:
    return tuple(sorted(records, key=lambda one: (one.occurred_on, one.record_id), reverse=True))


def _since(records: tuple[Evidence, ...], today: date) -> date:
    return min((record.occurred_on for record in records), default=today)
