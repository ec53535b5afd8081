"""``/v1/warnings`` and ``/v1/subjects/{subject_id}/warnings``: early warnings now, and their history."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Query, Request
from sqlalchemy import Select, select, tuple_

from records.database import SubjectRow, writing
from records.database_watch import SubjectAlertsRow, WatchEntryRow, WatchListRow
from records.errors import BadMoment
from records.moment import now, parse_as_of
from records.plain import plain
from records.words import Text
from scoring.audit import enter
from scoring.rating import UnratedKind
from scoring.signals import SEVERITIES
from scoring.warning_rules import RatedSegment, Severity
from scoring.watching import history, read_kept
from service.exchange import entered
from service.problems import PROBLEMS
from service.references import NO_NUMBER
from service.routes.files import SubjectId
from service.security import Asking, Client, Purpose, allow, allow_subject
from service.watch.answers import SubjectWarnings, WarningHistory, WarningMoment, WarningPage, alert_answer
from service.watch.evaluation import SEGMENTS
from service.watch.lists import WatchLists, stands
from service.watch.paging import cursor as cursor_of
from service.watch.paging import place

router = APIRouter(prefix="/v1", tags=["warnings"], responses=PROBLEMS)


@router.get("/warnings", summary="当前预警 / current early warnings")
def current(
    request: Request,
    client: Asking,
    segment: Annotated[RatedSegment | None, Query(description="主体类别 / segment")] = None,
    severity: Annotated[Severity | None, Query(description="此级及更重者 / of this severity or graver")] = None,
    cursor: Annotated[str | None, Query(max_length=200, description="上一页的 next / the last page's next")] = None,
    limit: Annotated[int, Query(ge=1, le=100, description="每页主体数 / subjects a page")] = 50,
) -> WarningPage:
    """各主体最近一次评估时的预警，最重者在前。银行与平台只见本方名单上的主体，监管方见全部。每个主体的查看都记入审计链。

    Alerts of each subject at its latest evaluation, the gravest first. Banks and platforms see the subjects on their
    own watch lists, regulators all. Each look at a subject goes into the audit trail.
    """
    with entered(request, client, "warnings"):
        allow(client, "warnings")
        after = _rank(place(cursor, 2))
    mildest = len(SEVERITIES) - 1 if severity is None else SEVERITIES.index(severity)
    query = (
        select(SubjectAlertsRow, SubjectRow.masked)
        .join(
            SubjectRow,
            (SubjectRow.subject_id == SubjectAlertsRow.subject_id) & (SubjectRow.kind == SubjectAlertsRow.segment),
        )
        .where(SubjectAlertsRow.gravest <= mildest)
        .order_by(SubjectAlertsRow.gravest, SubjectAlertsRow.subject_id)
    )
    if segment is not None:
        query = query.where(SubjectAlertsRow.segment == segment)
    if after is not None:
        query = query.where(tuple_(SubjectAlertsRow.gravest, SubjectAlertsRow.subject_id) > tuple_(*after))
    if client.role != "regulator":
        query = query.where(SubjectAlertsRow.subject_id.in_(_watched(client)))
    with writing(request.app.state.base.engine) as session:
        found = session.execute(query.limit(limit + 1)).tuples().all()
        page = found[:limit]
        for row, _ in page:
            enter(session, client.client_id, "warnings", subject_id=row.subject_id, purpose="loan_monitoring")
        shown = [_subject(row, masked) for row, masked in page]
        last = page[-1][0] if len(found) > limit else None
        following = cursor_of(str(last.gravest), last.subject_id) if last is not None else None
    return WarningPage(warnings=shown, next=following)


@router.get("/subjects/{subject_id}/warnings", summary="主体的预警经过 / a subject's warnings over time")
def of_subject(
    request: Request,
    subject_id: SubjectId,
    client: Asking,
    purpose: Annotated[Purpose, Query(description="查询目的 / purpose")],
    authorisation: Annotated[
        str | None,
        Query(
            min_length=1,
            max_length=100,
            description="本人书面授权编号；自然人必填，已在关注名单上的除外 / reference of the person's authorisation, "
            "needed for a person unless it stands on the client's watch list",
        ),
        NO_NUMBER,
    ] = None,
    as_of: Annotated[str | None, Query(max_length=40, description="时点，默认现在 / as-of, default now")] = None,
    months: Annotated[int, Query(ge=1, le=36, description="回看月数 / month ends back")] = 12,
) -> WarningHistory:
    """各月末及该时点的预警与状态（新、持续、冷却、过期、已止）、证据、困境概率与模型预警的全部原因，最近者在前。

    Alerts at month ends and at the as-of, the latest first: state (new, continuing, cool_down, expired, ended),
    evidence, probabilities of distress, and all reasons of the model's alarm. Each moment is worked out from what was
    known then.
    """
    base, rater = request.app.state.base, request.app.state.rater
    with entered(request, client, "warnings.history"):
        allow(client, "warnings")
        subject = base.subject(subject_id)
        if client.role != "regulator":
            lists: WatchLists = request.app.state.watch.lists
            cited = authorisation or lists.authorisation(client, subject_id)
            allow_subject(client, subject.kind, cited)
            request.app.state.consents.check(client, subject_id, (subject.kind,), purpose, cited)
        if subject.kind not in SEGMENTS:
            raise UnratedKind(Text(f"{subject.kind} 类主体不作预警", f"no early warnings for the kind {subject.kind}"))
        moment = parse_as_of(as_of)
        if moment > now():
            raise BadMoment(Text("时点不能在未来", "an as-of in the future is not accepted"))
        if moment.year < 1980:
            raise BadMoment(Text("时点过早", "an as-of before 1980 is not accepted"))
        found = history(rater, subject_id, subject.kind, moment, months)
    with writing(base.engine) as session:
        payload = {"as_of": moment.isoformat(), "months": months, "authorisation": authorisation}
        enter(session, client.client_id, "warnings.history", subject_id=subject_id, purpose=purpose, payload=payload)
    return WarningHistory(
        subject_id=subject_id,
        segment=subject.kind,
        masked=subject.masked,
        as_of=moment.replace(tzinfo=UTC),
        history=[
            WarningMoment(
                as_of=one.observed.as_of.replace(tzinfo=UTC),
                alerts=[alert_answer(alert) for alert in one.alerts],
                distress=plain(one.observed.distress),
            )
            for one in reversed(found)
        ],
    )


def _watched(client: Client) -> Select[str]:
    return (
        select(WatchEntryRow.subject_id)
        .join(WatchListRow, WatchListRow.watch_list_id == WatchEntryRow.watch_list_id)
        .where(WatchListRow.client_id == client.client_id, stands())
    )


def _subject(row: SubjectAlertsRow, masked: str) -> SubjectWarnings:
    at: datetime = row.as_of.replace(tzinfo=UTC)
    return SubjectWarnings(
        subject_id=row.subject_id,
        segment=row.segment,
        masked=masked,
        as_of=at,
        severity=SEVERITIES[row.gravest],
        alerts=[alert_answer(alert) for alert in read_kept(row.alerts) if alert.raised],
        distress=row.distress,
    )


def _rank(parts: list[str] | None) -> tuple[int, str] | None:
    if parts is None:
        return None
    rank = int(parts[0]) if parts[0] in {str(one) for one in range(len(SEVERITIES))} else len(SEVERITIES)
    return rank, parts[1]
