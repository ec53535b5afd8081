"""Many questions at once: rated together, stored and audited in one transaction, answered when that has committed.

One thread rates and one writes. While the writer waits for the disk, the next questions come together, and many are
rated meanwhile; so the more is asked, the fewer commits there are for each answer, and nobody waits for a timer.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime
from typing import Any

import numpy as np
import structlog
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
from scoring.answers import Answers, Look
from scoring.asked import Asked, Subject
from scoring.evidence_text import EvidenceText
from scoring.group_store import store
from scoring.rating import EVIDENCE_LIMIT, Rater, check_rated, new_score_id

__all__ = ["Asked", "ScoreGroups", "Subject"]
MOST_AT_ONCE = 256
COMPUTING_THREADS = 2
WORTH_RATING = 32
"""So many questions are rated while the writer waits for the disk; fewer wait for it to be free, and for company."""

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
    """Answers questions in groups, for one process. Starts its threads at the first question."""

    def __init__(self, rater: Rater) -> None:
        self.rater = rater
        self._lock = threading.Lock()
        self._to_rate, self._to_write = threading.Condition(self._lock), threading.Condition(self._lock)
        self._rating = False
        self._waiting: list[Asked] = []
        self._rated: list[Asked] = []
        self._storing = self._started = False
        self._pool = ThreadPoolExecutor(COMPUTING_THREADS, "features")
        self._answers: dict[str, Answers] = {}

    async def score(self, asked: Asked) -> bytes:
        """The answer as JSON, once it is stored and audited. Raises what ``Rater.rate`` raises."""
        asked.future = asyncio.get_running_loop().create_future()
        self._add(asked)
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

    def _add(self, asked: Asked) -> None:
        with self._lock:
            self._waiting.append(asked)
            if not self._started:
                self._start()
            if not self._rating and self._worth_rating():
                self._rating = True  # awake: the next one need not call again
                self._to_rate.notify()

    def _start(self) -> None:
        self._started = True
        self.rater.follow()
        keep_log_short(self.rater.base.engine)
        for work, name in ((self._rate, "score rater"), (self._write, "score writer")):
            threading.Thread(target=work, name=name, daemon=True).start()

    def _worth_rating(self) -> bool:
        if self._storing or self._rated:
            return len(self._waiting) >= WORTH_RATING
        return bool(self._waiting)

    def _rate(self) -> None:
        """Rate what has come, for as long as the process lives, and hand it to the writer."""
        while True:
            with self._lock:
                while not self._worth_rating():
                    self._rating = False
                    self._to_rate.wait()
                self._rating = True
                group, self._waiting = self._waiting[:MOST_AT_ONCE], self._waiting[MOST_AT_ONCE:]
            try:
                done = self._answered(group)
            except BaseException as error:
                done = _failed("scores not rated", group, error)
            with self._lock:
                self._rated += done
                self._to_write.notify()

    def _write(self) -> None:
        """Store and commit what has been rated, for as long as the process lives, and wake those who wait for it."""
        while True:
            with self._lock:
                self._storing = False
                self._to_rate.notify()
                self._to_write.wait_for(lambda: self._rated)
                group, self._rated, self._storing = self._rated, [], True
            try:
                GROUPS.observe(len(group))
                with COMMITS.time(), writing_connection(self.rater.base.engine) as connection:
                    store(connection, group, self.rater.online)
            except BaseException as error:  # nothing of the group is stored: each is told, and the writer goes on
                _failed("scores not stored", group, error)
            _deliver(group)

    def _answered(self, group: list[Asked]) -> list[Asked]:
        """Rate those of ``group`` whose features are at hand; the others come again when they are."""
        new = [one for one in group if one.look is None and one.error is None]
        if new:
            with self.rater.base.engine.connect() as connection:
                self._find(connection, new)
        for segment, some in _by_segment(one for one in group if one.look is not None and one.error is None):
            self._answer(segment, some)
        done = []
        for one in group:
            if one.answered is not None or one.error is not None:
                done.append(one)
            else:
                self._pool.submit(self._compute, one)
        return done

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
            assert one.found is not None and one.moment is not None  # noqa: S101, PT018
            numbers, evidence = kept.get(one.found.subject_id, (None, None))
            if numbers is None or not since <= one.moment < until:
                continue
            if evidence is None:
                one.keep = since
            else:
                row = np.frombuffer(numbers, "<f8")
                one.look = _look(one, row, EvidenceText.from_bytes(evidence), scored_at)

    def _compute(self, one: Asked) -> None:
        """Features and evidence from the records, aside; then the question comes again."""
        try:
            assert one.found is not None and one.moment is not None  # noqa: S101, PT018
            segment, subject_id = one.found.kind, one.found.subject_id
            pipeline = self.rater.pipeline(segment)
            features = self.rater.online(segment).get(subject_id, one.moment) or pipeline.one(subject_id, one.moment)
            evidence = pipeline.evidence(subject_id, one.moment, pipeline.codes, EVIDENCE_LIMIT)
            numbers = np.array([features[code] for code in pipeline.codes])
            one.look = _look(one, numbers, EvidenceText.of_records(pipeline.codes, evidence), now())
        except BaseException as error:
            one.error = error
        self._add(one)

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


def _look(one: Asked, numbers: Any, evidence: EvidenceText, scored_at: datetime) -> Look:
    assert one.found is not None and one.moment is not None  # noqa: S101, PT018
    found, moment = one.found, one.moment
    score_id = new_score_id()
    return Look(
        score_id, found.subject_id, found.masked, moment, scored_at, numbers, evidence, one.language, one.reasons
    )


def _failed(what: str, group: list[Asked], error: BaseException) -> list[Asked]:
    """All of ``group``, each with what befell it."""
    log.error(what, kind=type(error).__name__, of=len(group))
    for one in group:
        one.error = one.error or error
    return group


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
