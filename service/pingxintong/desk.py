"""Applications in, ratings and warnings out, decisions and outcomes back; each once, by the platform's numbers."""

from __future__ import annotations

import secrets
from contextlib import suppress
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from records.base import RecordBase
from records.database import SubjectRow, writing
from records.database_pingxintong import ApplicationRow, OutcomeRow
from records.errors import HuixinError
from records.exchange.hub import Exchange
from records.moment import now, shanghai_day
from records.words import Text
from scoring.audit import enter
from scoring.rating import Rater
from service.desk.paging import after, closed
from service.pingxintong.errors import BadReport, Differs, NotNow, UnknownApplication
from service.pingxintong.reporting import ACCOUNTS, APPLICATIONS, report
from service.pingxintong.wire import Application, Decided, Outcome, digest, fen, yuan
from service.security import Client, allow, allow_subject
from service.security.consents import Authorisation, BadConsent, Consents
from service.watch.errors import NameTaken, NotWatched, UnknownWatchList
from service.watch.lists import Interest, WatchLists

LIST_NAME = "评信通"
GRANTED = ("approved", "reduced")
PURPOSES = ("loan_application", "loan_monitoring")


class PlatformDesk:
    """The applications of the platforms of one base; each sees its own only. Refused actions change nothing."""

    def __init__(self, base: RecordBase, rater: Rater, exchange: Exchange) -> None:
        self.base, self.rater, self.exchange = base, rater, exchange
        self.lists, self.consents = WatchLists(base), Consents(base)

    def apply(self, client: Client, asked: Application) -> tuple[ApplicationRow, bool]:
        """Files the consent, rates the enterprise, watches it from now on; and whether the application is new.

        The same application again gives what is kept. Raises ``Differs`` where its number stands for another one,
        ``UnknownSubject``, ``BadConsent``, ``NotAllowed``, ``ModelNotTrained``.
        """
        allow(client, "apply")
        subject = self.base.subject(asked.credit_code)
        allow_subject(client, subject.kind, asked.consent.reference)
        if not asked.amount:
            raise BadReport(Text("申请金额须大于零", "an amount of nothing is not accepted"))
        told = asked.digest(subject.subject_id)
        if (kept := self._kept(client, asked.number, told)) is not None:
            return kept, False
        self._consented(client, subject, asked)
        rating = self.rater.rate(
            subject.subject_id,
            actor=client.client_id,
            purpose="loan_application",
            authorisation=asked.consent.reference,
        )
        row = ApplicationRow(
            application_id=f"p-{secrets.token_hex(12)}",
            client_id=client.client_id,
            number=asked.number,
            digest=told,
            subject_id=subject.subject_id,
            product=asked.product,
            amount=fen(asked.amount),
            term_months=asked.term_months,
            purpose=asked.purpose,
            authorisation=asked.consent.reference,
            applied_at=now(),
            score_id=rating.score_id,
            watch_list_id=self._watched(client, subject.subject_id, asked.consent.reference),
        )
        with writing(self.base.engine) as session:
            if (first := _of_number(session, client, asked.number)) is not None:
                session.expunge(first)
                return _same(first, told), False
            session.add(row)
            session.flush()
            self._enter(session, client, row, "application", score_id=rating.score_id)
            session.expunge(row)
        return row, True

    def decide(self, client: Client, application_id: str, given: Decided) -> ApplicationRow:
        """The lender's decision, into the base. Again, nothing changes. Raises ``Differs``, ``BadReport``, ..."""
        row, subject = self._own(client, application_id)
        told = digest(given)
        if row.decision is not None:
            if row.decision_digest != told:
                raise Differs(Text("此申请已有审批结果", "this application has been decided already"))
            return row
        _check_decision(row, given)
        record = {
            "record_id": f"pxt-{row.application_id}",
            "occurred_on": given.decided_on.isoformat(),
            "amount": yuan(row.amount),
            "purpose": row.purpose,
            "decision": given.decision,
        }
        receipt = report(self.exchange, client.client_id, APPLICATIONS, subject, record)
        with writing(self.base.engine) as session:
            row = session.get_one(ApplicationRow, application_id)
            row.decision, row.decision_digest, row.decided_on = given.decision, told, given.decided_on
            row.granted = None if given.granted is None else fen(given.granted)
            row.rate = None if given.rate is None else f"{given.rate.normalize():f}"
            row.security = given.security
            session.flush()
            self._enter(session, client, row, "decision", decision=given.decision, batch_id=receipt.batch_id)
            session.expunge(row)
        if given.decision not in GRANTED:
            self._watched_no_more(client, row)
        return row

    def outcome(self, client: Client, application_id: str, given: Outcome) -> OutcomeRow:
        """How the loan stands, into the base; again, nothing changes. Raises ``NotNow``, ``Differs``, ``BadReport``."""
        row, subject = self._own(client, application_id)
        told = digest(given)
        with Session(self.base.engine, expire_on_commit=False) as session:
            kept = session.get(OutcomeRow, (application_id, given.day))
        if kept is not None:
            if kept.digest != told:
                raise Differs(Text("此日的还款结果已报送", "the outcome of this day was reported already"))
            return kept
        _check_outcome(row, given)
        record = {
            "record_id": f"pxt-{row.application_id}-{given.day}",
            "occurred_on": given.day.isoformat(),
            "account": f"pxt-{row.application_id}",
            "principal": yuan(row.granted or 0),
            "balance": str(given.balance),
            "five_class": given.five_class,
            "days_past_due": given.days_past_due,
            "security": row.security or "credit",
        }
        receipt = report(self.exchange, client.client_id, ACCOUNTS, subject, record)
        made = OutcomeRow(
            application_id=application_id,
            day=given.day,
            digest=told,
            status=given.status,
            balance=fen(given.balance),
            days_past_due=given.days_past_due,
            batch_id=receipt.batch_id,
        )
        with writing(self.base.engine) as session:
            made = session.merge(made)
            session.flush()
            self._enter(session, client, row, "outcome", status=given.status, batch_id=receipt.batch_id)
            session.expunge(made)
        if given.status == "repaid":
            self._watched_no_more(client, row)
        return made

    def one(self, client: Client, application_id: str) -> ApplicationRow:
        """Raises ``UnknownApplication``, also for another platform's."""
        return self._own(client, application_id)[0]

    def page(self, client: Client, cursor: str | None, limit: int) -> tuple[list[ApplicationRow], str | None]:
        """The platform's own, the newest first, and the cursor of the following page."""
        allow(client, "apply")
        query = select(ApplicationRow).where(ApplicationRow.client_id == client.client_id)
        with Session(self.base.engine, expire_on_commit=False) as session:
            query = after(query, ApplicationRow.applied_at, ApplicationRow.application_id, cursor, limit)
            rows = list(session.scalars(query))
        last = rows[limit - 1] if len(rows) > limit else None
        return rows[:limit], closed((last.applied_at, last.application_id)) if last else None

    def rating(self, row: ApplicationRow) -> dict[str, Any]:
        """The rating that the application was given."""
        return self.rater.stored(row.score_id)

    def outcomes(self, row: ApplicationRow) -> list[OutcomeRow]:
        query = select(OutcomeRow).where(OutcomeRow.application_id == row.application_id).order_by(OutcomeRow.day)
        with Session(self.base.engine, expire_on_commit=False) as session:
            return list(session.scalars(query))

    def _own(self, client: Client, application_id: str) -> tuple[ApplicationRow, SubjectRow]:
        allow(client, "apply")
        with Session(self.base.engine, expire_on_commit=False) as session:
            row = session.get(ApplicationRow, application_id)
        if row is None or row.client_id != client.client_id:
            raise UnknownApplication(Text("没有此申请，或属于他人", "no such application, or it is another client's"))
        return row, self.base.subject(row.subject_id)

    def _kept(self, client: Client, number: str, told: str) -> ApplicationRow | None:
        with Session(self.base.engine, expire_on_commit=False) as session:
            found = _of_number(session, client, number)
        return None if found is None else _same(found, told)

    def _consented(self, client: Client, subject: SubjectRow, asked: Application) -> None:
        """The consent is filed; one of this reference that is there already has to cover the application."""
        given = Authorisation(
            reference=asked.consent.reference,
            subject=subject.subject_id,
            purposes=PURPOSES,
            valid_until=asked.consent.valid_until,
            document=asked.consent.document,
        )
        try:
            self.consents.file(given, client)
        except BadConsent as error:
            try:
                self.consents.check_cited(client, subject.subject_id, PURPOSES[0], asked.consent.reference)
            except HuixinError:
                raise error from None

    def _watched(self, client: Client, subject_id: str, reference: str) -> str:
        """Put on the platform's list of this name, which is made where there is none; its id."""
        interest = [Interest(subject_id, reference)]
        try:
            return self.lists.make(client, LIST_NAME, "yellow", interest).watch_list_id
        except NameTaken:
            for one in self.lists.of(client, None, self.base.settings.watch.lists_most):
                if one.name == LIST_NAME:
                    self.lists.add(client, one.watch_list_id, interest)
                    return one.watch_list_id
            raise

    def _watched_no_more(self, client: Client, row: ApplicationRow) -> None:
        """The interest has ended, unless another application of the same enterprise is open or granted."""
        query = select(ApplicationRow).where(
            ApplicationRow.client_id == client.client_id,
            ApplicationRow.subject_id == row.subject_id,
            ApplicationRow.application_id != row.application_id,
        )
        with Session(self.base.engine) as session:
            others = [one.application_id for one in session.scalars(query) if one.decision in (None, *GRANTED)]
            repaid = select(OutcomeRow.application_id).where(
                OutcomeRow.application_id.in_(others), OutcomeRow.status == "repaid"
            )
            still = set(others) - set(session.scalars(repaid))
        if not still and row.watch_list_id is not None:
            with suppress(NotWatched, UnknownWatchList):
                self.lists.take_off(client, row.watch_list_id, row.subject_id)

    @staticmethod
    def _enter(session: Session, client: Client, row: ApplicationRow, step: str, **more: Any) -> None:
        payload = {"application_id": row.application_id, "authorisation": row.authorisation, **more}
        enter(
            session,
            client.client_id,
            f"platform.{step}",
            subject_id=row.subject_id,
            purpose=PURPOSES[0],
            payload=payload,
        )


