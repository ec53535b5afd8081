"""One run: two workers answer an open-loop load while faults strike; after each everything is looked at."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.faults.scores.checks import findings, replays
from benchmarks.faults.scores.installation import SEGMENT, installed
from benchmarks.faults.scores.load import Plan as LoadPlan
from benchmarks.faults.scores.loading import Loading
from benchmarks.faults.scores.workers import Service
from models.bundle import fingerprint
from models.gate.verdict import Check, Verdict
from models.registry import Registry, model_name
from records.moment import now
from records.settings import Settings
from records.words import Text

KINDS = (
    "worker killed",
    "database stands still",
    "database stopped",
    "database disk full",
    "home disk full",
    "model damaged",
    "model promoted",
)
LEFT = 1 << 13
PROMOTION = Text("故障演练", "an exercise of faults")


@dataclass(frozen=True)
class Plan:
    """Which faults, how many questions a second, how long a fault lasts, and the load alone before and after it."""

    kinds: tuple[str, ...] = KINDS
    rate: float = 40.0
    kills: int = 6
    seconds: float = 10.0
    around: float = 5.0
    workers: int = 2
    seed: int = 1


class Run:
    """The parts of one run, from the copy of the installation to the last check."""

    def __init__(self, plan: Plan, trained: Settings, folder: Path, progress: Callable[[int], None]) -> None:
        self.plan, self.trained, self.folder, self.progress = plan, trained, folder, progress
        self.findings: list[str] = []
        self._ends = ExitStack()

    def figures(self) -> dict[str, Any]:
        """Run it. What is left of it is removed, unless something was found."""
        started = time.monotonic()
        with self._ends:
            self._prepare()
            faults = {kind: self._fault(kind, number) for number, kind in enumerate(self.plan.kinds, 1)}
            figures = self._at_the_end(faults)
            figures["seconds"] = round(time.monotonic() - started, 1)
        if not self.findings:
            shutil.rmtree(self.folder, ignore_errors=True)
        return figures

    def _prepare(self) -> None:
        self.folder.mkdir(parents=True)
        self.log = self.folder / "service.log"
        self.under = installed(self.trained, self.folder, self._ends)
        self.service = Service(self.under.settings, self.plan.workers, self.log)
        self._ends.callback(self.service.stop)
        told = LoadPlan(self.service.port, self.under.key, self.under.subjects, self.plan.rate, self.plan.seed)
        self.load = Loading(told)
        self._ends.callback(self.load.end)
        self._alone()  # evidence is read from the records at the first look at a subject
        self.load.drain()
        self.load.attempts.clear()
        self.since = now()

    def _alone(self) -> None:
        self.load.go()
        time.sleep(self.plan.around)

    def _fault(self, kind: str, number: int) -> dict[str, Any]:
        ways: dict[str, Callable[[], dict[str, Any]]] = {
            "worker killed": self._kill,
            "database stands still": self._stand_still,
            "database stopped": self._stop,
            "database disk full": lambda: self._fill(database=True),
            "home disk full": lambda: self._fill(database=False),
            "model damaged": self._damage,
            "model promoted": self._promote,
        }
        self._alone()
        struck = time.time()
        more = ways[kind]()
        gone = more.pop("cause_gone")
        time.sleep(self.plan.around)
        self.load.drain()
        found = findings(self.under.base.engine, self.since, self.load.acknowledged(), self.load.given_up)
        found += [f"an answer that nobody should get: {one}" for one in self.load.bad_answers()]
        if self.service.ready()[0] != 200:
            found.append("the service is not ready again")
        self.findings += [f"{kind}: {one}" for one in found]
        self.progress(number)
        return {**self.load.told(struck, gone), **more, "findings": len(found)}

    def _kill(self) -> dict[str, Any]:
        """One worker after another, and every third time both at once."""
        took = []
        for number in range(1, self.plan.kills + 1):
            struck = time.time()
            count = self.plan.workers if number % 3 == 0 else 1
            self.service.wait_replaced(self.service.kill_workers(count))
            took.append(round(time.time() - struck, 1))
        return {"cause_gone": struck, "kills": len(took), "replaced_after_s": max(took)}

    def _stand_still(self) -> dict[str, Any]:
        self.under.postgres.stand_still(self.plan.seconds)
        return {"cause_gone": time.time()}

    def _stop(self) -> dict[str, Any]:
        self.under.postgres.halt()
        time.sleep(self.plan.seconds / 2)
        alive, ready = self.service.alive(), self.service.ready()
        time.sleep(self.plan.seconds / 2)
        self.under.postgres.start()
        return {"cause_gone": time.time(), "alive_meanwhile": alive, "ready_meanwhile": ready[0]}

    def _fill(self, *, database: bool) -> dict[str, Any]:
        disk = self.under.database_disk if database else self.under.home_disk
        disk.fill(LEFT)
        try:
            time.sleep(self.plan.seconds / 2)
            ready = self.service.ready()[0]
            time.sleep(self.plan.seconds / 2)
        finally:
            disk.free()
        gone = time.time()
        self.under.postgres.keep_running()
        return {"cause_gone": gone, "ready_meanwhile": ready, "filled_as": disk.kind}

    def _damage(self) -> dict[str, Any]:
        """One byte of the champion's file: who has it loaded goes on, who starts with it refuses it by name."""
        registry = Registry(self.under.settings)
        version = registry.champion_version(SEGMENT)
        paths = champion_files(registry, version)
        whole = paths[0].read_bytes()
        middle = len(whole) // 2
        for path in paths:
            path.write_bytes(whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :])
        struck = time.time()
        time.sleep(self.plan.seconds)
        running = self.load.told(struck, struck)
        restarting = time.time()
        self.service.stop()
        self.service.start()
        restarted = time.time()
        time.sleep(self.plan.seconds / 2)
        status, ready = self.service.ready()
        problems = {one.said.get("problem") for one in self.load.attempts if one.at > restarted}
        for path in paths:
            path.write_bytes(whole)
        self._expect(not running["refused"], f"running workers refused {running['refused']}")
        self._expect(status == 503, f"ready though the champion is damaged: {status}")
        self._expect(ready.get("champions", {}).get(SEGMENT) == "damaged-model", f"readiness says {ready}")
        self._expect("urn:huixin:problem:damaged-model" in problems, f"no answer named the damage: {problems}")
        return {
            "cause_gone": time.time(),
            "answered_while_loaded": running["answered"],
            "restart_s": round(restarted - restarting, 1),
            "ready_meanwhile": status,
        }

    def _promote(self) -> dict[str, Any]:
        """The second model serves from now on; workers swap by themselves."""
        registry, (former, version) = Registry(self.under.settings), self.under.versions
        passed = Verdict((Check("faults", PROMOTION, True, PROMOTION),))
        registry.promote(model_name(SEGMENT), version, passed, actor="faults")
        promoted = time.time()
        time.sleep(self.plan.seconds)
        told = self.load.told(promoted, promoted)
        some = [one for one in self.load.attempts if one.at >= promoted and "score_id" in one.said]
        versions = {one.said["model_version"] for one in some if not one.said["repeated"]}
        late = max((one.until for one in some if one.said["model_version"] == former), default=promoted)
        self._expect(not told["refused"], f"refused at the promotion: {told['refused']}")
        self._expect(versions <= {former, version} and version in versions, f"answers of versions {versions}")
        return {"cause_gone": promoted, "former_version_last_after_s": round(late - promoted, 2)}

    def _expect(self, held: bool, otherwise: str) -> None:
        if not held:
            self.findings.append(otherwise)

    def _at_the_end(self, faults: dict[str, dict[str, Any]]) -> dict[str, Any]:
        acknowledged = self.load.acknowledged()
        replayed, differing = replays(self.under.base)
        self.findings += differing
        return {
            "faults": faults,
            "questions": len({one.key for one in self.load.attempts}),
            "attempts": len(self.load.attempts),
            "acknowledged": len(acknowledged),
            "asked_again_after_the_answer": sum(len(some) > 1 for some in acknowledged.values()),
            "replayed": replayed,
            "findings": self.findings,
            "rate": self.plan.rate,
            "workers": self.plan.workers,
            "tracebacks_in_log": self.log.read_text(errors="replace").count("Traceback"),
        }


def champion_files(registry: Registry, version: str) -> list[Path]:
    """Where the file with the reasons of a version lies."""
    marks = registry.tags(model_name(SEGMENT), version)["fingerprint"]
    found = sorted(registry.settings.artifact_folder.rglob("explainer.npz"))
    return [path for path in found if fingerprint(path.parent) == marks]
