"""Watch lists: in which subjects a client has an interest, and from which severity on it is told."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, delete, exists, func, or_, select
from sqlalchemy.orm import Session

from records.base import RecordBase
from records.database import SubjectRow, writing
from records.database_access import ConsentRow
from records.database_watch import WatchEntryRow, WatchListRow
from records.errors import HuixinError
from records.moment import now
from records.words import Text
from scoring.audit import enter
from scoring.signals import Severity
from service.security import Client, allow, allow_subject
from service.security.consents import Consents
from service.watch.errors import NameTaken, NotWatched, TooManyWatched, UnknownWatchList


@dataclass(frozen=True)
class WatchList:
    """A watch list and how many subjects are on it."""

    watch_list_id: str
    name: str
    threshold: Severity
    created_at: datetime
    entries: int


@dataclass(frozen=True)
class Interest:
    """A subject (id or identity number) to be watched, and the person's authorisation where it is one."""

    subject: str
    authorisation: str | None = None


@dataclass(frozen=True)
class Entry:
    """A watched subject."""

    subject_id: str
    segment: str
    masked: str
    authorisation: str | None
    added_at: datetime


class WatchLists:
    """The watch lists of the clients of one base; each client sees its own only. Refused actions change nothing."""

    def __init__(self, base: RecordBase) -> None:
        self.base = base
        self.limits = base.settings.watch

    def make(self, client: Client, name: str, threshold: Severity, interests: Sequence[Interest] = ()) -> WatchList:
        """A new list. Raises ``NameTaken``, ``TooManyWatched``, or what is wrong with one of ``interests``."""
        allow(client, "watch")
        found = self._found(client, interests)
        with writing(self.base.engine) as session:
            mine = session.scalars(select(WatchListRow).where(WatchListRow.client_id == client.client_id)).all()
            if any(one.name == name for one in mine):
                raise NameTaken(Text("已有同名名单", "there is a list of this name"))
            if len(mine) >= self.limits.lists_most:
                raise _too_many("名单", "watch lists", self.limits.lists_most)
            row = WatchListRow(
                watch_list_id=f"w-{secrets.token_hex(12)}",
                client_id=client.client_id,
                name=name,
                threshold=threshold,
                created_at=now(),
            )
            session.add(row)
            session.flush()
            payload = {"watch_list_id": row.watch_list_id, "threshold": threshold}
            enter(session, client.client_id, "watch.list", payload=payload)
            self._put(session, client, row.watch_list_id, found)
            session.flush()
            return _list(session, row)

    def of(self, client: Client, after: str | None, most: int) -> list[WatchList]:
        """The client's lists by id, those after the id ``after`` only."""
        allow(client, "watch")
        query = select(WatchListRow).where(WatchListRow.client_id == client.client_id)
        if after is not None:
            query = query.where(WatchListRow.watch_list_id > after)
        with Session(self.base.engine) as session:
            rows = session.scalars(query.order_by(WatchListRow.watch_list_id).limit(most)).all()
            return [_list(session, row) for row in rows]

    def one(self, client: Client, watch_list_id: str) -> WatchList:
        """Raises ``UnknownWatchList``."""
        allow(client, "watch")
        with Session(self.base.engine) as session:
            return _list(session, _own(session, client, watch_list_id))

    def remove(self, client: Client, watch_list_id: str) -> None:
        """Remove a list and all on it. Raises ``UnknownWatchList``."""
        allow(client, "watch")
        with writing(self.base.engine) as session:
            row = _own(session, client, watch_list_id)
            session.execute(delete(WatchEntryRow).where(WatchEntryRow.watch_list_id == watch_list_id))
            session.delete(row)
            enter(session, client.client_id, "watch.list.remove", payload={"watch_list_id": watch_list_id})

    def add(self, client: Client, watch_list_id: str, interests: Sequence[Interest]) -> list[Entry]:
        """Put subjects on a list, all or none; one that is there keeps its place and takes the new authorisation.

        Raises ``UnknownWatchList``, ``UnknownSubject``, ``NotAllowed``, ``TooManyWatched``.
        """
        allow(client, "watch")
        with Session(self.base.engine) as session:
            _own(session, client, watch_list_id)
        found = self._found(client, interests)
        with writing(self.base.engine) as session:
            _own(session, client, watch_list_id)
            self._put(session, client, watch_list_id, found)
            ids = [subject.subject_id for subject, _ in found]
            return _entries(session, watch_list_id, WatchEntryRow.subject_id.in_(ids), len(ids))

    def entries(self, client: Client, watch_list_id: str, after: str | None, most: int) -> list[Entry]:
        """Subjects on a list by id, those after the id ``after`` only. Raises ``UnknownWatchList``."""
        allow(client, "watch")
        with Session(self.base.engine) as session:
            _own(session, client, watch_list_id)
            return _entries(session, watch_list_id, WatchEntryRow.subject_id > (after or ""), most)

    def take_off(self, client: Client, watch_list_id: str, subject_id: str) -> None:
        """Raises ``UnknownWatchList`` or ``NotWatched``."""
        allow(client, "watch")
        with writing(self.base.engine) as session:
            _own(session, client, watch_list_id)
            entry = session.get(WatchEntryRow, (watch_list_id, subject_id))
            if entry is None:
                raise NotWatched(Text("此主体不在名单上", "this subject is not on the list"))
            session.delete(entry)
            payload = {"watch_list_id": watch_list_id}
            enter(session, client.client_id, "watch.remove", subject_id=subject_id, payload=payload)

    def authorisation(self, client: Client, subject_id: str) -> str | None:
        """The authorisation with which the client watches a subject, where it does."""
        query = (
            select(WatchEntryRow.authorisation)
            .join(WatchListRow, WatchListRow.watch_list_id == WatchEntryRow.watch_list_id)
            .where(WatchListRow.client_id == client.client_id, WatchEntryRow.subject_id == subject_id)
            .where(WatchEntryRow.authorisation.is_not(None))
        )
        with Session(self.base.engine) as session:
            return session.scalars(query.limit(1)).first()

    def _found(self, client: Client, interests: Sequence[Interest]) -> list[tuple[SubjectRow, str | None]]:
        """Each subject, once; an error says which one it is about."""
        found: dict[str, tuple[SubjectRow, str | None]] = {}
        consents = Consents(self.base)
        for number, one in enumerate(interests, start=1):
            try:
                subject = self.base.subject(one.subject)
                allow_subject(client, subject.kind, one.authorisation)
                consents.check(client, subject.subject_id, (subject.kind,), "loan_monitoring", one.authorisation)
            except HuixinError as error:
                raise type(error)(Text(f"第 {number} 个：{error.text.zh}", f"no. {number}: {error.text.en}")) from error
            found[subject.subject_id] = (subject, one.authorisation)
        return list(found.values())

    def _put(
        self, session: Session, client: Client, watch_list_id: str, found: Sequence[tuple[SubjectRow, str | None]]
    ) -> None:
        moment = now()
        for subject, authorisation in found:
            entry = session.get(WatchEntryRow, (watch_list_id, subject.subject_id))
            if entry is None:
                entry = WatchEntryRow(
                    watch_list_id=watch_list_id, subject_id=subject.subject_id, segment=subject.kind, added_at=moment
                )
                session.add(entry)
            elif entry.authorisation != authorisation and not _stands(session, entry):
                entry.told_at = None  # the telling had ended: what stands now is told anew
            entry.authorisation = authorisation
            payload = {"watch_list_id": watch_list_id, "authorisation": authorisation}
            enter(
                session,
                client.client_id,
                "watch.add",
                subject_id=subject.subject_id,
                purpose="loan_monitoring",
                payload=payload,
            )
        session.flush()
        if _count(session, watch_list_id) > self.limits.entries_most:
            raise _too_many("名单上的主体", "subjects on a list", self.limits.entries_most)


