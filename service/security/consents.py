"""The subject's authorisation: filed, withdrawn, and asked for at every look at a natural person.

Regulation on the credit reporting industry, Art. 18: written authorisation and an agreed purpose. Personal Information
Protection Law, Art. 15: consent may be withdrawn, as easily as it was given; what was done before stays lawful.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar

from sqlalchemy import select
from sqlalchemy.orm import Session

from records.base import RecordBase
from records.database import ClientRow, NamedSubjectRow, writing
from records.database_access import ConsentRow
from records.errors import HuixinError, NotAllowed, UnknownSubject
from records.identity import NATURAL_PERSONS
from records.moment import now
from records.words import Text
from scoring.audit import enter
from service.desk.paging import after, closed
from service.security.roles import PURPOSES, Client, allow, allow_own

LONGEST = timedelta(days=366 * 10)


class NoConsent(NotAllowed):
    """No authorisation of the subject covers this look."""

    code: ClassVar[str] = "no-consent"
    title: ClassVar[Text] = Text("没有本人有效授权", "No valid authorisation of the subject")


class BadConsent(HuixinError):
    code: ClassVar[str] = "bad-consent"
    status: ClassVar[int] = 422
    title: ClassVar[Text] = Text("授权内容有误", "Bad consent")


class UnknownConsent(HuixinError):
    code: ClassVar[str] = "unknown-consent"
    status: ClassVar[int] = 404
    title: ClassVar[Text] = Text("没有此授权", "No such consent")


@dataclass(frozen=True)
class Authorisation:
    """What a subject agrees to. ``subject``: id or identity number. ``client_id`` None: any client.

    ``valid_from`` None: at once. ``document``: where the signed paper or its electronic form is kept.
    """

    reference: str
    subject: str
    purposes: Collection[str]
    valid_until: datetime
    document: str
    valid_from: datetime | None = None
    client_id: str | None = None


class Consents:
    """The authorisations in one base."""

    def __init__(self, base: RecordBase) -> None:
        self.base = base

    def file(self, given: Authorisation, by: Client | str) -> ConsentRow:
        """File an authorisation; ``by``: a client, or the name of an operator at the command line.

        A subject files its own; banks and platforms file for themselves only. Raises ``BadConsent``, ``NotAllowed``,
        ``UnknownSubject``.
        """
        client_id = given.client_id
        if isinstance(by, Client):
            allow(by, "consent")
            if by.role != "subject" and client_id not in (None, by.client_id):
                raise NotAllowed(Text("只能登记对本单位的授权", "only an authorisation of your own may be filed"))
            client_id = client_id if by.role == "subject" else by.client_id
        subject_id = self._subject(given.subject)
        if isinstance(by, Client):
            allow_own(by, subject_id)
        moment = now()
        start = given.valid_from or moment
        _check(given, start, moment)
        row = ConsentRow(
            consent_id=f"a-{secrets.token_hex(12)}",
            reference=given.reference,
            subject_id=subject_id,
            client_id=client_id,
            purposes=sorted(set(given.purposes)),
            valid_from=start,
            valid_until=given.valid_until,
            document=given.document,
            filed_by=by.client_id if isinstance(by, Client) else by,
            filed_at=moment,
        )
        with writing(self.base.engine) as session:
            if client_id is not None and session.get(ClientRow, client_id) is None:
                raise BadConsent(Text("没有此调用方", "no such client"))
            known = select(ConsentRow).where(
                ConsentRow.reference == row.reference,
                ConsentRow.subject_id == row.subject_id,
                ConsentRow.client_id.is_(None) if client_id is None else ConsentRow.client_id == client_id,
            )
            if session.scalars(known).first() is not None:
                raise BadConsent(Text("此编号的授权已登记", "an authorisation of this reference is filed already"))
            session.add(row)
            session.flush()
            self._enter(session, row, "consent.file", row.filed_by)
            session.expunge(row)
        return row

    def withdraw(self, consent_id: str, by: Client | str) -> ConsentRow:
        """From now on nobody looks by it. Again, nothing changes. Raises ``UnknownConsent``, ``NotAllowed``."""
        if isinstance(by, Client):
            allow(by, "consent")
        with writing(self.base.engine) as session:
            row = session.get(ConsentRow, consent_id)
            if row is None or (isinstance(by, Client) and not _seen(by, row)):
                raise UnknownConsent(Text("没有此编号的授权", "no consent of this id that you may see"))
            if row.withdrawn_at is None:
                row.withdrawn_at = now()
                session.flush()
                self._enter(session, row, "consent.withdraw", by.client_id if isinstance(by, Client) else by)
            session.refresh(row)
            session.expunge(row)
        return row

    def page(
        self, client: Client | None, cursor: str | None, limit: int, subject_id: str | None = None
    ) -> tuple[list[ConsentRow], str | None]:
        """Those that ``client`` may see (None: all), the newest first, and the following page's cursor."""
        query = select(ConsentRow)
        if client is not None:
            allow(client, "consents")
            if client.role == "subject":
                query = query.where(ConsentRow.subject_id == client.subject_id)
            elif client.role != "regulator":
                query = query.where(ConsentRow.client_id == client.client_id)
        if subject_id is not None:
            query = query.where(ConsentRow.subject_id == subject_id)
        with Session(self.base.engine, expire_on_commit=False) as session:
            rows = session.scalars(after(query, ConsentRow.filed_at, ConsentRow.consent_id, cursor, limit)).all()
        last = rows[limit - 1] if len(rows) > limit else None
        return list(rows[:limit]), closed((last.filed_at, last.consent_id)) if last else None

    def check(
        self,
        client: Client,
        subject_id: str,
        kinds: Iterable[str],
        purpose: str | None,
        reference: str | None,
        session: Session | None = None,
    ) -> None:
        """Raises ``NoConsent`` where a look at a natural person is not covered by the authorisation ``reference``.

        ``purpose`` None: what was looked at before for a purpose is looked at again.

        Regulators look by law, subjects at themselves. ``kinds`` empty: whoever is only named counts as a person.
        """
        asked = set(kinds) or {"individual"}
        if asked & NATURAL_PERSONS:
            self.check_cited(client, subject_id, purpose, reference, session)

    def check_cited(
        self,
        client: Client,
        subject_id: str,
        purpose: str | None,
        reference: str | None,
        session: Session | None = None,
    ) -> None:
        """As ``check``, of any kind of subject: where the authorisation opens what is not public."""
        allow_own(client, subject_id)
        if client.role in ("regulator", "subject"):
            return
        if session is None:
            with Session(self.base.engine) as own:
                _covered(own, client, subject_id, purpose, reference or "")
        else:
            _covered(session, client, subject_id, purpose, reference or "")

    def _subject(self, named: str) -> str:
        """The subject id of a subject, also of one whom only others' records name."""
        try:
            return self.base.resolve(named)
        except UnknownSubject:
            with Session(self.base.engine) as session:
                if session.get(NamedSubjectRow, named.strip()) is None:
                    raise
            return named.strip()

    @staticmethod
    def _enter(session: Session, row: ConsentRow, action: str, actor: str) -> None:
        payload = {
            "consent_id": row.consent_id,
            "reference": row.reference,
            "client": row.client_id,
            "purposes": row.purposes,
            "valid_from": row.valid_from.isoformat(),
            "valid_until": row.valid_until.isoformat(),
            "document": row.document,
        }
        enter(session, actor, action, subject_id=row.subject_id, payload=payload)


