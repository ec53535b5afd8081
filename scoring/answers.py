"""Ratings as JSON text: what a model says is prepared once, a subject's numbers are put between."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson

from features.definition import AnyFeature
from features.dictionary import features_for
from models.hazard import HORIZONS
from models.registry import model_name
from records.moment import shanghai_day
from records.words import Language, Text
from scoring.evidence_text import EvidenceText
from scoring.reasons import value_in_words
from scoring.scorer import Scorer, Scores
from scoring.serving import NO_WARNING_MODEL, Serving, confidence, known_shares
from scoring.signal_text import Noticed, SignalTexts

Floats = npt.NDArray[np.float64]
TEXTS_KEPT = 200_000
"""Values whose words are remembered; then all are forgotten and learnt anew."""


@dataclass(frozen=True, slots=True)
class Look:
    """One subject to be rated: its features at ``as_of`` (numbers in the order of the segment's model features)."""

    score_id: str
    subject_id: str
    masked: str
    as_of: datetime
    scored_at: datetime
    numbers: Floats
    evidence: EvidenceText
    language: Language | None = None
    reasons: int | None = None


@dataclass(frozen=True, slots=True)
class Answered:
    """A rating as it is given out (``answer``) and as it is kept (``payload``, in both languages)."""

    answer: bytes
    payload: str
    pd: float
    score: float
    grade: str
    features: bytes
    model_version: str


class Answers:
    """What the champions of a segment answer. Made once a promotion; safe between threads.

    An answer holds what ``Rating.as_dict`` does, except that a brief one (``Look.reasons``) tells so many reasons only,
    sums the points of the others up in ``other_points``, leaves the features out, and lets the model's own alarm name
    only the reasons that raise the odds most, without their base.
    """

    def __init__(self, serving: Serving, segment: str) -> None:
        self.serving, self.segment = serving, segment
        declared = features_for(segment)
        self.codes = tuple(one.code for one in declared)
        place = {code: at for at, code in enumerate(self.codes)}
        bundle = serving.rating
        self._rated = np.array([place[code] for code in bundle.codes], np.intp)
        self._told = [declared[at] for at in self._rated]
        self._place = self._rated.tolist()
        self._scorer = Scorer(bundle)
        self._weights = np.array([bundle.weights.get(code, 0.0) for code in bundle.codes])
        self._signals = SignalTexts(serving, segment, self.codes)
        self._texts: dict[Language | None, dict[tuple[int, float | None], str]] = {None: {}, "zh": {}, "en": {}}
        self._model = (
            f'"segment":"{segment}","model_name":{_json(model_name(segment))},'
            f'"model_version":{_json(serving.rating_version)},"model_family":"{bundle.family}"'
        )

    def scored(self, numbers: Floats) -> Scores:
        """PD, score, grade and points of rows [n, model features of the segment]."""
        return self._scorer.score(numbers[:, self._rated])

    def lone(
        self, numbers: Floats, most: int, language: Language | None = None
    ) -> tuple[float, float, str, str, float]:
        """PD, score and grade of one row [features], its ``most`` weightiest reasons as JSON, and the other points."""
        scores = self.scored(numbers[None, :])
        order = weightiest(scores.points)[0, :most]
        reasons, others = self._reasons(scores.points[0], numbers[self._rated], order, None, language)
        return float(scores.pd[0]), float(scores.score[0]), scores.grade[0], reasons, others

    def answer(self, looks: Sequence[Look]) -> list[Answered]:
        """Rate all ``looks`` at once; the bits do not depend on who is rated beside whom. Raises ``HuixinError``."""
        numbers = np.array([look.numbers for look in looks])
        scores = self.scored(numbers)
        distress = self.serving.distress({code: numbers[:, at] for at, code in enumerate(self.codes)})
        values = numbers[:, self._rated]
        group = _Group(
            scores,
            values,
            weightiest(scores.points),
            known_shares(self._weights, values).tolist(),
            distress.tolist(),
            self._signals.notice(numbers, distress),
        )
        return [self._answered(group, at, look) for at, look in enumerate(looks)]

    def _answered(self, group: _Group, at: int, look: Look) -> Answered:
        payload = self._text(group, at, look, None)
        told = payload if look.language is None else self._text(group, at, look, look.language)
        scores, sealed = group.scores, group.values[at].astype("<f8", copy=False).tobytes()
        pd, score = float(scores.pd[at]), float(scores.score[at])
        return Answered(told.encode(), payload, pd, score, scores.grade[at], sealed, self.serving.rating_version)

    def _text(self, group: _Group, at: int, look: Look, language: Language | None) -> str:
        scores, values, ahead = group.scores, group.values[at], group.distress[at]
        how_sure, notes = confidence(group.known[at], anything=look.evidence.anything)
        if self.serving.warning is None:
            notes = (*notes, NO_WARNING_MODEL)
        order = group.order[at][: look.reasons]
        reasons, others = self._reasons(scores.points[at], values, order, look.evidence, language)
        brief, told, in_default = look.reasons is not None, "[]", False
        if group.found.noisy[at]:
            alarm, today = self._signals.probability(ahead), shanghai_day(look.as_of)
            told, in_default = self._signals.text(
                group.found, at, look.numbers, alarm, look.evidence, today, language, brief
            )
        distress = {} if self.serving.warning is None else dict(zip(map(str, HORIZONS), ahead, strict=True))
        codes = self.serving.rating.codes
        features = "" if brief else f',"features":{_json(dict(zip(codes, values.tolist(), strict=True)))}'
        return (
            f'{{"score_id":"{look.score_id}","subject_id":"{look.subject_id}","subject_kind":"{self.segment}",'
            f'"masked":{_json(look.masked)},"as_of":"{look.as_of.isoformat()}Z",'
            f'"scored_at":"{look.scored_at.isoformat()}Z",{self._model},"pd":{float(scores.pd[at])!r},'
            f'"score":{float(scores.score[at])!r},"grade":"{scores.grade[at]}","base_points":{scores.base_points!r},'
            f'"clip_points":{float(scores.clip_points[at])!r},"reasons":{reasons},"other_points":{others!r},'
            f'"signals":{told},"distress":{_json(distress)},'
            f'"confidence":"{how_sure}","notes":{_dumped(notes, language) if notes else "[]"},'
            f'"in_default":{"true" if in_default else "false"}{features}}}'
        )

    def _reasons(
        self,
        points: Floats,
        values: Floats,
        order: npt.NDArray[np.int64],
        evidence: EvidenceText | None,
        language: Language | None,
    ) -> tuple[str, float]:
        """The reasons of ``order`` as JSON, and the points of those that are not told."""
        texts = self._texts[language]
        if len(texts) > TEXTS_KEPT:
            texts.clear()
        told = []
        for at, value, share in zip(order.tolist(), values[order].tolist(), points[order].tolist(), strict=True):
            if share == 0.0:
                break
            key = (at, value if value == value else None)
            words = texts.get(key)
            if words is None:
                words = texts[key] = _words(self._told[at], value, language)
            behind = "[]" if evidence is None else evidence.texts[evidence.of[self._place[at]]]
            told.append(f'{words}{share!r},"evidence":{behind}}}')
        others = 0.0
        if len(order) < len(points):
            rest = points.copy()
            rest[order] = 0.0
            others = float(rest.sum())
        return f"[{','.join(told)}]", others


@dataclass(frozen=True, slots=True)
class _Group:
    """What was found of n rows together: scores, the rated features, reasons in order, and what they give rise to."""

    scores: Scores
    values: Floats
    order: npt.NDArray[np.int64]
    known: list[float]
    distress: list[list[float]]
    found: Noticed


def weightiest(points: Floats) -> npt.NDArray[np.int64]:
    """Of each row of ``points`` [n, features], the features by weight, those of equal weight in their order."""
    return np.argsort(-np.abs(points), axis=1, kind="stable")


def _words(feature: AnyFeature, value: float, language: Language | None) -> str:
    """A reason's text up to its points."""
    known = None if value != value else value
    said = value_in_words(feature, value)
    return (
        f'{{"feature":{_json(feature.code)},"words":{_dumped(feature.words, language)},"value":{_json(known)},'
        f'"value_words":{_dumped(said, language)},"points":'
    )


def _json(value: Any) -> str:
    return orjson.dumps(value).decode()


def _dumped(value: Any, language: Language | None) -> str:
    """JSON of dataclasses, days and texts; texts in ``language``, or in both."""

    def text(found: Any) -> Any:
        if isinstance(found, Text):
            return found._asdict() if language is None else found.in_language(language)
        raise TypeError(type(found).__name__)

    return orjson.dumps(value, default=text, option=orjson.OPT_PASSTHROUGH_SUBCLASS).decode()
