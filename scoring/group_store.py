"""What a group of questions leaves in the database: rows of scores, entries in the trail, evidence that was read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.orm import Session

from features.online import OnlineFeatures
from models.registry import model_name
from records.bulk import insert_rows, moment_in
from records.errors import HuixinError, NotAuthenticated
from scoring.asked import Asked
from scoring.audit import Entry, append
from scoring.sealing import sealed
from scoring.told import packed

COLUMNS = (
    "score_id",
    "subject_id",
    "as_of",
    "scored_at",
    "segment",
    "model_name",
    "model_version",
    "pd",
    "score",
    "grade",
    "features",
    "payload",
    "answer",
)


def store(connection: Connection, group: Sequence[Asked], online: Callable[[str], OnlineFeatures]) -> None:
    """All of ``group`` that was answered or refused, in the write transaction of ``connection``."""
    for one in group:
        if one.settle is not None and one.answered is not None:
            _settle(connection, one, one.settle, one.answered.answer)
    given = [one for one in group if one.answered is not None]
    rows = [_row(one) for one in given]
    seals = {id(one): sealed(row) for one, row in zip(given, rows, strict=True)}
    kept_as = lru_cache(lambda moment: moment_in(connection, moment))
    for row in rows:
        row["as_of"], row["scored_at"] = kept_as(row["as_of"]), kept_as(row["scored_at"])
    insert_rows(connection, "scores", COLUMNS, [tuple(row.values()) for row in rows])
    append(connection, [entry for one in group if (entry := _entry(one, seals.get(id(one)))) is not None])
    for one in given:
        if one.keep is not None and one.found is not None and one.look is not None:
            kept = {one.found.subject_id: one.look.evidence.to_bytes()}
            online(one.found.kind).keep_evidence(connection, one.keep, kept)


def _settle(connection: Connection, one: Asked, settle: Callable[[Session, bytes], None], answer: bytes) -> None:
    """Keep the answer for who asks again; where that is refused there is no score."""
    try:
        with Session(bind=connection) as session:
            settle(session, answer)
            session.flush()
    except HuixinError as error:
        one.answered, one.error = None, error


def _row(one: Asked) -> dict[str, Any]:
    """A row by column, in the order of ``COLUMNS``."""
    assert one.look is not None and one.answered is not None and one.found is not None  # noqa: S101, PT018
    look, answered, kind = one.look, one.answered, one.found.kind
    return {
        "score_id": look.score_id,
        "subject_id": look.subject_id,
        "as_of": look.as_of,
        "scored_at": look.scored_at,
        "segment": kind,
        "model_name": _model_name(kind),
        "model_version": answered.model_version,
        "pd": answered.pd,
        "score": answered.score,
        "grade": answered.grade,
        "features": answered.features,
        "payload": "",
        "answer": packed(answered.payload),
    }


def _entry(one: Asked, seal: str | None) -> Entry | None:
    """What the trail says of a question: a score, or why it was refused; nothing where the key was not known."""
    if one.answered is not None and one.look is not None:
        payload = {
            "score_id": one.look.score_id,
            "score": one.answered.score.hex(),
            "authorisation": one.authorisation,
            "sealed": seal,
        }
        return Entry(one.actor, "score", one.look.subject_id, one.purpose, payload)
    if isinstance(one.error, HuixinError) and not isinstance(one.error, NotAuthenticated):
        return Entry(one.actor, "score.refused", None, one.purpose, {"reason": one.error.code})
    return None


_model_name = lru_cache(model_name)
