"""``/v1/assessment``: how sources report; a regulator sees all, an agency its own."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse
from pydantic import BaseModel

from records.assessment import Assessment
from records.assessment.export import as_dict
from records.errors import HuixinError
from scoring.audit import record
from service.assessing import AssessmentDesk
from service.pages.render import assessment_page
from service.problems import PROBLEMS
from service.security import Asking, Client

router = APIRouter(prefix="/v1", tags=["assessment"], responses=PROBLEMS)
Month = Annotated[
    str | None,
    Query(max_length=20, description="月份，默认上一整月 / month, default the last whole one", examples=["2025-10"]),
]
Months = Annotated[int, Query(ge=1, le=120, description="趋势的月数 / months of the trend")]
AsOf = Annotated[str | None, Query(max_length=40, description="截至时点，默认现在 / as-of, default now")]
Source = Annotated[str | None, Query(max_length=80, description="只看一个来源 / one source only", examples=["tax"])]


class AssessmentAnswer(BaseModel):
    """``ranking``: sources in the month; ``trend``: by source and month; ``items``: the fewest points first.

    Measures are shares from 0 to 1, null where unknown; points are 0 to 100.
    """

    month: str
    months: list[str]
    as_of: str
    source: str | None
    scheme: dict[str, Any]
    ranking: list[dict[str, Any]]
    trend: list[dict[str, Any]]
    items: list[dict[str, Any]]
    alerts: list[dict[str, Any]]
    contradictions: list[dict[str, Any]]
    unreported: dict[str, list[str]]


@router.get("/assessment", summary="报送考核 / submission assessment")
def assessment(
    request: Request,
    client: Asking,
    month: Month = None,
    months: Months = 12,
    as_of: AsOf = None,
    source: Source = None,
) -> AssessmentAnswer:
    """排名、五项指标、趋势与预警。监管方看全部，报送单位只看本单位。

    Ranking, the five measures, trend and alerts. A regulator sees all, an agency its own source.
    """
    return AssessmentAnswer(**as_dict(_asked(request, client, month, months, as_of, source)))


@router.get("/assessment/page", summary="报送考核报告 / the assessment as a page", response_class=HTMLResponse)
def page(
    request: Request,
    client: Asking,
    month: Month = None,
    months: Months = 12,
    as_of: AsOf = None,
    source: Source = None,
) -> HTMLResponse:
    """同一内容的网页，中英文可切换。 / The same as a page in both languages."""
    found = _asked(request, client, month, months, as_of, source)
    return HTMLResponse(assessment_page(found, request.app.state.base.catalogue))


def _asked(
    request: Request, client: Client, month: str | None, months: int, as_of: str | None, source: str | None
) -> Assessment:
    desk: AssessmentDesk = request.app.state.assessments
    engine = request.app.state.base.engine
    try:
        found = desk.ask(client, month, months, as_of, source)
    except HuixinError as error:
        record(engine, client.client_id, "assessment.refused", payload={"reason": error.code})
        raise
    record(
        engine,
        client.client_id,
        "assessment",
        payload={"month": f"{found.month:%Y-%m}", "source": found.source or "all"},
    )
    return found
