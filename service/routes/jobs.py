"""``/v1/scores/batch`` and ``/v1/jobs``: many subjects scored, at once or as a job."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Annotated, Any, Literal, Self

from fastapi import APIRouter, Header, Path, Request, Response
from fastapi.responses import FileResponse
from pydantic import BaseModel, ConfigDict, Field, model_validator

from records.database import writing
from records.database_jobs import JobRow
from records.errors import BadMoment, HuixinError
from records.moment import now, parse_as_of
from records.words import Text
from service.etags import CACHE_CONTROL, NOT_MODIFIED, known
from service.exchange import entered
from service.idempotency import Once
from service.jobs.desk import JobDesk
from service.jobs.errors import BadJob
from service.jobs.rows import Wanted, enter_each, problem_of, rate, tried, wanted
from service.problems import PROBLEMS, Problem, problem
from service.references import NO_NUMBER
from service.security import Asking, Client, Purpose, allow, allow_subject

AT_ONCE_MOST, IN_A_JOB_MOST = 1_000, 10_000
RANGE = re.compile(r"bytes=([0-9]{0,15})-([0-9]{0,15})")
MEDIA_TYPES = {"ndjson": "application/x-ndjson", "parquet": "application/vnd.apache.parquet"}
JOB_PROBLEMS: dict[int | str, dict[str, Any]] = PROBLEMS | {
    status: {"model": Problem, "description": words, "content": {"application/problem+json": {}}}
    for status, words in {
        409: "尚无结果 / no result yet",
        410: "结果已不再保留 / result gone",
        413: "请求过大 / too large",
        429: "未完成的任务过多 / too many unfinished jobs",
    }.items()
}
router = APIRouter(prefix="/v1", tags=["jobs"], responses=JOB_PROBLEMS)

JobId = Annotated[str, Path(pattern=r"^j-[0-9a-f]{24}$", description="任务编号 / job id")]
AsOf = Annotated[
    str | None,
    Field(max_length=40, description="时点：日期（上海当日终了）或带时区时刻，默认现在 / as-of day or instant"),
]
Reasons = Annotated[
    Literal["top", "all"],
    Field(description="前三项理由与其余之和，或全部理由 / the top three and the sum of the others, or all"),
]
ONE: dict[str, Any] = {"subject": "8856ff13f5bbf23995ee8daee4057af2"}
PERSON: dict[str, Any] = {"subject": "0b4c62b7d4cd4ddc0d4b5d9d5a6ce1f7", "authorisation": "SQ-2025-000123"}


class SubjectAsked(BaseModel):
    """A subject, and where it is a natural person the reference of its authorisation."""

    model_config = ConfigDict(extra="forbid")

    subject: Annotated[
        str,
        Field(
            min_length=1,
            max_length=64,
            description="主体编号，或统一社会信用代码、公民身份号码 / subject id or identity number",
        ),
    ]
    authorisation: Annotated[
        str | None,
        Field(min_length=1, max_length=100, description="本人书面授权编号 / reference of the authorisation"),
        NO_NUMBER,
    ] = None


class ManyRequest(BaseModel):
    """Whom to score at once."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"subjects": [ONE, PERSON], "purpose": "loan_monitoring"}]},
    )

    subjects: Annotated[list[SubjectAsked], Field(min_length=1, max_length=AT_ONCE_MOST)]
    purpose: Purpose
    as_of: AsOf = None
    reasons: Reasons = "top"


