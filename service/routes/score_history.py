"""``GET /v1/scores`` and ``/v1/subjects/{subject_id}/grades``: what a subject was given, and how it was graded."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request
from pydantic import BaseModel, ConfigDict
from sqlalchemy import select
from sqlalchemy.orm import Session

from features.plain import plain as numbers
from records.database import ScoreRow
from records.errors import BadMoment, HuixinError
from records.moment import end_of_day, parse_as_of, shanghai_day
from records.plain import plain
from records.words import Text
from scoring.given import GivenScores
from service.desk.paging import after, closed, instant
from service.looks import Authorisation, look, subject_id_only
from service.problems import PROBLEMS
from service.security import Asking

router = APIRouter(prefix="/v1", tags=["scores"], responses=PROBLEMS)
SUBJECT_ID = "主体编号；网址中不得出现证照号码 / subject id; identity numbers never stand in an address"
PATTERN = {"pattern": "^[0-9a-f]{32}$"}
EXAMPLE = "8856ff13f5bbf23995ee8daee4057af2"


class Words(BaseModel):
    """The same in Chinese and in English."""

    zh: str
    en: str


class GivenScore(BaseModel):
    """A stored score in brief; the whole is at ``/v1/scores/{score_id}``."""

    score_id: str
    subject_id: str
    as_of: str
    scored_at: str
    segment: str
    model_name: str
    model_version: str
    pd: float
    score: float
    grade: str


class GivenScorePage(BaseModel):
    """Scores of a subject, the newest first; ``next``: cursor of the following page, if there is one."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "scores": [
                        {
                            "score_id": "s-3f0c9e0f4a6b1c2d3e4f5a6b",
                            "subject_id": EXAMPLE,
                            "as_of": "2025-12-31T15:59:59.999999Z",
                            "scored_at": "2026-01-05T02:11:09.120034Z",
                            "segment": "enterprise",
                            "model_name": "huixin-enterprise",
                            "model_version": "3",
                            "pd": 0.0131,
                            "score": 624.6,
                            "grade": "BBB",
                        }
                    ],
                    "next": None,
                }
            ]
        }
    )

    scores: list[GivenScore]
    next: str | None


class GradePeriod(BaseModel):
    """Ratings in a row with one grade by one model version: of which as-ofs, how many, and the last of them."""

    grade: str
    words: Words
    model_name: str
    model_version: str
    since: str
    until: str
    ratings: int
    score: float
    pd: float
    score_id: str


class ModelBehind(BaseModel):
    """A model version behind a grade: what it learnt from, and how well it did on later outcomes.

    No more than its name where its files cannot be read.
    """

    model_name: str
    model_version: str
    family: str | None = None
    trained_as_ofs: list[str] = []
    validated_as_of: str | None = None
    auc: float | None = None


class GradeHistory(BaseModel):
    """How a subject was graded, the latest first, and the models behind it."""

    subject_id: str
    periods: list[GradePeriod]
    models: list[ModelBehind]


@router.get("/scores", summary="一个主体的历次评分 / scores that a subject was given")
def given(
    request: Request,
    client: Asking,
    subject: Annotated[
        str, Query(max_length=64, description=SUBJECT_ID, json_schema_extra=PATTERN, examples=[EXAMPLE])
    ],
    since: Annotated[
        str | None,
        Query(
            alias="from",
            max_length=40,
            description="评分时间自：日期（上海当日零时）或带时区时刻 / given from this day or instant on",
        ),
    ] = None,
    until: Annotated[
        str | None,
        Query(
            alias="to",
            max_length=40,
            description="评分时间至：日期（上海当日终了）或带时区时刻 / given up to this day's end or instant",
        ),
    ] = None,
    cursor: Annotated[str | None, Query(max_length=200, description="上一页的 next / the last page's next")] = None,
    limit: Annotated[int, Query(ge=1, le=200, description="每页至多 / at most so many a page")] = 50,
    authorisation: Authorisation = None,
) -> GivenScorePage:
    """最新在前，逐页取用。 / The newest first, page by page; each look goes into the audit trail."""
    subject_id = subject_id_only(subject)
    query = select(ScoreRow).where(ScoreRow.subject_id == subject_id)
    if since is not None:
        query = query.where(ScoreRow.scored_at >= _beginning(since))
    if until is not None:
        query = query.where(ScoreRow.scored_at <= parse_as_of(until))
    query = after(query, ScoreRow.scored_at, ScoreRow.score_id, cursor, limit)
    look(request, client, "read", subject_id, authorisation, listed="scores")
    with Session(request.app.state.base.engine) as session:
        rows = session.scalars(query).all()
        more = closed((rows[limit - 1].scored_at, rows[limit - 1].score_id)) if len(rows) > limit else None
        return GivenScorePage(scores=[_brief(row) for row in rows[:limit]], next=more)


@router.get("/subjects/{subject_id}/grades", summary="等级沿革 / grade history")
def grades(
    request: Request,
    client: Asking,
    subject_id: Annotated[
        str, Path(max_length=64, description=SUBJECT_ID, json_schema_extra=PATTERN, examples=[EXAMPLE])
    ],
    authorisation: Authorisation = None,
) -> GradeHistory:
    """按评级所指时点排列的等级区间与所用模型。 / Grades by the moment they are about, and the models behind them."""
    look(request, client, "read", subject_id_only(subject_id), authorisation, listed="grades")
    store: GivenScores = request.app.state.given
    periods = store.grades(subject_id)
    behind = dict.fromkeys((one.model_name, one.model_version) for one in periods)
    return GradeHistory(
        subject_id=subject_id,
        periods=[GradePeriod(**plain(vars(one))) for one in periods],
        models=[_model(store, name, version) for name, version in behind],
    )


def _model(store: GivenScores, name: str, version: str) -> ModelBehind:
    try:
        bundle = store.bundle(name, version)
    except HuixinError:  # the history stands without the model's files
        return ModelBehind(model_name=name, model_version=version)
    return ModelBehind(
        model_name=name,
        model_version=version,
        family=bundle.family,
        trained_as_ofs=[day.isoformat() for day in bundle.trained_as_ofs],
        validated_as_of=bundle.validated_as_of.isoformat() if bundle.validated_as_of else None,
        auc=numbers(bundle.metrics.get("auc")),
    )


def _brief(row: ScoreRow) -> GivenScore:
    told: dict[str, Any] = {name: getattr(row, name) for name in GivenScore.model_fields}
    return GivenScore(**{**told, "as_of": instant(row.as_of), "scored_at": instant(row.scored_at)})


def _beginning(text: str) -> Any:
    """The instant that a ``from`` means: a day begins at midnight in Shanghai. Raises ``BadMoment``."""
    moment = parse_as_of(text)
    if len(text.strip()) != 10:
        return moment
    try:
        return end_of_day(shanghai_day(moment) - timedelta(days=1))
    except OverflowError as error:
        raise BadMoment(Text("日期过早", "a day that early is not accepted")) from error
