"""The declared early-warning rules: read from signals.toml, checked, and refused with what is accepted instead."""

from __future__ import annotations

import difflib
import math
import operator
import tomllib
from collections import Counter
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from features.dictionary import features_for
from models.hazard import HORIZONS
from records.errors import HuixinError
from records.words import Text

Severity = Literal["blue", "yellow", "orange", "red"]
SEVERITIES: tuple[Severity, ...] = ("red", "orange", "yellow", "blue")
RatedSegment = Literal["enterprise", "farmer"]
Comparison = Literal[">=", ">", "<=", "<"]
COMPARISONS = {">=": operator.ge, ">": operator.gt, "<=": operator.le, "<": operator.lt}
Condition = tuple[str, Comparison, float]
Words = Annotated[str, Field(min_length=1)]
Code = Annotated[str, Field(pattern=r"^[a-z0-9_]+(\.[a-z0-9_]+)*$")]
Months = Annotated[int, Field(ge=0, le=60)]
RULES = Path(__file__).with_name("signals.toml")


class BadRules(HuixinError):
    code: ClassVar[str] = "bad-rules"
    status: ClassVar[int] = 500
    title: ClassVar[Text] = Text("预警规则有误", "Bad early-warning rules")


class Rule(BaseModel):
    """A declared rule: it fires where every condition (feature, comparison, threshold) holds.

    ``cool_down_months``: once an alert of the rule has ended, how long it is not raised again; ``expires_months``: how
    long an alert stands without new evidence.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    code: Code
    segments: Annotated[tuple[RatedSegment, ...], Field(min_length=1)]
    severity: Severity
    zh: Words
    en: Words
    when: Annotated[tuple[Condition, ...], Field(min_length=1)]
    evidence: tuple[str, ...] = ()
    cool_down_months: Months = 3
    expires_months: Annotated[Months, Field(ge=1)] = 12

    @property
    def features(self) -> tuple[str, ...]:
        """Features whose records are the rule's evidence."""
        return self.evidence or (self.when[0][0],)

    def fires(self, features: Mapping[str, float]) -> bool:
        """Whether every condition holds; one on a feature that is missing does not."""
        values = [(features.get(code, math.nan), comparison, limit) for code, comparison, limit in self.when]
        return all(not math.isnan(value) and COMPARISONS[how](value, limit) for value, how, limit in values)


class ModelAlarm(BaseModel):
    """The hazard model's own alarm: severity by the probability of distress within ``horizon`` months."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    code: Code
    horizon: int
    zh: Words
    en: Words
    levels: tuple[tuple[Severity, Annotated[float, Field(gt=0, lt=1)]], ...]
    cool_down_months: Months = 3
    expires_months: Annotated[Months, Field(ge=1)] = 12

    def severity(self, probability: float) -> Severity | None:
        return next((severity for severity, least in self.levels if probability >= least), None)


@cache
def rules(path: Path = RULES) -> tuple[tuple[Rule, ...], ModelAlarm]:
    """The declared rules and the model's alarm.

    Raises ``BadRules`` that names the file, the rule and what is accepted.
    """
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise _bad(path, Text("无法读取", "cannot be read"), Text(str(error), str(error))) from error
    declared, alarm = content.get("rules"), content.get("model")
    if not isinstance(declared, list) or not isinstance(alarm, dict) or set(content) != {"rules", "model"}:
        found = ", ".join(content) or "-"
        raise _bad(
            path,
            Text("文件结构", "the file"),
            Text(
                f"应为若干 [[rules]] 和一个 [model]，现为 {found}",
                f"[[rules]] and one [model] are accepted, not {found}",
            ),
        )
    made = tuple(_rule(path, number, one) for number, one in enumerate(declared, start=1))
    for code, times in Counter(rule.code for rule in made).items():
        if times > 1:
            raise _bad(
                path, _named(code), Text(f"代码出现 {times} 次，应唯一", f"declared {times} times; once is accepted")
            )
    return made, _alarm(path, alarm)


def _rule(path: Path, number: int, declared: Any) -> Rule:
    code = declared.get("code") if isinstance(declared, dict) else None
    where = _named(code) if isinstance(code, str) and code else Text(f"第 {number} 条规则", f"rule number {number}")
    try:
        rule = Rule.model_validate(declared)
    except ValidationError as error:
        raise _bad(path, where, _said(error, Rule)) from error
    for problem in (*_unknown_features(rule), *_never(rule.when)):
        raise _bad(path, where, problem)
    return rule


def _alarm(path: Path, declared: Any) -> ModelAlarm:
    where = Text("[model]", "[model]")
    try:
        alarm = ModelAlarm.model_validate(declared)
    except ValidationError as error:
        raise _bad(path, where, _said(error, ModelAlarm)) from error
    if alarm.horizon not in HORIZONS:
        accepted = ", ".join(map(str, HORIZONS))
        raise _bad(
            path,
            where,
            Text(
                f"horizon = {alarm.horizon}：应为 {accepted} 之一",
                f"horizon = {alarm.horizon}: one of {accepted} is accepted",
            ),
        )
    graver_first = [SEVERITIES.index(severity) for severity, _ in alarm.levels]
    limits = [least for _, least in alarm.levels]
    if graver_first != sorted(set(graver_first)) or limits != sorted(set(limits), reverse=True):
        raise _bad(
            path,
            where,
            Text(
                "levels：应由重到轻、概率由高到低，每级一次",
                "levels: the gravest first, each severity once, with falling probabilities, is accepted",
            ),
        )
    return alarm


def _unknown_features(rule: Rule) -> Iterable[Text]:
    """What is wrong with features that the models of the rule's segments do not see: such a rule would never fire."""
    for code in dict.fromkeys((*(condition[0] for condition in rule.when), *rule.features)):
        for segment in rule.segments:
            known = [feature.code for feature in features_for(segment)]
            if code not in known:
                near = ", ".join(difflib.get_close_matches(code, known, 3)) or "huixin features list"
                yield Text(
                    f"{segment} 的评级特征中没有 {code}；相近的有 {near}",
                    f"{code} is no feature of the models of {segment}; accepted are features like {near}",
                )


