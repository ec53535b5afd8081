"""Settings of the boosted model by search within a time budget; the usual ones stay unless others are surely better."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from models.calibration import AffineCalibrator
from models.growing import PATIENCE, STYLES, Rows, Settings, dataset, parameters, size_of, with_depth
from models.stacking import log_loss

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
MOST_ROWS, MOST_TREES = 60_000, 1_500
USUAL_DEPTH = 5
# Others must take this share off the log-loss as well: below, a change is not worth its trouble.
LEAST_GAIN = 0.0005
# Trials before the sampler learns of them and before any is broken off.
RANDOM_TRIALS, SPARED_TRIALS = 6, 4
# The last comparison costs both candidates once more; it is given time for this much more.
RESERVE = 1.3


@dataclass(frozen=True)
class Trial:
    """One choice of settings: ``loss`` held out (NaN where it was broken off), trees by style and fold, seconds."""

    settings: Settings
    max_depth: int
    loss: float
    trees: tuple[int, ...]
    seconds: float
    state: Literal["complete", "pruned", "out of time"]

    def parameters(self) -> dict[str, float]:
        """What was chosen, by name."""
        return {**asdict(self.settings), "max_depth": self.max_depth}


@dataclass(frozen=True)
class Tuned:
    """What a search settled.

    ``gain``: log-loss that the best trial takes off that of the usual settings on folds that the search did not see,
    ``error`` its standard error over folds; NaN where there was no time to compare. ``changed``: whether the settings
    are those of the best trial, not the usual ones.
    """

    settings: Settings
    max_depth: int
    changed: bool
    gain: float
    error: float
    trials: tuple[Trial, ...]


def log_trials(segment: str, tuned: Tuned) -> None:
    """One run for the search, below the active one, and below it one for each trial."""
    import mlflow

    from models.tracking import model_run

    with model_run(f"{segment}-tuning"):
        mlflow.set_tags({"segment": segment, "kind": "tuning"})
        chosen = {**asdict(tuned.settings), "max_depth": tuned.max_depth}
        mlflow.log_params({**chosen, "changed": tuned.changed, "trials": len(tuned.trials)})
        figures = {"gain": tuned.gain, "gain_error": tuned.error}
        mlflow.log_metrics({name: value for name, value in figures.items() if np.isfinite(value)})
        for number, trial in enumerate(tuned.trials):
            with model_run(f"{segment}-trial-{number:03d}"):
                mlflow.set_tags({"segment": segment, "kind": "trial", "state": trial.state})
                mlflow.log_params(trial.parameters())
                mlflow.log_metrics(
                    {"seconds": trial.seconds} | ({"log_loss": trial.loss} if trial.loss == trial.loss else {})
                )


class _OutOfTime(Exception):
    """The budget is spent in the middle of a trial."""


def tune(
    X: Floats,
    y: Floats,
    groups: npt.NDArray[Any],
    directions: tuple[int, ...],
    *,
    minutes: float,
    seed: int = 0,
    threads: int = 2,
    most_trials: int | None = None,
    told: Callable[[float], None] = lambda _: None,
) -> Tuned:
    """Search settings for rows ``X`` [n, features], outcomes ``y`` [n] and subjects ``groups`` [n] for ``minutes``.

    Tree-structured Parzen estimators (Bergstra et al. 2011, Optuna) begin with the usual settings; a trial worse
    than the median after a fold is broken off. The best trial is then compared with the usual settings on other rows
    (where there are more than are searched on) and other folds, after the affine stretch that follows anyway: it
    replaces them only where it is better by more than a standard error of the paired differences. ``told`` hears which
    share of the budget is spent. Too few events to hold any out leave the usual settings.
    """
    clock = _Clock(time.monotonic(), 60 * minutes, told)
    search = _Search(_rows(X, y, groups, directions, seed, threads), clock)
    trials = _trials(search, seed, most_trials) if search.folds else ()
    usual = Tuned(Settings(), USUAL_DEPTH, False, float("nan"), float("nan"), trials)
    complete = [one for one in trials if one.state == "complete"]
    best = min(complete, key=lambda one: one.loss, default=None)
    if best is None or best is trials[0]:
        return usual
    try:
        gain, error, before = _compared(_rows(X, y, groups, directions, seed + 1, threads), best, clock.watch)
    except _OutOfTime:
        return usual
    if gain > error and gain > LEAST_GAIN * before:
        return Tuned(best.settings, best.max_depth, True, gain, error, trials)
    return Tuned(Settings(), USUAL_DEPTH, False, gain, error, trials)


@dataclass(frozen=True)
class _Clock:
    """A budget of ``seconds`` that began at ``since``."""

    since: float
    seconds: float
    told: Callable[[float], None]

    @property
    def left(self) -> float:
        return self.since + self.seconds - time.monotonic()

    def watch(self, reserve: float = 0.0) -> None:
        """Raise ``_OutOfTime`` where no more than ``reserve`` seconds are left."""
        self.told(float(np.clip(1 - self.left / self.seconds, 0.0, 1.0)) if self.seconds else 1.0)
        if self.left <= reserve:
            raise _OutOfTime


class _Search:
    """Trials on the same folds of the same rows."""

    def __init__(self, rows: Rows, clock: _Clock) -> None:
        self.rows, self.clock, self.folds = rows, clock, rows.folds()
        self._learned: list[tuple[Any, Any]] = []

    def tried(self, settings: Settings, max_depth: int, reserve: float, trial: Any) -> Trial:
        """Held-out loss of ``settings``, fold by fold; ``trial`` (Optuna's) may say after each that it is enough."""
        rows = replace(self.rows, settings=settings)
        begun, losses, trees = time.monotonic(), list[float](), list[int]()
        state: Literal["complete", "pruned", "out of time"] = "complete"
        try:
            for fold, (_, held) in enumerate(self.folds):
                margins = np.zeros(len(held))
                for style, share in zip(STYLES, settings.shares, strict=True):
                    if share:
                        found, count = self._held(rows, fold, style, max_depth, reserve)
                        margins += share * found
                        trees.append(count)
                losses.append(log_loss(margins, rows.y[held]))
                trial.report(float(np.mean(losses)), fold)
                if trial.should_prune() and fold + 1 < len(self.folds):
                    state = "pruned"
                    break
        except _OutOfTime:
            state = "out of time"
        loss = float(np.mean(losses)) if state == "complete" else float("nan")
        return Trial(settings, max_depth, loss, tuple(trees), time.monotonic() - begun, state)

    def _held(self, rows: Rows, fold: int, style: str, max_depth: int, reserve: float) -> tuple[Floats, int]:
        """Margins of the fold's held-out rows by trees that stop when these rows say so, and how many trees."""
        import lightgbm

        learned, asked = self._datasets()[fold]
        stop = lightgbm.early_stopping(PATIENCE, verbose=False)
        told = with_depth(parameters(rows, style), max_depth)
        watch = [lambda _: self.clock.watch(reserve), stop]
        booster = lightgbm.train(told, learned, MOST_TREES, [asked], ["held"], callbacks=watch)
        held = self.folds[fold][1]
        return booster.predict(rows.X[held], raw_score=True, num_threads=rows.threads), booster.best_iteration

    def _datasets(self) -> list[tuple[Any, Any]]:
        if not self._learned:
            whole = dataset(self.rows).construct()
            self._learned = [(whole.subset(kept.tolist()), whole.subset(held.tolist())) for kept, held in self.folds]
        return self._learned


def _trials(search: _Search, seed: int, most: int | None) -> tuple[Trial, ...]:
    """Trials, the usual settings first, as long as there is time for one and for the comparison after it."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(
        sampler=optuna.samplers.TPESampler(seed=seed, n_startup_trials=RANDOM_TRIALS),
        pruner=optuna.pruners.MedianPruner(n_startup_trials=SPARED_TRIALS),
    )
    study.enqueue_trial({**asdict(Settings()), "max_depth": USUAL_DEPTH})
    trials: list[Trial] = []
    reserve = 0.0
    while (most is None or len(trials) < most) and search.clock.left > reserve:
        asked = study.ask()
        found = search.tried(*_chosen(asked), reserve, asked)
        trials.append(found)
        if found.state == "complete":
            study.tell(asked, found.loss)
            usual, best = trials[0], min((one for one in trials if one.state == "complete"), key=lambda one: one.loss)
            reserve = RESERVE * (usual.seconds + best.seconds)
        else:
            pruned = found.state == "pruned"
            study.tell(asked, state=optuna.trial.TrialState.PRUNED if pruned else optuna.trial.TrialState.FAIL)
    return tuple(trials)


def _chosen(trial: Any) -> tuple[Settings, int]:
    """Settings that Optuna's ``trial`` asks for, and the depth."""
    settings = Settings(
        learning_rate=trial.suggest_float("learning_rate", 0.02, 0.12, log=True),
        feature_share=trial.suggest_float("feature_share", 0.2, 1.0),
        random_feature_share=trial.suggest_float("random_feature_share", 0.2, 1.0),
        row_share=trial.suggest_float("row_share", 0.5, 1.0),
        leaf_rows=trial.suggest_float("leaf_rows", 2.0, 100.0, log=True),
        penalty=trial.suggest_float("penalty", 0.1, 100.0, log=True),
        greedy_share=trial.suggest_float("greedy_share", 0.0, 1.0, step=0.25),
    )
    return settings, trial.suggest_int("max_depth", 3, 5)


def _compared(rows: Rows, best: Trial, watch: Callable[[], None]) -> tuple[float, float, float]:
    """How much log-loss ``best`` takes off, the standard error of that over folds, and the loss as usual."""
    usual = replace(rows, settings=Settings())
    other = replace(rows, settings=best.settings)
    found = [
        size_of(one, depth, None, MOST_TREES, watch=watch).together
        for one, depth in ((usual, USUAL_DEPTH), (other, best.max_depth))
    ]
    losses = np.array([_losses(margins, rows) for margins in found if margins is not None])
    gains = losses[0] - losses[1]
    return float(gains.mean()), float(gains.std(ddof=1) / np.sqrt(len(gains))), float(losses[0].mean())


def _losses(margins: Floats, rows: Rows) -> list[float]:
    """Log-loss of each fold, its margins stretched as the other folds want it: what is left after calibration."""
    found = []
    for kept, held in rows.folds():
        calibrator = AffineCalibrator.fit(margins[kept], rows.y[kept])
        found.append(log_loss(calibrator.log_odds(margins[held]), rows.y[held]))
    return found


def _rows(X: Floats, y: Floats, groups: npt.NDArray[Any], directions: tuple[int, ...], seed: int, threads: int) -> Rows:
    """The rows of as many subjects, drawn by ``seed``, as are searched on at most."""
    owner = np.unique(groups, return_inverse=True)[1].ravel()
    if len(y) > MOST_ROWS:
        subjects = int(owner.max()) + 1
        drawn = np.random.default_rng(seed).permutation(subjects)[: round(subjects * MOST_ROWS / len(y))]
        some = np.isin(owner, drawn)
        X, y, owner = X[some], y[some], np.unique(owner[some], return_inverse=True)[1].ravel()
    return Rows(X, y.astype(np.float64), owner, directions, (), Settings(), seed, threads)
