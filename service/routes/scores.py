"""``/v1/scores``: a rating now, a rating given before, a replay."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Header, Request
from pydantic import BaseModel, ConfigDict, Field

from records.errors import HuixinError
from records.words import Language
from scoring.audit import record
from service.problems import PROBLEMS
from service.security import Action, Client, Purpose, allow, allow_subject

router = APIRouter(prefix="/v1", tags=["scores"], responses=PROBLEMS)


class ScoreRequest(BaseModel):
    """Whom to rate, as of when, and what for."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {"subject": "8856ff13f5bbf23995ee8daee4057af2", "purpose": "loan_application"},
                {
                    "subject": "0b4c62b7d4cd4ddc0d4b5d9d5a6ce1f7",
                    "as_of": "2025-12-31",
                    "purpose": "loan_monitoring",
                    "authorisation": "SQ-2025-000123",
                    "language": "zh",
                },
            ]
        },
    )

    subject: Annotated[
        str,
        Field(
            min_length=1,
            max_length=64,
            description="主体编号，或统一社会信用代码、公民身份号码 / subject id or identity number",
        ),
    ]
    purpose: Annotated[Purpose, Field(description="查询目的 / purpose")]
    as_of: Annotated[
        str | None,
        Field(max_length=40, description="时点：日期（上海当日终了）或带时区时刻，默认现在 / as-of day or instant"),
    ] = None
    authorisation: Annotated[
        str | None,
        Field(
            min_length=1,
            max_length=100,
            description="本人书面授权编号，查询自然人时必填 / reference of the person's authorisation",
        ),
    ] = None
    language: Annotated[
        Language | None, Field(description="文字语种，默认两种都给 / language of texts, default both")
    ] = None


class ReplayAnswer(BaseModel):
    """A stored score given again."""

    score_id: str
    equal: bool
    score: float
    stored_score: float
    model_version: str
    detail: dict[Literal["zh", "en"], str]


def client_of(
    request: Request, x_api_key: Annotated[str | None, Header(description="调用方密钥 / the client's key")] = None
) -> Client:
    """The authenticated client of a request."""
    found: Client = request.app.state.clients.authenticate(x_api_key)
    return found


Asking = Annotated[Client, Depends(client_of)]


@router.post("/scores", summary="评级一个主体 / rate a subject", status_code=200)
def score(request: Request, asked: ScoreRequest, client: Asking) -> dict[str, Any]:
    """PD、评分、等级、全部理由与证据、预警信号。每次查询都记入审计链。

    PD, score, grade, every reason with its evidence, and signals. Each look goes into the audit trail.
    """
    rater, base = request.app.state.rater, request.app.state.base
    try:
        allow(client, "score")
        subject = base.subject(asked.subject)
        allow_subject(client, subject.kind, asked.authorisation)
        rating = rater.rate(
            subject.subject_id,
            asked.as_of,
            actor=client.client_id,
            purpose=asked.purpose,
            authorisation=asked.authorisation,
        )
    except HuixinError as error:
        _refused(request, client, "score", error, asked.purpose)
        raise
    answer: dict[str, Any] = rating.as_dict(asked.language)
    return answer


@router.get("/scores/{score_id}", summary="查看已给出的评分 / a score given before")
def stored(request: Request, score_id: str, client: Asking) -> dict[str, Any]:
    """评分给出时的原文。 / The score exactly as it was given."""
    _allowed(request, client, "read")
    found: dict[str, Any] = request.app.state.rater.stored(score_id)
    record(
        request.app.state.base.engine,
        client.client_id,
        "read",
        subject_id=found["subject_id"],
        payload={"score_id": found["score_id"]},
    )
    return found


@router.post("/scores/{score_id}/replay", summary="重放评分 / give a stored score again")
def replay(request: Request, score_id: str, client: Asking) -> ReplayAnswer:
    """由封存的特征与当时的模型重算，须逐位相同。 / From the sealed features and the model of then, bit for bit."""
    _allowed(request, client, "replay")
    found = request.app.state.rater.replay(score_id, client.client_id)
    return ReplayAnswer(
        score_id=found.score_id,
        equal=found.equal,
        score=found.score,
        stored_score=found.stored_score,
        model_version=found.model_version,
        detail={"zh": found.detail.zh, "en": found.detail.en},
    )


def _allowed(request: Request, client: Client, action: Action) -> None:
    try:
        allow(client, action)
    except HuixinError as error:
        _refused(request, client, action, error)
        raise


def _refused(request: Request, client: Client, action: str, error: HuixinError, purpose: str | None = None) -> None:
    engine = request.app.state.base.engine
    record(engine, client.client_id, f"{action}.refused", purpose=purpose, payload={"reason": error.code})
