"""Applications for finance that came by a platform, what was decided, and what became of the loans."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import BigInteger, Date, DateTime, ForeignKey, Integer, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from records.database import Operations


class ApplicationRow(Operations):
    """An application, by the platform's number; ``digest`` and ``decision_digest``: SHA-256 of what was sent.

    ``amount`` and ``granted`` in fen; ``rate`` in percent a year. No identity number is here.
    """

    __tablename__ = "platform_applications"
    application_id: Mapped[str] = mapped_column(String(40), primary_key=True)
    client_id: Mapped[str] = mapped_column(ForeignKey("clients.client_id"))
    number: Mapped[str] = mapped_column(String(64))
    digest: Mapped[str] = mapped_column(String(64))
    subject_id: Mapped[str] = mapped_column(String(32), index=True)
    product: Mapped[str] = mapped_column(String(100))
    amount: Mapped[int] = mapped_column(BigInteger)
    term_months: Mapped[int] = mapped_column(Integer)
    purpose: Mapped[str] = mapped_column(String(20))
    authorisation: Mapped[str] = mapped_column(String(100))
    applied_at: Mapped[datetime] = mapped_column(DateTime)
    score_id: Mapped[str] = mapped_column(String(40))
    watch_list_id: Mapped[str | None] = mapped_column(String(40))
    decision: Mapped[str | None] = mapped_column(String(20))
    decision_digest: Mapped[str | None] = mapped_column(String(64))
    decided_on: Mapped[date | None] = mapped_column(Date)
    granted: Mapped[int | None] = mapped_column(BigInteger)
    rate: Mapped[str | None] = mapped_column(String(10))
    security: Mapped[str | None] = mapped_column(String(20))
    __table_args__ = (UniqueConstraint("client_id", "number", name="uq_platform_applications_number"),)


class OutcomeRow(Operations):
    """How a granted loan stood on a day; ``balance`` in fen."""

    __tablename__ = "platform_outcomes"
    application_id: Mapped[str] = mapped_column(ForeignKey("platform_applications.application_id"), primary_key=True)
    day: Mapped[date] = mapped_column(Date, primary_key=True)
    digest: Mapped[str] = mapped_column(String(64))
    status: Mapped[str] = mapped_column(String(20))
    balance: Mapped[int] = mapped_column(BigInteger)
    days_past_due: Mapped[int] = mapped_column(Integer)
    batch_id: Mapped[str] = mapped_column(String(40))
