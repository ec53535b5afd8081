"""Where each day's part of the audit trail ends."""

from __future__ import annotations

from datetime import date

from sqlalchemy import Date, Integer, String
from sqlalchemy.orm import Mapped, mapped_column

from records.database import Operations


class AuditDayRow(Operations):
    """The last entry of a day (Asia/Shanghai) of the audit trail, and its hash."""

    __tablename__ = "audit_days"
    day: Mapped[date] = mapped_column(Date, primary_key=True)
    seq: Mapped[int] = mapped_column(Integer)
    hash: Mapped[str] = mapped_column(String(64))
