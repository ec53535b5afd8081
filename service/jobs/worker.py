"""The worker that carries jobs out: one thread a process."""

from __future__ import annotations

import os
import secrets
import socket
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress

import anyio
import structlog
from sqlalchemy.exc import SQLAlchemyError

from records.database_jobs import JobRow
from records.errors import HuixinError, NotAllowed
from records.words import Text
from scoring.rating import Rater
from service.jobs.desk import DONE, FAILED, LEASE, JobDesk
from service.jobs.errors import JobFailed, Stopped
from service.jobs.making import make
from service.jobs.rows import problem_of
from service.security import Client, Clients

LOOK_SECONDS = 1.0
TIDY_SECONDS = 600.0
LATER_SECONDS = 30.0
ATTEMPTS_MOST = 5
STOP_SECONDS = 20.0
log = structlog.get_logger()


class JobWorker:
    """Works the jobs of ``desk`` until it is stopped."""

    def __init__(self, desk: JobDesk, rater: Rater, clients: Clients) -> None:
        self.desk, self.rater, self.clients = desk, rater, clients
        self.name = f"{socket.gethostname()[:40]}:{os.getpid()}:{secrets.token_hex(4)}"
        self.stopping = threading.Event()
        self._wake = threading.Event()

    @asynccontextmanager
    async def working(self) -> AsyncIterator[None]:
        """Works for as long as the context lasts; a job at hand is left to another worker at its end."""
        thread = threading.Thread(target=self._run, name="jobs", daemon=True)
        thread.start()
        try:
            yield
        finally:
            self.stopping.set()
            self._wake.set()
            await anyio.to_thread.run_sync(thread.join, STOP_SECONDS)

    def wake(self) -> None:
        """There is a new job: look at once."""
        self._wake.set()

    def work_one(self) -> bool:
        """Carry the next job out; whether there was one."""
        row = self.desk.claim(self.name)
        if row is None:
            return False
        try:
            with self._leased(row) as lost:
                found = make(self.desk, self.rater, row, self._client(row), lambda: self._go_on(lost))
            self.desk.settle(row, DONE, **found)
        except Stopped:
            if self.stopping.is_set():
                self.desk.put_back(row, 0)
            elif self.desk.of(row.client_id, row.job_id).state != DONE:
                self.desk.file(row).unlink(missing_ok=True)
        except HuixinError as error:
            with suppress(Stopped):
                self.desk.settle(row, FAILED, problem=problem_of(error))
        except SQLAlchemyError:
            raise
        except Exception as error:  # whatever a model or a disk may do: the jobs behind this one must not wait for ever
            log.error("a job failed", job_id=row.job_id, kind=type(error).__name__)
            self._try_again(row)
        return True

    def _client(self, row: JobRow) -> Client:
        """Who ordered the job. Raises ``NotAllowed`` where the key was revoked since."""
        for one in self.clients.list():
            if one.client_id == row.client_id and one.revoked_at is None:
                return one
        raise NotAllowed(Text("密钥已撤销", "the key of whoever ordered this was revoked"))

    def _go_on(self, lost: threading.Event) -> None:
        if lost.is_set() or self.stopping.is_set():
            raise Stopped

    def _try_again(self, row: JobRow) -> None:
        if row.attempts < ATTEMPTS_MOST:
            self.desk.put_back(row, LATER_SECONDS)
            return
        gave_up = JobFailed(Text("多次执行均告失败；请附任务编号报告", "it failed again and again: report its id"))
        with suppress(Stopped):
            self.desk.settle(row, FAILED, problem=problem_of(gave_up))

    @contextmanager
    def _leased(self, row: JobRow) -> Iterator[threading.Event]:
        """Renew the lease for as long as the job is at hand; what is yielded is set when it was lost."""
        done, lost = threading.Event(), threading.Event()

        def renew() -> None:
            while not done.wait(LEASE.total_seconds() / 3):
                with suppress(SQLAlchemyError):
                    if not self.desk.renew(row):
                        lost.set()

        thread = threading.Thread(target=renew, name="job lease", daemon=True)
        thread.start()
        try:
            yield lost
        finally:
            done.set()
            thread.join()

    def _run(self) -> None:
        tidied = -TIDY_SECONDS
        while not self.stopping.is_set():
            self._wake.clear()
            try:
                if time.monotonic() - tidied >= TIDY_SECONDS:
                    tidied = time.monotonic()
                    self.desk.tidy()
                if self.work_one():
                    continue
            except Exception as error:  # the thread outlives whatever it is: without it no job is carried out
                log.error("the job worker pauses", kind=type(error).__name__)
            self._wake.wait(LOOK_SECONDS)
