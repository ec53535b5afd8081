"""A question about one subject's score, and what has become of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from records.words import Language
from scoring.answers import Answered, Look


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
