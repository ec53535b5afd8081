"""``/v1/subjects/{subject_id}/file``: a subject's file, for any kind of subject."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse, Response
from pydantic import BaseModel

from records.catalogue import Use
from records.errors import HuixinError
from records.subject_file import SubjectFile, View
from records.words import Language
from scoring.audit import record
from service.pages.render import subject_file_page
from service.problems import PROBLEMS
from service.references import NO_NUMBER
from service.security import Asking, Client, Purpose, allow, allow_file, allow_own

router = APIRouter(prefix="/v1/subjects", tags=["files"], responses=PROBLEMS)
SubjectId = Annotated[
    str,
    Path(
        pattern="^[0-9a-f]{32}$",
        description="主体编号；网址中不得出现证照号码 / subject id; identity numbers never stand in an address",
    ),
]


class Question(BaseModel):
    """Whose file, as of when, what for, and with whose authorisation."""

    subject_id: str
    purpose: Purpose
    as_of: str | None
    authorisation: str | None
    limit: int


def question(
    subject_id: SubjectId,
    purpose: Annotated[Purpose, Query(description="查询目的 / purpose")],
    as_of: Annotated[
        str | None, Query(max_length=40, description="时点：日期或带时区时刻，默认现在 / as-of day or instant")
    ] = None,
    authorisation: Annotated[
        str | None,
        Query(
            min_length=1,
            max_length=100,
            description="主体授权编号：自然人必填；其他主体缺此则只给公开信息 / reference of the subject's "
            "authorisation: needed for a person; without it only public information of others is given",
        ),
        NO_NUMBER,
    ] = None,
    limit: Annotated[int, Query(ge=1, le=500, description="每项最多列出 / records of an item, at most")] = 20,
) -> Question:
    return Question(subject_id=subject_id, purpose=purpose, as_of=as_of, authorisation=authorisation, limit=limit)


Asked = Annotated[Question, Depends(question)]


@router.get("/{subject_id}/file", summary="信用档案 / credit file")
def file(
    request: Request,
    asked: Asked,
    client: Asking,
    language: Annotated[Language | None, Query(description="文字语种，默认两种 / language, default both")] = None,
) -> dict[str, Any]:
    """一个主体的全部可示信息：登记、各项记录、关联、矛盾、异议与缺口。每次查询都记入审计链。

    All that may be shown of a subject: registration, records, links, contradictions, disputes, gaps. Each look goes
    into the audit trail. Banks and platforms see public information, and with the subject's authorisation all that a
    credit report may hold; regulators see what supervision may.
    """
    return _file(request, asked, client).as_dict(language)


@router.get("/{subject_id}/file.html", summary="信用档案网页 / credit file as a page", response_class=HTMLResponse)
async def page(request: Request, asked: Asked, client: Asking) -> Response:
    """同一档案，可打印的中英文网页。 / The same file as a page in both languages, to print."""
    found = await run_in_threadpool(_file, request, asked, client)
    return HTMLResponse(await run_in_threadpool(subject_file_page, found))


def _file(request: Request, asked: Question, client: Client) -> SubjectFile:
    base, files, consents = request.app.state.base, request.app.state.files, request.app.state.consents
    noted = {"authorisation": asked.authorisation}
    try:
        allow(client, "file")
        kinds = files.kinds(asked.subject_id)
        allow_own(client, asked.subject_id)
        allow_file(client, kinds, asked.authorisation)
        if asked.authorisation is not None and client.role != "public":
            consents.check_cited(client, asked.subject_id, asked.purpose, asked.authorisation)
        view, use = _shown(client, asked)
        found: SubjectFile = files.read(asked.subject_id, asked.as_of, view=view, use=use, limit=asked.limit)
    except HuixinError as error:
        refused = {"reason": error.code}
        record(base.engine, client.client_id, "file.refused", purpose=asked.purpose, payload=refused)
        raise
    payload = {"as_of": found.as_of.isoformat(), "view": view, "use": use, **noted}
    record(base.engine, client.client_id, "file", subject_id=asked.subject_id, purpose=asked.purpose, payload=payload)
    return found


def _shown(client: Client, asked: Question) -> tuple[View, Use]:
    """Regulators see what supervision may, subjects all of their own report; others public information, and all with an
    authorisation; the public never."""
    if client.role == "regulator":
        return "authorised", "supervision"
    if client.role == "subject":
        return "authorised", "report"
    return ("authorised" if asked.authorisation and client.role != "public" else "public"), "report"
