"""Applications for finance that came by a platform, what was decided, and what became of the loans."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import Date, DateTime, ForeignKey, Integer, Numeric, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from records.database import Operations


class ApplicationRow(Operations):
    """An application, by the platform's number; ``digest`` and ``decision_digest``: SHA-256 of what was sent.

    ``granted`` in yuan and ``rate``, percent a year, where it was granted. No identity number is here.
    """

    __tablename__ = "platform_applications"
    application_id: Mapped[str] = mapped_column(String(40), primary_key=True)
    client_id: Mapped[str] = mapped_column(ForeignKey("clients.client_id"))
    number: Mapped[str] = mapped_column(String(64))
    digest: Mapped[str] = mapped_column(String(64))
    subject_id: Mapped[str] = mapped_column(String(32), index=True)
    product: Mapped[str] = mapped_column(String(100))
    amount: Mapped[Decimal] = mapped_column(Numeric(18, 2))
    term_months: Mapped[int] = mapped_column(Integer)
    purpose: Mapped[str] = mapped_column(String(20))
    authorisation: Mapped[str] = mapped_column(String(100))
    applied_at: Mapped[datetime] = mapped_column(DateTime)
    score_id: Mapped[str] = mapped_column(String(40))
    watch_list_id: Mapped[str | None] = mapped_column(String(40))
    decision: Mapped[str | None] = mapped_column(String(20))
    decision_digest: Mapped[str | None] = mapped_column(String(64))
    decided_on: Mapped[date | None] = mapped_column(Date)
    granted: Mapped[Decimal | None] = mapped_column(Numeric(18, 2))
    rate: Mapped[Decimal | None] = mapped_column(Numeric(8, 4))
    security: Mapped[str | None] = mapped_column(String(20))
    __table_args__ = (UniqueConstraint("client_id", "number", name="uq_platform_applications_number"),)


class OutcomeRow(Operations):
    """How a granted loan stood on a day."""

    __tablename__ = "platform_outcomes"
    application_id: Mapped[str] = mapped_column(ForeignKey("platform_applications.application_id"), primary_key=True)
    day: Mapped[date] = mapped_column(Date, primary_key=True)
    digest: Mapped[str] = mapped_column(String(64))
    status: Mapped[str] = mapped_column(String(20))
    balance: Mapped[Decimal] = mapped_column(Numeric(18, 2))
    days_past_due: Mapped[int] = mapped_column(Integer)
    batch_id: Mapped[str] = mapped_column(String(40))
