"""Many questions at once: rated together, stored and audited in one transaction, answered when that has committed.

One writer a process. While it waits for the disk, the next questions come together; so the more is asked, the fewer
commits there are for each answer, and nobody waits for a timer.
"""

from __future__ import annotations

import asyncio
import secrets
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import structlog
from prometheus_client import Histogram
from sqlalchemy import Connection, insert, select
from sqlalchemy.orm import Session

from models.registry import model_name
from records.database import ClientRow, ScoreRow, SubjectRow, writing
from records.errors import BadMoment, HuixinError, NotAuthenticated
from records.identity import SUBJECT_ID
from records.moment import now, parse_as_of
from records.words import Language, Text
from scoring.answers import Answered, Answers, Look
from scoring.audit import Entry, enter_all
from scoring.evidence_text import EvidenceText
from scoring.rating import EVIDENCE_LIMIT, Rater, check_rated
from scoring.sealing import sealed

MOST_AT_ONCE = 256
COMPUTING_THREADS = 2
SCORES = ScoreRow.metadata.tables[ScoreRow.__tablename__]
log = structlog.get_logger()
GROUPS = Histogram("huixin_score_group", "Questions of one group commit", buckets=(1, 2, 4, 8, 16, 32, 64, 128, 256))
COMMITS = Histogram("huixin_score_commit_seconds", "Seconds that storing and committing a group took")


@dataclass(frozen=True, slots=True)
class Subject:
    """Who is asked about."""

    subject_id: str
    kind: str
    masked: str


@dataclass(slots=True, eq=False)
class Asked:
    """A question, and what has become of it. ``allowed`` raises where the client may not ask about such a kind.

    ``consented`` raises where the subject (id, kind) has not authorised the look. ``proof``: SHA-256 of the key
    that was given, where it was recognised from memory; it must still be the client's. ``settle`` keeps the answer for
    who asks again, in the transaction of the score; where it raises there is no score.
    """

    subject: str
    actor: str
    purpose: str
    allowed: Callable[[str], None]
    consented: Callable[[str, str], None] | None = None
    proof: str | None = None
    settle: Callable[[Session, bytes], None] | None = None
    as_of: str | None = None
    authorisation: str | None = None
    language: Language | None = None
    reasons: int | None = None
    moment: datetime | None = None
    found: Subject | None = None
    look: Look | None = None
    keep: datetime | None = None
    answered: Answered | None = None
    sealed: str | None = None
    error: BaseException | None = None
    future: asyncio.Future[bytes] | None = None


