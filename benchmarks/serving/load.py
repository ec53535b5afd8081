"""The load, in a process of its own: ``python -m benchmarks.serving.load`` with a plan on its input.

Open loop: requests leave at moments that are fixed beforehand, and the time of each counts from that moment on, also
where it had to wait for a connection. Without a rate each connection asks again as soon as it is answered.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections import deque
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import orjson


@dataclass(frozen=True)
class Plan:
    """Whole HTTP requests in turn, over so many connections, for so long; ``rate`` a second, or as fast as it goes."""

    port: int
    requests: tuple[str, ...]
    connections: int
    seconds: float
    rate: float | None = None


@dataclass(frozen=True)
class Loaded:
    """What came of it: answers a second, milliseconds at the median and at 99 of 100, and answers that were none."""

    per_second: float
    p50_ms: float
    p99_ms: float
    answers: int
    failures: int


class _Connection(asyncio.Protocol):
    """One connection: a request at a time."""

    def __init__(self, load: _Load) -> None:
        self.load, self.due, self.left, self.head = load, 0.0, 0, b""
        self.transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.load.free(self)

    def ask(self, request: bytes, due: float) -> None:
        self.due, self.head, self.left = due, b"", 0
        self.transport.write(request)

    def data_received(self, data: bytes) -> None:
        if self.left:
            self.left -= len(data)
        else:
            self.head += data
            head, found, body = self.head.partition(b"\r\n\r\n")
            if not found:
                return
            length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
            self.left = int(length[15:]) - len(body)
        if self.left <= 0:
            self.load.answered(self, self.head[9:12] == b"200")


class _Load:
    """All connections, what is due, and what it took."""

    def __init__(self, plan: Plan) -> None:
        self.plan, self.requests = plan, [one.encode() for one in plan.requests]
        self.idle: deque[_Connection] = deque()
        self.due: deque[float] = deque()
        self.took: list[float] = []
        self.sent = self.failures = 0
        self.ends = 0.0

    def free(self, connection: _Connection) -> None:
        if self.due:
            self._send(connection, self.due.popleft())
        elif self.ends and self.plan.rate is None and time.perf_counter() < self.ends:
            self._send(connection, time.perf_counter())
        else:
            self.idle.append(connection)

    def answered(self, connection: _Connection, good: bool) -> None:
        self.took.append(time.perf_counter() - connection.due)
        self.failures += not good
        self.free(connection)

    def want(self, due: float) -> None:
        if self.idle:
            self._send(self.idle.popleft(), due)
        else:
            self.due.append(due)

    def _send(self, connection: _Connection, due: float) -> None:
        connection.ask(self.requests[self.sent % len(self.requests)], due)
        self.sent += 1


async def run(plan: Plan) -> Loaded:
    """Carry ``plan`` out."""
    load, loop = _Load(plan), asyncio.get_running_loop()
    for _ in range(plan.connections):
        await loop.create_connection(lambda: _Connection(load), "127.0.0.1", plan.port)
    await asyncio.sleep(0.1)
    started = time.perf_counter()
    load.ends = started + plan.seconds
    if plan.rate is None:
        for _ in range(len(load.idle)):
            load.free(load.idle.popleft())
        await asyncio.sleep(plan.seconds)
    else:
        for number in range(int(plan.seconds * plan.rate)):
            due = started + number / plan.rate
            if (wait := due - time.perf_counter()) > 0:
                await asyncio.sleep(wait)
            load.want(due)
    seconds = time.perf_counter() - started
    answers = len(load.took)
    await asyncio.sleep(0.5)
    took = np.array(load.took) * 1e3
    p50, p99 = np.percentile(took, [50, 99]).tolist() if len(took) else (float("nan"), float("nan"))
    return Loaded(answers / seconds, p50, p99, len(took), load.failures)


if __name__ == "__main__":
    asked = orjson.loads(sys.stdin.buffer.read())
    sys.stdout.buffer.write(orjson.dumps(asdict(asyncio.run(run(Plan(**asked))))))
