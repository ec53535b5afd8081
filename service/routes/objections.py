"""``/v1/objections``: objections to records, and what their sources answer."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from service.desk.objections import Answer, Lodged, ObjectionDesk, Outcome, Remedy, State
from service.exchange import entered, look
from service.idempotency import Once
from service.routes.cases import (
    CASE_PROBLEMS,
    PAGE,
    Authorisation,
    CaseId,
    Cursor,
    Document,
    ItemCode,
    Limit,
    Reason,
    RecordId,
    Subject,
)
from service.security import Asking

router = APIRouter(prefix="/v1/objections", tags=["objections"], responses=CASE_PROBLEMS)


class ObjectionRequest(BaseModel):
    """Whose record is objected to, which one, and why."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "subject": "8856ff13f5bbf23995ee8daee4057af2",
                    "item": "tax.arrears",
                    "record_id": "2025-000123",
                    "reason": "欠税已于 2025-03-01 缴清 / these arrears were paid on 2025-03-01",
                    "authorisation": "WT-2025-0007",
                }
            ]
        },
    )

    subject: Subject
    item: ItemCode
    record_id: RecordId
    reason: Reason
    document: Document = None
    authorisation: Authorisation = None


class AnswerRequest(BaseModel):
    """The source's answer: upheld, with its remedy, or rejected; in either case with the reason."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {"outcome": "upheld", "remedy": "withdrawal", "reason": "系统误报 / reported by mistake"},
                {"outcome": "rejected", "reason": "经核查，记录属实 / checked: the record is right"},
            ]
        },
    )

    outcome: Annotated[Outcome, Field(description="成立或不成立 / upheld or rejected")]
    reason: Reason
    remedy: Annotated[Remedy | None, Field(description="成立时：更正或撤回 / where upheld")] = None
    corrected_by: Annotated[
        RecordId | None, Field(description="已报送的更正记录 / the correcting record, sent before")
    ] = None
    document: Document = None


class ObjectionAnswer(BaseModel):
    """An objection as it stands. ``due_on``: the last day for an answer, 20 days after it was lodged (Art. 25)."""

    objection_id: str
    subject_id: str
    item: str
    record_id: str
    source: str
    reason: str
    document: str | None
    lodged_at: str
    due_on: str
    state: str
    overdue: bool
    answered_at: str | None
    answered_late: bool
    answer: str | None
    remedy: str | None
    corrected_by: str | None


class ObjectionPage(BaseModel):
    """Objections, the newest first; ``next``: cursor of the following page, if there is one."""

    objections: list[ObjectionAnswer]
    next: str | None


@router.post("", summary="提出异议 / object to a record", status_code=201, response_model=ObjectionAnswer)
def lodge(request: Request, asked: ObjectionRequest, client: Asking, once: Once) -> Any:
    """记录当即标注异议，转报送单位核查，20 日内答复（征信业管理条例第二十五条）。

    The record is marked disputed at once; its source checks and answers within 20 days.
    """
    with entered(request, client, "objection"):
        wanted = Lodged(**asked.model_dump())
        return once.answer(client.client_id, lambda: _desk(request).lodge(client, wanted), status=201)


@router.get("", summary="异议列表 / objections", response_model=ObjectionPage)
def objections(
    request: Request,
    client: Asking,
    state: Annotated[State | None, Query(description="只看此状态 / of this state only")] = None,
    cursor: Cursor = None,
    limit: Limit = PAGE,
) -> dict[str, Any]:
    """主体看本人的，报送单位看本单位的，提出者看自己提出的，监管机构看全部（含逾期）。

    A subject sees its own, a source those about its records, others those that they brought, a regulator all.
    """
    with entered(request, client, "objections"):
        found, following = _desk(request).page(client, state, cursor, limit)
    look(request, client, "objections", state=state, count=len(found))
    return {"objections": found, "next": following}


@router.get("/{case_id}", summary="一件异议 / one objection", response_model=ObjectionAnswer)
def objection(request: Request, case_id: CaseId, client: Asking) -> dict[str, Any]:
    """现状与答复。 / How it stands, and the answer."""
    with entered(request, client, "objection.read"):
        found = _desk(request).one(client, case_id)
    look(request, client, "objection.read", objection=case_id)
    return found


@router.post("/{case_id}/answer", summary="答复异议 / answer an objection", response_model=ObjectionAnswer)
def answer(request: Request, case_id: CaseId, answered: AnswerRequest, client: Asking) -> dict[str, Any]:
    """成立：记录即不再展示和使用；不成立：去除标注。只有报送单位可以答复。

    Upheld: the record is shown and used no longer. Rejected: the mark goes. Only the record's source may answer.
    """
    with entered(request, client, "objection.answer"):
        return _desk(request).answer(client, case_id, Answer(**answered.model_dump()))


def _desk(request: Request) -> ObjectionDesk:
    found: ObjectionDesk = request.app.state.objections
    return found
