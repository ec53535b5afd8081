"""The operations database's table of what monitoring found of the models that serve."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, Date, DateTime, String
from sqlalchemy.orm import Mapped, mapped_column

from records.database import Operations


class MonitoringRow(Operations):
    """What was found last of a model version on a day; ``result`` as ``ModelHealth.as_dict`` tells it."""

    __tablename__ = "monitoring"
    model_name: Mapped[str] = mapped_column(String(120), primary_key=True)
    model_version: Mapped[str] = mapped_column(String(40), primary_key=True)
    as_of: Mapped[date] = mapped_column(Date, primary_key=True)
    at: Mapped[datetime] = mapped_column(DateTime)
    level: Mapped[str] = mapped_column(String(20))
    result: Mapped[dict[str, Any]] = mapped_column(JSON)
