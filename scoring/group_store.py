"""What a group of questions leaves in the database: rows of scores, entries in the trail, evidence that was read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection

from features.online import OnlineFeatures
from models.registry import model_name
from records.bulk import insert_rows, moment_in
from records.errors import HuixinError, NotAuthenticated
from scoring.asked import Asked
from scoring.audit import Entry, append
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
    given = [one for one in group if one.answered is not None]
    moments = lru_cache(lambda moment: moment_in(connection, moment))
    insert_rows(connection, "scores", COLUMNS, [_row(one, moments) for one in given])
    append(connection, [entry for one in group if (entry := _entry(one)) is not None])
    for one in given:
        if one.keep is not None and one.found is not None and one.look is not None:
            kept = {one.found.subject_id: one.look.evidence.to_bytes()}
            online(one.found.kind).keep_evidence(connection, one.keep, kept)


def _row(one: Asked, moments: Callable[[datetime], Any]) -> tuple[Any, ...]:
    assert one.look is not None and one.answered is not None and one.found is not None  # noqa: S101, PT018
    look, answered, kind = one.look, one.answered, one.found.kind
    return (
        look.score_id,
        look.subject_id,
        moments(look.as_of),
        moments(look.scored_at),
        kind,
        _model_name(kind),
        answered.model_version,
        answered.pd,
        answered.score,
        answered.grade,
        answered.features,
        "",
        packed(answered.payload),
    )


def _entry(one: Asked) -> Entry | None:
    """What the trail says of a question: a score, or why it was refused; nothing where the key was not known."""
    if one.answered is not None and one.look is not None:
        payload = {"score_id": one.look.score_id, "score": one.answered.score.hex(), "authorisation": one.authorisation}
        return Entry(one.actor, "score", one.look.subject_id, one.purpose, payload)
    if isinstance(one.error, HuixinError) and not isinstance(one.error, NotAuthenticated):
        return Entry(one.actor, "score.refused", None, one.purpose, {"reason": one.error.code})
    return None


_model_name = lru_cache(model_name)