class ScoreGroups:
    """Answers questions in groups, for one process. Starts its writer at the first question."""

    def __init__(self, rater: Rater) -> None:
        self.rater = rater
        self._changed = threading.Condition()
        self._waiting: list[Asked] = []
        self._writer: threading.Thread | None = None
        self._pool = ThreadPoolExecutor(COMPUTING_THREADS, "features")
        self._answers: dict[str, Answers] = {}

    async def score(self, asked: Asked) -> bytes:
        """The answer as JSON, once it is stored and audited. Raises what ``Rater.rate`` raises."""
        asked.future = asyncio.get_running_loop().create_future()
        self._add([asked])
        return await asked.future

    @property
    def waiting(self) -> int:
        """How many questions no group has taken yet."""
        return len(self._waiting)

    def answers(self, segment: str) -> Answers:
        """What the champions of ``segment`` answer, prepared anew where another one serves."""
        serving, kept = self.rater.serving(segment), self._answers.get(segment)
        if kept is None or kept.serving is not serving:
            kept = self._answers[segment] = Answers(serving, segment)
        return kept

    def _add(self, asked: list[Asked]) -> None:
        with self._changed:
            self._waiting += asked
            if self._writer is None:
                self.rater.follow()
                self._writer = threading.Thread(target=self._run, name="score writer", daemon=True)
                self._writer.start()
            self._changed.notify()

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting)
                group, self._waiting = self._waiting[:MOST_AT_ONCE], self._waiting[MOST_AT_ONCE:]
            try:
                done = self._rated(group)
            except BaseException as error:  # nothing of the group is stored: each is told, and the writer goes on
                log.error("scores not stored", kind=type(error).__name__, of=len(group))
                for one in group:
                    one.error = one.error or error
                done = group
            _deliver(done)

    def _rated(self, group: list[Asked]) -> list[Asked]:
        """Rate and store those of ``group`` whose features are at hand; the others come again when they are."""
        new = [one for one in group if one.look is None and one.error is None]
        if new:
            with self.rater.base.engine.connect() as connection:
                self._find(connection, new)
        for segment, some in _by_segment(one for one in group if one.look is not None and one.error is None):
            self._answer(segment, some)
        done = [one for one in group if one.answered is not None or one.error is not None]
        if done:
            GROUPS.observe(len(done))
            with COMMITS.time(), writing(self.rater.base.engine) as session:
                self._store(session, done)
        for one in group:
            if one.answered is None and one.error is None:
                self._pool.submit(self._compute, one)
        return done

    def _find(self, connection: Connection, group: list[Asked]) -> None:
        """Look up clients, subjects, and the latest features of those who are asked about as of now."""
        known = _keys(connection, {one.actor for one in group})
        ids = {one.subject for one in group if SUBJECT_ID.fullmatch(one.subject)}
        subjects: dict[str, Subject] = {}
        row = SubjectRow
        rows = select(row.subject_id, row.kind, row.masked).where(row.subject_id.in_(ids))
        for subject_id, kind, masked in connection.execute(rows.order_by(row.subject_id, row.kind)):
            subjects.setdefault(subject_id, Subject(subject_id, kind, masked))
        for one in group:
            try:
                if one.actor not in known or one.proof not in known[one.actor]:
                    raise NotAuthenticated(Text("密钥已撤销", "the key was revoked"))
                found = subjects.get(one.subject)
                one.found = self._subject(one.subject) if found is None else found
                one.allowed(one.found.kind)
                if one.consented is not None:
                    one.consented(one.found.subject_id, one.found.kind)
                check_rated(one.found.kind)
                one.moment = parse_as_of(one.as_of)
                if one.moment > now():
                    raise BadMoment(Text("时点不能在未来", "an as-of in the future is not accepted"))
            except HuixinError as error:
                one.error = error
        for segment, some in _by_segment(one for one in group if one.error is None):
            self._take_kept(connection, segment, some)

    def _subject(self, text: str) -> Subject:
        found = self.rater.base.subject(text)
        return Subject(found.subject_id, found.kind, found.masked)

    def _take_kept(self, connection: Connection, segment: str, group: list[Asked]) -> None:
        kept = self.rater.online(segment).of_many(connection, [one.found.subject_id for one in group if one.found])
        if kept is None:
            return
        codes = self.answers(segment).codes
        for one in group:
            assert one.found is not None and one.moment is not None  # noqa: S101, PT018
            row = kept.rows.get(one.found.subject_id)
            if row is None or not kept.as_of <= one.moment < kept.valid_until:
                continue
            if row[1] is None:
                one.keep = kept.as_of
            else:
                one.look = _look(one, row[0], EvidenceText.from_bytes(codes, row[1]))

    def _compute(self, one: Asked) -> None:
        """Features and evidence from the records, aside; then the question comes again."""
        try:
            assert one.found is not None and one.moment is not None  # noqa: S101, PT018
            segment, subject_id = one.found.kind, one.found.subject_id
            pipeline = self.rater.pipeline(segment)
            features = self.rater.online(segment).get(subject_id, one.moment) or pipeline.one(subject_id, one.moment)
            evidence = pipeline.evidence(subject_id, one.moment, pipeline.codes, EVIDENCE_LIMIT)
            numbers = np.array([features[code] for code in pipeline.codes])
            one.look = _look(one, numbers, EvidenceText.of_records(pipeline.codes, evidence))
        except BaseException as error:
            one.error = error
        self._add([one])

    def _answer(self, segment: str, group: list[Asked]) -> None:
        """Rate all at once; where that fails, one by one, so that nobody pays for another's trouble."""
        try:
            answers = self.answers(segment)
            for one, answered in zip(group, answers.answer([one.look for one in group if one.look]), strict=True):
                one.answered = answered
        except Exception as error:
            if len(group) == 1:
                group[0].error = error
                return
            for one in group:
                self._answer(segment, [one])

    def _store(self, session: Session, group: list[Asked]) -> None:
        for one in group:
            if one.settle is not None and one.answered is not None:
                try:
                    one.settle(session, one.answered.answer)
                except HuixinError as error:
                    one.answered, one.error = None, error
        given = [one for one in group if one.answered is not None]
        if given:
            rows = [_row(one) for one in given]
            for one, row in zip(given, rows, strict=True):
                one.sealed = sealed(row)
            session.execute(insert(SCORES), rows)
        enter_all(session, [entry for one in group if (entry := _entry(one)) is not None])
        for one in given:
            if one.keep is not None and one.found is not None and one.look is not None:
                kept = {one.found.subject_id: one.look.evidence.to_bytes()}
                self.rater.online(one.found.kind).keep_evidence(session.connection(), one.keep, kept)


