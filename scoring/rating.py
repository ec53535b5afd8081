"""One subject end to end: from an identity to a rating with reasons, signals and the records behind them."""

from __future__ import annotations

import math
import secrets
import threading
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt
import orjson
from sqlalchemy.orm import Session

from features.dictionary import features_for, items_read
from features.online import OnlineFeatures
from features.peers import PeerTables
from features.pipeline import Evidence, FeaturePipeline
from models.bundle import Bundle, DamagedModel
from models.hazard import HORIZONS, HazardModel
from models.registry import Registry, model_name
from records.base import RecordBase
from records.database import ScoreRow, SubjectRow, writing
from records.errors import BadMoment, HuixinError, ModelNotTrained
from records.moment import now, parse_as_of, shanghai_day
from records.plain import plain
from records.words import Language, Text
from scoring.audit import enter
from scoring.reasons import Reason, reason
from scoring.scorer import Scorer, Scores
from scoring.signals import (
    AFTER_DEFAULT,
    IN_DEFAULT,
    SEVERITIES,
    Explained,
    Signal,
    alarm_reasons,
    fired,
    raising_most,
    rules,
    signals,
)

Confidence = Literal["high", "medium", "low"]
HIGH_CONFIDENCE, MEDIUM_CONFIDENCE = 0.75, 0.4
EVIDENCE_LIMIT = 5
CHAMPION_CHECK_SECONDS = 2.0
NO_WARNING_MODEL = Text(
    "尚无上线的预警模型，困境概率暂缺", "no early-warning model serves yet: no probabilities of distress"
)


class UnknownScore(HuixinError):
    code: ClassVar[str] = "unknown-score"
    status: ClassVar[int] = 404
    title: ClassVar[Text] = Text("没有此评分", "Unknown score")


class UnratedKind(HuixinError):
    code: ClassVar[str] = "unrated-kind"
    status: ClassVar[int] = 422
    title: ClassVar[Text] = Text("此类主体不评级", "This kind of subject is not rated")


@dataclass(frozen=True)
class Rating:
    """A subject's rating at an as-of. ``base_points`` + points of all reasons + ``clip_points`` == ``score``."""

    score_id: str
    subject_id: str
    subject_kind: str
    masked: str
    as_of: datetime
    scored_at: datetime
    segment: str
    model_name: str
    model_version: str
    model_family: str
    pd: float
    score: float
    grade: str
    base_points: float
    clip_points: float
    reasons: tuple[Reason, ...]
    signals: tuple[Signal, ...]
    distress: dict[int, float]
    confidence: Confidence
    notes: tuple[Text, ...]
    in_default: bool
    features: dict[str, float]

    def as_dict(self, language: Language | None = None) -> dict[str, Any]:
        """JSON-ready; texts in ``language``, or in both as {"zh", "en"}. Missing feature values are null."""
        made = plain(asdict(self), language)
        assert isinstance(made, dict)  # noqa: S101
        return {**made, "features": {code: _number(value) for code, value in self.features.items()}}


@dataclass(frozen=True)
class Replay:
    """A stored score given again from its sealed features and its recorded model."""

    score_id: str
    equal: bool
    score: float
    stored_score: float
    model_version: str
    detail: Text


@dataclass(frozen=True)
class Warned:
    """A subject with its gravest current signal."""

    subject_id: str
    masked: str
    segment: str
    signal: Signal
    count: int
    distress: dict[int, float]


