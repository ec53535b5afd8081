"""One retraining, stage by stage, in a home of its own."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.features.child import peak_mb
from benchmarks.train.rows import JUDGED, LEARNT, World
from huixin.console import progress
from models.bundle import Bundle, code_version
from models.gate.background import Background, Learning, Rebuilt
from models.gate.gathering import attribute
from models.registry import Registry
from models.training import STAGES, Material, train_on
from models.training_table import TrainingTable
from models.validation.population import Grouping
from models.widening import Widened
from records.settings import Settings
from records.words import Text

REBUILT_ROWS = 200


@dataclass
class Clock:
    """Wall and processor seconds of each stage, told when it ends."""

    seconds: dict[str, float] = field(default_factory=dict)
    processor_s: dict[str, float] = field(default_factory=dict)
    _since: tuple[float, float] = field(default_factory=lambda: (time.perf_counter(), time.process_time()))

    def ended(self, stage: str) -> None:
        now = time.perf_counter(), time.process_time()
        self.seconds[stage] = now[0] - self._since[0]
        self.processor_s[stage] = now[1] - self._since[1]
        self._since = now


@dataclass(frozen=True)
class MadeUp:
    """What a made table knows around its rows: sectors, districts and sizes, sex and age, and a month earlier."""

    world: World

    def warning(self, common: dict[str, Any]) -> Bundle | None:
        """None: learn it of the table."""

    def background(self, judged: TrainingTable, latest: TrainingTable) -> Background:
        rows = np.linspace(0, len(judged.X) - 1, REBUILT_ROWS).astype(np.int64)
        return Background(
            learning=Learning(latest.X, latest.outcome),
            month_earlier=self.world.a_month_before(judged.X),
            rebuilt=Rebuilt(rows, judged.X[rows]),
            protected=tuple(attribute(one) for one in self.attributes(judged)),
        )

    def groups(self, rows: TrainingTable, codes: Sequence[str]) -> tuple[Grouping, ...]:
        return tuple(
            _parts(name, len(rows.X), parts) for name, parts in (("sector", 18), ("district", 12), ("size", 4))
        )

    def attributes(self, rows: TrainingTable) -> tuple[Grouping, ...]:
        return tuple(_parts(name, len(rows.X), parts) for name, parts in (("sex", 2), ("age", 5)))


def retrain(world: World, learnt: TrainingTable, judged: TrainingTable, tune: float = 0.0) -> dict[str, Any]:
    """Train on ``learnt``, validate on ``judged`` and register; seconds by stage, peak memory, what came out."""
    from service.pages.render import validation_page

    codes = tuple(f"feature_{number:03d}" for number in range(learnt.X.shape[1]))
    common: dict[str, Any] = {
        "segment": "enterprise",
        "codes": codes,
        "words": {code: Text(f"特征 {code[-3:]}", f"feature {code[-3:]}") for code in codes},
        "trained_as_ofs": tuple(date.fromisoformat(day) for day in LEARNT),
        "validated_as_of": date.fromisoformat(JUDGED),
        "out_of_time": True,
        "synthetic": True,
        "data_fingerprint": learnt.fingerprint,
        "code_version": code_version(),
        "seed": world.seed,
    }
    material = Material(learnt, judged, Widened(learnt, ()), world.directions, common)
    with TemporaryDirectory() as home, progress("训练", "training", total=100) as told:
        clock = Clock()

        def ended(stage: str) -> None:
            clock.ended(stage)
            told(STAGES[stage])

        registry = Registry(Settings(home=Path(home)))
        result = train_on(registry, material, MadeUp(world), page=validation_page, tune_minutes=tune, ended=ended)
    return {
        "seconds": sum(clock.seconds.values()),
        "processor_s": sum(clock.processor_s.values()),
        "stages": {
            stage: {"seconds": clock.seconds[stage], "processor_s": clock.processor_s[stage]} for stage in clock.seconds
        },
        "peak_rss_mb": round(peak_mb()),
        "models": {
            one.family: {"auc": one.metrics["auc"], "alias": one.alias, "ece": one.metrics.get("ece")}
            for one in result.models
        },
        "tuned": None if (found := result.tuned) is None else {"trials": len(found.trials), "changed": found.changed},
        "refusals": [no.en for no in result.refusals],
    }


def _parts(name: str, rows: int, parts: int) -> Grouping:
    values: npt.NDArray[Any] = np.random.default_rng(len(name)).integers(0, parts, rows).astype(str).astype(object)
    return Grouping(name, Text(name, name), values, {})
