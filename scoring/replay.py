"""A stored score given again: the model's step from the sealed features, and what can no longer be read behind them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from sqlalchemy import select
from sqlalchemy.orm import Session

from models.bundle import Bundle
from records.database import LifecycleRow, ScoreRow
from records.visibility import GONE
from records.words import Text
from scoring.scorer import TOLERANCE, Scorer
from scoring.told import told_by


@dataclass(frozen=True)
class Replay:
    """A stored score given again from its sealed features and its recorded model.

    ``unreadable``: records of the subject, as item/record id, that law has had erased since; the features that were
    measured on them can no longer be computed again, but the model's step can, from the sealed ones.
    """

    score_id: str
    equal: bool
    score: float
    stored_score: float
    model_version: str
    detail: Text
    unreadable: tuple[str, ...] = ()


def replayed(row: ScoreRow, bundle: Bundle, unreadable: tuple[str, ...] = ()) -> Replay:
    """``row`` again with the model that gave it: equal where PD, score and every told point are, bit for bit."""
    again = Scorer(bundle).score(np.frombuffer(row.features, "<f8").reshape(1, -1))
    score, pd = float(again.score[0]), float(again.pd[0])
    given = {code: float(value) for code, value in zip(bundle.codes, again.points[0], strict=True) if value}
    told = told_by(row)
    equal = score.hex() == row.score.hex() == float(told["score"]).hex() and pd.hex() == row.pd.hex()
    equal = equal and again.grade[0] == row.grade == told["grade"] and _same_points(told, given)
    detail = Text(f"存 {row.score!r}，重放 {score!r}", f"stored {row.score!r}, replayed {score!r}")
    if unreadable:
        detail = Text(
            f"{detail.zh}；其后依法删除、不可再读的记录 {len(unreadable)} 条，重放依据封存的特征值",
            f"{detail.en}; {len(unreadable)} records were lawfully erased since and cannot be read: "
            "replayed from the sealed features",
        )
    return Replay(row.score_id, equal, score, row.score, row.model_version, detail, unreadable)


def unsealed(row: ScoreRow, seal: Literal["broken", "absent"]) -> Replay:
    """``row`` is not what was given: it is not replayed, and said to differ."""
    if seal == "absent":
        detail = Text("审计链中没有此评分的条目", "the audit trail has no entry of this score")
    else:
        detail = Text(
            "存档与审计链封存的不符，已被改动", "what is stored is not what the audit trail sealed: it was changed"
        )
    return Replay(row.score_id, False, row.score, row.score, row.model_version, detail)


def erased_since(session: Session, row: ScoreRow) -> tuple[str, ...]:
    """Records of the row's subject that were erased after it was given, as item/record id."""
    event = LifecycleRow
    of_subject = (event.subject_id == row.subject_id, event.action.in_(GONE), event.recorded_at > row.scored_at)
    found = session.execute(
        select(event.item, event.record_id).where(*of_subject).order_by(event.item, event.record_id)
    )
    return tuple(f"{item}/{record_id}" for item, record_id in found)


def _same_points(told: dict[str, object], given: dict[str, float]) -> bool:
    """Whether the told reasons are those that were found, and those that a brief answer left out sum up to its rest."""
    reasons = told["reasons"]
    assert isinstance(reasons, list)  # noqa: S101
    points = {one["feature"]: one["points"] for one in reasons}
    if points != {code: value for code, value in given.items() if code in points}:
        return False
    rest = told.get("other_points", 0.0)
    untold = [value for code, value in given.items() if code not in points]
    return (
        isinstance(rest, float | int)
        and abs(sum(untold) - rest) <= TOLERANCE
        and bool("other_points" in told or not untold)
    )