def _covered(session: Session, client: Client, subject_id: str, purpose: str | None, reference: str) -> None:
    """Raises ``NoConsent`` that says what stands in the way, of the nearest authorisation first."""
    rows = session.scalars(select(ConsentRow).where(ConsentRow.reference == reference)).all()
    if not rows:
        raise _no("没有编号为此的授权", "no authorisation of this reference is filed")
    rows = [row for row in rows if row.subject_id == subject_id]
    if not rows:
        raise _no("此授权出自另一主体", "this authorisation is another subject's")
    rows = [row for row in rows if row.client_id in (None, client.client_id)]
    if not rows:
        raise _no("此授权给予另一调用方", "this authorisation was given to another client")
    rows = [row for row in rows if row.withdrawn_at is None]
    if not rows:
        raise _no(
            "本人已撤回此授权（个人信息保护法第十五条）",
            "the subject has withdrawn this authorisation (Personal Information Protection Law, Art. 15)",
        )
    moment = now()
    if not any(row.valid_from <= moment for row in rows):
        raise _no("此授权尚未生效", "this authorisation is not valid yet")
    rows = [row for row in rows if row.valid_from <= moment < row.valid_until]
    if not rows:
        raise _no("此授权已到期", "this authorisation has expired")
    if purpose is not None and not any(purpose in row.purposes for row in rows):
        raise _no(f"此授权不含查询目的 {purpose}", f"this authorisation does not cover the purpose {purpose}")


def _no(zh: str, en: str) -> NoConsent:
    law = Text("（征信业管理条例第十八条）", " (Regulation on the credit reporting industry, Art. 18)")
    return NoConsent(Text(zh + law.zh, en + law.en))


def _seen(client: Client, row: ConsentRow) -> bool:
    if client.role == "subject":
        return client.subject_id == row.subject_id
    return client.client_id == row.client_id


def _check(given: Authorisation, start: datetime, moment: datetime) -> None:
    if not given.purposes or any(one not in PURPOSES for one in given.purposes):
        accepted = ", ".join(PURPOSES)
        raise BadConsent(Text(f"查询目的可用：{accepted}", f"accepted purposes: {accepted}"))
    if not start < given.valid_until <= start + LONGEST or given.valid_until <= moment:
        raise BadConsent(Text("有效期须止于将来，至多十年", "it ends in the future, at most ten years after it begins"))
    for name, value, most in (("reference", given.reference, 100), ("document", given.document, 200)):
        if not 1 <= len(value.strip()) <= most or not value.isprintable():
            raise BadConsent(Text(f"{name} 应为 1 至 {most} 个字符", f"{name} takes 1 to {most} characters"))
