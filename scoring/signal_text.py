"""Signals as JSON text, of many rows at once: the same as ``scoring.signals`` finds, from texts prepared once."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson

from features.dictionary import registered
from models.hazard import HORIZONS, HazardModel
from records.words import Language, Text
from scoring.evidence_text import EvidenceText
from scoring.reasons import value_in_words
from scoring.serving import Serving
from scoring.signals import IN_DEFAULT, REASONS_WITH_EVIDENCE, SEVERITIES
from scoring.warning_rules import Rule, rules

Floats = npt.NDArray[np.float64]
Told = tuple[int, str]


@dataclass(frozen=True)
class Noticed:
    """What holds for n rows: ``fired`` [n, rules]; rows of the model's alarm with the shares of its features."""

    fired: npt.NDArray[np.bool_]
    noisy: npt.NDArray[np.bool_]
    shares: dict[int, Floats]


class SignalTexts:
    """The signals of one segment under its serving models. Made once a promotion."""

    def __init__(self, serving: Serving, segment: str, codes: Sequence[str]) -> None:
        place = {code: at for at, code in enumerate(codes)}
        declared, self._alarm = rules()
        known = [rule for rule in declared if segment in rule.segments and all(one[0] in place for one in rule.when)]
        self.rules = sorted(known, key=lambda rule: SEVERITIES.index(rule.severity))
        self._place, self._horizon = place, HORIZONS.index(self._alarm.horizon)
        self._conditions(place)
        hazard = serving.warning.explainer if serving.warning else None
        self._hazard = hazard if isinstance(hazard, HazardModel) else None
        self._hazard_codes = serving.warning.codes if serving.warning else ()
        self._warned = np.array([place[code] for code in self._hazard_codes], np.intp)
        self._kept: dict[tuple[Any, ...], str] = {}

    def notice(self, numbers: Floats, distress: Floats) -> Noticed:
        """What holds for rows of features [n, features] and probabilities of distress [n, 3]."""
        fired = self._fired(numbers)
        severe = min((least for _, least in self._alarm.levels), default=2.0)
        alarmed = np.flatnonzero(distress[:, self._horizon] >= severe)
        shares: dict[int, Floats] = {}
        if len(alarmed) and self._hazard is not None:
            found = self._hazard.explain(numbers[np.ix_(alarmed, self._warned)])[1]
            shares = dict(zip(alarmed.tolist(), found, strict=True))
        noisy = np.asarray(fired.any(axis=1), bool)
        noisy[alarmed] = True
        return Noticed(fired, noisy, shares)

    def text(
        self,
        found: Noticed,
        row: int,
        numbers: Floats,
        ahead: float,
        evidence: EvidenceText,
        today: date,
        language: Language | None,
        brief: bool,
    ) -> tuple[str, bool]:
        """The signals of one row as a JSON array, the gravest first, and whether the subject is in default.

        ``ahead``: its probability of distress at the alarm's horizon.
        """
        fired = [self.rules[at] for at in np.flatnonzero(found.fired[row]).tolist()]
        told = [self._of_rule(rule, numbers, evidence, today, language) for rule in fired]
        if row in found.shares:
            told.append(self._of_model(found.shares[row], numbers, ahead, evidence, today, language, brief))
        told.sort(key=lambda one: one[0])
        return f"[{','.join(text for _, text in told)}]", any(rule.code == IN_DEFAULT for rule in fired)

    def probability(self, ahead: Sequence[float]) -> float:
        """The one at the alarm's horizon of those at all horizons."""
        return ahead[self._horizon]

    def _conditions(self, place: dict[str, int]) -> None:
        parts = [(at, *condition) for at, rule in enumerate(self.rules) for condition in rule.when]
        owner = [at for at, *_ in parts]
        self._columns = np.array([place[code] for _, code, _, _ in parts], np.intp)
        self._limits = np.array([limit for *_, limit in parts])
        self._above = np.array([how[0] == ">" for _, _, how, _ in parts], bool)
        self._equal = np.array([how in (">=", "<=") for _, _, how, _ in parts], bool)
        self._starts = np.flatnonzero(np.diff(owner, prepend=-1))

    def _fired(self, numbers: Floats) -> npt.NDArray[np.bool_]:
        if not self.rules:
            return np.zeros((len(numbers), 0), bool)
        values = numbers[:, self._columns]
        holds = np.where(self._above, values > self._limits, values < self._limits)
        holds |= self._equal & (values == self._limits)
        return np.logical_and.reduceat(holds, self._starts, axis=1)

    def _of_rule(
        self, rule: Rule, numbers: Floats, evidence: EvidenceText, today: date, language: Language | None
    ) -> Told:
        code = rule.when[0][0]
        value = float(numbers[self._place[code]])
        key = (rule.code, value, language)
        said = self._kept.get(key)
        if said is None:
            said = self._keep(key, _detail(rule, code, value, language))
        since, behind = _records(evidence, rule.features)
        head = f'{{"code":"{rule.code}","severity":"{rule.severity}","since":"{since or today.isoformat()}",'
        return SEVERITIES.index(rule.severity), f'{head}{said},"evidence":{behind},"reasons":[],"base_odds":null}}'

    def _of_model(
        self,
        shares: Floats,
        numbers: Floats,
        ahead: float,
        evidence: EvidenceText,
        today: date,
        language: Language | None,
        brief: bool,
    ) -> Told:
        """The model's own alarm with its reasons; in brief only those that raise the odds most, and no base."""
        assert self._hazard is not None  # noqa: S101
        alarm, severity = self._alarm, self._alarm.severity(ahead) or SEVERITIES[-1]
        times = {at: math.exp(share) for at, share in enumerate(shares.tolist()) if share}
        order = sorted(times, key=lambda at: -abs(math.log(times[at])))
        raising = [at for at in order if times[at] > 1][:REASONS_WITH_EVIDENCE]
        told = raising if brief else order
        reasons = [self._alarm_reason(at, times[at], numbers, evidence, language) for at in told]
        since, behind = _records(evidence, [self._hazard_codes[at] for at in raising])
        base = "null" if brief else repr(self._hazard.base_odds(alarm.horizon))
        first = raising[0] if raising else None
        said = _alarm_words(
            alarm.horizon,
            ahead,
            None if first is None else self._hazard_codes[first],
            0.0 if first is None else float(numbers[self._warned[first]]),
            0.0 if first is None else times[first],
        )
        return SEVERITIES.index(severity), (
            f'{{"code":"{alarm.code}","severity":"{severity}","since":"{since or today.isoformat()}",'
            f'"words":{_dumped(Text(alarm.zh, alarm.en), language)},"detail":{_dumped(said, language)},'
            f'"evidence":{behind},"reasons":[{",".join(reasons)}],"base_odds":{base}}}'
        )

    def _alarm_reason(
        self, at: int, times: float, numbers: Floats, evidence: EvidenceText, language: Language | None
    ) -> str:
        code = self._hazard_codes[at]
        value = float(numbers[self._warned[at]])
        key = (at, value if value == value else None, language)
        words = self._kept.get(key)
        if words is None:
            feature, known = registered()[code], None if value != value else value
            number = orjson.dumps(known).decode()
            words = self._keep(
                key,
                f'{{"feature":"{code}","words":{_dumped(feature.words, language)},"value":{number},'
                f'"value_words":{_dumped(value_in_words(feature, value), language)},"times":',
            )
        return f'{words}{times!r},"evidence":{evidence.text(code)}}}'

    def _keep(self, key: tuple[Any, ...], text: str) -> str:
        if len(self._kept) > TEXTS_KEPT:
            self._kept.clear()
        self._kept[key] = text
        return text