def _never(when: tuple[Condition, ...]) -> Iterable[Text]:
    """What is wrong with conditions that no value can meet together."""
    for code in dict.fromkeys(condition[0] for condition in when):
        bounds = [(how, limit) for name, how, limit in when if name == code]
        if not all(math.isfinite(limit) for _, limit in bounds):
            yield Text(f"{code} 的阈值应为有限数值", f"the threshold of {code}: a finite number is accepted")
        low = max((limit for how, limit in bounds if how in (">=", ">")), default=-math.inf)
        high = min((limit for how, limit in bounds if how in ("<=", "<")), default=math.inf)
        open_ended = any(how in (">", "<") and limit == low for how, limit in bounds)
        if low > high or (low == high and open_ended):
            yield Text(
                f"{code} 的条件互相矛盾，永不成立", f"the conditions on {code} contradict each other: it never fires"
            )


_ACCEPTED: dict[str, Text] = {
    "code": Text("小写字母、数字、下划线，以点分段", "lower-case letters, digits and underscores, in parts with dots"),
    "segments": Text("enterprise、farmer 的列表", "a list of enterprise, farmer"),
    "severity": Text("、".join(SEVERITIES), ", ".join(SEVERITIES)),
    "zh": Text("非空文字", "a text"),
    "en": Text("非空文字", "a text"),
    "when": Text('[["特征", ">= > <= < 之一", 数值], ...]', '[["feature", one of ">=" ">" "<=" "<", a number], ...]'),
    "evidence": Text("特征代码的列表", "a list of feature codes"),
    "cool_down_months": Text("0 至 60 的整数（月）", "a whole number of months, 0 to 60"),
    "expires_months": Text("1 至 60 的整数（月）", "a whole number of months, 1 to 60"),
    "horizon": Text("月数", "a number of months"),
    "levels": Text('[["级别", 0 至 1 之间的概率], ...]', '[["severity", a probability between 0 and 1], ...]'),
}


def _said(error: ValidationError, model: type[BaseModel]) -> Text:
    """The first thing that is wrong, with what is accepted."""
    first = error.errors(include_url=False)[0]
    if not first["loc"]:
        return Text("应为一张表", "a table is accepted")
    field, found = str(first["loc"][0]), first["input"]
    match first["type"]:
        case "extra_forbidden":
            known = ", ".join(model.model_fields)
            return Text(f"未知的键 {field}；可用：{known}", f"unknown key {field}; accepted: {known}")
        case "missing" if len(first["loc"]) == 1:
            return Text(
                f"缺少 {field}：应为 {_ACCEPTED[field].zh}", f"{field} is missing: {_ACCEPTED[field].en} is accepted"
            )
    return Text(
        f"{field} 中的 {found!r} 无效：应为 {_ACCEPTED[field].zh}",
        f"{field}: {found!r}: {_ACCEPTED[field].en} is accepted",
    )


def _named(code: str) -> Text:
    return Text(f"规则 {code}", f"rule {code}")


def _bad(path: Path, where: Text, what: Text) -> BadRules:
    return BadRules(Text(f"{path.name}：{where.zh}：{what.zh}", f"{path.name}: {where.en}: {what.en}"))
