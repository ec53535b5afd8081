"""What must hold after each fault: every acknowledged score is stored and audited, once, and is what was told."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from benchmarks.faults.scores.loading import Attempt
from records.base import RecordBase
from records.database import AuditRow, ScoreRow
from records.database_answers import AnswerRow
from scoring.audit import verify
from scoring.replay import replayed

REPLAYS = 40


def findings(
    engine: Engine, since: datetime, acknowledged: Mapping[str, Sequence[Attempt]], given_up: Sequence[str]
) -> list[str]:
    """Whatever went against the promise ``since`` the first question, in words. Asked while no question is open."""
    scores = (AuditRow.action == "score", AuditRow.at >= since)
    with Session(engine) as session:
        stored = {one.score_id: one for one in session.execute(select(*_TOLD).where(ScoreRow.scored_at >= since))}
        entries = session.execute(select(AuditRow.subject_id, AuditRow.payload).where(*scores))
        audited = Counter((subject, orjson.loads(payload).get("score_id")) for subject, payload in entries)
        open_claims = session.scalars(select(AnswerRow.attempt).where(AnswerRow.status.is_(None))).all()
    found = [f"{key}: {problem}" for key, some in acknowledged.items() for problem in _wrong(some, stored, audited)]
    told = {one.said["score_id"] for some in acknowledged.values() for one in some}
    found += [f"{one}: stored, and nobody was told" for one in stored if one not in told and not given_up]
    found += [f"{one}: stored {count} times in the trail" for (_, one), count in audited.items() if count != 1]
    found += [f"{one}: in the trail and not stored" for _, one in audited if one not in stored]
    found += [f"a claim was left open: {one}" for one in open_claims]
    found += [f"{key}: never answered" for key in given_up]
    return found + [fault.en for fault in verify(engine).faults]


def replays(base: RecordBase) -> tuple[int, list[str]]:
    """Some scores of each version given again by the version that they name; how many, and those that differ."""
    from scoring.rating import Rater

    rater, found, count = Rater(base), [], 0
    with Session(base.engine) as session:
        for version in session.scalars(select(ScoreRow.model_version).distinct()).all():
            rows = select(ScoreRow).where(ScoreRow.model_version == version).order_by(ScoreRow.score_id).limit(REPLAYS)
            for row in session.scalars(rows):
                count += 1
                if not replayed(row, rater.bundle(row.model_name, version)).equal:
                    found.append(f"{row.score_id}: version {version} does not give it again")
    return count, found


_TOLD = (ScoreRow.score_id, ScoreRow.subject_id, ScoreRow.model_version, ScoreRow.score)


def _wrong(
    some: Sequence[Attempt], stored: Mapping[str, Any], audited: Mapping[tuple[str | None, Any], int]
) -> list[str]:
    """What is wrong with one question's answers."""
    first, found = some[0].said, []
    if len({(one.said["score_id"], one.said["sha256"]) for one in some}) != 1:
        found.append("asked again, it was answered otherwise")
    if (row := stored.get(first["score_id"])) is None:
        return [*found, "acknowledged and not stored"]
    if any(first[name] != getattr(row, name) for name in ("subject_id", "model_version", "score")):
        found.append("told otherwise than stored")
    if audited.get((row.subject_id, row.score_id), 0) != 1:
        found.append("acknowledged and not audited once")
    return found
