"""The faults themselves, one at a time, at instants that a seed decides."""

from __future__ import annotations

import random
import time
from collections.abc import Callable

from benchmarks.faults.disks import Disk
from benchmarks.faults.postgres import Postgres
from benchmarks.faults.proxy import Proxy
from benchmarks.faults.servers import Servers
from benchmarks.faults.sources import Source

ANYONE_SECONDS = 20.0
ASK_SECONDS = 1.0
FULL_SECONDS = (0.3, 2.5)
LEFT_MOST = (1 << 13, 1 << 17, 1 << 20)
WEIGHTS = {
    "server killed": 26,
    "all servers killed": 10,
    "sender killed": 14,
    "connection dropped by the sender": 10,
    "request cut": 10,
    "answer cut": 12,
    "disk full": 18,
}
DATABASE_WEIGHTS = {"database process killed": 7, "database restarted": 5, "database disk full": 6}


class Faults:
    """Strikes; ``counts`` says how often each kind did."""

    def __init__(self, rng: random.Random, servers: Servers, proxy: Proxy, sources: list[Source], disk: Disk) -> None:
        self.counts: dict[str, int] = {}
        self._rng, self._servers, self._proxy, self._sources, self._disk = rng, servers, proxy, sources, disk
        self._ways: dict[str, Callable[[], bool]] = {
            "server killed": lambda: self._kill(1),
            "all servers killed": lambda: self._kill(len(servers.ports())),
            "sender killed": self._kill_sender,
            "connection dropped by the sender": self._drop,
            "request cut": lambda: proxy.cut("request", ANYONE_SECONDS),
            "answer cut": lambda: proxy.cut("answer", ANYONE_SECONDS),
            "disk full": lambda: self._fill(disk),
        }
        self._weights = dict(WEIGHTS)
        self._postgres: Postgres | None = None

    def add_database(self, postgres: Postgres, disk: Disk) -> None:
        """Strike this database and its disk too."""
        self._postgres = postgres
        self._weights |= DATABASE_WEIGHTS
        self._ways |= {
            "database process killed": lambda: postgres.kill_backend(self._rng),
            "database restarted": self._restart,
            "database disk full": lambda: self._fill(disk),
        }

    def strike(self, kind: str | None = None) -> str:
        """One fault, of ``kind`` or a random one; returns which it was once it has struck.

        A kind that finds nothing to strike (nobody sends just then) leaves it to another.
        """
        while True:
            chosen, kind = kind, None
            chosen = chosen or self._rng.choices(list(self._weights), list(self._weights.values()))[0]
            if self._ways[chosen]():
                self.counts[chosen] = self.counts.get(chosen, 0) + 1
                return chosen

    @property
    def kinds(self) -> list[str]:
        return list(self._weights)

    def _kill(self, count: int) -> bool:
        return bool(self._servers.kill(count))

    def _kill_sender(self) -> bool:
        self._busy().kill_sender(self._proxy.port)
        return True

    def _drop(self) -> bool:
        source = self._busy()
        for _ in range(int(ANYONE_SECONDS / ASK_SECONDS)):
            source.drop_connection()
            until = time.monotonic() + ASK_SECONDS
            while time.monotonic() < until:
                if source.dropped:
                    return True
                time.sleep(0.02)
        return False

    def _fill(self, disk: Disk) -> bool:
        disk.fill(self._rng.randrange(self._rng.choice(LEFT_MOST)))
        try:
            time.sleep(self._rng.uniform(*FULL_SECONDS))
        finally:
            disk.free()
        if self._postgres is not None:
            self._postgres.keep_running()
        return True

    def _restart(self) -> bool:
        assert self._postgres is not None
        self._postgres.restart()
        return True

    def _busy(self) -> Source:
        """A source that has something to send."""
        busy = [source for source in self._sources if source.outbox.waiting()]
        return self._rng.choice(busy or self._sources)
