"""``/v1/consents``: the subject's authorisations, filed and withdrawn."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from records.database_access import ConsentRow
from service.desk.paging import instant
from service.exchange import entered, look
from service.problems import PROBLEMS
from service.references import NO_NUMBER
from service.routes.cases import ONE_LINE, Cursor, Limit, Subject
from service.security import Asking, Purpose
from service.security.consents import Authorisation, Consents

router = APIRouter(prefix="/v1/consents", tags=["access"], responses=PROBLEMS)
ConsentId = Annotated[str, Path(max_length=40, pattern=r"^a-[0-9a-f]{24}$", description="授权编号 / consent id")]


class ConsentRequest(BaseModel):
    """What a subject agrees to."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "reference": "SQ-2025-000123",
                    "subject": "0b4c62b7d4cd4ddc0d4b5d9d5a6ce1f7",
                    "purposes": ["loan_application", "loan_monitoring"],
                    "valid_until": "2030-01-01T00:00:00+08:00",
                    "document": "DA-2025-000123",
                }
            ]
        },
    )

    reference: Annotated[
        str,
        Field(
            min_length=1, max_length=100, pattern=ONE_LINE, description="授权书编号 / reference of the authorisation"
        ),
        NO_NUMBER,
    ]
    subject: Subject
    purposes: Annotated[list[Purpose], Field(min_length=1, max_length=10, description="目的 / purposes")]
    valid_until: Annotated[AwareDatetime, Field(description="截止 / until")]
    valid_from: Annotated[AwareDatetime | None, Field(description="起始，默认立即 / from, default at once")] = None
    document: Annotated[
        str,
        Field(min_length=1, max_length=200, pattern=ONE_LINE, description="授权书存处 / where the signed form is kept"),
        NO_NUMBER,
    ]
    client_id: Annotated[
        str | None,
        Field(
            max_length=40,
            pattern=ONE_LINE,
            description="授权给谁；主体可留空，即任何依法可查者 / to whom; a subject may leave it out: anyone",
        ),
    ] = None


class ConsentAnswer(BaseModel):
    """An authorisation as it stands."""

    consent_id: str
    reference: str
    subject_id: str
    client_id: str | None
    purposes: list[str]
    valid_from: str
    valid_until: str
    withdrawn_at: str | None
    document: str


class ConsentPage(BaseModel):
    consents: list[ConsentAnswer]
    next: str | None


@router.post("", status_code=201, summary="登记授权 / file an authorisation", response_model=ConsentAnswer)
def file(request: Request, asked: ConsentRequest, client: Asking) -> dict[str, Any]:
    """主体登记本人的授权；银行与平台登记给予本单位的授权，并注明授权书存处。

    A subject files its own; banks and platforms file those given to them, with where the signed form is kept.
    """
    with entered(request, client, "consent.file"):
        given = Authorisation(
            reference=asked.reference,
            subject=asked.subject,
            purposes=asked.purposes,
            valid_until=_utc(asked.valid_until),
            document=asked.document,
            valid_from=None if asked.valid_from is None else _utc(asked.valid_from),
            client_id=asked.client_id,
        )
        return as_dict(_consents(request).file(given, client))


@router.get("", summary="授权列表 / authorisations", response_model=ConsentPage)
def listed(request: Request, client: Asking, cursor: Cursor = None, limit: Limit = 20) -> dict[str, Any]:
    """主体见本人的，机构见给予本单位的，监管者见全部。 / Subjects see their own, clients those given to them."""
    with entered(request, client, "consents"):
        rows, following = _consents(request).page(client, cursor, limit)
    look(request, client, "consents", count=len(rows))
    return {"consents": [as_dict(row) for row in rows], "next": following}


@router.post("/{consent_id}/withdrawal", summary="撤回授权 / withdraw it", response_model=ConsentAnswer)
def withdraw(request: Request, consent_id: ConsentId, client: Asking) -> dict[str, Any]:
    """立即生效；此前依授权所作的查询仍然有效（个人信息保护法第十五条）。

    At once; what was done before stays lawful (Personal Information Protection Law, Art. 15).
    """
    with entered(request, client, "consent.withdraw"):
        return as_dict(_consents(request).withdraw(consent_id, client))


def as_dict(row: ConsentRow) -> dict[str, Any]:
    return {
        "consent_id": row.consent_id,
        "reference": row.reference,
        "subject_id": row.subject_id,
        "client_id": row.client_id,
        "purposes": row.purposes,
        "valid_from": instant(row.valid_from),
        "valid_until": instant(row.valid_until),
        "withdrawn_at": instant(row.withdrawn_at),
        "document": row.document,
    }


def _utc(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(tzinfo=None)


def _consents(request: Request) -> Consents:
    found: Consents = request.app.state.consents
    return found