@dataclass(frozen=True)
class Serving:
    """The models of a segment that serve now; ratings are given also while no early-warning model does."""

    rating: Bundle
    rating_version: str
    warning: Bundle | None
    warning_version: str | None

    def distress(self, columns: Mapping[str, npt.NDArray[np.float64]]) -> npt.NDArray[np.float64]:
        """Probabilities [n, 3] of distress from feature columns by code; NaN where no early-warning model serves."""
        if self.warning is None:
            return np.full((len(next(iter(columns.values()))), len(HORIZONS)), np.nan)
        return self.warning.distress(np.column_stack([columns[code] for code in self.warning.codes]))

    def why(self, features: Mapping[str, float], evidence: Mapping[str, tuple[Evidence, ...]]) -> Explained | None:
        """What raises and lowers the odds of distress, where they are high enough for the model's alarm."""
        if self.warning is None or not isinstance(self.warning.explainer, HazardModel):
            return None
        hazard, codes, alarm = self.warning.explainer, self.warning.codes, rules()[1]
        row = np.array([[features[code] for code in codes]])
        if alarm.severity(float(hazard.distress(row)[0, HORIZONS.index(alarm.horizon)])) is None:
            return None
        shares = hazard.explain(row)[1][0]
        made = alarm_reasons(features, dict(zip(codes, shares.tolist(), strict=True)), evidence)
        return Explained(made, hazard.base_odds(alarm.horizon))


