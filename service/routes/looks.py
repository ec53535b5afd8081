"""``/v1/looks``: a subject sees who looked at it (Personal Information Protection Law, Art. 44 and 45)."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel
from sqlalchemy import select
from sqlalchemy.orm import Session

from records.database import AuditRow, ClientRow
from service.desk.paging import instant
from service.exchange import entered, look
from service.problems import PROBLEMS
from service.security import Asking, allow

router = APIRouter(prefix="/v1/looks", tags=["access"], responses=PROBLEMS)


class Look(BaseModel):
    """One entry of the audit trail about the subject: who did what, when and what for."""

    seq: int
    at: str
    who: str
    role: str | None
    action: str
    purpose: str | None


class LookPage(BaseModel):
    looks: list[Look]
    next: int | None


@router.get("", summary="谁查询过我 / who looked at me", response_model=LookPage)
def looks(
    request: Request,
    client: Asking,
    cursor: Annotated[
        int | None, Query(ge=1, le=2**53, description="上一页的 next / the last page's next", examples=[None])
    ] = None,
    limit: Annotated[int, Query(ge=1, le=500, description="每页条数 / entries a page")] = 50,
) -> dict[str, Any]:
    """审计链中关于本人的全部记录，新的在前。 / All entries of the audit trail about you, the newest first."""
    with entered(request, client, "looks"):
        allow(client, "looks")
    query = (
        select(AuditRow, ClientRow.name, ClientRow.role)
        .outerjoin(ClientRow, ClientRow.client_id == AuditRow.actor)
        .where(AuditRow.subject_id == client.subject_id)
        .order_by(AuditRow.seq.desc())
        .limit(limit + 1)
    )
    with Session(request.app.state.base.engine) as session:
        found = session.execute(query if cursor is None else query.where(AuditRow.seq < cursor)).all()
        told = [
            {
                "seq": row.seq,
                "at": instant(row.at),
                "who": name or row.actor,
                "role": role,
                "action": row.action,
                "purpose": row.purpose,
            }
            for row, name, role in found[:limit]
        ]
    look(request, client, "looks", count=len(told))
    return {"looks": told, "next": told[-1]["seq"] if len(found) > limit else None}
