"""What ties a stored score to its entry in the trail: a hash over everything that was stored of it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, Literal

import orjson
from sqlalchemy import select
from sqlalchemy.orm import Session

from records.database import AuditRow, ScoreRow

Seal = Literal["whole", "broken", "absent", "none"]


def sealed(row: Mapping[str, Any]) -> str:
    """SHA-256 over a row of ``scores`` by column: whom, when, which model, what came out, features, answer.

    The answer counts as it lies there: as text in rows of old, packed in others.
    """
    told = [
        row["score_id"],
        row["subject_id"],
        row["as_of"].isoformat(timespec="microseconds"),
        row["scored_at"].isoformat(timespec="microseconds"),
        row["segment"],
        row["model_name"],
        row["model_version"],
        row["pd"].hex(),
        row["score"].hex(),
        row["grade"],
    ]
    found = hashlib.sha256(orjson.dumps(told))
    found.update(row["features"])
    found.update(row["payload"].encode())
    if row["answer"] is not None:
        found.update(row["answer"])
    return found.hexdigest()


def sealed_row(row: ScoreRow) -> str:
    return sealed({column.name: getattr(row, column.name) for column in ScoreRow.__table__.columns})


def seal_of(session: Session, row: ScoreRow) -> Seal:
    """Whether ``row`` is what its entry sealed; ``none``: the entry is older than seals, ``absent``: there is none."""
    named = AuditRow.payload.contains(f'"score_id":"{row.score_id}"', autoescape=True)
    query = select(AuditRow.payload).where(AuditRow.subject_id == row.subject_id, AuditRow.action == "score", named)
    for payload in session.scalars(query):
        kept = orjson.loads(payload).get("sealed")
        return "none" if kept is None else "whole" if kept == sealed_row(row) else "broken"
    return "absent"
