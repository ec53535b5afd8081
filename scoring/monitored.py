"""What monitoring found of the models that serve, kept where the service and other hosts can read it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from records.database import writing
from records.database_monitoring import MonitoringRow
from records.moment import now
from scoring.audit import enter

if TYPE_CHECKING:
    from models.monitoring import ModelHealth
    from models.warning_monitoring import WarningHealth

MOST_KEPT = 120


def keep(engine: Engine, found: ModelHealth | WarningHealth, actor: str) -> None:
    """Keep ``found``, in the place of what was found before of the same version on the same day."""
    row = MonitoringRow(
        model_name=found.model,
        model_version=found.version,
        as_of=found.as_of,
        at=now(),
        level=found.level,
        result=found.as_dict(),
    )
    told = {"model": found.model, "version": found.version, "as_of": found.as_of.isoformat(), "level": found.level}
    with writing(engine) as session:
        session.merge(row)
        enter(session, actor, "model.monitor", payload=told)


def findings(engine: Engine, model_name: str) -> list[MonitoringRow]:
    """What was found of a model, the latest day first; at most 120."""
    query = select(MonitoringRow).where(MonitoringRow.model_name == model_name)
    latest_first = query.order_by(MonitoringRow.as_of.desc(), MonitoringRow.at.desc()).limit(MOST_KEPT)
    with Session(engine, expire_on_commit=False) as session:
        return list(session.scalars(latest_first))
