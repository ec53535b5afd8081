"""The worker that carries complete uploads through the door: one thread a process."""

from __future__ import annotations

import os
import secrets
import socket
import threading
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path

import structlog
from sqlalchemy.exc import SQLAlchemyError

from records.database import UploadRow
from records.errors import HuixinError
from records.exchange.errors import GaveUp, KeyTaken, WrongChecksum
from records.exchange.hub import Exchange
from records.exchange.spool import FULL, full
from records.exchange.uploads import problem_of
from records.receipt import Receipt
from records.words import Text

LOOK_SECONDS = 1.0
TIDY_SECONDS = 600.0
LATER_SECONDS = 30.0
ATTEMPTS_MOST = 20
STOP_SECONDS = 20.0
log = structlog.get_logger()


class UploadWorker:
    """Works the queue until it is stopped."""

    def __init__(self, exchange: Exchange) -> None:
        self.exchange = exchange
        self.name = f"{socket.gethostname()[:40]}:{os.getpid()}:{secrets.token_hex(4)}"
        self.stopping = threading.Event()
        self._wake = threading.Event()
        self._thread = threading.Thread(target=self._run, name="uploads", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def wake(self) -> None:
        """There is something in the queue: look at once."""
        self._wake.set()

    def stop(self) -> None:
        """Finish the batch at hand, or leave it to another worker where it takes too long."""
        self.stopping.set()
        self._wake.set()
        if self._thread.ident is not None:
            self._thread.join(STOP_SECONDS)
        self.exchange.private.close()

    def work_one(self) -> bool:
        """Carry the next upload through; whether there was one."""
        row = self.exchange.queue.claim(self.name)
        if row is None:
            return False
        try:
            with self._leased(row):
                receipt = self._append(row)
        except HuixinError as error:
            self._failed(row, error)
        except SQLAlchemyError:
            raise
        except Exception as error:  # whatever a file may set off: the others behind it must not wait for ever
            log.error("an upload failed", upload_id=row.upload_id, kind=type(error).__name__, where=_where(error))
            self.exchange.queue.try_again(row, LATER_SECONDS)
        else:
            self.exchange.queue.accept(row, receipt.batch_id)
            self.exchange.spool.remove(row.upload_id)
        return True

    def _failed(self, row: UploadRow, error: HuixinError) -> None:
        """Refuse the batch where it is at fault; keep it where we are."""
        if error.status >= 500 and not isinstance(error, GaveUp):
            log.warning("an upload waits", upload_id=row.upload_id, reason=error.code)
            self.exchange.queue.put_back(row, LATER_SECONDS)
            return
        self.exchange.queue.refuse(row, problem_of(error))
        self.exchange.spool.remove(row.upload_id)

    def _append(self, row: UploadRow) -> Receipt:
        if row.attempts > ATTEMPTS_MOST:
            raise GaveUp(
                Text(
                    "多次处理均告失败；请附上传编号报告，改正后可用同一批次键重发",
                    "it failed again and again: report the upload id; it may be sent again with the same key",
                )
            )
        with self.exchange.private.file(f"batch.{row.ending}", row.size) as path:
            self._unseal(row, path)
            receipt = self.exchange.append(
                path,
                row.item,
                version=row.version,
                history=row.history,
                batch_key=row.batch_key,
                channel="push",
                client_id=row.client_id,
            )
        if receipt.sha256 != row.sha256:
            raise KeyTaken(Text("此批次键已用于另一批", "this batch key stands for another batch"))
        return receipt

    def _unseal(self, row: UploadRow, path: Path) -> None:
        """The upload in clear at ``path``, once it is what was declared."""
        total = sha256()
        try:
            with path.open("wb") as file:
                for chunk in self.exchange.spool.chunks(row.upload_id, row.stored):
                    total.update(chunk)
                    file.write(chunk)
        except OSError as error:
            raise (full() if error.errno in FULL else error) from error
        if total.hexdigest() != row.sha256:
            raise WrongChecksum(
                Text(
                    "收到的内容与声明的 sha256 不符；请以同一批次键重发",
                    "what came does not have the sha256 that was declared: send it again with the same key",
                )
            )

    @contextmanager
    def _leased(self, row: UploadRow) -> Iterator[None]:
        """Renew the lease for as long as the batch is at hand."""
        done = threading.Event()

        def renew() -> None:
            while not done.wait(self.exchange.queue.lease.total_seconds() / 3):
                with suppress(SQLAlchemyError):
                    self.exchange.queue.renew(row)

        thread = threading.Thread(target=renew, name="lease", daemon=True)
        thread.start()
        try:
            yield
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
                    self.exchange.private.sweep()
                    self.exchange.uploads.expire()
                if self.work_one():
                    continue
            except Exception as error:  # the thread outlives whatever it is: without it no upload is taken in
                log.error("the upload worker pauses", kind=type(error).__name__)
            self._wake.wait(LOOK_SECONDS)


def _where(error: BaseException) -> str:
    """File and line of an error; its message might quote what was in the batch."""
    frames = traceback.extract_tb(error.__traceback__)
    return f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
