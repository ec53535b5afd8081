"""One run: eight sources push to real servers while faults strike; then everything is looked at."""

from __future__ import annotations

import random
import shutil
import signal
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy.exc import DBAPIError

from benchmarks.faults import afterwards
from benchmarks.faults.checks import Findings, Watch, answers, said_in
from benchmarks.faults.disks import Disk
from benchmarks.faults.injecting import Faults
from benchmarks.faults.postgres import Postgres
from benchmarks.faults.proxy import Proxy
from benchmarks.faults.servers import Servers
from benchmarks.faults.sources import ITEMS, Source
from records.base import RecordBase
from records.exchange.signing import ReceiptSigner
from records.settings import Settings
from service.security import Clients

AHEAD = 2
SETTLE_SECONDS = 300
GIVE_UP = 5
LIMITS = {
    "HUIXIN_EXCHANGE_DISK_RESERVE_BYTES": "0",
    "HUIXIN_EXCHANGE_LEASE_SECONDS": "4",
    "OMP_WAIT_POLICY": "passive",
}


@dataclass(frozen=True)
class Plan:
    """How much a run does: faults, seconds between two at most, rows of a batch, servers, size of the disks."""

    engine: str
    faults: int
    seed: int = 1
    pause: tuple[float, float] = (0.2, 2.0)
    rows: tuple[int, int] = (300, 3_000)
    servers: int = 2
    disk_mib: int = 512


class Run:
    """The parts of one run, from the first process to the last check."""

    def __init__(self, plan: Plan, folder: Path, progress: Callable[[int], None]) -> None:
        self.plan, self.folder, self.progress = plan, folder, progress
        self.rng = random.Random(plan.seed)  # noqa: S311
        self.findings = Findings()
        self._ends = ExitStack()
        self._failed = True

    def figures(self) -> dict[str, Any]:
        """Run it. What is left of it is removed, unless something was found."""
        started = time.monotonic()
        with self._ends:
            self._prepare()
            self._strike()
            self._settle()
            figures = self._look_at_everything()
            figures["seconds"] = round(time.monotonic() - started, 1)
            self._failed = not self.findings.none
        if not self._failed:
            shutil.rmtree(self.folder, ignore_errors=True)
        return figures

    def _prepare(self) -> None:
        self.folder.mkdir(parents=True)
        former = signal.signal(signal.SIGUSR1, signal.SIG_IGN)  # what senders inherit, until they listen to it
        self._ends.callback(signal.signal, signal.SIGUSR1, former)
        self.disk = Disk(self.folder / "home", self.plan.disk_mib, lambda: self.servers.pids())
        self._ends.callback(lambda: self.disk.close(keep=self._failed))
        url = self._database() if self.plan.engine == "postgresql" else None
        self.settings = Settings(home=self.disk.folder, database_url=url)
        base = RecordBase.open(self.settings)
        clients, catalogue = Clients(base.engine), base.catalogue
        self.sources = [
            Source(name, self.folder / "sources" / name, catalogue, self.plan.rows, self.rng) for name in ITEMS
        ]
        for source in self.sources:
            (source.outbox.folder / "key").write_text(clients.add(source.name, "agency", source.name))
            source.make_batch()
        base.engine.dispose()
        environment = LIMITS | {"HUIXIN_HOME": str(self.settings.home)}
        if url is not None:
            environment["HUIXIN_DATABASE_URL"] = url
        self.log = self.settings.home / "servers.log"
        self.servers = Servers(self.plan.servers, environment, self.log)
        self._ends.callback(self.servers.stop)
        self.proxy = Proxy(self.servers.ports, self.rng)
        self._ends.callback(self.proxy.close)
        self.watch = Watch(self.settings, self.sources, self.findings)
        self.watch.key_set = ReceiptSigner(self.settings).key_set()
        self.faults = Faults(self.rng, self.servers, self.proxy, self.sources, self.disk)
        if url is not None:
            self.faults.add_database(self.postgres, self.database_disk)

    def _database(self) -> str:
        self.database_disk = Disk(self.folder / "database", self.plan.disk_mib, list)
        self._ends.callback(lambda: self.database_disk.close(keep=self._failed))
        self.postgres = Postgres(self.database_disk.folder / "data", self.folder / "postgresql")
        self._ends.callback(self.postgres.stop)
        return self.postgres.url

    def _strike(self) -> None:
        """All faults, every kind once before chance decides, while the sources push."""
        self.servers.wait_ready()
        for source in self.sources:
            source.start_sender(self.proxy.port)
            self._ends.callback(source.stop_sender)
        once = self.faults.kinds if self.plan.faults >= len(self.faults.kinds) else []
        for number in range(self.plan.faults):
            self._feed()
            time.sleep(self.rng.uniform(*self.plan.pause))
            self.faults.strike(once[number] if number < len(once) else None)
            self.progress(number + 1)
            self._look()
            self._check_senders()

    def _feed(self) -> None:
        """No source runs out of batches while faults strike."""
        for source in self.sources:
            for _ in range(AHEAD - len(source.outbox.waiting())):
                source.make_batch()

    def _look(self) -> None:
        with suppress(DBAPIError):
            self.watch.look()

    def _check_senders(self) -> None:
        for source in self.sources:
            if source.sender_status() not in (None, 0):
                self.findings.other.append(f"the sender of {source.name} was refused: see its output")
                if len(self.findings.other) > GIVE_UP:
                    raise RuntimeError("senders fail again and again: see their output")
                source.start_sender(self.proxy.port)

    def _settle(self) -> None:
        """No more faults: every source resends what has no receipt."""
        self.servers.wait_ready()
        for source in self.sources:
            source.outbox.end()
        until = time.monotonic() + SETTLE_SECONDS
        while any(source.sender_status() is None for source in self.sources) and time.monotonic() < until:
            time.sleep(0.1)
        self._check_senders()
        self.watch.look()

    def _look_at_everything(self) -> dict[str, Any]:
        self.watch.check_past()
        afterwards.ask_again(self.watch, self.servers.ports()[0])
        self.servers.stop()
        base = RecordBase.open(self.settings)
        afterwards.check_settled(self.watch, base)
        records = afterwards.check_records(self.watch, base)
        folders = [self.settings.home]
        if self.plan.engine == "postgresql":
            folders.append(self.database_disk.folder)
        read = afterwards.check_numbers(self.watch, folders, base)
        base.engine.dispose()
        batches = [batch for source in self.sources for batch in source.outbox.batches()]
        findings = self.findings
        return {
            "engine": self.plan.engine,
            "seed": self.plan.seed,
            "faults": sum(self.faults.counts.values()),
            "faults_by_kind": dict(sorted(self.faults.counts.items())),
            "disk_full_by": self.disk.kind,
            "servers": self.plan.servers,
            "server_crashes": len(self.servers.crashes),
            "server_log": said_in(self.log),
            "sources": len(self.sources),
            "batches": len(batches),
            "rows_sent": sum(batch.rows for batch in batches),
            "records": records,
            "acknowledged": len(self.watch.acknowledged),
            "lost": len(findings.lost),
            "unacknowledged_visible": len(findings.unacknowledged_visible),
            "incomplete_after_resend": len(findings.incomplete),
            "past_changed": len(findings.past_changed),
            "past_changed_by_s": max(findings.past_changed.values(), default=0),
            "other_findings": findings.other,
            "failed_requests": answers(self.sources),
            "bytes_searched_for_numbers": read,
        }
