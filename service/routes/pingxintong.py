"""``/v1/pingxintong``: what a regional SME financing platform such as 'Pingxintong' 评信通 sends and gets."""

from __future__ import annotations

from datetime import UTC, date
from decimal import Decimal
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request, Response
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from records.database_pingxintong import ApplicationRow, OutcomeRow
from scoring.audit import record
from service.desk.paging import instant
from service.exchange import entered, look
from service.pingxintong.desk import PlatformDesk
from service.pingxintong.wire import Application, Consent, Decided, Decision, Outcome, Security, Status, Use, yuan
from service.references import NO_NUMBER
from service.routes.cases import CASE_PROBLEMS, ONE_LINE, Cursor, Limit
from service.routes.score_history import Words
from service.security import Asking, Client

router = APIRouter(prefix="/v1/pingxintong/applications", tags=["pingxintong"], responses=CASE_PROBLEMS)
ApplicationId = Annotated[str, Path(pattern=r"^p-[0-9a-f]{24}$", description="申请的编号 / id of the application")]
Money = Annotated[str, Field(pattern=r"^[0-9]{1,13}(\.[0-9]{1,2})?$")]
TOLD = 5


class ConsentAsked(BaseModel):
    """The enterprise's written authorisation, given to the platform."""

    model_config = ConfigDict(extra="forbid")

    reference: Annotated[
        str, Field(min_length=1, max_length=100, pattern=ONE_LINE, description="编号 / reference"), NO_NUMBER
    ]
    document: Annotated[
        str, Field(min_length=1, max_length=200, pattern=ONE_LINE, description="存处 / where it lies"), NO_NUMBER
    ]
    valid_until: Annotated[AwareDatetime, Field(description="有效至 / valid until")]


class ApplicationRequest(BaseModel):
    """An application as the platform has it."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "application_no": "PXT-2026-000123",
                    "credit_code": "91330100MA27XXXXXX",
                    "product": "税易贷",
                    "amount": "500000.00",
                    "term_months": 12,
                    "purpose": "working_capital",
                    "authorisation": {
                        "reference": "SQ-2026-000123",
                        "document": "DA-2026-000123",
                        "valid_until": "2028-01-01T00:00:00+08:00",
                    },
                }
            ]
        },
    )

    application_no: Annotated[
        str,
        Field(
            pattern=r"^[A-Za-z]{1,10}[A-Za-z0-9-]{1,40}$",
            description="平台的申请编号，以字母开头，不含证照号码 / the platform's number, beginning with letters",
        ),
    ]
    credit_code: Annotated[
        str,
        Field(
            pattern=r"^[0-9A-Z]{18}$",
            description="统一社会信用代码，只在此处，当即换为主体编号 / unified social credit code: here only, turned "
            "into a subject id at once",
        ),
    ]
    product: Annotated[str, Field(min_length=1, max_length=100, pattern=ONE_LINE, description="产品 / product")]
    amount: Annotated[Money, Field(description="申请金额（元） / amount applied for, yuan")]
    term_months: Annotated[int, Field(ge=1, le=360, description="期限（月） / term, months")]
    purpose: Annotated[Use, Field(description="用途 / what for")]
    authorisation: ConsentAsked


class DecisionRequest(BaseModel):
    """What the lender decided."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {"decision": "reduced", "decided_on": "2026-02-10", "granted": "300000.00", "rate_percent": "4.35"},
                {"decision": "refused", "decided_on": "2026-02-10"},
            ]
        },
    )

    decision: Annotated[Decision, Field(description="审批结果 / decision")]
    decided_on: Annotated[date, Field(description="审批日期 / day")]
    granted: Annotated[Money | None, Field(description="批准金额（元） / amount granted, yuan")] = None
    rate_percent: Annotated[
        str | None,
        Field(pattern=r"^[0-9]{1,2}(\.[0-9]{1,4})?$", description="年利率（%） / rate, percent a year"),
    ] = None
    security: Annotated[Security | None, Field(description="担保方式，默认信用 / security, default none")] = None


