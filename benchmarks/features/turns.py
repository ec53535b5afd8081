"""Contenders taking turns on the same records, each run a process of its own, their numbers compared exactly."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.features.measures import COLUMNS
from benchmarks.features.records import Made
from huixin.console import progress

Run = dict[str, float]  # seconds, processor_s, peak_rss_mb
Values = NDArray[np.float64]  # as-of, subject, measure


class Disagreement(Exception):
    """A contender's numbers are not Huixin's: its time means nothing."""


@dataclass(frozen=True)
class Job:
    """What is run: a contender of ``benchmarks.features.child`` at some as-ofs."""

    contender: str
    as_ofs: tuple[datetime, ...]

    @property
    def name(self) -> str:
        return f"{self.contender} × {len(self.as_ofs)}"

    def command(self, task: dict[str, Any]) -> list[str]:
        return [sys.executable, "-m", "benchmarks.features.child", json.dumps(task)]


@dataclass
class Turns:
    """Runs of each job by name, in rounds, and why some have none."""

    runs: dict[str, list[Run]] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)

    def median(self, figure: str) -> dict[str, float]:
        return {name: statistics.median(run[figure] for run in runs) for name, runs in self.runs.items()}

    def peaks(self) -> dict[str, float]:
        return {name: max(run["peak_rss_mb"] for run in runs) for name, runs in self.runs.items()}

    def ratio(self, above: str, below: str) -> float | None:
        """Time of ``above`` over that of ``below``, the median over rounds; ``None`` where one has no runs."""
        pairs = list(zip(self.runs.get(above, []), self.runs.get(below, []), strict=False))
        return statistics.median(one["seconds"] / other["seconds"] for one, other in pairs) if pairs else None


@dataclass(frozen=True)
class Course:
    """What runs share: the records, a small base to warm up on, and a folder for what is compared.

    At one as-of the numbers of every subject are compared, at many those of ``compared`` subjects.
    """

    made: Made
    warm: Made
    place: Path
    compared: int = 2_000

    def turns(self, jobs: Sequence[Job], repeats: int) -> Turns:
        """Every job in each round, the first one's numbers being right.

        Raises ``Disagreement`` where others at the same as-ofs differ. Who fails otherwise takes no further part.
        """
        turns = Turns()
        for number in range(repeats):
            for job in jobs:
                if job.name in turns.failed:
                    continue
                label = f"{job.name}, {self.made.subjects:,}, {number + 1}/{repeats}"
                with progress(label, label):
                    try:
                        turns.runs.setdefault(job.name, []).append(self.run(job))
                    except subprocess.CalledProcessError as error:
                        turns.failed[job.name] = reason(error)
                        turns.runs.pop(job.name)
                        continue
                if number == 0:
                    self._check(jobs, job)
        return turns

    def run(self, job: Job) -> Run:
        task = {
            "contender": job.contender,
            "folder": str(self.made.folder),
            "warm": str(self.warm.folder),
            "as_ofs": [as_of.isoformat() for as_of in job.as_ofs],
            "sample": str(self._sample(len(job.as_ofs))),
            "values": str(self._values(job)),
        }
        done = subprocess.run(job.command(task), check=True, capture_output=True, text=True)
        found: Run = json.loads(done.stdout.splitlines()[-1])
        return found

    def _sample(self, as_ofs: int) -> Path:
        """The places of the subjects whose numbers are compared, in a file."""
        path = self.place / f"sample-{as_ofs}.npy"
        if not path.exists():
            count = self.made.subjects if as_ofs == 1 else min(self.compared, self.made.subjects)
            np.save(path, np.sort(np.random.default_rng(1).permutation(self.made.subjects)[:count]))
        return path

    def _check(self, jobs: Sequence[Job], job: Job) -> None:
        first = next(one for one in jobs if one.as_ofs == job.as_ofs)
        if first is not job and self._values(first).exists():
            compare(first.name, np.load(self._values(first)), job.name, np.load(self._values(job)))

    def _values(self, job: Job) -> Path:
        return self.place / f"{''.join(c if c.isalnum() else '-' for c in job.name)}.npy"


def compare(one: str, expected: Values, other: str, found: Values) -> None:
    """Raises ``Disagreement`` where two results are not the same numbers, missing ones included."""
    if expected.shape != found.shape:
        raise Disagreement(f"{other} gave {found.shape} numbers, {one} {expected.shape}")
    differ = ~((expected == found) | (np.isnan(expected) & np.isnan(found)))
    if differ.any():
        when, who, what = (int(axis[0]) for axis in np.nonzero(differ))
        raise Disagreement(
            f"{int(differ.sum())} of {differ.size} numbers differ; first at as-of {when}, subject {who}, "
            f"{COLUMNS[what].code}: {one} {expected[when, who, what]!r}, {other} {found[when, who, what]!r}"
        )


def reason(error: subprocess.CalledProcessError) -> str:
    if error.returncode < 0:
        return f"ended by signal {-error.returncode} (9: out of memory)"
    lines = [line for line in str(error.stderr).splitlines() if line.strip()]
    return lines[-1] if lines else f"ended with status {error.returncode}"
