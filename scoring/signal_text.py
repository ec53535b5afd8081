"""Signals as JSON text, of many rows at once: the same as ``scoring.signals`` finds, from texts prepared once."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
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
Told = tuple[int, bytes]
NOTHING = "[]"
TEXTS_KEPT = 200_000


@dataclass(slots=True)
class Noticed:
    """What holds for n rows: the rules that fired, by row; of rows of the model's alarm, the shares of its features
    and those that raise the odds most (places, a few more than are told).
    """

    fired: list[list[int]]
    shares: dict[int, Floats]
    raising: dict[int, list[int]]


class SignalTexts:
    """The signals of one segment under its serving models. Made once a promotion."""

    def __init__(self, serving: Serving, segment: str, codes: Sequence[str]) -> None:
        place = {code: at for at, code in enumerate(codes)}
        declared, self._alarm = rules()
        known = [rule for rule in declared if segment in rule.segments and all(one[0] in place for one in rule.when)]
        self.rules = sorted(known, key=lambda rule: SEVERITIES.index(rule.severity))
        self._place, self._horizon = place, HORIZONS.index(self._alarm.horizon)
        self._behind = [[place[code] for code in rule.features if code in place] for rule in self.rules]
        self._conditions(place)
        hazard = serving.warning.explainer if serving.warning else None
        self._hazard = hazard if isinstance(hazard, HazardModel) else None
        self._hazard_codes = serving.warning.codes if serving.warning else ()
        self._warned = np.array([place[code] for code in self._hazard_codes], np.intp)
        self._warned_places: list[int] = self._warned.tolist()
        self._kept: dict[tuple[Any, ...], bytes] = {}

    def notice(self, numbers: Floats, distress: Floats) -> Noticed:
        """What holds for rows of features [n, features] and probabilities of distress [n, 3]."""
        fired: list[list[int]] = [[] for _ in range(len(numbers))]
        for row, rule in zip(*(one.tolist() for one in np.nonzero(self._fired(numbers))), strict=True):
            fired[row].append(rule)
        severe = min((least for _, least in self._alarm.levels), default=2.0)
        alarmed = np.flatnonzero(distress[:, self._horizon] >= severe)
        if not len(alarmed) or self._hazard is None:
            return Noticed(fired, {}, {})
        found = self._hazard.explain(numbers[np.ix_(alarmed, self._warned)])[1]
        # A few more than are told: two shares that differ may multiply the odds alike.
        most = np.argsort(-found, axis=1, kind="stable")[:, : REASONS_WITH_EVIDENCE + 3].tolist()
        at = alarmed.tolist()
        return Noticed(fired, dict(zip(at, found, strict=True)), dict(zip(at, most, strict=True)))

    def text(
        self,
        found: Noticed,
        row: int,
        numbers: Floats,
        ahead: float,
        evidence: EvidenceText,
        today: bytes,
        language: Language | None,
        brief: bool,
    ) -> tuple[bytes, bool]:
        """The signals of one row as a JSON array, the gravest first, and whether the subject is in default.

        ``ahead``: its probability of distress at the alarm's horizon; ``today``: the as-of's day, ISO 8601.
        """
        fired = found.fired[row]
        told = [self._of_rule(at, numbers, evidence, today, language) for at in fired]
        if row in found.shares:
            shares, raising = found.shares[row], self._raising(found.shares[row], found.raising[row])
            told.append(self._of_model(shares, raising, numbers, ahead, evidence, today, language, brief))
            told.sort(key=lambda one: one[0])
        return b"[%b]" % b",".join([text for _, text in told]), any(self.rules[at].code == IN_DEFAULT for at in fired)

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
        self, at: int, numbers: Floats, evidence: EvidenceText, today: bytes, language: Language | None
    ) -> Told:
        rule = self.rules[at]
        code = rule.when[0][0]
        value = numbers.item(self._place[code])
        key = (at, value, language)
        said = self._kept.get(key)
        if said is None:
            said = self._keep(key, _detail(rule, code, value, language))
        since, behind = _records(evidence, self._behind[at])
        return SEVERITIES.index(rule.severity), (
            b'{"code":"%b","severity":"%b","since":"%b",%b,"evidence":%b,"reasons":[],"base_odds":null}'
            % (rule.code.encode(), rule.severity.encode(), since or today, said, behind)
        )

    def _raising(self, shares: Floats, most: list[int]) -> list[tuple[int, float]]:
        """Places and multiples of the odds of the features that raise them most, as ``signals.raising_most``."""
        times = [(at, math.exp(shares.item(at))) for at in sorted(most)]
        raising = [one for one in times if one[1] > 1]
        return sorted(raising, key=lambda one: -abs(math.log(one[1])))[:REASONS_WITH_EVIDENCE]

    def _of_model(
        self,
        shares: Floats,
        raising: list[tuple[int, float]],
        numbers: Floats,
        ahead: float,
        evidence: EvidenceText,
        today: bytes,
        language: Language | None,
        brief: bool,
    ) -> Told:
        """The model's own alarm with its reasons; in brief only those that raise the odds most, and no base."""
        assert self._hazard is not None  # noqa: S101
        alarm, severity, base = self._alarm, self._alarm.severity(ahead) or SEVERITIES[-1], b"null"
        told = raising
        if not brief:
            every = [(at, math.exp(share)) for at, share in enumerate(shares.tolist()) if share]
            told = sorted(every, key=lambda one: -abs(math.log(one[1])))
            base = orjson.dumps(self._hazard.base_odds(alarm.horizon))
        reasons = [self._alarm_reason(at, times, numbers, evidence, language) for at, times in told]
        since, behind = _records(evidence, [self._warned_places[at] for at, _ in raising])
        said = Text(
            f"{alarm.horizon}个月内陷入困境的概率 {ahead:.1%}",
            f"probability of distress within {alarm.horizon} months {ahead:.1%}",
        )
        if raising:
            first, odds = raising[0][0], f"{raising[0][1]:.1f}"
            feature = registered()[self._hazard_codes[first]]
            words = value_in_words(feature, numbers.item(self._warned_places[first]))
            said = Text(
                f"{said.zh}；首要原因：{feature.words.zh}（{words.zh}），风险倍数 {odds}",
                f"{said.en}; first of all {feature.words.en} ({words.en}): the odds times {odds}",
            )
        return SEVERITIES.index(severity), (
            b'{"code":"%b","severity":"%b","since":"%b","words":%b,"detail":%b,"evidence":%b,"reasons":[%b],'
            b'"base_odds":%b}'
            % (
                alarm.code.encode(),
                severity.encode(),
                since or today,
                text_json(Text(alarm.zh, alarm.en), language),
                text_json(said, language),
                behind,
                b",".join(reasons),
                base,
            )
        )

    def _alarm_reason(
        self, at: int, times: float, numbers: Floats, evidence: EvidenceText, language: Language | None
    ) -> bytes:
        place = self._warned_places[at]
        value = numbers.item(place)
        key = (self._hazard_codes[at], value if value == value else None, language)
        words = self._kept.get(key)
        if words is None:
            feature = registered()[self._hazard_codes[at]]
            words = self._keep(
                key,
                b'{"feature":"%b","words":%b,"value":%b,"value_words":%b,"times":'
                % (
                    feature.code.encode(),
                    text_json(feature.words, language),
                    orjson.dumps(value),
                    text_json(value_in_words(feature, value), language),
                ),
            )
        return b'%b%b,"evidence":%b}' % (words, orjson.dumps(times), evidence.behind(place))

    def _keep(self, key: tuple[Any, ...], text: bytes) -> bytes:
        if len(self._kept) > TEXTS_KEPT:
            self._kept.clear()
        self._kept[key] = text
        return text


