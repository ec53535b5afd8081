"""``/v1/repairs`` and ``/v1/erasures``: what one asks for or proposes and another approves."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from service.desk.lawful_steps import RECORDS_MOST, LawfulSteps, State, Wanted
from service.exchange import entered, look
from service.idempotency import Once
from service.routes.cases import (
    CASE_PROBLEMS,
    ONE_LINE,
    PAGE,
    PROSE,
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

router = APIRouter(prefix="/v1", responses=CASE_PROBLEMS)
RecordIds = Annotated[list[RecordId], Field(min_length=1, max_length=RECORDS_MOST, description="记录 / records")]
OfState = Annotated[State | None, Query(description="只看此状态 / of this state only")]


class RepairRequest(BaseModel):
    """Which adverse records are to be repaired, and why they may be."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "subject": "8856ff13f5bbf23995ee8daee4057af2",
                    "item": "tax.arrears",
                    "record_ids": ["2023-000045"],
                    "reason": "已缴清并满公示期 / paid, and the time of publicity has passed",
                    "document": "信修〔2026〕12号",
                    "authorisation": "WT-2026-0101",
                }
            ]
        },
    )

    subject: Subject
    item: ItemCode
    record_ids: RecordIds
    reason: Reason
    document: Document = None
    authorisation: Authorisation = None


class ErasureRequest(BaseModel):
    """Which records a court orders to erase; ``document`` is its order."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "subject": "8856ff13f5bbf23995ee8daee4057af2",
                    "item": "tax.arrears",
                    "record_ids": ["2023-000045"],
                    "reason": "法院判决删除 / a court ordered it",
                    "legal_basis": "个人信息保护法第四十七条 / PIPL Art. 47",
                    "document": "（2026）某民终1号",
                }
            ]
        },
    )

    subject: Subject
    item: ItemCode
    record_ids: RecordIds
    reason: Reason
    legal_basis: Annotated[str, Field(min_length=1, max_length=500, pattern=PROSE)]
    document: Annotated[str, Field(min_length=1, max_length=200, pattern=ONE_LINE)]


class Decision(BaseModel):
    """Why it is approved or refused."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"reason": "核实无误 / checked"}]})

    reason: Reason


class CaseAnswer(BaseModel):
    """A repair or an erasure as it stands: asked, proposed, done or refused."""

    case_id: str
    kind: str
    item: str
    record_ids: list[str]
    subject_id: str
    source: str
    reason: str
    legal_basis: str
    document: str | None
    state: str
    asked_by: str
    asked_at: str
    proposed_by: str | None
    proposed_at: str | None
    decided_by: str | None
    decided_at: str | None
    decision: str | None


class CasePage(BaseModel):
    """Cases, the newest first; ``next``: cursor of the following page, if there is one."""

    cases: list[CaseAnswer]
    next: str | None


@router.post(
    "/repairs", tags=["repairs"], summary="申请信用修复 / ask for repair", status_code=201, response_model=CaseAnswer
)
def ask(request: Request, asked: RepairRequest, client: Asking, once: Once) -> Any:
    """主体（或其受托方）申请；报送单位自行申请即为提请。生效须经另一人批准。

    A subject (or whoever acts for it) asks; asked by the source itself, it is proposed at once. Another one approves.
    """
    with entered(request, client, "repair.ask"):
        wanted = Wanted(**asked.model_dump())
        return once.answer(client.client_id, lambda: _steps(request).ask_repair(client, wanted), status=201)


@router.get("/repairs", tags=["repairs"], summary="修复列表 / repairs", response_model=CasePage)
def repairs(
    request: Request, client: Asking, state: OfState = None, cursor: Cursor = None, limit: Limit = PAGE
) -> dict[str, Any]:
    """主体看本人的，报送单位看本单位的，监管机构看全部。 / A subject sees its own, a source its, a regulator all."""
    with entered(request, client, "repairs"):
        found, following = _steps(request).page(client, "repair", state, cursor, limit)
    look(request, client, "repairs", state=state, count=len(found))
    return {"cases": found, "next": following}


