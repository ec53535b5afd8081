"""Complete uploads on their way to the door: each is leased to one worker at a time, through the database.

A lease that is not renewed ends by itself, so a killed worker's batch goes to another. Two workers on one batch would
still do no harm, because its batch key lets only one of them append it.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import Engine, or_, select, update
from sqlalchemy.orm import Session

from records.database import UploadRow, writing
from records.exchange.uploads import ACCEPTED, QUEUED, REFUSED, Enter
from records.moment import now


class UploadQueue:
    """The queue in the table ``uploads``, first come, first served."""

    def __init__(self, engine: Engine, enter: Enter, lease_seconds: float) -> None:
        self.engine = engine
        self.enter = enter
        self.lease = timedelta(seconds=lease_seconds)

    def claim(self, worker: str) -> UploadRow | None:
        """The next upload, leased to ``worker``; ``None`` when there is none."""
        with Session(self.engine) as session:
            if _next(session) is None:
                return None
        with writing(self.engine) as session:
            row = _next(session)
            if row is None:
                return None
            row.worker, row.leased_until, row.attempts = worker, now() + self.lease, row.attempts + 1
            session.flush()
            session.refresh(row)
            session.expunge(row)
            return row

    def renew(self, row: UploadRow) -> None:
        self._hold(row, self.lease)

    def put_back(self, row: UploadRow, seconds: float) -> None:
        """Let it be tried again after ``seconds``; the attempt does not count."""
        self._hold(row, timedelta(seconds=seconds), attempts=row.attempts - 1, worker=None)

    def try_again(self, row: UploadRow, seconds: float) -> None:
        """Let it be tried again after ``seconds``; the attempt counts."""
        self._hold(row, timedelta(seconds=seconds), worker=None)

    def accept(self, row: UploadRow, batch_id: str) -> None:
        self._settle(row, "batch.accepted", {"batch_id": batch_id}, state=ACCEPTED, batch_id=batch_id)

    def refuse(self, row: UploadRow, problem: dict[str, Any]) -> None:
        self._settle(row, "batch.refused", {"reason": problem["code"]}, state=REFUSED, problem=problem)

    def _settle(self, row: UploadRow, action: str, found: dict[str, Any], **values: Any) -> None:
        with writing(self.engine) as session:
            settled = session.connection().execute(
                update(UploadRow)
                .where(UploadRow.upload_id == row.upload_id, UploadRow.state == QUEUED)
                .values(updated_at=now(), worker=None, leased_until=None, **values)
            )
            if settled.rowcount:
                payload = {"upload_id": row.upload_id, "item": row.item, "batch_key": row.batch_key}
                self.enter(session, row.client_id, action, payload | found)

    def _hold(self, row: UploadRow, length: timedelta, **values: Any) -> None:
        with writing(self.engine) as session:
            session.connection().execute(
                update(UploadRow)
                .where(UploadRow.upload_id == row.upload_id, UploadRow.state == QUEUED, UploadRow.worker == row.worker)
                .values(leased_until=now() + length, **values)
            )


def _next(session: Session) -> UploadRow | None:
    free = or_(UploadRow.leased_until.is_(None), UploadRow.leased_until < now())
    waiting = select(UploadRow).where(UploadRow.state == QUEUED, free)
    return session.scalars(waiting.order_by(UploadRow.updated_at, UploadRow.upload_id).limit(1)).first()
