"""The table of jobs: many subjects to be scored, and how far each job is."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, DateTime, Index, Integer, String
from sqlalchemy.orm import Mapped, mapped_column

from records.database import Operations


class JobRow(Operations):
    """A job: a whole ``segment``, or ``subjects`` as [subject_id, kind, authorisation] each.

    ``state``: queued (also while a worker has leased it), done, failed, cancelled or expired. ``done`` and ``total``
    count subjects; ``refused`` those that might no longer be scored when their turn came.
    """

    __tablename__ = "jobs"
    job_id: Mapped[str] = mapped_column(String(40), primary_key=True)
    client_id: Mapped[str] = mapped_column(String(40), index=True)
    segment: Mapped[str | None] = mapped_column(String(20))
    subjects: Mapped[list[list[str | None]] | None] = mapped_column(JSON)
    purpose: Mapped[str] = mapped_column(String(60))
    as_of: Mapped[datetime] = mapped_column(DateTime)
    format: Mapped[str] = mapped_column(String(10))
    reasons: Mapped[str] = mapped_column(String(4))
    state: Mapped[str] = mapped_column(String(20))
    total: Mapped[int | None] = mapped_column(BigInteger)
    done: Mapped[int] = mapped_column(BigInteger, server_default="0")
    refused: Mapped[int] = mapped_column(BigInteger, server_default="0")
    attempts: Mapped[int] = mapped_column(Integer, server_default="0")
    worker: Mapped[str | None] = mapped_column(String(80))
    leased_until: Mapped[datetime | None] = mapped_column(DateTime)
    created_at: Mapped[datetime] = mapped_column(DateTime)
    finished_at: Mapped[datetime | None] = mapped_column(DateTime)
    expires_at: Mapped[datetime | None] = mapped_column(DateTime)
    bytes: Mapped[int | None] = mapped_column(BigInteger)
    sha256: Mapped[str | None] = mapped_column(String(64))
    problem: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    __table_args__ = (Index("ix_jobs_state", "state", "leased_until"),)
