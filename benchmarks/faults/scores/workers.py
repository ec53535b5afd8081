"""The service as operators run it: ``huixin serve``, which is uvicorn over ``service.app`` with several workers."""

from __future__ import annotations

import os
import signal
import sys
import time
import urllib.error
import urllib.request
from contextlib import suppress
from pathlib import Path
from typing import Any

import orjson
import psutil  # type: ignore[import-untyped]

from huixin.serving import free_port
from records.settings import Settings

START_SECONDS = 180


class Service:
    """One supervisor with ``workers`` workers on a loopback port that stays the same over restarts."""

    def __init__(self, settings: Settings, workers: int, log: Path) -> None:
        self.port, self._workers, self._log = free_port(), workers, log
        self._environment = os.environ | {
            "HUIXIN_HOME": str(settings.home),
            "HUIXIN_DATABASE_URL": str(settings.database_url),
        }
        self._supervisor: psutil.Popen | None = None
        self.start()

    def start(self) -> None:
        command = [sys.executable, "-m", "huixin.cli", "serve", "--port", str(self.port)]
        log = self._log.open("ab")
        workers = ["--workers", str(self._workers)]
        self._supervisor = psutil.Popen([*command, *workers], env=self._environment, stdout=log, stderr=log)
        log.close()
        self._until(lambda: self.alive() and len(self.workers()) == self._workers)

    def stop(self) -> None:
        """End it as a service manager does."""
        assert self._supervisor is not None
        children = self._supervisor.children(recursive=True) if self._supervisor.is_running() else []
        with suppress(psutil.NoSuchProcess):
            self._supervisor.terminate()
        try:
            self._supervisor.wait(60)
        except psutil.TimeoutExpired:
            self._supervisor.kill()
            self._supervisor.wait()
        for child in children:
            with suppress(psutil.NoSuchProcess):
                child.kill()

    def workers(self) -> list[int]:
        """Pids of the workers, the oldest first."""
        assert self._supervisor is not None
        found = [one for one in self._supervisor.children() if "spawn_main" in " ".join(_command(one))]
        return [one.pid for one in sorted(found, key=lambda one: one.create_time())]

    def kill_workers(self, count: int) -> list[int]:
        """kill -9 of the ``count`` oldest; returns their pids."""
        chosen = self.workers()[:count]
        for pid in chosen:
            os.kill(pid, signal.SIGKILL)
        return chosen

    def wait_replaced(self, pids: list[int]) -> None:
        """Until as many workers as before are there without ``pids``, and the service answers."""
        self._until(
            lambda: self.alive() and not set(pids) & set(found := self.workers()) and len(found) == self._workers
        )

    def alive(self) -> bool:
        return self.get("/healthz")[0] == 200

    def ready(self) -> tuple[int, dict[str, Any]]:
        return self.get("/readyz")

    def get(self, path: str) -> tuple[int, dict[str, Any]]:
        """Status and JSON; status 0 where nobody answers."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=20) as answer:
                return answer.status, orjson.loads(answer.read())
        except urllib.error.HTTPError as error:
            return error.code, orjson.loads(error.read())
        except OSError:
            return 0, {}

    def _until(self, true: Any) -> None:
        until = time.monotonic() + START_SECONDS
        while not true():
            if time.monotonic() > until:
                raise TimeoutError("the service does not answer: see its log")
            time.sleep(0.1)


def _command(process: psutil.Process) -> list[str]:
    try:
        return list(process.cmdline())
    except psutil.Error:
        return []
