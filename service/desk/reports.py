"""Credit reports: ordered once, with their as-of and their score, and read from the records whenever they are fetched.

Nothing of what the records say is kept with a report: the base gives the same again as of the same moment, and what
law orders to erase is in no report any more.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import select
from sqlalchemy.orm import Session

from records.base import RecordBase
from records.catalogue import Use
from records.database import ScoreRow, writing
from records.database_desk import ObjectionRow, ReportRow
from records.errors import BadMoment, ModelNotTrained, NotAllowed
from records.moment import now, parse_as_of, shanghai_day
from records.subject_file import SubjectFiles, View
from records.words import Language, Text
from scoring.audit import enter
from scoring.rating import Rater, UnratedKind
from scoring.stored import as_given
from service.desk import words
from service.desk.credit_report import CreditReport, GradeGiven, objection
from service.desk.errors import UnknownCase
from service.desk.looks import looks
from service.desk.standing import own_subject
from service.security import Client, allow, allow_file
from service.security.consents import Consents

Form = Literal["json", "html", "pdf"]
GRADES_SHOWN = 24
OBJECTIONS_SHOWN = 100


@dataclass(frozen=True)
class Order:
    """Whose report, what for, with whose authorisation, as of when, and how it is wanted."""

    subject: str
    purpose: str
    authorisation: str | None = None
    as_of: str | None = None
    language: Language | None = None
    form: Form = "json"


class ReportDesk:
    """Makes and gives out credit reports over one base. Safe between threads."""

    def __init__(self, base: RecordBase, rater: Rater, files: SubjectFiles) -> None:
        self.base = base
        self.rater = rater
        self.files = files

    def order(self, client: Client, order: Order) -> ReportRow:
        """Rate the subject where its kind is rated, and keep the order.

        Raises ``NotAllowed``, ``UnknownSubject``, ``BadIdentifier``, ``BadMoment`` (also for the future).
        """
        allow(client, "report")
        made_at = now()
        moment = made_at if order.as_of is None else parse_as_of(order.as_of)
        if moment > made_at:
            raise BadMoment(Text("时点不能在未来", "an as-of in the future is not accepted"))
        subject_id = self.base.resolve(order.subject)
        self._allow(client, subject_id, order.purpose, order.authorisation)
        view, use = _shown(client, order.authorisation)
        row = ReportRow(
            report_id=f"r-{secrets.token_hex(12)}",
            subject_id=subject_id,
            client_id=client.client_id,
            purpose=order.purpose,
            authorisation=order.authorisation,
            view=view,
            used_for=use,
            as_of=moment,
            made_at=made_at,
            language=order.language,
            form=order.form,
            score_id=self._score(client, order, subject_id, moment),
        )
        with writing(self.base.engine) as session:
            session.add(row)
            session.flush()
            payload = {
                "report": row.report_id,
                "score_id": row.score_id,
                "view": view,
                "authorisation": order.authorisation,
            }
            enter(session, client.client_id, "report", subject_id=subject_id, purpose=order.purpose, payload=payload)
        return row

    def row(self, client: Client, report_id: str) -> ReportRow:
        """A report's order. Raises ``UnknownCase`` where there is none that the client may see, ``NotAllowed``."""
        allow(client, "report")
        with Session(self.base.engine, expire_on_commit=False) as session:
            row = session.get(ReportRow, report_id)
        mine = row is not None and (row.client_id == client.client_id or row.subject_id == own_subject(client))
        if row is None or not (mine or client.role == "regulator"):
            raise UnknownCase(Text("没有此编号的报告", "no report of this id that you may see"))
        self._allow(client, row.subject_id, row.purpose, row.authorisation)
        return row

    def read(self, client: Client, row: ReportRow, form: Form) -> CreditReport:
        """What the report says; the look is in the trail before it is given."""
        view: View = row.view  # type: ignore[assignment]
        use: Use = row.used_for  # type: ignore[assignment]
        file = self.files.read(row.subject_id, row.as_of, view=view, use=use)
        rating = None if row.score_id is None else as_given(self.rater.stored(row.score_id))
        named = client.role == "regulator" or own_subject(client) is not None
        with writing(self.base.engine) as session:
            found, total = looks(session, row.subject_id, row.made_at, named=named)
            report = CreditReport(
                report_id=row.report_id,
                made_at=row.made_at,
                as_of=row.as_of,
                purpose=row.purpose,
                language=row.language,  # type: ignore[arg-type]
                rating=rating,
                unrated=None if rating is not None else _unrated(file.subject.kinds),
                grades=_grades(session, row.subject_id, row.as_of, row.made_at, row.score_id),
                file=file,
                objections=self._objections(session, row),
                looks=found,
                looks_total=total,
            )
            payload = {"report": row.report_id, "form": form}
            enter(
                session,
                client.client_id,
                "report.read",
                subject_id=row.subject_id,
                purpose=row.purpose,
                payload=payload,
            )
        return report

    def _allow(self, client: Client, subject_id: str, purpose: str, authorisation: str | None) -> None:
        if str(client.role) == "subject":
            if own_subject(client) != subject_id:
                raise NotAllowed(Text("只能查询本人的报告", "a subject may ask for its own report only"))
            return
        allow_file(client, self.files.kinds(subject_id), authorisation)
        if authorisation is not None:
            Consents(self.base).check_cited(client, subject_id, purpose, authorisation)

    def _score(self, client: Client, order: Order, subject_id: str, moment: datetime) -> str | None:
        try:
            rating = self.rater.rate(
                subject_id,
                moment,
                actor=client.client_id,
                purpose=order.purpose,
                authorisation=order.authorisation,
            )
        except (UnratedKind, ModelNotTrained):
            return None
        return rating.score_id

    def _objections(self, session: Session, row: ReportRow) -> tuple[Any, ...]:
        query = (
            select(ObjectionRow)
            .where(ObjectionRow.subject_id == row.subject_id, ObjectionRow.lodged_at <= row.made_at)
            .order_by(ObjectionRow.lodged_at.desc())
            .limit(OBJECTIONS_SHOWN)
        )
        known = self.base.catalogue.items
        return tuple(
            objection(one, known[one.item].words, row.made_at) for one in session.scalars(query) if one.item in known
        )


def _grades(
    session: Session, subject_id: str, as_of: datetime, made_at: datetime, own: str | None
) -> tuple[GradeGiven, ...]:
    """The grades given up to ``made_at`` for as-ofs up to ``as_of``: the last of each day, the newest first."""
    rows = session.scalars(
        select(ScoreRow)
        .where(ScoreRow.subject_id == subject_id, ScoreRow.as_of <= as_of)
        .where((ScoreRow.scored_at <= made_at) | (ScoreRow.score_id == own))
        .order_by(ScoreRow.as_of.desc(), ScoreRow.scored_at.desc())
        .limit(GRADES_SHOWN * 10)
    )
    found: dict[Any, GradeGiven] = {}
    for row in rows:
        day = shanghai_day(row.as_of)
        found.setdefault(day, GradeGiven(day, row.grade, row.score, row.model_version))
    return tuple(found.values())[:GRADES_SHOWN]


def _shown(client: Client, authorisation: str | None) -> tuple[View, Use]:
    """Regulators see what supervision may, subjects all of a report; others all of it with an authorisation."""
    if client.role == "regulator":
        return "authorised", "supervision"
    return ("authorised" if authorisation or own_subject(client) else "public"), "report"


def _unrated(kinds: tuple[str, ...]) -> Text:
    rated = any(kind in ("enterprise", "farmer") for kind in kinds)
    return words.NO_MODEL if rated else words.NOT_RATED
