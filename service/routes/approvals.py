"""``/v1/approvals``: steps that one proposes and another approves, such as the promotion of a model."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Request
from pydantic import BaseModel, ConfigDict, Field

from records.database import writing
from service import approvals
from service.desk.paging import instant
from service.exchange import entered
from service.routes.cases import CASE_PROBLEMS, Cursor, Limit, Reason
from service.security import Asking, allow

router = APIRouter(prefix="/v1/approvals", tags=["access"], responses=CASE_PROBLEMS)
ApprovalId = Annotated[str, Path(max_length=40, pattern=r"^v-[0-9a-f]{24}$", description="编号 / id of the step")]


class PromotionRequest(BaseModel):
    """Which registered version of which model is to serve, and why."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"segment": "enterprise", "version": "3", "reason": "better out of time"}]},
    )

    segment: Literal["enterprise", "farmer"]
    version: Annotated[str, Field(min_length=1, max_length=20, pattern=r"^[0-9]{1,20}$", description="版本 / version")]
    warning: Annotated[bool, Field(description="预警模型 / the early-warning model")] = False
    reason: Reason


class ApprovalDecision(BaseModel):
    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"reason": "checked against the card"}]})

    reason: Reason


class ApprovalAnswer(BaseModel):
    """A step as it stands; ``state``: open, approved, rejected or expired."""

    approval_id: str
    kind: str
    payload: dict[str, Any]
    reason: str
    proposed_by: str
    proposed_at: str
    expires_at: str
    state: str
    decided_by: str | None
    decided_at: str | None
    decision: str | None


class ApprovalPage(BaseModel):
    approvals: list[ApprovalAnswer]
    next: str | None


@router.post("/promotions", status_code=201, summary="提请上线 / propose a promotion", response_model=ApprovalAnswer)
def propose(request: Request, asked: PromotionRequest, client: Asking) -> dict[str, Any]:
    """分析员提请某版本上线；须由另一人批准，方可上线。

    An analyst proposes that a version serves; another one has to approve before it does.
    """
    with entered(request, client, "promotion.propose"), writing(request.app.state.base.engine) as session:
        payload = {"segment": asked.segment, "version": asked.version, "warning": asked.warning}
        return as_dict(approvals.propose(session, "promotion", payload, client, asked.reason))


@router.get("", summary="待批事项 / steps that wait", response_model=ApprovalPage)
def listed(request: Request, client: Asking, cursor: Cursor = None, limit: Limit = 20) -> dict[str, Any]:
    """新的在前。 / The newest first."""
    with entered(request, client, "approvals"), writing(request.app.state.base.engine) as session:
        allow(client, "approvals")
        found, following = approvals.page(session, client, cursor, limit)
    return {"approvals": [as_dict(one) for one in found], "next": following}


@router.post("/{approval_id}/approval", summary="批准 / approve", response_model=ApprovalAnswer)
def approve(request: Request, approval_id: ApprovalId, decided: ApprovalDecision, client: Asking) -> dict[str, Any]:
    """提出者本人不得批准。 / Never by whoever proposed it."""
    with entered(request, client, "approval.approve"), writing(request.app.state.base.engine) as session:
        allow(client, "approve")
        return as_dict(approvals.approve(session, approval_id, client, decided.reason))


@router.post("/{approval_id}/rejection", summary="不予批准或撤回 / reject, or take back", response_model=ApprovalAnswer)
def reject(request: Request, approval_id: ApprovalId, decided: ApprovalDecision, client: Asking) -> dict[str, Any]:
    """提出者可撤回自己的提请。 / Whoever proposed may take it back."""
    with entered(request, client, "approval.reject"), writing(request.app.state.base.engine) as session:
        allow(client, "approvals")
        return as_dict(approvals.reject(session, approval_id, client, decided.reason))


def as_dict(found: approvals.Approval) -> dict[str, Any]:
    told = asdict(found)
    return told | {name: instant(told[name]) for name in ("proposed_at", "expires_at", "decided_at")}