def _by_segment(group: Iterable[Asked]) -> Iterable[tuple[str, list[Asked]]]:
    found: dict[str, list[Asked]] = {}
    for one in group:
        if one.found is not None:
            found.setdefault(one.found.kind, []).append(one)
    return found.items()


def _look(one: Asked, numbers: Any, evidence: EvidenceText) -> Look:
    assert one.found is not None and one.moment is not None  # noqa: S101, PT018
    score_id, found = f"s-{secrets.token_hex(12)}", one.found
    return Look(
        score_id, found.subject_id, found.masked, one.moment, now(), numbers, evidence, one.language, one.reasons
    )


def _row(one: Asked) -> dict[str, Any]:
    assert one.look is not None and one.answered is not None and one.found is not None  # noqa: S101, PT018
    look, answered = one.look, one.answered
    return {
        "score_id": look.score_id,
        "subject_id": look.subject_id,
        "as_of": look.as_of,
        "scored_at": look.scored_at,
        "segment": one.found.kind,
        "model_name": model_name(one.found.kind),
        "model_version": answered.model_version,
        "pd": answered.pd,
        "score": answered.score,
        "grade": answered.grade,
        "features": answered.features,
        "payload": answered.payload,
    }


def _entry(one: Asked) -> Entry | None:
    """What the trail says of a question: a score, or why it was refused; nothing where the key was not known."""
    if one.answered is not None and one.look is not None:
        payload = {
            "score_id": one.look.score_id,
            "score": one.answered.score.hex(),
            "authorisation": one.authorisation,
            "sealed": one.sealed,
        }
        return Entry(one.actor, "score", one.look.subject_id, one.purpose, payload)
    if isinstance(one.error, HuixinError) and not isinstance(one.error, NotAuthenticated):
        return Entry(one.actor, "score.refused", None, one.purpose, {"reason": one.error.code})
    return None


def _deliver(done: Iterable[Asked]) -> None:
    """Wake those who wait, once for each event loop."""
    loops: dict[asyncio.AbstractEventLoop, list[Asked]] = {}
    for one in done:
        if one.future is not None:
            loops.setdefault(one.future.get_loop(), []).append(one)
    for loop, some in loops.items():
        with suppress(RuntimeError):  # a loop that has ended: nobody waits there any more
            loop.call_soon_threadsafe(_wake, some)


def _wake(done: list[Asked]) -> None:
    for one in done:
        if one.future is None or one.future.done():
            continue
        if one.error is not None:
            one.future.set_exception(one.error)
        elif one.answered is not None:
            one.future.set_result(one.answered.answer)


def _keys(connection: Connection, clients: set[str]) -> dict[str, set[str | None]]:
    """The hashes of the keys that open now, by client that is not revoked; None stands for another proof."""
    row = ClientRow
    asked = select(row.client_id, row.key_hash, row.former_hash, row.former_until)
    found = connection.execute(asked.where(row.client_id.in_(clients), row.revoked_at.is_(None)))
    return {
        client_id: {None, present, *([former] if former and until is not None and now() < until else [])}
        for client_id, present, former, until in found
    }