class Rater:
    """Rates subjects of one base with the registered champions. Safe between threads; follows promotions."""

    def __init__(self, base: RecordBase, registry: Registry | None = None) -> None:
        self.base = base
        self.registry = registry or Registry(base.settings)
        self._lock = threading.Lock()
        self._serving: dict[str, Serving] = {}
        self._checked: dict[str, float] = {}
        self._pipelines: dict[str, FeaturePipeline] = {}
        self._kept: dict[str, OnlineFeatures] = {}
        self._state = -1

    def rate(
        self,
        subject: str,
        as_of: str | datetime | date | None = None,
        *,
        actor: str = "command line",
        purpose: str = "review",
        authorisation: str | None = None,
    ) -> Rating:
        """Rate ``subject`` (a subject id or an identity number), store the rating and its audit entry, give it out.

        Raises ``UnknownSubject``, ``BadIdentifier``, ``BadMoment`` (also for the future), ``ModelNotTrained``.
        """
        moment = parse_as_of(as_of)
        if moment > now():
            raise BadMoment(Text("时点不能在未来", "an as-of in the future is not accepted"))
        found = self.base.subject(subject)
        rating = self._rate(found, moment)
        with writing(self.base.engine) as session:
            session.add(_row(rating))
            session.flush()
            payload = {"score_id": rating.score_id, "score": rating.score.hex(), "authorisation": authorisation}
            enter(session, actor, "score", subject_id=found.subject_id, purpose=purpose, payload=payload)
        return rating

    def stored(self, score_id: str) -> dict[str, Any]:
        """A stored rating as it was given. Raises ``UnknownScore``."""
        answer = orjson.loads(self._stored_row(score_id).payload)
        assert isinstance(answer, dict)  # noqa: S101
        return answer

    def replay(self, score_id: str, actor: str = "command line") -> Replay:
        """Give a stored score again from its sealed features and recorded model version, and compare bit for bit."""
        row = self._stored_row(score_id)
        bundle = self.registry.bundle(row.model_name, row.model_version)
        X = np.frombuffer(row.features, "<f8").reshape(1, -1)
        again = Scorer(bundle).score(X)
        score, pd = float(again.score[0]), float(again.pd[0])
        equal = score.hex() == row.score.hex() and pd.hex() == row.pd.hex() and again.grade[0] == row.grade
        points = {item["feature"]: item["points"] for item in orjson.loads(row.payload)["reasons"]}
        given = {code: float(value) for code, value in zip(bundle.codes, again.points[0], strict=True) if value}
        equal = equal and points == given
        detail = Text(f"存 {row.score!r}，重放 {score!r}", f"stored {row.score!r}, replayed {score!r}")
        with writing(self.base.engine) as session:
            enter(session, actor, "replay", subject_id=row.subject_id, payload={"score_id": score_id, "equal": equal})
        return Replay(score_id, equal, score, row.score, row.model_version, detail)

    def warnings(self, segment: str, as_of: datetime, limit: int = 20) -> list[Warned]:
        """Subjects not yet in default that have signals at ``as_of``: by severity, then by probability of distress."""
        from features.spine import spine

        pipeline, serving = self.pipeline(segment), self.serving(segment)
        table = pipeline.build(spine(pipeline.connection, segment, [shanghai_day(as_of)]))
        columns = {code: table[code].to_numpy() for code in pipeline.codes}
        distress = np.nan_to_num(serving.distress(columns))
        found = []
        for position, subject_id in enumerate(table["subject_id"].to_pylist()):
            features = {code: float(values[position]) for code, values in columns.items()}
            ahead = dict(zip(HORIZONS, distress[position].tolist(), strict=True))
            made = signals(segment, features, ahead, {}, shanghai_day(as_of))
            if made and not AFTER_DEFAULT & {signal.code for signal in made}:
                rank = SEVERITIES.index(made[0].severity), -ahead[HORIZONS[-1]], subject_id
                found.append((rank, features, ahead))
        chosen = sorted(found, key=lambda one: one[0])[:limit]
        return [self._warned(segment, rank[2], features, ahead, as_of) for rank, features, ahead in chosen]

    def serving(self, segment: str) -> Serving:
        """The champions of ``segment``, loaded again when another version is promoted."""
        with self._lock:
            fresh = time.monotonic() - self._checked.get(segment, -1e9) < CHAMPION_CHECK_SECONDS
            if segment in self._serving and fresh:
                return self._serving[segment]
            kept = self._serving.get(segment)
            rating = self.registry.champion_version(segment)
            warning = self._warning_version(segment)
            if kept is None or (kept.rating_version, kept.warning_version) != (rating, warning):
                kept = Serving(
                    self.registry.bundle(model_name(segment), rating),
                    rating,
                    self._warning_bundle(segment, warning),
                    warning,
                )
                self._serving[segment] = kept
            self._checked[segment] = time.monotonic()
            return kept

    def _warning_version(self, segment: str) -> str | None:
        try:
            return self.registry.champion_version(segment, warning=True)
        except ModelNotTrained:
            return None

    def _warning_bundle(self, segment: str, version: str | None) -> Bundle | None:
        """The early-warning model; None where there is none or its files are damaged: ratings go on."""
        try:
            return None if version is None else self.registry.bundle(model_name(segment, warning=True), version)
        except DamagedModel:
            return None

    def pipeline(self, segment: str) -> FeaturePipeline:
        """The feature pipeline over the batches that are visible now."""
        with self._lock:
            state = self.base.state()
            if state != self._state:
                self._pipelines, self._state = {}, state
            if segment not in self._pipelines:
                about = {one.code for one in self.base.catalogue.items.values() if segment in one.subject_kinds}
                items = tuple(sorted(about | set(items_read(segment))))
                peers = PeerTables.of(self.base)
                self._pipelines[segment] = FeaturePipeline(self.base.connection(items), segment, peers=peers)
            return self._pipelines[segment]

    def _online(self, segment: str) -> OnlineFeatures:
        with self._lock:
            return self._kept.setdefault(segment, OnlineFeatures(self.base, segment))

    def _rate(self, subject: SubjectRow, moment: datetime) -> Rating:
        if subject.kind not in ("enterprise", "farmer"):
            raise UnratedKind(Text(f"暂不为 {subject.kind} 评级", f"no rating model for the kind {subject.kind}"))
        serving, pipeline = self.serving(subject.kind), self.pipeline(subject.kind)
        features = self._online(subject.kind).get(subject.subject_id, moment)
        if features is None:
            features = pipeline.one(subject.subject_id, moment)
        bundle = serving.rating
        X = np.array([[features[code] for code in bundle.codes]])
        scores = Scorer(bundle).score(X)
        ahead = serving.distress({code: np.array([value]) for code, value in features.items()})[0].tolist()
        distress = {} if serving.warning is None else dict(zip(HORIZONS, ahead, strict=True))
        evidence = pipeline.evidence(subject.subject_id, moment, pipeline.codes, EVIDENCE_LIMIT)
        found = signals(
            subject.kind, features, distress, evidence, shanghai_day(moment), serving.why(features, evidence)
        )
        confidence, notes = _confidence(bundle, features, anything=any(evidence.values()))
        if serving.warning is None:
            notes = (*notes, NO_WARNING_MODEL)
        return Rating(
            score_id=f"s-{secrets.token_hex(12)}",
            subject_id=subject.subject_id,
            subject_kind=subject.kind,
            masked=subject.masked,
            as_of=moment,
            scored_at=now(),
            segment=subject.kind,
            model_name=model_name(subject.kind),
            model_version=serving.rating_version,
            model_family=bundle.family,
            pd=float(scores.pd[0]),
            score=float(scores.score[0]),
            grade=scores.grade[0],
            base_points=scores.base_points,
            clip_points=float(scores.clip_points[0]),
            reasons=_reasons(bundle, features, scores, evidence),
            signals=found,
            distress=distress,
            confidence=confidence,
            notes=notes,
            in_default=any(signal.code == IN_DEFAULT for signal in found),
            features={code: features[code] for code in bundle.codes},
        )

    def _warned(
        self, segment: str, subject_id: str, features: dict[str, float], ahead: dict[int, float], as_of: datetime
    ) -> Warned:
        serving = self.serving(segment)
        codes = [code for rule in fired(segment, features) for code in rule.features]
        unproved = serving.why(features, {})
        codes += [one.feature for one in raising_most(unproved.reasons)] if unproved else []
        evidence = self.pipeline(segment).evidence(subject_id, as_of, codes, EVIDENCE_LIMIT)
        why = serving.why(features, evidence)
        found = signals(segment, features, ahead, evidence, shanghai_day(as_of), why)
        return Warned(subject_id, self.base.subject(subject_id).masked, segment, found[0], len(found), ahead)

    def _stored_row(self, score_id: str) -> ScoreRow:
        with Session(self.base.engine, expire_on_commit=False) as session:
            row = session.get(ScoreRow, score_id)
        if row is None:
            raise UnknownScore(Text("没有此编号的评分", "no score of this id is stored"))
        return row


