"""Huixin's scorecard against optbinning's BinningProcess and scikit-learn's LogisticRegression, on the same table."""

from __future__ import annotations

import statistics
import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.machine import cores
from benchmarks.train.rows import World
from models.training_table import TrainingTable
from models.validation import auc

Floats = npt.NDArray[np.float64]


def compare(world: World, learnt: TrainingTable, judged: TrainingTable, repeats: int = 1) -> dict[str, Any]:
    """Both fitted on ``learnt``, taking turns, and judged on ``judged``.

    ``ratio``: our seconds to fit over theirs, medians of ``repeats``; ``huixin`` and ``optbinning``: ``seconds`` and
    ``auc``.
    """
    contenders: dict[str, Callable[[], Any]] = {
        "huixin": lambda: _ours(world, learnt),
        "optbinning": lambda: _theirs(learnt),
    }
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    areas = {}
    for _ in range(repeats):
        for name, fit in contenders.items():
            started = time.perf_counter()
            answer = fit()
            seconds[name].append(time.perf_counter() - started)
            areas[name] = auc(judged.outcome, answer(judged.X))
    found = {name: {"seconds": statistics.median(seconds[name]), "auc": areas[name]} for name in contenders}
    return {"ratio": found["huixin"]["seconds"] / found["optbinning"]["seconds"], **found}


def _ours(world: World, learnt: TrainingTable) -> Callable[[Floats], Floats]:
    from models.scorecard import Scorecard

    model = Scorecard(world.directions).fit(learnt.X, learnt.outcome)
    return model.margin


def _theirs(learnt: TrainingTable) -> Callable[[Floats], Floats]:
    """In default settings, on all cores."""
    import logging

    from optbinning import BinningProcess
    from sklearn.linear_model import LogisticRegression

    logging.getLogger("optbinning").setLevel(logging.ERROR)
    names = [str(column) for column in range(learnt.X.shape[1])]
    binning = BinningProcess(variable_names=names, n_jobs=cores())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        woe = binning.fit_transform(learnt.X, learnt.outcome.astype(int))
        model = LogisticRegression(max_iter=2_000).fit(woe, learnt.outcome)

    def answer(X: Floats) -> Floats:
        return np.asarray(model.predict_proba(binning.transform(X))[:, 1])

    return answer