class JobRequest(BaseModel):
    """Whom to score as a job: ``subjects``, or every subject of ``segment``."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {"segment": "enterprise", "purpose": "loan_monitoring", "format": "parquet"},
                {"subjects": [ONE, PERSON], "purpose": "loan_monitoring", "as_of": "2025-12-31", "format": "ndjson"},
            ],
            "oneOf": [
                {"required": ["subjects"], "properties": {"subjects": {"type": "array"}, "segment": {"type": "null"}}},
                {"required": ["segment"], "properties": {"segment": {"type": "string"}, "subjects": {"type": "null"}}},
            ],
        },
    )

    subjects: Annotated[list[SubjectAsked] | None, Field(min_length=1, max_length=IN_A_JOB_MOST)] = None
    segment: Annotated[
        Literal["enterprise"] | None,
        Field(description="全部企业；自然人须逐一授权，只能列名 / every enterprise; persons are named one by one"),
    ] = None
    purpose: Purpose
    as_of: AsOf = None
    format: Literal["ndjson", "parquet"] = "ndjson"
    reasons: Reasons = "top"

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.subjects is None) == (self.segment is None):
            raise ValueError("either subjects or segment")
        return self


class JobAnswer(BaseModel):
    """How a job is."""

    job_id: str
    state: Literal["queued", "running", "done", "failed", "cancelled", "expired"]
    total: int | None
    done: int
    refused: int
    format: str
    as_of: datetime
    created_at: datetime
    finished_at: datetime | None
    expires_at: datetime | None
    bytes: int | None
    sha256: str | None
    problem: dict[str, Any] | None


class ManyAnswer(BaseModel):
    """A rating or a problem for each subject, in the order that was asked."""

    as_of: datetime
    scored: int
    refused: int
    results: list[dict[str, Any]]


@router.post("/scores/batch", summary="一次评级多个主体 / rate up to 1,000 subjects at once")
def many(request: Request, asked: ManyRequest, client: Asking) -> ManyAnswer:
    """每行给出评级，或该行的问题；每个主体的查询都记入审计链。证据与预警信号请用 POST /v1/scores。

    Each row has its rating or its problem; each subject's look goes into the audit trail. Evidence and signals come
    with POST /v1/scores.
    """
    base, rater = request.app.state.base, request.app.state.rater
    with entered(request, client, "score"):
        allow(client, "score")
        moment = _moment(asked.as_of)
        found = _found(request, client, asked.subjects, asked.purpose)
        named = {place: one for place, one in enumerate(found) if isinstance(one, Wanted)}
        rated = rate(rater, list(named.items()), moment, asked.reasons)
    results: list[dict[str, Any]] = [{"problem": problem_of(o)} if isinstance(o, HuixinError) else {} for o in found]
    for part in rated:
        for place, answer in zip(part.places, part.answers(), strict=True):
            results[place] = answer
    with writing(base.engine) as session:
        enter_each(session, client.client_id, asked.purpose, named, rated)
    return ManyAnswer(
        as_of=moment.replace(tzinfo=UTC), scored=len(named), refused=len(found) - len(named), results=results
    )


@router.post("/jobs", summary="下达批量评分任务 / order a job", status_code=202)
def order(request: Request, asked: JobRequest, client: Asking, once: Once, response: Response) -> Any:
    """逐一列名（自然人须各附授权编号），或某类全部主体。任一主体有误则整单不受理。

    Named subjects, persons each with their authorisation, or all of a segment. Where one subject cannot be scored,
    nothing is ordered.
    """
    desk: JobDesk = request.app.state.jobs

    def act() -> JobAnswer:
        with entered(request, client, "job"):
            allow(client, "score")
            moment = _moment(asked.as_of)
            subjects = None if asked.subjects is None else _all_found(request, client, asked)
            if asked.segment is not None:
                allow_subject(client, asked.segment, None)
            row = desk.order(
                client.client_id,
                subjects,
                asked.segment,
                purpose=asked.purpose,
                as_of=moment,
                form=asked.format,
                reasons=asked.reasons,
            )
        request.app.state.job_worker.wake()
        return _job(row)

    return once.answer(client.client_id, act, status=202)


@router.get("/jobs/{job_id}", summary="任务进度 / how a job is")
def job(request: Request, job_id: JobId, client: Asking) -> JobAnswer:
    """状态与已评分的主体数。 / Its state, and how many subjects are scored."""
    allow(client, "score")
    return _job(_desk(request).of(client.client_id, job_id))


@router.get(
    "/jobs/{job_id}/result",
    summary="任务结果 / a job's result",
    response_class=FileResponse,
    responses={
        200: {"content": {media: {} for media in MEDIA_TYPES.values()}, "description": "结果文件 / the file"},
        206: {"description": "Range 所要的部分 / the part that Range asks for"},
        416: {"description": "没有这样的部分 / no such part"},
        **NOT_MODIFIED,
    },
)
def result(
    request: Request,
    job_id: JobId,
    client: Asking,
    if_none_match: Annotated[str | None, Header(description="已有结果的 ETag / ETag of what one has")] = None,
) -> Response:
    """NDJSON 或 Parquet 文件，支持 Range 与 ETag，保留七天。 / NDJSON or Parquet, with Range and ETag, for a week."""
    allow(client, "score")
    row, path = _desk(request).result(client.client_id, job_id)
    headers = {"ETag": f'"{(row.sha256 or "")[:32]}"', "Cache-Control": CACHE_CONTROL}
    if known(if_none_match, headers["ETag"]):
        return Response(status_code=304, headers=headers)
    size = path.stat().st_size
    if (first := _first_byte(request, size)) is not None and first >= size:
        title = Text("没有这样的部分", "No such part")
        detail = Text(f"文件有 {size} 字节", f"the file has {size} bytes")
        return problem(request, "no-such-part", 416, title, detail, headers={"Content-Range": f"bytes */{size}"})
    return FileResponse(path, headers=headers, media_type=MEDIA_TYPES[row.format], filename=f"{job_id}.{row.format}")


@router.delete("/jobs/{job_id}", summary="取消任务 / cancel a job")
def cancel(request: Request, job_id: JobId, client: Asking) -> JobAnswer:
    """停止执行并删除结果。 / It stops, and its result is removed."""
    allow(client, "score")
    return _job(_desk(request).cancel(client.client_id, job_id))


def _first_byte(request: Request, size: int) -> int | None:
    """Where the part that ``Range`` asks for begins; what is no single range of bytes is forgotten (RFC 9110, 14.2)."""
    given = RANGE.fullmatch(request.headers.get("range", "").strip())
    first, last = given.groups() if given else ("", "")
    if first and (not last or int(first) <= int(last)):
        return int(first)
    if last and not first and int(last):
        return max(size - int(last), 0)
    request.scope["headers"] = [one for one in request.scope["headers"] if one[0] != b"range"]
    return None


def _desk(request: Request) -> JobDesk:
    found: JobDesk = request.app.state.jobs
    return found


def _moment(as_of: str | None) -> datetime:
    moment = parse_as_of(as_of)
    if moment > now():
        raise BadMoment(Text("时点不能在未来", "an as-of in the future is not accepted"))
    return moment


def _found(request: Request, client: Client, asked: list[SubjectAsked], purpose: str) -> list[Wanted | HuixinError]:
    base = request.app.state.base
    return [tried(lambda one=one: wanted(base, client, one.subject, purpose, one.authorisation)) for one in asked]  # type: ignore[misc]


def _all_found(request: Request, client: Client, asked: JobRequest) -> list[Wanted]:
    found = _found(request, client, asked.subjects or [], asked.purpose)
    wrong = [(place, one) for place, one in enumerate(found) if isinstance(one, HuixinError)]
    if wrong:
        shown = ", ".join(f"{place}: {one.code}" for place, one in wrong[:10])
        raise BadJob(
            Text(
                f"{len(wrong)} 个主体不能评分（序号从 0 起）：{shown}",
                f"{len(wrong)} subjects cannot be scored (place, counted from 0): {shown}",
            )
        )
    subjects = [one for one in found if isinstance(one, Wanted)]
    if asked.format == "parquet" and asked.reasons == "all" and len({one.kind for one in subjects}) > 1:
        raise BadJob(
            Text(
                "一张 Parquet 表只能列出一类主体的全部理由：请按类分别下达，或用 reasons=top，或用 ndjson",
                "one Parquet table has all reasons of one kind of subject only: order each kind by itself, or take "
                "reasons=top, or ndjson",
            )
        )
    return subjects


def _job(row: JobRow) -> JobAnswer:
    running = row.state == "queued" and row.worker is not None
    parts = {name: getattr(row, name) for name in JobAnswer.model_fields}
    parts = {name: one.replace(tzinfo=UTC) if isinstance(one, datetime) else one for name, one in parts.items()}
    return JobAnswer(**parts | {"state": "running" if running else row.state})
