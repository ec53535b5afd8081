"""Opens subjects' files over one base."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import date, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from records.base import RecordBase
from records.catalogue import SubjectKind, Use
from records.database import FileRow, NamedSubjectRow, SubjectRow
from records.errors import BadMoment, UnknownSubject
from records.moment import now, parse_as_of
from records.subject_file import facts, links
from records.subject_file.contradictions import contradictions
from records.subject_file.life import Life
from records.subject_file.model import FileRecord, SourceConsulted, SubjectFile, View
from records.subject_file.question import Question
from records.subject_file.refs import KINDS, Names
from records.words import Text

LIMIT = 20
LINKS_SHOWN = 200
UNKNOWN_THEN = Text(
    "该时点之前，信用库尚无关于此主体的记录",
    "the base had no record about this subject at that moment",
)
NONE_SHOWN = Text("此查询范围内没有记录", "there is no record in what this view shows")
ONLY_NAMED = Text(
    "信用库没有以此主体为对象的记录，仅有其他主体的记录提及它",
    "the base has no record about this subject itself; records of other subjects name it",
)


class SubjectFiles:
    """The files of one base's subjects. Safe between threads; follows new batches."""

    def __init__(self, base: RecordBase) -> None:
        self.base = base
        self._lock = threading.Lock()
        self._state = -1
        self._opened: tuple[Any, frozenset[str]] | None = None

    def kinds(self, subject_id: str) -> tuple[SubjectKind, ...]:
        """The kinds of a subject, none where other subjects' records only name it. Raises ``UnknownSubject``."""
        with Session(self.base.engine) as session:
            found = set(session.scalars(select(SubjectRow.kind).where(SubjectRow.subject_id == subject_id)))
            if not found and session.get(NamedSubjectRow, subject_id) is None:
                raise UnknownSubject(
                    Text("信用库中没有此主体编号", "no subject of this id in the base: 32 hexadecimal characters")
                )
        return tuple(kind for kind in KINDS if kind in found)

    def read(
        self,
        subject_id: str,
        as_of: str | datetime | date | None = None,
        *,
        view: View = "authorised",
        use: Use = "report",
        limit: int = LIMIT,
    ) -> SubjectFile:
        """The file of a subject (by its id), with at most ``limit`` records of each item, the newest first.

        Raises ``UnknownSubject`` or ``BadMoment`` (also for the future).
        """
        moment = parse_as_of(as_of)
        if moment > now():
            raise BadMoment(Text("时点不能在未来", "an as-of in the future is not accepted"))
        kinds = self.kinds(subject_id)
        connection, stored = self._open()
        with connection.con.cursor() as cursor:
            asked = Question(
                cursor, self.base.engine, self.base.catalogue, stored, subject_id, kinds, (), moment, view, use, limit
            )
            carried = links.succession(asked, Names(asked), forward=True)
            members = tuple(one.other.subject_id for one in carried)
            return _file(replace(asked, members=members), self._first_recorded(subject_id))

    def _open(self) -> tuple[Any, frozenset[str]]:
        """A connection over the items that have records, and their codes."""
        with self._lock:
            state = self.base.state()
            if self._opened is None or state != self._state:
                with Session(self.base.engine) as session:
                    codes = set(session.scalars(select(FileRow.item).distinct())) & set(self.base.catalogue.items)
                self._opened, self._state = (self.base.connection(tuple(sorted(codes))), frozenset(codes)), state
            return self._opened

    def _first_recorded(self, subject_id: str) -> datetime | None:
        with Session(self.base.engine) as session:
            rows = session.scalars(select(SubjectRow.first_recorded_at).where(SubjectRow.subject_id == subject_id))
            return min(rows, default=None)


def _file(question: Question, first: datetime | None) -> SubjectFile:
    counted = facts.counts(question)
    question = replace(question, held=frozenset(count.item.code for count in counted))
    life, names = Life(question), Names(question)
    found = links.links(question, names)
    total = sum(count.total for count in counted)
    basics = facts.basics(question, life, names)
    return SubjectFile(
        subject=names.of(question.subject_id),
        as_of=question.as_of,
        view=question.view,
        use=question.use,
        known_since=first if first is not None and first <= question.as_of else None,
        records=total,
        notes=(*_notes(question, total, first), *_endings(question, basics)),
        basics=basics,
        key_groups=facts.key_groups(question, names),
        items=facts.item_records(question, counted, life, names),
        months=facts.months(counted),
        links=tuple(found[:LINKS_SHOWN]),
        links_total=len(found),
        carries_on=links.succession(question, names, forward=True),
        carried_on_by=links.succession(question, names, forward=False),
        contradictions=contradictions(question, names),
        disputes=life.disputes(),
        gaps=life.gaps(),
        sources=_sources(question, counted),
    )


def _notes(question: Question, total: int, first: datetime | None) -> tuple[Text, ...]:
    if not question.kinds:
        return (ONLY_NAMED,)
    if total:
        return ()
    return (UNKNOWN_THEN,) if first is None or first > question.as_of else (NONE_SHOWN,)


def _endings(question: Question, basics: tuple[FileRecord, ...]) -> tuple[Text, ...]:
    """What a registration says of the end of its subject: deregistered, abolished, deceased."""
    told = []
    for record in basics:
        ended = question.catalogue.items[record.item].ended_when
        for field in record.fields:
            if field.value in ended.get(field.name, ()):
                zh, en = field.said
                told.append(
                    Text(f"登记状态：{zh}（{record.occurred_on}）", f"registration: {en} ({record.occurred_on})")
                )
    return tuple(told)


def _sources(question: Question, counted: list[facts.Count]) -> tuple[SourceConsulted, ...]:
    """Every agency that reports about such a subject, those that have records first."""
    by_source: dict[str, list[facts.Count]] = {}
    for count in counted:
        by_source.setdefault(count.item.source, []).append(count)
    made = []
    for code in dict.fromkeys(item.source for item in question.declared):
        own = by_source.get(code, [])
        made.append(
            SourceConsulted(
                source=code,
                words=question.catalogue.sources[code].words,
                items=len(own),
                records=sum(count.total for count in own),
                latest=max((count.latest for count in own), default=None),
            )
        )
    return tuple(sorted(made, key=lambda one: (one.records == 0, one.source)))