def _reasons(
    bundle: Bundle, features: dict[str, float], scores: Scores, evidence: dict[str, Any]
) -> tuple[Reason, ...]:
    declared = {one.code: one for one in features_for(bundle.segment)}
    made = [
        reason(declared[code], features[code], float(points), evidence.get(code, ()))
        for code, points in zip(bundle.codes, scores.points[0], strict=True)
        if points
    ]
    return tuple(sorted(made, key=lambda one: -abs(one.points)))


def _confidence(bundle: Bundle, features: dict[str, float], *, anything: bool) -> tuple[Confidence, tuple[Text, ...]]:
    """How much of what the model weighs is known about the subject, and what to say where it is little."""
    whole = sum(bundle.weights.values()) or 1.0
    known = sum(weight for code, weight in bundle.weights.items() if not math.isnan(features[code])) / whole
    if known >= HIGH_CONFIDENCE:
        return "high", ()
    note = Text(
        f"资料有限：模型所看重信息中仅 {known:.0%} 有记录，评分仅供参考",
        f"thin file: only {known:.0%} of what the model weighs is on record; take the score with care",
    )
    if known >= MEDIUM_CONFIDENCE:
        return "medium", (note,)
    if not anything:
        nothing = Text("该时点之前没有任何可用记录", "no usable record was known at that moment")
        return "low", (note, nothing)
    return "low", (note,)


def _row(rating: Rating) -> ScoreRow:
    return ScoreRow(
        score_id=rating.score_id,
        subject_id=rating.subject_id,
        as_of=rating.as_of,
        scored_at=rating.scored_at,
        segment=rating.segment,
        model_name=rating.model_name,
        model_version=rating.model_version,
        pd=rating.pd,
        score=rating.score,
        grade=rating.grade,
        features=np.array(list(rating.features.values()), "<f8").tobytes(),
        payload=orjson.dumps(rating.as_dict()).decode(),
    )


def _number(value: float) -> float | None:
    return None if math.isnan(value) else value