TEXTS_KEPT = 200_000


def _detail(rule: Rule, code: str, value: float, language: Language | None) -> str:
    feature = registered()[code]
    said = value_in_words(feature, value)
    detail = Text(f"{feature.words.zh}：{said.zh}", f"{feature.words.en}: {said.en}")
    return f'"words":{_dumped(Text(rule.zh, rule.en), language)},"detail":{_dumped(detail, language)}'


def _alarm_words(horizon: int, ahead: float, code: str | None, value: float, times: float) -> Text:
    said = Text(
        f"{horizon}个月内陷入困境的概率 {ahead:.1%}", f"probability of distress within {horizon} months {ahead:.1%}"
    )
    if code is None:
        return said
    feature = registered()[code]
    words, odds = value_in_words(feature, value), f"{times:.1f}"
    return Text(
        f"{said.zh}；首要原因：{feature.words.zh}（{words.zh}），风险倍数 {odds}",
        f"{said.en}; first of all {feature.words.en} ({words.en}): the odds times {odds}",
    )


def _records(evidence: EvidenceText, codes: Sequence[str]) -> tuple[str | None, str]:
    """The day of the earliest of the records behind ``codes``, and all of them as JSON, the latest first."""
    texts = list(dict.fromkeys(text for code in codes if (text := evidence.text(code)) != "[]"))
    if not texts:
        return None, "[]"
    if len(texts) == 1:
        records, text = orjson.loads(texts[0]), texts[0]
    else:
        every = {tuple(one.values()): one for text in texts for one in orjson.loads(text)}.values()
        records = sorted(every, key=lambda one: (one["occurred_on"], one["record_id"]), reverse=True)
        text = orjson.dumps(records).decode()
    return min(one["occurred_on"] for one in records), text


def _dumped(text: Text, language: Language | None) -> str:
    return orjson.dumps(text._asdict() if language is None else text.in_language(language)).decode()
