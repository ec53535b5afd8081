"""Tables of the desk: credit reports given out, objections, and repairs and erasures on their way."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import JSON, Date, DateTime, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from records.database import Operations


class ReportRow(Operations):
    """A credit report that was ordered; whenever it is fetched, it is read from the records as of ``as_of``."""

    __tablename__ = "reports"
    report_id: Mapped[str] = mapped_column(String(40), primary_key=True)
    subject_id: Mapped[str] = mapped_column(String(32), index=True)
    client_id: Mapped[str] = mapped_column(String(40), index=True)
    purpose: Mapped[str] = mapped_column(String(60))
    authorisation: Mapped[str | None] = mapped_column(String(100))
    view: Mapped[str] = mapped_column(String(20))
    used_for: Mapped[str] = mapped_column(String(20))
    as_of: Mapped[datetime] = mapped_column(DateTime)
    made_at: Mapped[datetime] = mapped_column(DateTime)
    language: Mapped[str | None] = mapped_column(String(2))
    form: Mapped[str] = mapped_column(String(4))
    score_id: Mapped[str | None] = mapped_column(String(40))


class ObjectionRow(Operations):
    """An objection to a record (Regulation on the credit reporting industry, Art. 25).

    ``state``: open, upheld or rejected. ``remedy`` of one upheld: correction or withdrawal.
    """

    __tablename__ = "objections"
    objection_id: Mapped[str] = mapped_column(String(40), primary_key=True)
    item: Mapped[str] = mapped_column(String(80))
    record_id: Mapped[str] = mapped_column(String(200))
    subject_id: Mapped[str] = mapped_column(String(32), index=True)
    source: Mapped[str] = mapped_column(String(80), index=True)
    client_id: Mapped[str] = mapped_column(String(40), index=True)
    authorisation: Mapped[str | None] = mapped_column(String(100))
    reason: Mapped[str] = mapped_column(Text)
    document: Mapped[str | None] = mapped_column(String(200))
    lodged_at: Mapped[datetime] = mapped_column(DateTime)
    due_on: Mapped[date] = mapped_column(Date)
    state: Mapped[str] = mapped_column(String(20))
    answered_at: Mapped[datetime | None] = mapped_column(DateTime)
    answered_by: Mapped[str | None] = mapped_column(String(40))
    answer: Mapped[str | None] = mapped_column(Text)
    remedy: Mapped[str | None] = mapped_column(String(20))
    corrected_by: Mapped[str | None] = mapped_column(String(200))
    __table_args__ = (Index("ix_objections_state", "state", "due_on"),)


class LawfulStepRow(Operations):
    """A credit repair or an erasure that one asks for or proposes and another approves.

    ``kind``: repair or erase. ``state``: asked, proposed, done or refused.
    """

    __tablename__ = "lawful_steps"
    step_id: Mapped[str] = mapped_column(String(40), primary_key=True)
    kind: Mapped[str] = mapped_column(String(20), index=True)
    item: Mapped[str] = mapped_column(String(80))
    record_ids: Mapped[list[str]] = mapped_column(JSON)
    subject_id: Mapped[str] = mapped_column(String(32), index=True)
    source: Mapped[str] = mapped_column(String(80), index=True)
    client_id: Mapped[str] = mapped_column(String(40), index=True)
    authorisation: Mapped[str | None] = mapped_column(String(100))
    reason: Mapped[str] = mapped_column(Text)
    legal_basis: Mapped[str] = mapped_column(Text)
    document: Mapped[str | None] = mapped_column(String(200))
    asked_at: Mapped[datetime] = mapped_column(DateTime)
    state: Mapped[str] = mapped_column(String(20))
    proposed_by: Mapped[str | None] = mapped_column(String(40))
    proposed_at: Mapped[datetime | None] = mapped_column(DateTime)
    decided_by: Mapped[str | None] = mapped_column(String(40))
    decided_at: Mapped[datetime | None] = mapped_column(DateTime)
    decision: Mapped[str | None] = mapped_column(Text)
