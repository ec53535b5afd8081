"""Features and evidence from the records, for questions that what is kept does not answer; nobody else waits."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from features.spine import spine_of_many
from records.moment import now
from scoring.asked import Asked
from scoring.evidence_text import EvidenceText
from scoring.rating import EVIDENCE_LIMIT, Rater

THREADS = 2
MOST_AT_ONCE = 64


class Aside:
    """Computes what questions need, each some questions at a time, and has them come again (``again``).

    A pass over the records costs some hundred milliseconds, for one subject or for many.
    """

    def __init__(self, rater: Rater, again: Callable[[Asked], None]) -> None:
        self.rater, self._again = rater, again
        self._lock = threading.Lock()
        self._pool = ThreadPoolExecutor(THREADS, "features")
        self._waiting: list[Asked] = []
        self._working = 0

    def add(self, group: Sequence[Asked]) -> None:
        """Questions whose subject and moment are known."""
        with self._lock:
            self._waiting += group
            if self._waiting and self._working < THREADS:
                self._working += 1
                self._pool.submit(self._work)

    def _work(self) -> None:
        while some := self._next():
            try:
                self._compute(some)
            except BaseException:  # whose fault it is shows one by one
                for one in some:
                    self._compute_alone(one)
            for one in some:
                self._again(one)

    def _next(self) -> list[Asked]:
        """The next questions about one segment; none: this thread ends."""
        with self._lock:
            kind = _kind(self._waiting[0]) if self._waiting else None
            some = [one for one in self._waiting if _kind(one) == kind][:MOST_AT_ONCE]
            taken = {id(one) for one in some}
            self._waiting = [one for one in self._waiting if id(one) not in taken]
            if not some:
                self._working -= 1
            return some

    def _compute_alone(self, one: Asked) -> None:
        try:
            self._compute([one])
        except BaseException as error:
            one.error = error

    def _compute(self, group: Sequence[Asked]) -> None:
        asked = list(dict.fromkeys(one.about for one in group))
        segment = _kind(group[0])
        pipeline, online = self.rater.pipeline(segment), self.rater.online(segment)
        kept = {about: online.get(*about) for about in asked}
        if missing := [about for about, features in kept.items() if features is None]:
            table = pipeline.build(spine_of_many(missing))
            columns = {code: table[code].to_numpy() for code in pipeline.codes}
            for row, about in enumerate(missing):
                kept[about] = {code: float(column[row]) for code, column in columns.items()}
        behind = dict(zip(asked, pipeline.evidence_of_many(asked, pipeline.codes, EVIDENCE_LIMIT), strict=True))
        for one in group:
            features = kept[one.about]
            assert features is not None  # noqa: S101
            numbers = np.array([features[code] for code in pipeline.codes])
            one.see(numbers, EvidenceText.of_records(pipeline.codes, behind[one.about]), now())


def _kind(one: Asked) -> str:
    return one.about_whom.kind
