"""Early-warning signals: declared rules over features, and the hazard model's own alarm."""

from __future__ import annotations

import math
import operator
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from features.dictionary import registered
from features.pipeline import Evidence
from records.errors import HuixinError
from records.words import Text
from scoring.reasons import value_in_words

Severity = Literal["blue", "yellow", "orange", "red"]
SEVERITIES: tuple[Severity, ...] = ("red", "orange", "yellow", "blue")
IN_DEFAULT = "default.current"
AFTER_DEFAULT = frozenset({IN_DEFAULT, "court.dishonest"})
COMPARISONS = {">=": operator.ge, ">": operator.gt, "<=": operator.le, "<": operator.lt}
RULES = Path(__file__).with_name("signals.toml")


class BadRules(HuixinError):
    code: ClassVar[str] = "bad-rules"
    status: ClassVar[int] = 500
    title: ClassVar[Text] = Text("预警规则有误", "Bad early-warning rules")


@dataclass(frozen=True)
class Signal:
    """One early-warning finding, with the day since when its evidence reaches and the records themselves."""

    code: str
    severity: Severity
    since: date
    words: Text
    detail: Text
    evidence: tuple[Evidence, ...]


class Rule(BaseModel):
    """A declared rule: it fires where every condition (feature, comparison, threshold) holds."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    code: str
    segments: tuple[str, ...]
    severity: Severity
    zh: str
    en: str
    when: tuple[tuple[str, Literal[">=", ">", "<=", "<"], float], ...]
    evidence: tuple[str, ...] = ()

    @property
    def features(self) -> tuple[str, ...]:
        """Features whose records are the rule's evidence."""
        return self.evidence or (self.when[0][0],)

    def fires(self, features: Mapping[str, float]) -> bool:
        values = [(features.get(code, math.nan), comparison, limit) for code, comparison, limit in self.when]
        return all(not math.isnan(value) and COMPARISONS[how](value, limit) for value, how, limit in values)


class ModelAlarm(BaseModel):
    """Severity by the probability of distress within ``horizon`` months."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    code: str
    horizon: int
    zh: str
    en: str
    levels: tuple[tuple[Severity, float], ...]

    def severity(self, probability: float) -> Severity | None:
        return next((severity for severity, least in self.levels if probability >= least), None)


@cache
def rules(path: Path = RULES) -> tuple[tuple[Rule, ...], ModelAlarm]:
    """The declared rules. Raises ``BadRules`` where one is malformed or names an unknown feature."""
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
        found = tuple(Rule.model_validate(rule) for rule in content["rules"])
        alarm = ModelAlarm.model_validate(content["model"])
    except (tomllib.TOMLDecodeError, ValidationError, KeyError) as error:
        raise BadRules(Text(f"{path.name}：{error}", f"{path.name}: {error}")) from error
    for rule in found:
        for code in (*rule.features, *(condition[0] for condition in rule.when)):
            if code not in registered():
                raise BadRules(Text(f"{rule.code}：未知特征 {code}", f"{rule.code}: unknown feature {code}"))
    return found, alarm


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
) -> tuple[Signal, ...]:
    """Every signal of a subject, the gravest first. ``evidence`` by feature code; ``today`` is the as-of's day."""
    found = [_from_rule(rule, features, evidence, today) for rule in fired(segment, features)]
    alarm = rules()[1]
    probability = distress.get(alarm.horizon, 0.0)
    severity = alarm.severity(probability)
    if severity is not None:
        detail = Text(
            f"{alarm.horizon}个月内陷入困境的概率 {probability:.1%}",
            f"probability of distress within {alarm.horizon} months {probability:.1%}",
        )
        found.append(Signal(alarm.code, severity, today, Text(alarm.zh, alarm.en), detail, ()))
    return tuple(sorted(found, key=lambda one: SEVERITIES.index(one.severity)))


def _from_rule(
    rule: Rule, features: Mapping[str, float], evidence: Mapping[str, tuple[Evidence, ...]], today: date
) -> Signal:
    records = {record for code in rule.features for record in evidence.get(code, ())}
    latest_first = sorted(records, key=lambda one: (one.occurred_on, one.record_id), reverse=True)
    since = min((record.occurred_on for record in records), default=today)
    code = rule.when[0][0]
    feature: Any = registered()[code]
    value = value_in_words(feature, features[code])
    detail = Text(f"{feature.words.zh}：{value.zh}", f"{feature.words.en}: {value.en}")
    return Signal(rule.code, rule.severity, since, Text(rule.zh, rule.en), detail, tuple(latest_first))
