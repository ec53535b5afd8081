"""Many questions at once: rated together, stored and audited in one transaction, answered when that has committed.

One thread rates and stores; while it does, the next questions come together: the more is asked, the fewer commits there
are for each answer, and nobody waits for a timer. The event loop stands still meanwhile, for a short time at most. Two
threads that take turns at the interpreter do the same in twice the time, and all that the loop could do is to take in
questions that are not answered sooner.
"""

from __future__ import annotations

import asyncio
import gc
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress

import numpy as np
import structlog
from opentelemetry.trace import Tracer, set_span_in_context
from prometheus_client import Histogram
from sqlalchemy import Connection
from sqlalchemy.orm import Session

from records.bulk import moment_out, select_in
from records.database import writing_connection
from records.database_log import keep_log_short
from records.errors import BadMoment, HuixinError, NotAuthenticated
from records.identity import SUBJECT_ID
from records.moment import now, parse_as_of
from records.words import Text
from scoring.answers import Answers
from scoring.aside import Aside
from scoring.asked import Asked, Subject
from scoring.evidence_text import EvidenceText
from scoring.group_store import store
from scoring.rating import Rater, check_rated

__all__ = ["Asked", "ScoreGroups", "Subject"]
MOST_AT_ONCE = 256
PATIENCE_SECONDS, GO_ON_SECONDS = 0.05, 1.0
"""So long an event loop stands still for a group. Where that was not enough (a slow disk, a database that is away),
loops go on beside the groups for a while.
"""

SUBJECTS = (
    "SELECT s.subject_id, s.kind, s.masked, l.numbers, l.evidence FROM subjects s LEFT JOIN latest_features l "
    "ON l.segment = s.kind AND l.subject_id = s.subject_id WHERE s.subject_id IN ({keys}) "
    "ORDER BY s.subject_id, s.kind"
)
CLIENTS = (
    "SELECT client_id, key_hash, former_hash, former_until FROM clients "
    "WHERE client_id IN ({keys}) AND revoked_at IS NULL"
)
log = structlog.get_logger()
GROUPS = Histogram("huixin_score_group", "Questions of one group commit", buckets=(1, 2, 4, 8, 16, 32, 64, 128, 256))
COMMITS = Histogram("huixin_score_commit_seconds", "Seconds that storing and committing a group took")


