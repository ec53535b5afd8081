"""Scores that were given: found again, explained in full, with what would raise them."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from sqlalchemy import select
from sqlalchemy.orm import Session

from features.dictionary import registered, source_item
from models.bundle import Bundle
from models.grades import GRADE_WORDS
from models.registry import Registry
from records.base import RecordBase
from records.database import ScoreRow
from records.words import Text
from scoring.counterfactuals import Counterfactuals, counterfactuals
from scoring.peer_values import LatestPeers
from scoring.rating import UnknownScore
from scoring.reasons import value_in_words
from scoring.scorer import Scorer
from scoring.told import told_by

KEPT_BUNDLES = 8
LONGEST_HISTORY = 10_000
ELSEWHERE = Text("其他", "other")


@dataclass(frozen=True)
class Period:
    """A run of ratings of one grade by one model version, by their as-of; the last of them is ``score_id``."""

    grade: str
    words: Text
    model_name: str
    model_version: str
    since: datetime
    until: datetime
    ratings: int
    score: float
    pd: float
    score_id: str


class GivenScores:
    """Reads the scores of one base. Safe between threads."""

    def __init__(self, base: RecordBase, registry: Registry) -> None:
        self.base, self.registry = base, registry
        self.peers = LatestPeers(base)
        self._lock = threading.Lock()
        self._bundles: OrderedDict[tuple[str, str], Bundle] = OrderedDict()

    def row(self, score_id: str) -> ScoreRow:
        """Raises ``UnknownScore``."""
        with Session(self.base.engine, expire_on_commit=False) as session:
            row = session.get(ScoreRow, score_id) if score_id.isprintable() else None
        if row is None:
            raise UnknownScore(Text("没有此编号的评分", "no score of this id is stored"))
        return row

    def bundle(self, name: str, version: str) -> Bundle:
        """A registered model version, kept once it was read. Raises ``DamagedModel``, ``RegistryUnreachable``."""
        with self._lock:
            key = name, version
            if key not in self._bundles:
                self._bundles[key] = self.registry.bundle(name, version)
                if len(self._bundles) > KEPT_BUNDLES:
                    self._bundles.popitem(last=False)
            self._bundles.move_to_end(key)
            return self._bundles[key]

    def explanation(self, row: ScoreRow) -> dict[str, Any]:
        """Every reason of a score by source, from its sealed features and the model that gave it; texts in both.

        ``base_points`` + points of all sources + ``clip_points`` == ``score``. A reason keeps the words and the records
        it was given with; one that was too small to be told then has no records here.
        """
        bundle = self.bundle(row.model_name, row.model_version)
        values = np.frombuffer(row.features, "<f8")
        scored = Scorer(bundle).score(values[None])
        given = told_by(row)
        told = {one["feature"]: one for one in given["reasons"]}
        reasons = [
            told.get(code) or _reason(bundle, code, value, points)
            for code, value, points in zip(bundle.codes, values.tolist(), scored.points[0].tolist(), strict=True)
            if points
        ]
        return {
            **{name: given[name] for name in ("score_id", "subject_id", "masked", "as_of", "scored_at")},
            "model_name": row.model_name,
            "model_version": row.model_version,
            "score": row.score,
            "pd": row.pd,
            "grade": row.grade,
            "grade_words": GRADE_WORDS[row.grade],
            "base_points": scored.base_points,
            "clip_points": float(scored.clip_points[0]),
            "sources": self._by_source(reasons),
            "confidence": given["confidence"],
            "confidence_why": [_known(bundle, values), *(Text(**note) for note in given["notes"])],
            "signals": given["signals"],
        }

    def counterfactuals(self, row: ScoreRow) -> Counterfactuals:
        """What would have raised a score, said by the model that gave it. Raises ``NoPeers``."""
        bundle = self.bundle(row.model_name, row.model_version)
        peers = self.peers.of(row.segment)
        return counterfactuals(bundle, np.frombuffer(row.features, "<f8"), peers, registered())

    def grades(self, subject_id: str) -> list[Period]:
        """How a subject was graded, the latest first, of its last 10,000 ratings; ordered by what they are about.

        A rating as of a past day stands at that day, whenever it was made.
        """
        columns = (
            ScoreRow.as_of,
            ScoreRow.grade,
            ScoreRow.model_name,
            ScoreRow.model_version,
            ScoreRow.score,
            ScoreRow.pd,
            ScoreRow.score_id,
        )
        query = select(*columns).where(ScoreRow.subject_id == subject_id)
        with Session(self.base.engine) as session:
            newest = session.execute(query.order_by(ScoreRow.scored_at.desc()).limit(LONGEST_HISTORY)).all()
        periods: list[Period] = []
        for one in sorted(newest, key=lambda row: (row.as_of, row.score_id)):
            before = periods[-1] if periods else None
            same = before and (before.grade, before.model_name, before.model_version) == (
                one.grade,
                one.model_name,
                one.model_version,
            )
            since, count = (before.since, before.ratings + 1) if before and same else (one.as_of, 1)
            made = Period(
                one.grade,
                GRADE_WORDS[one.grade],
                one.model_name,
                one.model_version,
                since,
                one.as_of,
                count,
                one.score,
                one.pd,
                one.score_id,
            )
            periods = [*periods[:-1], made] if same else [*periods, made]
        return periods[::-1]

    def _by_source(self, reasons: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Reasons by the source whose records they are measured on, the weightiest source first."""
        groups: dict[str, list[dict[str, Any]]] = {}
        for one in sorted(reasons, key=lambda reason: -abs(reason["points"])):
            groups.setdefault(self._source(one["feature"]), []).append(one)
        sources = self.base.catalogue.sources
        made = [
            {
                "source": code,
                "words": sources[code].words if code in sources else ELSEWHERE,
                "points": sum(one["points"] for one in of_source),
                "reasons": of_source,
            }
            for code, of_source in groups.items()
        ]
        return sorted(made, key=lambda group: -sum(abs(one["points"]) for one in group["reasons"]))

    def _source(self, code: str) -> str:
        feature = registered().get(code)
        item = self.base.catalogue.items.get(source_item(feature)) if feature else None
        return item.source if item else "other"


def _reason(bundle: Bundle, code: str, value: float, points: float) -> dict[str, Any]:
    """A reason that the answer did not tell; its words are those of today where the model has kept none."""
    feature = registered().get(code)
    words = bundle.words.get(code) or (feature.words if feature else Text(code, code))
    known = None if np.isnan(value) else value
    said = value_in_words(feature, value) if feature else Text(str(known), str(known))
    return {"feature": code, "words": words, "value": known, "value_words": said, "points": points, "evidence": []}


def _known(bundle: Bundle, values: Any) -> Text:
    """How much of what the model weighs was on record."""
    weights = np.array([bundle.weights.get(code, 0.0) for code in bundle.codes])
    share = float(weights[~np.isnan(values)].sum()) / (float(weights.sum()) or 1.0)
    return Text(
        f"模型所看重的信息中 {share:.0%} 有记录（75% 及以上为高，40% 及以上为中）",
        f"{share:.0%} of what the model weighs is on record (high from 75%, medium from 40%)",
    )
