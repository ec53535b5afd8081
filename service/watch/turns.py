"""Whose turn it is to evaluate: one worker at a time, at each month end and after new batches."""

from __future__ import annotations

import os
import secrets
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta

import structlog
from sqlalchemy import select, update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from records.base import RecordBase
from records.database import writing
from records.database_watch import WatchEntryRow, WatchTurnRow
from records.errors import HuixinError
from records.moment import add_months, end_of_day, month_end, now, shanghai_day
from scoring.rating import Rater
from service.watch.evaluation import Evaluated, evaluate

TURN = "watch"
PAUSE_SECONDS = 60.0
STOP_SECONDS = 20.0
log = structlog.get_logger()
Told = Callable[[Evaluated], None]


class WatchLoop:
    """Evaluates when there is something new, for as long as it is its turn."""

    def __init__(self, base: RecordBase, rater: Rater, told: Told | None = None) -> None:
        self.base = base
        self.rater = rater
        self.settings = base.settings.watch
        self.lease = timedelta(seconds=self.settings.lease_seconds)
        self.name = f"{socket.gethostname()[:40]}:{os.getpid()}:{secrets.token_hex(4)}"
        self.stopping = threading.Event()
        self._told = told or (lambda _: None)
        self._evaluated = -1e9
        self._thread = threading.Thread(target=self.run, name="watch", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self.stopping.set()
        if self._thread.ident is not None:
            self._thread.join(STOP_SECONDS)

    def run(self) -> None:
        """Look until stopped."""
        while not self.stopping.is_set():
            pause = self.settings.look_seconds
            try:
                self.turn()
            except HuixinError as error:
                log.warning("the watch waits", reason=error.code)
                pause = PAUSE_SECONDS
            except Exception as error:  # the loop outlives whatever it is: without it nobody is warned
                log.error("the watch pauses", kind=type(error).__name__)
                pause = PAUSE_SECONDS
            self.stopping.wait(pause)

    def turn(self) -> None:
        """Evaluate what is due: the last month end, then new entries, then what came since."""
        with self._held() as row:
            if row is None:
                return
            last = end_of_day(month_end(add_months(shanghai_day(now()).replace(day=1), -1)))
            if row.month_end is None or row.month_end < last:
                self._note(last, every=self.settings.every, month_end=last)
            state = self.base.state()
            due = time.monotonic() - self._evaluated >= self.settings.batch_seconds
            if row.state != state and due:
                self._evaluated = time.monotonic()
                self._note(now(), state=state)
            elif self._anybody_untold():
                self._told(evaluate(self.base, self.rater, now(), untold=True))

    def _note(self, as_of: datetime, *, every: bool = False, **done: object) -> None:
        made = evaluate(self.base, self.rater, as_of, every=every)
        with writing(self.base.engine) as session:
            mine = (WatchTurnRow.turn == TURN, WatchTurnRow.worker == self.name)
            session.connection().execute(update(WatchTurnRow).where(*mine).values(**done))
        if made.subjects:
            self._told(made)

    def _anybody_untold(self) -> bool:
        fresh = select(WatchEntryRow.subject_id).where(WatchEntryRow.told_at.is_(None)).limit(1)
        with Session(self.base.engine) as session:
            return session.scalars(fresh).first() is not None

    @contextmanager
    def _held(self) -> Iterator[WatchTurnRow | None]:
        """The turn, renewed for as long as it is used; ``None`` while another worker has it."""
        row = self._claim()
        if row is None:
            yield None
            return
        done = threading.Event()

        def renew() -> None:
            while not done.wait(self.lease.total_seconds() / 3):
                with suppress(SQLAlchemyError):
                    self._hold(now() + self.lease)

        thread = threading.Thread(target=renew, name="watch lease", daemon=True)
        thread.start()
        try:
            yield row
        finally:
            done.set()
            thread.join()

    def _claim(self) -> WatchTurnRow | None:
        """The turn stays with the one who has it, as long as it is alive: others look on."""
        with Session(self.base.engine) as session:
            row = session.get(WatchTurnRow, TURN)
            moment = now()
            held = row is not None and row.leased_until is not None and row.leased_until >= moment
            if row is not None and held and row.worker != self.name:
                return None
            if row is not None and held and row.leased_until and row.leased_until - moment > self.lease / 2:
                session.expunge(row)
                return row
        with writing(self.base.engine) as session:
            row = session.get(WatchTurnRow, TURN)
            if row is None:
                row = WatchTurnRow(turn=TURN)
                session.add(row)
            elif row.leased_until is not None and row.leased_until >= now() and row.worker != self.name:
                return None
            row.worker, row.leased_until = self.name, now() + self.lease
            session.flush()
            session.refresh(row)
            session.expunge(row)
            return row

    def _hold(self, until: datetime) -> None:
        with writing(self.base.engine) as session:
            mine = (WatchTurnRow.turn == TURN, WatchTurnRow.worker == self.name)
            session.connection().execute(update(WatchTurnRow).where(*mine).values(leased_until=until))