def _of_number(session: Session, client: Client, number: str) -> ApplicationRow | None:
    query = select(ApplicationRow).where(ApplicationRow.client_id == client.client_id, ApplicationRow.number == number)
    return session.scalars(query).first()


def _same(kept: ApplicationRow, told: str) -> ApplicationRow:
    if kept.digest != told:
        raise Differs(Text("此申请编号已用于另一申请", "this application number stands for another application"))
    return kept


def _check_decision(row: ApplicationRow, given: Decided) -> None:
    if given.decided_on > shanghai_day(now()):
        raise BadReport(Text("审批日期不能在未来", "a decision in the future is not accepted"))
    if given.decision in GRANTED:
        if given.granted is None or given.rate is None or not 0 < fen(given.granted) <= row.amount:
            raise BadReport(
                Text(
                    "批准时须给出金额与利率，金额不超过申请金额",
                    "with an approval comes the amount granted, at most the amount applied for, and the rate",
                )
            )
    elif (given.granted, given.rate, given.security) != (None, None, None):
        raise BadReport(Text("未批准的申请没有金额、利率与担保", "what was not granted has no amount, rate, security"))


def _check_outcome(row: ApplicationRow, given: Outcome) -> None:
    if row.decision not in GRANTED or row.decided_on is None or row.granted is None:
        raise NotNow(Text("此申请没有批准", "this application was not granted"))
    if not row.decided_on <= given.day <= shanghai_day(now()):
        raise BadReport(
            Text("结果日期应在审批日期与今天之间", "the day of an outcome lies between the decision and today")
        )
    late = given.days_past_due > 0
    if (given.status in ("overdue", "defaulted")) != late or (given.status == "repaid") != (given.balance == 0):
        raise BadReport(
            Text(
                "状态与余额、逾期天数不符：结清则余额为零；逾期与违约则逾期天数大于零",
                "status, balance and days past due do not agree: repaid means no balance, overdue and defaulted mean "
                "days past due",
            )
        )
    if fen(given.balance) > 2 * row.granted:
        raise BadReport(Text("余额超过批准金额两倍", "a balance of more than twice the amount granted is not accepted"))
