"""One subject end to end: from an identity to a rating with reasons, signals and the records behind them."""

from __future__ import annotations

import math
import secrets
import threading
import time
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any, ClassVar

import numpy as np
import orjson
import structlog
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from features.dictionary import features_for, items_read
from features.online import OnlineFeatures
from features.peers import PeerTables
from features.pipeline import FeaturePipeline
from models.bundle import Bundle, DamagedModel
from models.hazard import HORIZONS
from models.registry import Registry, model_name
from records.base import RecordBase
from records.database import ScoreRow, SubjectRow, writing
from records.errors import BadMoment, HuixinError, ModelNotTrained
from records.moment import now, parse_as_of, shanghai_day
from records.plain import plain
from records.words import Language, Text
from scoring.audit import enter
from scoring.reasons import Reason, reason
from scoring.replay import Replay, erased_since, replayed, unsealed
from scoring.scorer import Scorer, Scores
from scoring.sealing import seal_of, sealed_row
from scoring.serving import NO_WARNING_MODEL, Confidence, Serving, confidence, known_shares
from scoring.signals import (
    AFTER_DEFAULT,
    IN_DEFAULT,
    SEVERITIES,
    Signal,
    fired,
    raising_most,
    signals,
)
from scoring.told import DamagedScore, packed, told_by

EVIDENCE_LIMIT, BUNDLES_KEPT = 5, 8
log = structlog.get_logger()
CHAMPION_CHECK_SECONDS = 2.0


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
        """JSON-ready; texts in ``language``, or in both as {"zh", "en"}. Missing feature values are null.

        ``other_points``: the points of reasons that are not told; 0, since all are.
        """
        made = plain(asdict(self), language)
        assert isinstance(made, dict)  # noqa: S101
        features = {code: _number(value) for code, value in self.features.items()}
        return {**made, "other_points": 0.0, "features": features}


@dataclass(frozen=True)
class Warned:
    """A subject with its gravest current signal."""

    subject_id: str
    masked: str
    segment: str
    signal: Signal
    count: int
    distress: dict[int, float]


class Rater:
    """Rates subjects of one base with the registered champions. Safe between threads; follows promotions."""

    def __init__(self, base: RecordBase, registry: Registry | None = None) -> None:
        self.base = base
        self.registry = registry or Registry(base.settings)
        self._lock, self._champions = threading.Lock(), threading.Lock()
        self._follower: threading.Thread | None = None
        self._bundles: dict[tuple[str, str], Bundle] = {}
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
            row = _row(rating)
            payload = {
                "score_id": rating.score_id,
                "score": rating.score.hex(),
                "authorisation": authorisation,
                "sealed": sealed_row(row),
            }
            session.add(row)
            session.flush()
            enter(session, actor, "score", subject_id=found.subject_id, purpose=purpose, payload=payload)
        return rating

    def stored(self, score_id: str) -> dict[str, Any]:
        """A stored rating as it was given. Raises ``UnknownScore``."""
        return told_by(self._stored_row(score_id))

    def replay(self, score_id: str, actor: str = "command line") -> Replay:
        """Give a stored score again from its sealed features and recorded model version, and compare bit for bit.

        Not equal either where what is stored is not what the trail sealed. Raises ``UnknownScore``, ``DamagedScore``.
        """
        row = self._stored_row(score_id)
        with Session(self.base.engine) as session:
            gone, seal = erased_since(session, row), seal_of(session, row)
        if seal in ("broken", "absent"):
            found = unsealed(row, seal)
        else:
            found = replayed(row, self.bundle(row.model_name, row.model_version), gone)
        with writing(self.base.engine) as session:
            payload = {"score_id": score_id, "equal": found.equal, "unreadable": len(gone)}
            enter(session, actor, "replay", subject_id=row.subject_id, payload=payload)
        return found

    def bundle(self, name: str, version: str) -> Bundle:
        """A registered bundle, the last few kept in memory: a version's files never change."""
        with self._lock:
            known = self._bundles.get((name, version))
        if known is None:
            known = self.registry.bundle(name, version)
            with self._lock:
                while len(self._bundles) >= BUNDLES_KEPT:
                    del self._bundles[next(iter(self._bundles))]
                self._bundles[name, version] = known
        return known

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
        kept = self._serving.get(segment)
        fresh = time.monotonic() - self._checked.get(segment, -1e9) < CHAMPION_CHECK_SECONDS
        if kept is not None and (fresh or self._follower is not None):
            return kept
        return self._renewed(segment)

    def follow(self) -> None:
        """Ask the registry aside from now on: ``serving`` then answers from memory, and swaps within a second or two.

        While the registry does not answer, or a promoted version cannot be read, the models that are loaded go on.
        """
        with self._champions:
            if self._follower is None:
                self._follower = threading.Thread(target=self._follow, name="champions", daemon=True)
                self._follower.start()

    def _follow(self) -> None:
        while True:
            time.sleep(CHAMPION_CHECK_SECONDS / 2)
            for segment in list(self._serving):
                try:
                    self._renewed(segment)
                except Exception as error:  # whatever it is: those that are loaded serve on
                    log.error("champion", segment=segment, kind=type(error).__name__)

    def _renewed(self, segment: str) -> Serving:
        with self._champions:
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

    def online(self, segment: str) -> OnlineFeatures:
        """The latest features of ``segment`` by primary key."""
        with self._lock:
            kept = self._kept.get(segment)
            return kept or self._kept.setdefault(segment, OnlineFeatures(self.base, segment))

    def _rate(self, subject: SubjectRow, moment: datetime) -> Rating:
        check_rated(subject.kind)
        serving, pipeline = self.serving(subject.kind), self.pipeline(subject.kind)
        features = self.online(subject.kind).get(subject.subject_id, moment)
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
        weights = np.array([bundle.weights.get(code, 0.0) for code in bundle.codes])
        how_sure, notes = confidence(float(known_shares(weights, X)[0]), anything=any(evidence.values()))
        if serving.warning is None:
            notes = (*notes, NO_WARNING_MODEL)
        return Rating(
            score_id=new_score_id(),
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
            confidence=how_sure,
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
            try:
                row = session.get(ScoreRow, score_id)
            except (DBAPIError, ValueError, TypeError) as error:  # a column holds what nobody stores there
                raise DamagedScore(
                    Text("此评分的存档已不可读", "what was stored of this score cannot be read")
                ) from error
        if row is None:
            raise UnknownScore(Text("没有此编号的评分", "no score of this id is stored"))
        return row


def new_score_id() -> str:
    """An id that nobody can guess. Ids grow with time, so that they lie side by side in the index of their table."""
    return f"s-{time.time_ns() // 1_000_000:011x}{secrets.token_hex(7)[:13]}"


def check_rated(kind: str) -> None:
    """Raises ``UnratedKind`` for a kind of subject that no model rates."""
    if kind not in ("enterprise", "farmer"):
        raise UnratedKind(Text(f"暂不为 {kind} 评级", f"no rating model for the kind {kind}"))


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
        payload="",
        answer=packed(orjson.dumps(rating.as_dict())),
    )


def _number(value: float) -> float | None:
    return None if math.isnan(value) else value