def text_json(text: Text, language: Language | None) -> bytes:
    """JSON of a text in ``language``, or in both."""
    zh, en = text
    if language is None:
        return orjson.dumps({"zh": zh, "en": en})
    return orjson.dumps(zh if language == "zh" else en)


def _detail(rule: Rule, code: str, value: float, language: Language | None) -> bytes:
    feature = registered()[code]
    said = value_in_words(feature, value)
    detail = Text(f"{feature.words.zh}：{said.zh}", f"{feature.words.en}: {said.en}")
    return b'"words":%b,"detail":%b' % (text_json(Text(rule.zh, rule.en), language), text_json(detail, language))


def _records(evidence: EvidenceText, places: Sequence[int]) -> tuple[bytes | None, bytes]:
    """The day of the earliest of the records behind features, and all of them as JSON, the latest first."""
    texts = dict.fromkeys([evidence.texts[evidence.of[place]] for place in places])
    texts.pop(NOTHING, None)
    if not texts:
        return None, b"[]"
    if len(texts) == 1:
        only = next(iter(texts))
        records, text = evidence.records(only), only.encode()
    else:
        every = {tuple(one.values()): one for text in texts for one in evidence.records(text)}
        records = sorted(every.values(), key=lambda one: (one["occurred_on"], one["record_id"]), reverse=True)
        text = orjson.dumps(records)
    return min([one["occurred_on"] for one in records]).encode(), text
