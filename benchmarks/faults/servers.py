"""The servers under test: uvicorn processes over one home, killed and started again."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from contextlib import suppress
from pathlib import Path
from typing import Any

READY_SECONDS = 120
TRY_SECONDS = 0.3


class Servers:
    """Keeps ``count`` servers running; whatever ends one, another is started in its place at once."""

    def __init__(self, count: int, environment: dict[str, str], log: Path) -> None:
        self.crashes: list[int] = []
        self._environment, self._log = environment, log
        self._ports = [_free_port() for _ in range(count)]
        self._pids: dict[int, int | None] = dict.fromkeys(self._ports)
        self._killed: set[int] = set()
        self._keeping = True
        self._changed = threading.Condition()
        self._nursery = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.faults.nursery"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log.open("ab"),
            env=os.environ | environment,
            cwd=Path(__file__).parents[2],
            text=True,
        )
        self._told = threading.Thread(target=self._listen, name="nursery", daemon=True)
        self._told.start()

    def ports(self) -> list[int]:
        """Ports of the servers that have a process."""
        return [port for port, pid in self._pids.items() if pid is not None]

    def pids(self) -> list[int]:
        return [pid for pid in self._pids.values() if pid is not None]

    def kill(self, count: int) -> list[int]:
        """kill -9 of ``count`` of them; returns the ports of those that had been alive."""
        with self._changed:
            chosen = [(port, pid) for port, pid in self._pids.items() if pid is not None][:count]
            for _, pid in chosen:
                self._killed.add(pid)
                os.kill(pid, signal.SIGKILL)
            self._changed.wait_for(lambda: not {pid for _, pid in chosen} & set(self._pids.values()), 30)
        return [port for port, _ in chosen]

    def wait_ready(self, ports: list[int] | None = None) -> float:
        """Until those (default: all) answer; returns the seconds it took."""
        started = time.monotonic()
        for port in ports or self._ports:
            while not _answers(port):
                if time.monotonic() > started + READY_SECONDS:
                    raise TimeoutError("a server does not answer: see its log")
                time.sleep(0.05)
        return time.monotonic() - started

    def stop(self) -> None:
        """End them as an operator does; what they had at hand is finished."""
        with self._changed:
            self._keeping = False
            for pid in self.pids():
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGTERM)
            if not self._changed.wait_for(lambda: not self.pids(), 60):
                for pid in self.pids():
                    os.kill(pid, signal.SIGKILL)
        assert self._nursery.stdin is not None
        self._nursery.stdin.close()
        self._nursery.wait(30)

    def _listen(self) -> None:
        assert self._nursery.stdout is not None
        for line in self._nursery.stdout:
            told: dict[str, Any] = json.loads(line)
            with self._changed:
                if "ready" in told:
                    for port in self._ports:
                        self._start(port)
                elif "started" in told:
                    self._pids[told["port"]] = told["started"]
                else:
                    self._ended(told["ended"], told["status"])
                self._changed.notify_all()

    def _ended(self, pid: int, status: int) -> None:
        port = next(port for port, known in self._pids.items() if known == pid)
        self._pids[port] = None
        if not self._keeping:
            return
        if pid in self._killed:
            self._start(port)
            return
        self.crashes.append(status)
        threading.Timer(TRY_SECONDS, self._start, [port]).start()

    def _start(self, port: int) -> None:
        assert self._nursery.stdin is not None
        asked = {"port": port, "log": str(self._log), "environment": self._environment}
        with suppress(ValueError, BrokenPipeError):
            self._nursery.stdin.write(json.dumps(asked) + "\n")
            self._nursery.stdin.flush()


def _answers(port: int) -> bool:
    with suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5):
        return True
    return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
