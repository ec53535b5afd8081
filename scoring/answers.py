"""Ratings as JSON text: what a model says is prepared once, a subject's numbers are put between."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import numpy.typing as npt
import orjson

from features.definition import AnyFeature
from features.dictionary import features_for
from models.hazard import HORIZONS
from models.registry import model_name
from records.moment import shanghai_day
from records.words import Language
from scoring.evidence_text import EvidenceText
from scoring.reasons import value_in_words
from scoring.scorer import Scorer
from scoring.serving import NO_WARNING_MODEL, Serving, confidence, known_shares
from scoring.signal_text import Noticed, SignalTexts, text_json

Floats = npt.NDArray[np.float64]
TEXTS_KEPT = 200_000
"""Values whose words are remembered; then all are forgotten and learnt anew."""


@dataclass(slots=True)
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


@dataclass(slots=True)
class Answered:
    """A rating as it is given out (``answer``) and as it is kept (``payload``, in both languages)."""

    answer: bytes
    payload: bytes
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
        self._named: dict[Language | None, list[bytes]] = {
            language: [_named(one, language) for one in self._told] for language in (None, "zh", "en")
        }
        self._place = self._rated.tolist()
        self._scorer = Scorer(bundle)
        self._codes, self._version = bundle.codes, serving.rating_version
        self._weights = np.array([bundle.weights.get(code, 0.0) for code in bundle.codes])
        self._warned = np.array([place[code] for code in (serving.warning.codes if serving.warning else ())], np.intp)
        self._signals = SignalTexts(serving, segment, self.codes)
        self._texts: dict[Language | None, dict[tuple[int, float | None], bytes]] = {None: {}, "zh": {}, "en": {}}
        self._kind = b'","subject_kind":"%b","masked":' % segment.encode()
        self._model = b'Z","segment":"%b","model_name":%b,"model_version":%b,"model_family":"%b","pd":' % (
            segment.encode(),
            orjson.dumps(model_name(segment)),
            orjson.dumps(serving.rating_version),
            bundle.family.encode(),
        )

    def lone(
        self, numbers: Floats, most: int, language: Language | None = None
    ) -> tuple[float, float, str, bytes, float]:
        """PD, score and grade of one row [features], its ``most`` weightiest reasons as JSON, and the other points."""
        values = numbers[self._rated]
        scores = self._scorer.score(values[None])
        points = scores.points[0]
        order = np.argsort(-np.abs(points), kind="stable")[:most]
        reasons = self._reasons(order.tolist(), values[order].tolist(), points[order].tolist(), None, language)
        rest = points.copy()
        rest[order] = 0.0
        return scores.pd.item(0), scores.score.item(0), scores.grade[0], reasons, float(rest.sum())

    def answer(self, looks: Sequence[Look]) -> list[Answered]:
        """Rate all ``looks`` at once; the bits do not depend on who is rated beside whom. Raises ``HuixinError``."""
        numbers = np.array([look.numbers for look in looks])
        values = numbers[:, self._rated]
        scores = self._scorer.score(values)
        distress = self._distress(numbers)
        features = len(self._rated)
        told = [features if look.reasons is None else min(look.reasons, features) for look in looks]
        order = weightiest(scores.points)[:, : max(told)]
        group = _Group(
            scores.pd.tolist(),
            scores.score.tolist(),
            scores.grade,
            scores.clip_points.tolist(),
            orjson.dumps(scores.base_points),
            values,
            np.ascontiguousarray(values, "<f8").tobytes(),
            order.tolist(),
            np.take_along_axis(values, order, 1).tolist(),
            np.take_along_axis(scores.points, order, 1).tolist(),
            told,
            {most: _others(scores.points, order[:, :most]).tolist() for most in set(told)},
            known_shares(self._weights, values).tolist(),
            distress.tolist(),
            self._signals.notice(numbers, distress),
        )
        return [self._answered(group, at, look) for at, look in enumerate(looks)]

    def _distress(self, numbers: Floats) -> Floats:
        """Probabilities [n, 3] of distress; NaN where no early-warning model serves."""
        if self.serving.warning is None:
            return np.full((len(numbers), len(HORIZONS)), np.nan)
        return self.serving.warning.distress(numbers[:, self._warned])

    def _answered(self, group: _Group, at: int, look: Look) -> Answered:
        payload = self._text(group, at, look, None)
        told = payload if look.language is None else self._text(group, at, look, look.language)
        width = 8 * len(self._rated)
        sealed = group.sealed[at * width : (at + 1) * width]
        return Answered(told, payload, group.pd[at], group.score[at], group.grade[at], sealed, self._version)

    def _text(self, group: _Group, at: int, look: Look, language: Language | None) -> bytes:
        brief, most, ahead, evidence = look.reasons is not None, group.told[at], group.distress[at], look.evidence
        how_sure, notes = confidence(group.known[at], anything=evidence.anything)
        if self.serving.warning is None:
            notes, ahead = (*notes, NO_WARNING_MODEL), []
        order = group.order[at][:most]
        reasons = self._reasons(order, group.values_told[at][:most], group.points_told[at][:most], evidence, language)
        signals, in_default = self._signals.text(
            group.found,
            at,
            look.numbers,
            self._signals.probability(group.distress[at]),
            evidence,
            shanghai_day(look.as_of).isoformat().encode(),
            language,
            brief,
        )
        pd, score, clip, others, *distress = _numbers(
            [group.pd[at], group.score[at], group.clip[at], group.others[most][at], *ahead]
        )
        pieces = [
            b'{"score_id":"',
            look.score_id.encode(),
            b'","subject_id":"',
            look.subject_id.encode(),
            self._kind,
            orjson.dumps(look.masked),
            b',"as_of":"',
            look.as_of.isoformat().encode(),
            b'Z","scored_at":"',
            look.scored_at.isoformat().encode(),
            self._model,
            pd,
            b',"score":',
            score,
            b',"grade":"',
            group.grade[at].encode(),
            b'","base_points":',
            group.base,
            b',"clip_points":',
            clip,
            b',"reasons":',
            reasons,
            b',"other_points":',
            others,
            b',"signals":',
            signals,
            b',"distress":{',
            b",".join([b'"%d":%b' % one for one in zip(HORIZONS, distress, strict=False)]),
            b'},"confidence":"',
            how_sure.encode(),
            b'","notes":[',
            b",".join([text_json(note, language) for note in notes]),
            b'],"in_default":',
            b"true" if in_default else b"false",
        ]
        if not brief:
            pieces += [b',"features":', orjson.dumps(dict(zip(self._codes, group.values[at].tolist(), strict=True)))]
        pieces.append(b"}")
        return b"".join(pieces)

    def _reasons(
        self,
        order: list[int],
        values: list[float],
        points: list[float],
        evidence: EvidenceText | None,
        language: Language | None,
    ) -> bytes:
        """The reasons of ``order`` as JSON."""
        texts, place = self._texts[language], self._place
        if len(texts) > TEXTS_KEPT:
            texts.clear()
        told: list[bytes] = []
        for at, value, share, points_told in zip(order, values, points, _numbers(points), strict=True):
            if share == 0.0:
                break
            key = at, (value if value == value else None)
            words = texts.get(key)
            if words is None:
                said = text_json(value_in_words(self._told[at], value), language)
                named = self._named[language][at]
                words = texts[key] = b'%b%b,"value_words":%b,"points":' % (named, orjson.dumps(value), said)
            behind = b"[]" if evidence is None else evidence.texts[evidence.of[place[at]]].encode()
            told.append(b'%b%b,"evidence":%b}' % (words, points_told, behind))
        return b"[%b]" % b",".join(told)


@dataclass(slots=True)
class _Group:
    """What was found of n rows together; ``order`` of the reasons that are told, with their values and points;
    ``others``: by how many are told, the points of those that are not; ``sealed``: all values as little-endian float64.
    """

    pd: list[float]
    score: list[float]
    grade: list[str]
    clip: list[float]
    base: bytes
    values: Floats
    sealed: bytes
    order: list[list[int]]
    values_told: list[list[float]]
    points_told: list[list[float]]
    told: list[int]
    others: dict[int, list[float]]
    known: list[float]
    distress: list[list[float]]
    found: Noticed


def weightiest(points: Floats) -> npt.NDArray[np.int64]:
    """Of each row of ``points`` [n, features], the features by weight, those of equal weight in their order."""
    return np.argsort(-np.abs(points), axis=1, kind="stable")


def _others(points: Floats, told: npt.NDArray[np.int64]) -> Floats:
    """The sum of each row's ``points`` [n, features] but for those of the ``told`` features [n, most]."""
    if told.shape[1] == points.shape[1]:
        return np.zeros(len(points))
    rest = points.copy()
    np.put_along_axis(rest, told, 0.0, 1)
    return np.asarray(rest.sum(axis=1), np.float64)


def _named(feature: AnyFeature, language: Language | None) -> bytes:
    """A reason's text up to its value."""
    return b'{"feature":%b,"words":%b,"value":' % (orjson.dumps(feature.code), text_json(feature.words, language))


def _numbers(values: list[float]) -> list[bytes]:
    """Each number as JSON; what is none as null."""
    return orjson.dumps(values)[1:-1].split(b",") if values else []