def _stands(session: Session, entry: WatchEntryRow) -> bool:
    own = (WatchEntryRow.watch_list_id == entry.watch_list_id, WatchEntryRow.subject_id == entry.subject_id)
    joined = WatchListRow.watch_list_id == WatchEntryRow.watch_list_id
    return session.scalar(select(WatchEntryRow.subject_id).join(WatchListRow, joined).where(*own, stands())) is not None


def stands() -> ColumnElement[bool]:
    """Whether an entry, joined with its list, stands now: it cites no authorisation, or one that is valid still.

    A consent that was withdrawn or has expired ends the telling (Personal Information Protection Law, Art. 15).
    """
    moment, consent = now(), ConsentRow
    valid = exists().where(
        consent.reference == WatchEntryRow.authorisation,
        consent.subject_id == WatchEntryRow.subject_id,
        or_(consent.client_id.is_(None), consent.client_id == WatchListRow.client_id),
        consent.withdrawn_at.is_(None),
        consent.valid_from <= moment,
        consent.valid_until > moment,
    )
    return or_(WatchEntryRow.authorisation.is_(None), valid)


def _own(session: Session, client: Client, watch_list_id: str) -> WatchListRow:
    row = session.get(WatchListRow, watch_list_id)
    if row is None or row.client_id != client.client_id:
        raise UnknownWatchList(Text("没有此名单，或属于他人", "no such list, or it is another client's"))
    return row


def _entries(session: Session, watch_list_id: str, which: object, most: int) -> list[Entry]:
    query = (
        select(WatchEntryRow, SubjectRow.masked)
        .join(
            SubjectRow,
            (SubjectRow.subject_id == WatchEntryRow.subject_id) & (SubjectRow.kind == WatchEntryRow.segment),
        )
        .where(WatchEntryRow.watch_list_id == watch_list_id, which)  # type: ignore[arg-type]
        .order_by(WatchEntryRow.subject_id)
        .limit(most)
    )
    return [
        Entry(row.subject_id, row.segment, masked, row.authorisation, row.added_at)
        for row, masked in session.execute(query).all()
    ]


def _list(session: Session, row: WatchListRow) -> WatchList:
    threshold: Severity = row.threshold  # type: ignore[assignment]
    return WatchList(row.watch_list_id, row.name, threshold, row.created_at, _count(session, row.watch_list_id))


def _count(session: Session, watch_list_id: str) -> int:
    query = select(func.count()).select_from(WatchEntryRow).where(WatchEntryRow.watch_list_id == watch_list_id)
    return session.scalar(query) or 0


def _too_many(zh: str, en: str, most: int) -> TooManyWatched:
    return TooManyWatched(Text(f"{zh}至多 {most} 个", f"at most {most} {en} are accepted"))
