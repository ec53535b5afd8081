"""``/v1/scores``: a rating now, a rating given before, a replay."""

from __future__ import annotations

import re
from hashlib import sha256
from typing import Annotated, Any, Literal

from anyio import from_thread
from fastapi import APIRouter, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.routing import Route

from records.errors import HuixinError
from records.words import Language
from scoring.audit import record
from scoring.groups import Asked, ScoreGroups
from service.etags import NOT_MODIFIED, tagged
from service.idempotency import Once, Settle, asked_once
from service.looks import Authorisation, look
from service.problems import PROBLEMS
from service.references import NO_NUMBER
from service.security import Action, Asking, Client, Purpose, allow, allow_subject, client_of
from service.security.asking import bound_to_certificate, limit
from service.security.certificates import certificate_of
from service.security.consents import Consents

KEYS_REMEMBERED = 10_000
FAILED = "huixin.failed"
"""Where in a request's scope the short way (``service.hot_path``) leaves what it met with."""
JSON = re.compile(r"application/([a-z.+-]+\+)?json\s*(;|$)", re.IGNORECASE)
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
        NO_NUMBER,
    ] = None
    language: Annotated[
        Language | None, Field(description="文字语种，默认两种都给 / language of texts, default both")
    ] = None
    reasons: Annotated[
        int | None,
        Field(
            ge=1,
            le=1_000,
            description="简要回答：只列影响最大的若干条理由，其余合计于 other_points，不列特征值；默认全部 / "
            "a brief answer: so many of the weightiest reasons, the others summed up in other_points, no feature "
            "values; default all",
        ),
    ] = None


class ReplayAnswer(BaseModel):
    """A stored score given again."""

    score_id: str
    equal: bool
    score: float
    stored_score: float
    model_version: str
    detail: dict[Literal["zh", "en"], str]
    unreadable: list[str]


async def score(request: Request) -> Response:
    """PD、评分、等级、理由与证据、预警信号。每次查询都记入审计链；评分与审计已落盘后才应答。

    PD, score, grade, reasons with their evidence, and signals. Each look goes into the audit trail; the answer leaves
    when score and entry are on disk.
    """
    request.scope["route"] = HOT
    if (failed := request.scope.get(FAILED)) is not None:
        raise failed
    client, proof = await recognised(request)
    asked = await _read(request)
    try:
        allow(client, "score")
    except HuixinError as error:
        await run_in_threadpool(_refused, request, client, "score", error, asked.purpose)
        raise
    question = question_of(request.app.state, client, proof, asked)
    groups: ScoreGroups = request.app.state.groups
    if (key := request.headers.get("idempotency-key")) is None:
        return Response(await groups.score(question), media_type="application/json")
    once = await asked_once(request, key)

    def rated(settle: Settle | None) -> Response:
        question.settle = settle
        return Response(from_thread.run(groups.score, question), media_type="application/json")

    return await run_in_threadpool(once.answer_with_effect, client.client_id, rated)


HOT = Route("/v1/scores", score, methods=["POST"])
"""Answers before FastAPI's router looks: without dependencies to solve and answers to serialise."""


def question_of(state: Any, client: Client, proof: str | None, asked: ScoreRequest) -> Asked:
    """What a client asks of the groups of the service's ``state``."""
    consents: Consents = state.consents
    purpose, authorisation = asked.purpose, asked.authorisation
    return Asked(
        subject=asked.subject.strip(),
        actor=client.client_id,
        purpose=purpose,
        allowed=lambda kind: allow_subject(client, kind, authorisation),
        consented=lambda subject_id, kind, session: consents.check(
            client, subject_id, (kind,), purpose, authorisation, session
        ),
        proof=proof,
        as_of=asked.as_of,
        authorisation=authorisation,
        language=asked.language,
        reasons=asked.reasons,
    )


async def recognised(request: Request) -> tuple[Client, str | None]:
    """The authenticated client of a request, and its key's hash where the key came before.

    Whether a remembered key has been revoked or replaced since is asked with the group that the request is answered in.
    Tokens are read each time.
    """
    key, authorization = request.headers.get("x-api-key"), request.headers.get("authorization")
    if key is None or authorization is not None:
        return await run_in_threadpool(client_of, request, key, authorization), None
    known: dict[str, Client] = request.app.state.recognised
    proof = sha256(key.encode()).hexdigest()
    client = known.get(proof)
    if client is None:
        client = await run_in_threadpool(client_of, request, key)
        if len(known) >= KEYS_REMEMBERED:
            known.clear()
        known[proof] = client
        return client, proof
    bound_to_certificate(client, certificate_of(request, request.app.state.base.settings.access))
    if client.per_day is None and request.app.state.limits.settings.per_day is None:
        limit(request, client)
    else:
        await run_in_threadpool(limit, request, client)
    return client, proof


async def _read(request: Request) -> ScoreRequest:
    """The question. Raises ``RequestValidationError``."""
    try:
        if not JSON.match(request.headers.get("content-type", "")):
            raise RequestValidationError([{"loc": ("header", "content-type"), "type": "json_type"}])
        return ScoreRequest.model_validate_json(await request.body())
    except ValidationError as error:
        raise invalid(error) from error


def invalid(error: ValidationError) -> RequestValidationError:
    """What is wrong with a body, as the handlers of errors read it."""
    found = error.errors(include_url=False, include_input=False)
    return RequestValidationError([{**one, "loc": ("body", *one["loc"])} for one in found])


@router.post(
    "/scores",
    summary="评级一个主体 / rate a subject",
    description=score.__doc__,
    operation_id="score_v1_scores_post",
    openapi_extra={
        "requestBody": {"required": True, "content": {"application/json": {"schema": ScoreRequest.model_json_schema()}}}
    },
)
async def _documented(request: Request, client: Asking, once: Once) -> dict[str, Any]:
    """The operation as the document tells it; ``HOT`` answers it."""
    raise NotImplementedError


@router.get(
    "/scores/{score_id}",
    summary="查看已给出的评分 / a score given before",
    response_model=dict[str, Any],
    responses=NOT_MODIFIED,
)
def stored(request: Request, score_id: str, client: Asking, authorisation: Authorisation = None) -> Response:
    """评分给出时的原文。带 ETag。 / The score exactly as it was given. With an ETag."""
    _allowed(request, client, "read")
    found: dict[str, Any] = request.app.state.rater.stored(score_id)
    look(request, client, "read", found["subject_id"], authorisation, found["segment"], score_id=found["score_id"])
    return tagged(request, found)


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
        unreadable=list(found.unreadable),
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
