"""The same folds for every model: how well each ranks and how well it is calibrated, data set by data set."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.accuracy.datasets import DataSet
from benchmarks.accuracy.kept import Kept
from benchmarks.accuracy.own import OWN
from benchmarks.accuracy.rivals import RIVALS
from models.validation import auc, brier, ece, ks
from records.errors import HuixinError
from records.words import Text

Floats = npt.NDArray[np.float64]
FOLDS, REPEATS, SEED = 5, 2, 20260101
MODELS = (*OWN, *RIVALS)
RANKED = {"auc": -1, "brier": 1}


class UnknownModel(HuixinError):
    code = "unknown-model"
    title = Text("没有此模型", "Unknown model")


@dataclass(frozen=True)
class Outcome:
    """What a model reached on a data set: means over the test folds; ``failed`` says why it has no figures."""

    figures: dict[str, float | None]
    failed: str | None = None


def chosen(names: str | None) -> tuple[str, ...]:
    """Models by name, separated by commas; all where none is named. Raises ``UnknownModel``."""
    wanted = [name.strip() for name in names.split(",") if name.strip()] if names else list(MODELS)
    if unknown := sorted(set(wanted) - set(MODELS)):
        told, accepted = ", ".join(unknown), ", ".join(MODELS)
        raise UnknownModel(Text(f"没有模型 {told}；可用：{accepted}", f"no model {told}; accepted: {accepted}"))
    return tuple(wanted)


def measure(
    data: DataSet, models: tuple[str, ...], kept: Kept, done: Callable[[], None] = lambda: None
) -> dict[str, Outcome]:
    """Every model on the 5 x 2 repeated stratified folds of the data set; ``done`` is called after each fit."""
    folds = list(_folds(data.y))
    found = {}
    for model in models:
        by_fold: list[dict[str, float]] = []
        failed = None
        for fold, (learnt, asked) in enumerate(folds):
            if (known := kept.find(data, model, fold)) is not None:
                by_fold.append(known)
            elif failed is None:
                try:
                    by_fold.append(_one(data, model, learnt, asked))
                    kept.keep(data, model, fold, by_fold[-1])
                except Exception as error:  # a rival's failure is a result, not ours to hide or to end the run by
                    if model in OWN:
                        raise
                    failed = f"{type(error).__name__}: {error}"[:500]
            done()
        names = by_fold[0] if by_fold and failed is None else {}
        means: dict[str, float | None] = {name: float(np.mean([one[name] for one in by_fold])) for name in names}
        found[model] = Outcome(means or dict.fromkeys(("auc", "ks", "brier", "ece", "seconds")), failed)
    return found


def mean_ranks(found: dict[str, dict[str, Outcome]], models: tuple[str, ...]) -> dict[str, dict[str, float]]:
    """Mean rank (1 is best, ties share) of each model over the data sets; one that failed comes last."""
    from scipy.stats import rankdata

    ranks: dict[str, dict[str, float]] = {}
    for figure, sign in RANKED.items():
        places = []
        for by_model in found.values():
            values = [by_model[model].figures[figure] for model in models]
            places.append(rankdata([np.inf if value is None else sign * value for value in values]))
        ranks[figure] = dict(zip(models, np.mean(places, axis=0).tolist(), strict=True))
    return ranks


def _folds(y: Any) -> Iterator[tuple[Any, Any]]:
    from sklearn.model_selection import RepeatedStratifiedKFold

    splits = RepeatedStratifiedKFold(n_splits=FOLDS, n_repeats=REPEATS, random_state=SEED)
    yield from splits.split(np.zeros(len(y)), y)


def _one(data: DataSet, model: str, learnt: Any, asked: Any) -> dict[str, float]:
    X, rows = (data.X.iloc[chosen].reset_index(drop=True) for chosen in (learnt, asked))
    begun = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if model in OWN:
            pd = OWN[model](X, data.y[learnt], rows, data.directions)
        else:
            pd = RIVALS[model](X, data.y[learnt], rows)
    seconds = time.perf_counter() - begun
    outcome = data.y[asked].astype(np.float64)
    return {
        "auc": auc(outcome, pd),
        "ks": ks(outcome, pd),
        "brier": brier(outcome, pd),
        "ece": ece(outcome, pd),
        "seconds": seconds,
    }
