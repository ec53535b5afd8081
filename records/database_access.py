"""Tables of who may ask what: consents, steps that wait for a second person, and what clients used of their quota."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, Date, DateTime, Index, Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from records.database import Operations


class ConsentRow(Operations):
    """A subject's authorisation (Regulation on the credit reporting industry, Art. 18).

    ``client_id`` null: whoever the law lets ask. ``withdrawn_at``: Personal Information Protection Law, Art. 15.
    """

    __tablename__ = "consents"
    consent_id: Mapped[str] = mapped_column(String(40), primary_key=True)
    reference: Mapped[str] = mapped_column(String(100))
    subject_id: Mapped[str] = mapped_column(String(32), index=True)
    client_id: Mapped[str | None] = mapped_column(String(40))
    purposes: Mapped[list[str]] = mapped_column(JSON)
    valid_from: Mapped[datetime] = mapped_column(DateTime)
    valid_until: Mapped[datetime] = mapped_column(DateTime)
    withdrawn_at: Mapped[datetime | None] = mapped_column(DateTime)
    document: Mapped[str] = mapped_column(String(200))
    filed_by: Mapped[str] = mapped_column(String(120))
    filed_at: Mapped[datetime] = mapped_column(DateTime)
    __table_args__ = (Index("ix_consents_reference", "reference", "subject_id"),)


class ApprovalRow(Operations):
    """What one asked for and another decides. ``state``: open, approved or rejected; past ``expires_at`` it is void."""

    __tablename__ = "approvals"
    approval_id: Mapped[str] = mapped_column(String(40), primary_key=True)
    kind: Mapped[str] = mapped_column(String(40))
    payload: Mapped[dict[str, Any]] = mapped_column(JSON)
    reason: Mapped[str] = mapped_column(Text)
    proposed_by: Mapped[str] = mapped_column(String(120))
    proposed_at: Mapped[datetime] = mapped_column(DateTime)
    expires_at: Mapped[datetime] = mapped_column(DateTime)
    state: Mapped[str] = mapped_column(String(20))
    decided_by: Mapped[str | None] = mapped_column(String(120))
    decided_at: Mapped[datetime | None] = mapped_column(DateTime)
    decision: Mapped[str | None] = mapped_column(Text)
    __table_args__ = (Index("ix_approvals_proposed", "proposed_at", "approval_id"),)


class QuotaRow(Operations):
    """How many requests of a client's daily quota were given out to the service's workers, by day in Shanghai."""

    __tablename__ = "quotas"
    client_id: Mapped[str] = mapped_column(String(40), primary_key=True)
    day: Mapped[date] = mapped_column(Date, primary_key=True)
    given: Mapped[int] = mapped_column(Integer)