class OutcomeRequest(BaseModel):
    """How the loan stands at the end of a day, such as a month end."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {"day": "2026-06-30", "status": "repaying", "balance": "150000.00"},
                {"day": "2026-09-30", "status": "overdue", "balance": "120000.00", "days_past_due": 35},
                {"day": "2026-12-31", "status": "repaid", "balance": "0"},
            ]
        },
    )

    day: Annotated[date, Field(description="日期 / day")]
    status: Annotated[Status, Field(description="正常还款、结清、逾期、违约 / how it stands")]
    balance: Annotated[Money, Field(description="余额（元） / balance, yuan")]
    days_past_due: Annotated[int, Field(ge=0, le=10_000, description="逾期天数 / days past due")] = 0


class Weakness(BaseModel):
    """A reason that holds the rating down, and so the amount that is prudent."""

    feature: str
    words: Words
    value_words: Words
    points: float


class Warned(BaseModel):
    """A warning at the moment of the rating; later ones come by webhook."""

    code: str
    severity: str
    since: str | None
    words: Words


class RatingAnswer(BaseModel):
    """The rating that the application was given; all reasons are at ``/v1/scores/{score_id}/explanation``."""

    score_id: str
    grade: str
    pd: float
    score: float
    confidence: str
    weaknesses: list[Weakness]
    warnings: list[Warned]


class OutcomeAnswer(BaseModel):
    """An outcome that is in the joint base; ``batch_id``: of its receipt."""

    day: date
    status: str
    balance: str
    days_past_due: int
    batch_id: str


class ApplicationBrief(BaseModel):
    """An application as it stands; amounts in yuan."""

    application_id: str
    application_no: str
    subject_id: str
    product: str
    amount: str
    term_months: int
    purpose: str
    authorisation: str
    applied_at: str
    score_id: str
    watch_list_id: str | None
    decision: str | None
    decided_on: date | None
    granted: str | None
    rate_percent: str | None


class ApplicationAnswer(ApplicationBrief):
    """An application with its rating and what became of it."""

    rating: RatingAnswer
    outcomes: list[OutcomeAnswer]


class ApplicationPage(BaseModel):
    """Applications, the newest first; ``next``: cursor of the following page, if there is one."""

    applications: list[ApplicationBrief]
    next: str | None


@router.post(
    "",
    status_code=201,
    summary="报送申请，取得评级 / an application in, its rating out",
    response_model=ApplicationAnswer,
    responses={200: {"model": ApplicationAnswer, "description": "此前已报 / came before"}},
)
def apply(request: Request, asked: ApplicationRequest, client: Asking, response: Response) -> dict[str, Any]:
    """登记授权、评级、列入“评信通”关注名单（其后预警由签名回调告知）。同一申请编号重复报送，答复相同。

    Files the consent, rates, and puts the enterprise on the watch list '评信通', so that later warnings come by signed
    webhook. The same application sent again gets the same answer.
    """
    consent = Consent(
        asked.authorisation.reference,
        asked.authorisation.document,
        asked.authorisation.valid_until.astimezone(UTC).replace(tzinfo=None),
    )
    given = Application(
        number=asked.application_no,
        credit_code=asked.credit_code,
        product=asked.product,
        amount=Decimal(asked.amount),
        term_months=asked.term_months,
        purpose=asked.purpose,
        consent=consent,
    )
    with entered(request, client, "platform.application"):
        row, new = _desk(request).apply(client, given)
    if not new:
        response.status_code = 200
        _seen(request, client, row)
    return _whole(request, row)


@router.get("", summary="本方的申请 / one's own applications", response_model=ApplicationPage)
def listed(request: Request, client: Asking, cursor: Cursor = None, limit: Limit = 20) -> dict[str, Any]:
    """新的在前。 / The newest first."""
    with entered(request, client, "platform.applications"):
        rows, following = _desk(request).page(client, cursor, limit)
    look(request, client, "platform.applications", count=len(rows))
    return {"applications": [_brief(row) for row in rows], "next": following}


@router.get("/{application_id}", summary="一件申请 / one application", response_model=ApplicationAnswer)
def one(request: Request, application_id: ApplicationId, client: Asking) -> dict[str, Any]:
    """申请、评级、审批与还款结果。 / The application, its rating, the decision and the outcomes."""
    with entered(request, client, "platform.application.read"):
        row = _desk(request).one(client, application_id)
    _seen(request, client, row)
    return _whole(request, row)


@router.post("/{application_id}/decision", summary="报送审批结果 / the decision back", response_model=ApplicationBrief)
def decide(request: Request, application_id: ApplicationId, asked: DecisionRequest, client: Asking) -> dict[str, Any]:
    """成为联合库的记录 bank.credit_application，供下次训练；未批准的不再关注。

    Becomes a record of ``bank.credit_application``, which the next training reads; who got nothing is watched no more.
    """
    granted = None if asked.granted is None else Decimal(asked.granted)
    rate = None if asked.rate_percent is None else Decimal(asked.rate_percent)
    given = Decided(asked.decision, asked.decided_on, granted, rate, asked.security)
    with entered(request, client, "platform.decision"):
        return _brief(_desk(request).decide(client, application_id, given))


@router.post(
    "/{application_id}/outcomes",
    status_code=201,
    summary="报送还款结果 / an outcome back",
    response_model=OutcomeAnswer,
)
def outcome(request: Request, application_id: ApplicationId, asked: OutcomeRequest, client: Asking) -> dict[str, Any]:
    """成为联合库的记录 loan.account_month，供下次训练；结清的不再关注。

    Becomes a record of ``loan.account_month``, which the next training reads; who has repaid is watched no more.
    """
    given = Outcome(asked.day, asked.status, Decimal(asked.balance), asked.days_past_due)
    with entered(request, client, "platform.outcome"):
        return _outcome(_desk(request).outcome(client, application_id, given))


def _desk(request: Request) -> PlatformDesk:
    found: PlatformDesk = request.app.state.platforms
    return found


def _seen(request: Request, client: Client, row: ApplicationRow) -> None:
    """An entry that the enterprise can see: somebody looked at its application."""
    payload = {"application_id": row.application_id, "authorisation": row.authorisation}
    action, engine = "platform.application.read", request.app.state.base.engine
    record(engine, client.client_id, action, subject_id=row.subject_id, purpose="loan_application", payload=payload)


def _whole(request: Request, row: ApplicationRow) -> dict[str, Any]:
    desk = _desk(request)
    given = desk.rating(row)
    weak = sorted((reason for reason in given["reasons"] if reason["points"] < 0), key=lambda reason: reason["points"])
    rating = {name: given[name] for name in ("score_id", "grade", "pd", "score", "confidence")}
    rating["weaknesses"] = [_picked(Weakness, reason) for reason in weak[:TOLD]]
    rating["warnings"] = [_picked(Warned, signal) for signal in given["signals"]]
    return _brief(row) | {"rating": rating, "outcomes": [_outcome(one) for one in desk.outcomes(row)]}


def _picked(model: type[BaseModel], told: dict[str, Any]) -> dict[str, Any]:
    return {name: told[name] for name in model.model_fields}


def _brief(row: ApplicationRow) -> dict[str, Any]:
    plain = ("application_id", "subject_id", "product", "term_months", "purpose", "authorisation", "score_id")
    return {name: getattr(row, name) for name in (*plain, "watch_list_id", "decision", "decided_on")} | {
        "application_no": row.number,
        "amount": yuan(row.amount),
        "applied_at": instant(row.applied_at),
        "granted": None if row.granted is None else yuan(row.granted),
        "rate_percent": row.rate,
    }


def _outcome(row: OutcomeRow) -> dict[str, Any]:
    plain = {name: getattr(row, name) for name in ("day", "status", "days_past_due", "batch_id")}
    return plain | {"balance": yuan(row.balance)}
