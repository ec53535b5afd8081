"""``/v1/scores/{score_id}/explanation`` and ``/counterfactuals``: why a score is as it is, what would raise it."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Request
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field

from features.plain import plain as finite
from records.database import ScoreRow
from records.errors import HuixinError
from records.plain import plain
from scoring.audit import record
from scoring.given import GivenScores
from service.etags import NOT_MODIFIED, tagged
from service.looks import Authorisation, look
from service.problems import PROBLEMS
from service.routes.score_history import Words
from service.security import Asking, Client, allow

router = APIRouter(prefix="/v1/scores", tags=["scores"], responses=PROBLEMS | NOT_MODIFIED)
ScoreId = Annotated[
    str, Path(max_length=40, description="评分编号 / score id", examples=["s-3f0c9e0f4a6b1c2d3e4f5a6b"])
]


class EvidenceAnswer(BaseModel):
    """A record behind a reason."""

    item: str
    record_id: str
    occurred_on: str


class ReasonAnswer(BaseModel):
    """A feature's exact share of the score."""

    model_config = ConfigDict(extra="allow")

    feature: str
    words: Words
    value: float | None
    value_words: Words
    points: float
    evidence: list[EvidenceAnswer]


class SourceAnswer(BaseModel):
    """The reasons from one source's records, and their points together."""

    source: str
    words: Words
    points: float
    reasons: list[ReasonAnswer]


class ExplanationAnswer(BaseModel):
    """Why a score is what it is: ``base_points`` + points of all sources + ``clip_points`` == ``score``."""

    score_id: str
    subject_id: str
    masked: str
    as_of: str
    scored_at: str
    model_name: str
    model_version: str
    score: float
    pd: float
    grade: str
    grade_words: Words
    base_points: float = Field(description="模型的基础分 / the model's base points")
    clip_points: float = Field(description="截断至 300–900 所加减的分 / points by clipping to 300..900")
    sources: list[SourceAnswer]
    confidence: str
    confidence_why: list[Words]
    signals: list[dict[str, Any]]


class ChangeAnswer(BaseModel):
    """One thing that could be better: from what to what, how many peers are there, and the points it brings."""

    feature: str
    words: Words
    value: float
    value_words: Words
    to: float
    to_words: Words
    peers: float = Field(description="已达到此值的同类占比 / share of peers with this value or better")
    window_months: int | None = Field(description="该项按多少个月计算 / over how many months it is measured")
    points: float


class PathAnswer(BaseModel):
    """Changes made together, everything else as it is, and what the model then says."""

    changes: list[ChangeAnswer]
    pd: float
    score: float
    grade: str
    gain: float
    reaches_target: bool
    words: Words


class CounterfactualsAnswer(BaseModel):
    """What would raise a score; every figure is the model's own answer to the changed features."""

    score_id: str
    pd: float
    score: float
    grade: str
    target_grade: str | None
    paths: list[PathAnswer] = Field(description="升一级所需的最少、最小改变 / the fewest, smallest changes for a grade")
    alone: list[PathAnswer] = Field(description="单项改善的效果 / what single changes give")
    peers: int = Field(description="所比较的同类户数 / peers compared with")
    notes: list[Words]


@router.get(
    "/{score_id}/explanation", summary="评分的全部理由 / all reasons of a score", response_model=ExplanationAnswer
)
def explanation(request: Request, score_id: ScoreId, client: Asking, authorisation: Authorisation = None) -> Response:
    """按来源归组的理由与证据、基础分、截断分、可信度及其原因。带 ETag。

    Reasons by source with the records behind them, base points, clipping, confidence and why. With an ETag.
    """
    row = _seen(request, score_id, client, authorisation, "explanation")
    store: GivenScores = request.app.state.given
    return tagged(request, plain(store.explanation(row)))


@router.get(
    "/{score_id}/counterfactuals",
    summary="如何提高评分 / what would raise a score",
    response_model=CounterfactualsAnswer,
)
def counterfactuals(
    request: Request, score_id: ScoreId, client: Asking, authorisation: Authorisation = None
) -> Response:
    """仅移动本人可改善的各项，只往单调性保证的方向，只到同类已有的值；展示前由原模型重算。

    Moves only what the subject can act on, only in the direction that the model is constrained to, only to values that
    peers have; re-scored by the model of the score before it is shown.
    """
    row = _seen(request, score_id, client, authorisation, "counterfactuals")
    store: GivenScores = request.app.state.given
    return tagged(request, {"score_id": score_id, **finite(store.counterfactuals(row))})


def _seen(request: Request, score_id: str, client: Client, authorisation: str | None, part: str) -> ScoreRow:
    store: GivenScores = request.app.state.given
    try:
        allow(client, "read")
        row = store.row(score_id)
    except HuixinError as error:
        engine = request.app.state.base.engine
        record(engine, client.client_id, "read.refused", payload={"reason": error.code, "part": part})
        raise
    look(request, client, "read", row.subject_id, authorisation, row.segment, score_id=score_id, part=part)
    return row
