"""What kept alerts and events say of records that go for good."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from itertools import islice

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from records.database_watch import DeliveryRow, EventRow, SubjectAlertsRow

AT_ONCE = 500


def forget_alerts(session: Session, found: Mapping[str, str], *, quoted_only: bool) -> None:
    """Remove alerts and events of the subjects of ``found`` (subject id by record id), in the caller's transaction.

    ``quoted_only``: those that quote one of the records by its id, where these only grew too old; an order of law takes
    all, because their words may be reckoned from what is erased.
    """
    records: dict[str, list[str]] = {}
    for record_id, subject_id in found.items():
        records.setdefault(subject_id, []).append(json.dumps(record_id, ensure_ascii=False))
    for some in _chunks(list(records)):
        for alerts in session.scalars(select(SubjectAlertsRow).where(SubjectAlertsRow.subject_id.in_(some))).all():
            if not quoted_only or any(one in alerts.alerts for one in records[alerts.subject_id]):
                session.delete(alerts)
        for event in session.scalars(select(EventRow).where(EventRow.subject_id.in_(some))).all():
            if not quoted_only or any(one in event.body for one in records[str(event.subject_id)]):
                session.execute(delete(DeliveryRow).where(DeliveryRow.event_id == event.event_id))
                session.delete(event)


def _chunks(ids: list[str]) -> Iterator[list[str]]:
    left = iter(ids)
    while some := list(islice(left, AT_ONCE)):
        yield some
