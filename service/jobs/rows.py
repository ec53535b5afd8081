"""Ratings of some subjects in one pass: who may be scored, what each answer holds, what the audit trail says."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

import pyarrow as pa
from sqlalchemy.orm import Session

from records.base import RecordBase
from records.errors import HuixinError
from records.words import Text
from scoring.audit import enter
from scoring.batch import columns_of
from scoring.columns import Reasons, ScoreColumns
from scoring.rating import Rater, UnratedKind
from service.security import Client, allow_subject
from service.security.consents import Consents

SEGMENTS = ("enterprise", "farmer")


@dataclass(frozen=True)
class Wanted:
    """A subject to be scored, and the reference of its authorisation."""

    subject_id: str
    kind: str
    authorisation: str | None


@dataclass(frozen=True)
class Rated:
    """The scores of subjects of one kind, and at which places of the question each of them stood."""

    columns: ScoreColumns
    places: list[int]
    scores: pa.RecordBatch

    def answers(self) -> list[dict[str, Any]]:
        """Each row as JSON has it."""
        return [_answer(row, self.columns) for row in self.scores.to_pylist()]


def wanted(base: RecordBase, client: Client, subject: str, purpose: str, authorisation: str | None) -> Wanted:
    """Who ``subject`` is. Raises ``UnknownSubject``, ``BadIdentifier``, ``NotAllowed``, ``UnratedKind``."""
    found = base.subject(subject)
    allow_subject(client, found.kind, authorisation)
    Consents(base).check(client, found.subject_id, (found.kind,), purpose, authorisation)
    if found.kind not in SEGMENTS:
        raise UnratedKind(Text(f"暂不为 {found.kind} 评级", f"no rating model for the kind {found.kind}"))
    return Wanted(found.subject_id, found.kind, authorisation)


def rate(rater: Rater, asked: Sequence[tuple[int, Wanted]], moment: datetime, reasons: Reasons) -> list[Rated]:
    """Score the subjects of ``asked`` (place, subject) as of ``moment``, by kind."""
    made = []
    for segment in SEGMENTS:
        some = [(place, one.subject_id) for place, one in asked if one.kind == segment]
        if not some:
            continue
        moments = pa.array([moment] * len(some), pa.timestamp("us"))
        spine = pa.table({"subject_id": pa.array([subject for _, subject in some], pa.string()), "as_of": moments})
        columns = columns_of(rater, segment, reasons)
        scores = columns.score(rater.pipeline(segment).build(spine))[0]
        made.append(Rated(columns, [place for place, _ in some], scores))
    return made


def enter_each(
    session: Session, client_id: str, purpose: str, asked: dict[int, Wanted], rated: Sequence[Rated], **noted: Any
) -> None:
    """One entry a subject that was named: whom, what for, by which authorisation, and the score to the last bit."""
    for part in rated:
        version = part.columns.version
        for place, score in zip(part.places, part.scores.column("score").to_pylist(), strict=True):
            one = asked[place]
            payload = {"score": score.hex(), "model_version": version, "authorisation": one.authorisation, **noted}
            enter(session, client_id, "score", subject_id=one.subject_id, purpose=purpose, payload=payload)


def enter_chunk(
    session: Session, client_id: str, purpose: str, segment: str, rated: Rated, moment: datetime, **noted: Any
) -> None:
    """One entry for some of a whole segment, in the order of their ids.

    The first and the last id, how many lie between, and the digest of all: whether a subject is among them follows
    from its id and the records, and the digest proves it.
    """
    ids = rated.scores.column("subject_id").to_pylist()
    payload = {
        "segment": segment,
        "as_of": f"{moment.isoformat()}Z",
        "model_version": rated.columns.version,
        "subjects": len(ids),
        "first": ids[0],
        "last": ids[-1],
        "sha256": sha256("\n".join(ids).encode()).hexdigest(),
        **noted,
    }
    enter(session, client_id, "score.many", purpose=purpose, payload=payload)


def tried(act: Callable[[], Wanted]) -> Wanted | HuixinError:
    try:
        return act()
    except HuixinError as error:
        return error


def problem_of(error: HuixinError) -> dict[str, Any]:
    """An error as a line of many has it (RFC 9457, in both languages)."""
    return {
        "type": f"urn:huixin:problem:{error.code}",
        "status": error.status,
        "zh": {"title": error.title.zh, "detail": error.text.zh},
        "en": {"title": error.title.en, "detail": error.text.en},
    }


def _answer(row: dict[str, Any], columns: ScoreColumns) -> dict[str, Any]:
    ahead = [name for name in row if name.startswith("distress_")]
    made = {name: row[name] for name in ("subject_id", "model_version", "pd", "score", "grade")}
    made |= {"as_of": f"{row['as_of'].isoformat()}Z", "base_points": row["base_points"]}
    made |= {"clip_points": row["clip_points"], "distress": {name[9:-1]: _number(row[name]) for name in ahead}}
    if columns.reasons == "top":
        told = zip(row["top_reasons"], row["top_points"], strict=True)
        made["other_points"] = row["other_points"]
    else:
        shares = ((code, row[f"points_{code}"]) for code in columns.rating.codes)
        told = sorted((one for one in shares if one[1]), key=lambda one: -abs(one[1]))  # type: ignore[assignment]
    return made | {"reasons": [{"feature": code, "points": points} for code, points in told]}


def _number(value: float) -> float | None:
    return None if value != value else value
