"""The load as the run sees it: told when to go and when to drain, and every attempt that it made."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.faults.scores.load import Plan

DRAIN_SECONDS = 150
GOOD = 200
ALLOWED = {GOOD, 409, 503, 507}  # 409: the first attempt under the key may still be under way


@dataclass(frozen=True)
class Attempt:
    """One request: which question, when it left and when it was answered (epoch seconds), and what was said."""

    key: str
    at: float
    until: float
    said: dict[str, Any]

    @property
    def what(self) -> str:
        """The status, or how the connection broke."""
        return str(self.said.get("status", self.said.get("broken")))


class Loading:
    """The process of ``benchmarks.faults.scores.load``."""

    def __init__(self, plan: Plan) -> None:
        self.attempts: list[Attempt] = []
        self.given_up: list[str] = []
        self._drained = threading.Event()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.faults.scores.load"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=Path(__file__).parents[3],
            text=True,
        )
        self._tell(json.dumps(asdict(plan)))
        self._listener = threading.Thread(target=self._listen, name="load", daemon=True)
        self._listener.start()

    def go(self) -> None:
        self._tell("go")

    def drain(self) -> None:
        """No new questions; returns when every one has its answer or was given up."""
        self._drained.clear()
        self._tell("drain")
        if not self._drained.wait(DRAIN_SECONDS):
            raise TimeoutError("the load does not come to its end")

    def end(self) -> None:
        self._tell("end")
        self._process.wait(30)
        self._listener.join(30)

    def acknowledged(self) -> dict[str, list[Attempt]]:
        """The attempts that were answered with a score, by question."""
        found: dict[str, list[Attempt]] = {}
        for one in list(self.attempts):
            if "score_id" in one.said:
                found.setdefault(one.key, []).append(one)
        return found

    def told(self, since: float, cause_gone: float) -> dict[str, Any]:
        """What those who asked from ``since`` on met, whose fault was mended at ``cause_gone``."""
        some = [one for one in list(self.attempts) if one.until >= since]
        refused = [one for one in some if one.what != str(GOOD)]
        good = sorted(one.until for one in some if one.what == str(GOOD))
        gaps = [later - earlier for earlier, later in zip([since, *good], good, strict=False)]
        last = max((one.until for one in refused), default=cause_gone)
        after = [moment for moment in good if moment >= cause_gone]
        return {
            "attempts": len(some),
            "answered": len(good),
            "refused": dict(Counter(one.what for one in refused)),
            "longest_silence_s": round(max(gaps, default=0.0), 2),
            "first_answer_after_s": round(after[0] - cause_gone, 2) if after else None,
            "last_refusal_after_s": round(max(0.0, last - cause_gone), 2),
            "longest_answer_s": round(max((one.until - one.at for one in some), default=0.0), 2),
        }

    def bad_answers(self) -> list[str]:
        """Answers that nobody should get: an internal error, or a refusal that is no problem document."""
        found = []
        for one in list(self.attempts):
            status, problem = one.said.get("status"), one.said.get("problem")
            if status is None or status == GOOD:
                continue
            if status not in ALLOWED or not str(problem).startswith("urn:huixin:problem:"):
                found.append(f"{status} {problem} {one.said.get('no_json', '')}".strip())
        return sorted(set(found))

    def _tell(self, line: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()

    def _listen(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            told: dict[str, Any] = json.loads(line)
            if "drained" in told:
                self._drained.set()
            elif "given_up" in told:
                self.given_up.append(told["given_up"])
            else:
                self.attempts.append(Attempt(told.pop("key"), told.pop("at"), told.pop("until"), told))
