"""``huixin bench accuracy``: Huixin's models against the field's best on real credit data, in default settings.

5 x 2 repeated stratified cross-validation (5 folds, 2 repeats, random_state 20260101), the same for every model;
nobody is tuned to a data set by hand. ``--csv FILE --target COLUMN --positive VALUE`` measures on any other table.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any


def run(
    data: Path | None = None,
    csv: Path | None = None,
    target: str | None = None,
    positive: str | None = None,
    models: str | None = None,
    sets: str | None = None,
    folds: Path | None = None,
    resume: bool = False,
) -> dict[str, Any]:
    """Measure on every data set in ``data`` (or on ``sets`` of them), or on the table ``csv``.

    Each fold's figures go to the file ``folds`` as soon as they are there; ``resume`` takes over those of a run that
    was cut off, as far as rows and models are the same.

    Keys: ``datasets.NAME.MODEL.{auc,ks,brier,ece,seconds}`` (means over the test folds; seconds to fit and answer),
    ``mean_rank.{auc,brier}.MODEL``, ``failed``, ``left_out`` (columns not learnt from, with the reason).
    """
    from benchmarks.accuracy.datasets import BadTable, from_csv, known_sets
    from benchmarks.accuracy.kept import Kept
    from benchmarks.accuracy.running import FOLDS, REPEATS, chosen, mean_ranks, measure
    from benchmarks.accuracy.showing import show
    from benchmarks.machine import machine
    from huixin.console import progress, say
    from records.words import Text

    wanted = chosen(models)
    if csv is not None:
        if not target or positive is None:
            raise BadTable(Text("--csv 需要 --target 与 --positive", "--csv needs --target and --positive"))
        found_sets = [from_csv(csv, target, positive)]
    else:
        assert data is not None
        found_sets = known_sets(data, sets)
    found, kept = {}, Kept(folds, resume)
    for one in found_sets:
        begun = time.perf_counter()
        count = 0
        with progress(f"{one.name}：拟合", f"{one.name}: fits", FOLDS * REPEATS * len(wanted)) as told:

            def done(told: Any = told) -> None:
                nonlocal count
                count += 1
                told(count)

            found[one.name] = measure(one, wanted, kept, done)
        say(f"{one.name}：{time.perf_counter() - begun:.0f} 秒", f"{one.name}: {time.perf_counter() - begun:.0f} s")
    figures: dict[str, Any] = {
        "datasets": {
            name: {model: outcome.figures for model, outcome in by_model.items()} for name, by_model in found.items()
        },
        "mean_rank": mean_ranks(found, wanted),
        "rows": {one.name: len(one.y) for one in found_sets},
        "events": {one.name: int(one.y.sum()) for one in found_sets},
        "columns": {one.name: one.X.shape[1] for one in found_sets},
        "left_out": {one.name: one.left_out for one in found_sets},
        "failed": {
            f"{name}.{model}": outcome.failed
            for name, by_model in found.items()
            for model, outcome in by_model.items()
            if outcome.failed
        },
        "splits": f"{FOLDS} folds x {REPEATS} repeats, stratified, random_state 20260101",
        "machine": machine("lightgbm", "xgboost-cpu", "catboost", "interpret-core", "scikit-learn", "optbinning"),
    }
    show(figures)
    return figures
