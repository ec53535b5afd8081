"""``/v1/reports``: a subject's credit report, ordered once and fetched as JSON, page or PDF."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Header, Path, Query, Request
from fastapi.responses import HTMLResponse, JSONResponse, Response
from pydantic import BaseModel, ConfigDict, Field

from records.words import Language
from service.desk.reports import Form, Order, ReportDesk
from service.exchange import entered
from service.idempotency import STILL_RUNNING_ANSWER, Once
from service.pages.render import report_page
from service.problems import PROBLEMS
from service.routes.cases import Authorisation, Subject
from service.security import Asking, Purpose

router = APIRouter(prefix="/v1/reports", tags=["reports"], responses=PROBLEMS)
ReportId = Annotated[str, Path(pattern=r"^r-[0-9a-f]{24}$", description="报告编号 / id of the report")]
MEDIA: dict[Form, str] = {"json": "application/json", "html": "text/html", "pdf": "application/pdf"}


class ReportRequest(BaseModel):
    """Whose report, what for, with whose authorisation, as of when, in which language and form."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "subject": "8856ff13f5bbf23995ee8daee4057af2",
                    "purpose": "loan_application",
                    "authorisation": "SQ-2026-000123",
                    "language": "zh",
                    "format": "pdf",
                }
            ]
        },
    )

    subject: Subject
    purpose: Annotated[Purpose, Field(description="查询目的 / purpose")]
    authorisation: Authorisation = None
    as_of: Annotated[
        str | None, Field(max_length=40, description="时点：日期或带时区时刻，默认现在 / as-of day or instant")
    ] = None
    language: Annotated[Language | None, Field(description="文字语种，默认两种 / language, default both")] = None
    format: Annotated[Form, Field(description="取阅时的默认格式 / form in which it is given by default")] = "json"


class OrderedReport(BaseModel):
    """A report that is ready to be fetched."""

    report_id: str
    subject_id: str
    as_of: str
    made_at: str
    score_id: str | None
    links: dict[str, str]


@router.post(
    "",
    summary="出具信用报告 / order a credit report",
    status_code=201,
    response_model=OrderedReport,
    responses=STILL_RUNNING_ANSWER,
)
def order(request: Request, asked: ReportRequest, client: Asking, once: Once) -> Response:
    """固定时点并评级；内容在取阅时由记录重现，可取 JSON、网页或 PDF。

    Fixes the as-of and rates the subject; what it says is read from the records when it is fetched.
    """
    wanted = Order(asked.subject, asked.purpose, asked.authorisation, asked.as_of, asked.language, asked.format)

    def act() -> Response:
        row = _desk(request).order(client, wanted)
        place = f"/v1/reports/{row.report_id}"
        ordered = OrderedReport(
            report_id=row.report_id,
            subject_id=row.subject_id,
            as_of=f"{row.as_of.isoformat()}Z",
            made_at=f"{row.made_at.isoformat()}Z",
            score_id=row.score_id,
            links={form: f"{place}?format={form}" for form in MEDIA},
        )
        return JSONResponse(ordered.model_dump(), 201, {"Location": place})

    with entered(request, client, "report"):
        given: Response = once.answer(client.client_id, act)
    return given


@router.get(
    "/{report_id}",
    summary="取阅信用报告 / fetch a credit report",
    response_class=JSONResponse,
    response_model=dict[str, Any],
    responses={
        200: {
            "description": "报告 / the report",
            "content": {
                "text/html": {"schema": {"type": "string"}},
                "application/pdf": {"schema": {"type": "string", "format": "binary"}},
            },
        }
    },
)
def report(
    request: Request,
    report_id: ReportId,
    client: Asking,
    format: Annotated[Form | None, Query(description="格式，先于 Accept / form, before Accept")] = None,
    language: Annotated[Language | None, Query(description="文字语种 / language, default as ordered")] = None,
    accept: Annotated[str | None, Header(max_length=500)] = None,
) -> Response:
    """评级与理由、等级历史、预警、按来源的信用档案、异议、谁查询过、来源说明、如何提出异议。每次取阅都记入审计链。

    Rating with its reasons, grade history, warnings, the file by source, objections, who looked, statement of sources,
    how to object. Each fetch goes into the audit trail. The form is that of ``format``, else of ``Accept``, else as
    ordered.
    """
    desk = _desk(request)
    with entered(request, client, "report.read"):
        row = desk.row(client, report_id)
        ordered: Form = row.form  # type: ignore[assignment]
        form = format or _accepted(accept) or ordered
        found = desk.read(client, row, form)
    spoken = language or found.language
    if form == "html":
        return HTMLResponse(report_page(found, spoken))
    if form == "pdf":
        from service.pages.report_pdf import report_pdf

        name = {"Content-Disposition": f'inline; filename="{report_id}.pdf"'}
        return Response(report_pdf(found, spoken or "zh"), media_type=MEDIA["pdf"], headers=name)
    return JSONResponse(found.as_dict(spoken))


def _accepted(header: str | None) -> Form | None:
    """The form that the client accepts most gladly (RFC 9110, 12.5.1); None where it names none of them."""
    best: tuple[float, Form] | None = None
    for part in (header or "").split(","):
        kind, *parameters = (one.strip().lower() for one in part.split(";"))
        weights = [one[2:] for one in parameters if one.startswith("q=")]
        try:
            weight = float(weights[0]) if weights else 1.0
        except ValueError:
            continue
        for form, media in MEDIA.items():
            if kind == media and weight > 0 and (best is None or weight > best[0]):
                best = weight, form
    return best[1] if best else None


def _desk(request: Request) -> ReportDesk:
    found: ReportDesk = request.app.state.reports
    return found
