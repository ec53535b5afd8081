"""The operations database's table of answers that are given again to who asks the same thing twice."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import JSON, DateTime, Integer, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from records.database import Operations


class AnswerRow(Operations):
    """A request that carried an ``Idempotency-Key``: claimed by an attempt, then settled with its answer.

    ``key_hash``: SHA-256 of the key. ``digest``: of the request under that key, so that nobody who reads the table can
    try identity numbers out on it. ``status`` is null until the answer is there; ``leased_until``: how long the attempt
    may take before another one takes its place.
    """

    __tablename__ = "answers"
    client_id: Mapped[str] = mapped_column(String(40), primary_key=True)
    key_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    digest: Mapped[str] = mapped_column(String(64))
    attempt: Mapped[str] = mapped_column(String(32))
    claimed_at: Mapped[datetime] = mapped_column(DateTime)
    leased_until: Mapped[datetime] = mapped_column(DateTime)
    expires_at: Mapped[datetime] = mapped_column(DateTime, index=True)
    status: Mapped[int | None] = mapped_column(Integer)
    headers: Mapped[dict[str, str] | None] = mapped_column(JSON)
    body: Mapped[bytes | None] = mapped_column(LargeBinary)