class ScoreGroups:
    """Answers questions in groups, for one process. Starts its thread at the first question.

    ``tracer``: makes the spans of how long questions were rated and stored, for requests that have one.
    """

    def __init__(self, rater: Rater, tracer: Tracer | None = None) -> None:
        self.rater, self.tracer = rater, tracer
        self._lock = threading.Lock()
        self._asked, self._idle = threading.Condition(self._lock), threading.Condition(self._lock)
        self._waiting: list[Asked] = []
        self._busy = self._started = False
        self._turning: asyncio.AbstractEventLoop | None = None
        self._go_on_until = 0.0
        self._aside = Aside(rater, self._again)
        self._answers: dict[str, Answers] = {}

    async def score(self, asked: Asked) -> bytes:
        """The answer as JSON, once it is stored and audited. Raises what ``Rater.rate`` raises."""
        loop = asyncio.get_running_loop()
        asked.future = loop.create_future()
        with self._lock:
            self._waiting.append(asked)
            if self._turning is not loop:  # what else comes in this turn of the loop comes along
                self._turning = loop
                loop.call_soon(self._gather, loop, 0)
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
            _set_aside()
        return kept

    def _gather(self, loop: asyncio.AbstractEventLoop, before: int) -> None:
        """Wait for one more turn of the loop as long as each brings more."""
        if before < len(self._waiting) < MOST_AT_ONCE:
            loop.call_soon(self._gather, loop, len(self._waiting))
        else:
            self._stand_still()

    def _stand_still(self) -> None:
        """Let the group be answered before the event loop takes up anything else, but do not wait for it long."""
        with self._lock:
            self._turning = None
            self._wake()
            if time.monotonic() >= self._go_on_until and not self._idle.wait_for(self._done, PATIENCE_SECONDS):
                self._go_on_until = time.monotonic() + GO_ON_SECONDS

    def _again(self, asked: Asked) -> None:
        with self._lock:
            self._waiting.append(asked)
            self._wake()

    def _wake(self) -> None:
        if not self._started:
            self._started = True
            self.rater.follow()
            keep_log_short(self.rater.base.engine)
            threading.Thread(target=self._work, name="scores", daemon=True).start()
        if not self._busy:
            self._asked.notify()

    def _done(self) -> bool:
        return not (self._busy or self._waiting)

    def _work(self) -> None:
        """Answer what has come, for as long as the process lives."""
        while True:
            with self._lock:
                while not self._waiting:
                    self._busy = False
                    self._idle.notify_all()
                    self._asked.wait()
                self._busy = True
                group, self._waiting = self._waiting[:MOST_AT_ONCE], self._waiting[MOST_AT_ONCE:]
            try:
                with self._traced("score rate", group):
                    group = self._rated(group)
            except BaseException as error:
                _failed("scores not rated", group, error)
            if group:
                self._store(group)
                _deliver(group)

    def _store(self, group: list[Asked]) -> None:
        """Store and commit what has been rated or refused."""
        GROUPS.observe(len(group))
        try:
            with (
                self._traced("score store", group),
                COMMITS.time(),
                writing_connection(self.rater.base.engine) as connection,
            ):
                store(connection, group, self.rater.online)
        except BaseException as error:  # nothing of the group is stored: each is told, and the next group comes
            _failed("scores not stored", group, error)

    @contextmanager
    def _traced(self, name: str, group: list[Asked]) -> Iterator[None]:
        """What happens within took part of the time of each request of ``group``."""
        since = time.time_ns()
        try:
            yield
        finally:
            if self.tracer is not None:
                until = time.time_ns()
                for span in [one.span for one in group if one.span is not None]:
                    part = self.tracer.start_span(name, set_span_in_context(span), start_time=since)
                    part.set_attribute("huixin.group", len(group))
                    part.end(until)

    def _rated(self, group: list[Asked]) -> list[Asked]:
        """Rate those of ``group`` whose features are at hand; the others come again when they are."""
        new = [one for one in group if one.look is None and one.error is None]
        if new:
            with self.rater.base.engine.connect() as connection:
                self._find(connection, new)
        for segment, some in _by_segment(one for one in group if one.look is not None and one.error is None):
            self._answer(segment, some)
        self._aside.add([one for one in group if one.answered is None and one.error is None])
        return [one for one in group if one.answered is not None or one.error is not None]

    def _find(self, connection: Connection, group: list[Asked]) -> None:
        """Look up clients, subjects, and the latest features of those who are asked about as of now."""
        known, moment = _keys(connection, {one.actor for one in group}), now()
        ids = {one.subject for one in group if SUBJECT_ID.fullmatch(one.subject)}
        subjects: dict[str, tuple[Subject, bytes | None, bytes | None]] = {}
        for subject_id, kind, masked, numbers, evidence in select_in(connection, SUBJECTS, sorted(ids)):
            subjects.setdefault(subject_id, (Subject(subject_id, kind, masked), numbers, evidence))
        session = Session(bind=connection)
        for one in group:
            try:
                if one.actor not in known or one.proof not in known[one.actor]:
                    raise NotAuthenticated(Text("密钥已撤销", "the key was revoked"))
                found = subjects.get(one.subject)
                one.found = self._subject(one.subject) if found is None else found[0]
                one.allowed(one.found.kind)
                if one.consented is not None:
                    one.consented(one.found.subject_id, one.found.kind, session)
                check_rated(one.found.kind)
                one.moment = moment if one.as_of is None else parse_as_of(one.as_of)
                if one.moment > moment:
                    raise BadMoment(Text("时点不能在未来", "an as-of in the future is not accepted"))
            except HuixinError as error:
                one.error = error
        session.close()
        for segment, some in _by_segment(one for one in group if one.error is None):
            self._take_kept(connection, segment, some, {name: found[1:] for name, found in subjects.items()})

    def _subject(self, text: str) -> Subject:
        found = self.rater.base.subject(text)
        return Subject(found.subject_id, found.kind, found.masked)

    def _take_kept(
        self,
        connection: Connection,
        segment: str,
        group: list[Asked],
        kept: dict[str, tuple[bytes | None, bytes | None]],
    ) -> None:
        """Features and evidence that are ``kept`` by subject id, where they hold for the moment that is asked about."""
        span = self.rater.online(segment).span(connection)
        if span is None:
            return
        since, until = span
        more = {one.found.subject_id for one in group if one.found is not None and one.found.subject_id not in kept}
        if more:
            kept |= {row[0]: tuple(row[3:]) for row in select_in(connection, SUBJECTS, sorted(more))}
        scored_at = now()
        for one in group:
            subject_id, moment = one.about
            numbers, evidence = kept.get(subject_id, (None, None))
            if numbers is None or not since <= moment < until:
                continue
            if evidence is None:
                one.keep = since
            else:
                one.see(np.frombuffer(numbers, "<f8"), EvidenceText.from_bytes(evidence), scored_at)

    def _answer(self, segment: str, group: list[Asked]) -> None:
        """Rate all at once; where that fails, one by one, so that nobody pays for another's trouble."""
        try:
            answers = self.answers(segment)
        except Exception as error:  # no model serves: asking once for all of them is enough
            for one in group:
                one.error = error
            return
        try:
            for one, answered in zip(group, answers.answer([one.look for one in group if one.look]), strict=True):
                one.answered = answered
        except Exception as error:
            if len(group) == 1:
                group[0].error = error
                return
            for one in group:
                self._answer(segment, [one])


def _by_segment(group: Iterable[Asked]) -> Iterable[tuple[str, list[Asked]]]:
    found: dict[str, list[Asked]] = {}
    for one in group:
        if one.found is not None:
            found.setdefault(one.found.kind, []).append(one)
    return found.items()


def _set_aside() -> None:
    """What is loaded stays: models and their words are left out of the search for garbage, which would hold up answers
    by a tenth of a second each time. What a former model left behind is found first.
    """
    gc.unfreeze()
    gc.collect()
    gc.freeze()


def _failed(what: str, group: list[Asked], error: BaseException) -> None:
    """Tell each of ``group`` what befell it; what it was to be answered is not stored."""
    log.error(what, kind=type(error).__name__, of=len(group))
    for one in group:
        one.answered, one.error = None, one.error or error


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
    moment = now()
    return {
        client_id: {None, present, *([former] if former and until is not None and moment < moment_out(until) else [])}
        for client_id, present, former, until in select_in(connection, CLIENTS, sorted(clients))
    }
