"""A question about one subject's score, and what has become of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime

from opentelemetry.trace import Span
from sqlalchemy.orm import Session

from records.words import Language
from scoring.answers import Answered, Floats, Look
from scoring.evidence_text import EvidenceText
from scoring.rating import new_score_id

SPAN: ContextVar[Span | None] = ContextVar("span", default=None)
"""The span of the request that is answered, where it is traced."""


@dataclass(frozen=True, slots=True)
class Subject:
    """Who is asked about."""

    subject_id: str
    kind: str
    masked: str


@dataclass(slots=True, eq=False)
class Asked:
    """A question, and what has become of it. ``allowed`` raises where the client may not ask about such a kind.

    ``consented`` raises where the subject (id, kind) has not authorised the look, asked in the session of its group.
    ``proof``: SHA-256 of the key that was given, where it was recognised from memory; it must still be the client's.
    ``settle`` keeps the answer for who asks again, in the transaction of the score; where it raises there is no score.
    """

    subject: str
    actor: str
    purpose: str
    allowed: Callable[[str], None]
    consented: Callable[[str, str, Session], None] | None = None
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
    error: BaseException | None = None
    future: asyncio.Future[bytes] | None = None
    span: Span | None = field(default_factory=SPAN.get)

    @property
    def about_whom(self) -> Subject:
        """The subject, once it is known."""
        assert self.found is not None  # noqa: S101
        return self.found

    @property
    def about(self) -> tuple[str, datetime]:
        """Subject id and moment (UTC), once they are known."""
        assert self.moment is not None  # noqa: S101
        return self.about_whom.subject_id, self.moment

    def see(self, numbers: Floats, evidence: EvidenceText, scored_at: datetime) -> None:
        """Features [model features of the segment] and evidence are at hand: it can be rated."""
        subject_id, moment = self.about
        self.look = Look(
            new_score_id(),
            subject_id,
            self.about_whom.masked,
            moment,
            scored_at,
            numbers,
            evidence,
            self.language,
            self.reasons,
        )