@router.get("/repairs/{case_id}", tags=["repairs"], summary="一件修复 / one repair", response_model=CaseAnswer)
def repair(request: Request, case_id: CaseId, client: Asking) -> dict[str, Any]:
    """现状。 / How it stands."""
    with entered(request, client, "repair.read"):
        found = _steps(request).one(client, case_id, "repair")
    look(request, client, "repair.read", case=case_id)
    return found


@router.post(
    "/repairs/{case_id}/proposal", tags=["repairs"], summary="提请修复 / propose it", response_model=CaseAnswer
)
def propose(request: Request, case_id: CaseId, client: Asking) -> dict[str, Any]:
    """报送单位核实后提请批准。 / The source has checked it and proposes it."""
    with entered(request, client, "repair.propose"):
        return _steps(request).propose(client, case_id)


@router.post(
    "/repairs/{case_id}/approval", tags=["repairs"], summary="批准修复 / approve it", response_model=CaseAnswer
)
def approve(request: Request, case_id: CaseId, decided: Decision, client: Asking) -> dict[str, Any]:
    """监管机构批准，当即生效；提出者本人不得批准。 / It takes effect at once; never by whoever asked or proposed."""
    with entered(request, client, "repair.approve"):
        return _steps(request).approve(client, case_id, "repair", decided.reason)


@router.post("/repairs/{case_id}/refusal", tags=["repairs"], summary="不予修复 / refuse it", response_model=CaseAnswer)
def refuse(request: Request, case_id: CaseId, decided: Decision, client: Asking) -> dict[str, Any]:
    """记录照旧。 / The record stands."""
    with entered(request, client, "repair.refuse"):
        return _steps(request).refuse(client, case_id, "repair", decided.reason)


@router.post(
    "/erasures",
    tags=["erasures"],
    summary="提请依法删除 / propose an erasure",
    status_code=201,
    response_model=CaseAnswer,
)
def order_erasure(request: Request, asked: ErasureRequest, client: Asking, once: Once) -> Any:
    """监管机构依法律文书提请，另一监管人员批准后数值永久删除，缺口本身留痕。

    A regulator proposes what a court orders; when another one approves, the values go for good and the gap is a record.
    """
    with entered(request, client, "erasure.propose"):
        wanted = Wanted(**asked.model_dump())
        return once.answer(client.client_id, lambda: _steps(request).propose_erasure(client, wanted), status=201)


@router.get("/erasures", tags=["erasures"], summary="删除列表 / erasures", response_model=CasePage)
def erasures(
    request: Request, client: Asking, state: OfState = None, cursor: Cursor = None, limit: Limit = PAGE
) -> dict[str, Any]:
    """监管机构看全部，其他人看与己有关的。 / A regulator sees all, others those that concern them."""
    with entered(request, client, "erasures"):
        found, following = _steps(request).page(client, "erase", state, cursor, limit)
    look(request, client, "erasures", state=state, count=len(found))
    return {"cases": found, "next": following}


@router.post(
    "/erasures/{case_id}/approval", tags=["erasures"], summary="批准删除 / approve it", response_model=CaseAnswer
)
def approve_erasure(request: Request, case_id: CaseId, decided: Decision, client: Asking) -> dict[str, Any]:
    """当即永久删除；提请者本人不得批准。 / At once and for good; never by whoever proposed it."""
    with entered(request, client, "erasure.approve"):
        return _steps(request).approve(client, case_id, "erase", decided.reason)


@router.post(
    "/erasures/{case_id}/refusal", tags=["erasures"], summary="不予删除 / refuse it", response_model=CaseAnswer
)
def refuse_erasure(request: Request, case_id: CaseId, decided: Decision, client: Asking) -> dict[str, Any]:
    """记录照旧。 / The record stands."""
    with entered(request, client, "erasure.refuse"):
        return _steps(request).refuse(client, case_id, "erase", decided.reason)


def _steps(request: Request) -> LawfulSteps:
    found: LawfulSteps = request.app.state.lawful_steps
    return found
