"""Jobs from their order to their end, in the operations database: each is leased to one worker at a time.

A lease that is not renewed ends by itself, so a killed worker's job is begun anew by another. Two workers on one job
would do no harm: they make the same file, and it appears whole.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import func, or_, select, update
from sqlalchemy.orm import Session

from records.base import RecordBase
from records.database import writing
from records.database_jobs import JobRow
from records.moment import now
from records.words import Text
from scoring.audit import enter
from service.jobs.errors import NotReady, ResultGone, Stopped, TooManyJobs, UnknownJob
from service.jobs.rows import Wanted

LEASE = timedelta(seconds=60)
KEPT = timedelta(days=7)
UNFINISHED_MOST = 10
QUEUED, DONE, FAILED, CANCELLED, EXPIRED = "queued", "done", "failed", "cancelled", "expired"


class JobDesk:
    """Takes orders for jobs, says how they are, and keeps the results under ``home/jobs`` for a week."""

    def __init__(self, base: RecordBase) -> None:
        self.base = base
        self.folder = base.settings.home / "jobs"

    def order(
        self,
        client_id: str,
        subjects: Sequence[Wanted] | None,
        segment: str | None,
        *,
        purpose: str,
        as_of: datetime,
        form: str,
        reasons: str,
    ) -> JobRow:
        """A new job, entered into the audit trail. Raises ``TooManyJobs``."""
        row = JobRow(
            job_id=f"j-{secrets.token_hex(12)}",
            client_id=client_id,
            segment=segment,
            subjects=None if subjects is None else [[one.subject_id, one.kind, one.authorisation] for one in subjects],
            purpose=purpose,
            as_of=as_of,
            format=form,
            reasons=reasons,
            state=QUEUED,
            total=None if subjects is None else len(subjects),
            done=0,
            refused=0,
            attempts=0,
            created_at=now(),
        )
        with writing(self.base.engine) as session:
            mine = select(func.count()).where(JobRow.client_id == client_id, JobRow.state == QUEUED)
            if (session.scalar(mine) or 0) >= UNFINISHED_MOST:
                most = UNFINISHED_MOST
                raise TooManyJobs(Text(f"每个调用方至多 {most} 个", f"a client has at most {most} at a time"))
            session.add(row)
            payload = {"job_id": row.job_id, "segment": segment, "subjects": row.total, "format": form}
            enter(session, client_id, "job.order", purpose=purpose, payload=payload)
            session.flush()
            session.refresh(row)
            session.expunge(row)
        return row

    def of(self, client_id: str, job_id: str) -> JobRow:
        """A client's own job. Raises ``UnknownJob``."""
        with Session(self.base.engine, expire_on_commit=False) as session:
            return _own(session, client_id, job_id)

    def cancel(self, client_id: str, job_id: str) -> JobRow:
        """End a job and remove its result; again has no further effect. Raises ``UnknownJob``."""
        with writing(self.base.engine) as session:
            row = _own(session, client_id, job_id)
            if row.state in (QUEUED, DONE):
                row.state, row.worker, row.leased_until, row.finished_at = CANCELLED, None, None, now()
                enter(session, client_id, "job.cancel", payload={"job_id": job_id, "done": row.done})
            session.flush()
            session.refresh(row)
            session.expunge(row)
        self.file(row).unlink(missing_ok=True)
        return row

    def result(self, client_id: str, job_id: str) -> tuple[JobRow, Path]:
        """The file of a finished job; the look is entered. Raises ``UnknownJob``, ``NotReady``, ``ResultGone``."""
        row = self.of(client_id, job_id)
        if row.state in (QUEUED, FAILED):
            raise NotReady(
                Text(f"任务状态为 {row.state}", f"the job is {row.state}; its own address says how far it is")
            )
        path = self.file(row)
        if row.state != DONE or not path.is_file():
            raise ResultGone(Text("已取消或已过期，请重新下达", "it was cancelled or is too old: order it again"))
        with writing(self.base.engine) as session:
            enter(session, client_id, "job.result", purpose=row.purpose, payload={"job_id": job_id})
        return row, path

    def file(self, row: JobRow) -> Path:
        return self.folder / f"{row.job_id}.{row.format}"

    def claim(self, worker: str) -> JobRow | None:
        """The next job, leased to ``worker``; ``None`` when there is none."""
        with Session(self.base.engine) as session:
            if _next(session) is None:
                return None
        with writing(self.base.engine) as session:
            row = _next(session)
            if row is None:
                return None
            row.worker, row.leased_until = worker, now() + LEASE
            row.attempts, row.done, row.refused = row.attempts + 1, 0, 0
            session.flush()
            session.refresh(row)
            session.expunge(row)
            return row

    def renew(self, row: JobRow) -> bool:
        """Whether the job is still this worker's."""
        with writing(self.base.engine) as session:
            return _held(session, row, leased_until=now() + LEASE)

    def put_back(self, row: JobRow, seconds: float) -> None:
        with writing(self.base.engine) as session:
            _held(session, row, worker=None, leased_until=now() + timedelta(seconds=seconds))

    def advance(self, session: Session, row: JobRow, done: int, refused: int, total: int) -> None:
        """Note progress in the transaction of its audit entries. Raises ``Stopped`` where the job is not held."""
        if not _held(session, row, done=done, refused=refused, total=total, leased_until=now() + LEASE):
            raise Stopped

    def settle(self, row: JobRow, state: str, **values: Any) -> None:
        """End the job, done or failed. Raises ``Stopped`` where the job is not held."""
        moment = now()
        with writing(self.base.engine) as session:
            ended = {"worker": None, "leased_until": None, "finished_at": moment, "expires_at": moment + KEPT}
            if not _held(session, row, state=state, **ended, **values):
                raise Stopped
            payload = {"job_id": row.job_id, "sha256": values.get("sha256")}
            enter(session, row.client_id, f"job.{state}", purpose=row.purpose, payload=payload)

    def tidy(self) -> None:
        """Remove results whose time is over."""
        with writing(self.base.engine) as session:
            over = select(JobRow).where(JobRow.state == DONE, JobRow.expires_at <= now())
            rows = session.scalars(over).all()
            paths = [self.file(row) for row in rows]
            for row in rows:
                row.state = EXPIRED
        for path in paths:
            path.unlink(missing_ok=True)


def _own(session: Session, client_id: str, job_id: str) -> JobRow:
    row = session.get(JobRow, job_id)
    if row is None or row.client_id != client_id:
        raise UnknownJob(Text("没有此任务，或不属于此调用方", "no job of yours has this id"))
    return row


def _next(session: Session) -> JobRow | None:
    free = or_(JobRow.leased_until.is_(None), JobRow.leased_until < now())
    waiting = select(JobRow).where(JobRow.state == QUEUED, free)
    return session.scalars(waiting.order_by(JobRow.created_at, JobRow.job_id).limit(1)).first()


def _held(session: Session, row: JobRow, **values: Any) -> bool:
    mine = (JobRow.job_id == row.job_id, JobRow.state == QUEUED, JobRow.worker == row.worker)
    return bool(session.connection().execute(update(JobRow).where(*mine).values(**values)).rowcount)
