"""What other calibrations would give: affine, beta, isotonic, each judged on other subjects than it was fitted on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from models.calibration import AffineCalibrator
from models.grades import pd_of
from models.validation.bootstrap import Interval, Resampling, percentiles
from models.validation.figures import brier, chance_ece, ece, log_loss
from records.words import Text

Floats = npt.NDArray[np.float64]
FOLDS = 5
LEAST_EVENTS = 20
NAMES = {
    "served": Text("在用的校准", "as served"),
    "affine": Text("仿射（在验证样本上重拟合）", "affine, fitted anew"),
    "beta": Text("Beta 校准", "beta"),
    "isotonic": Text("保序回归", "isotonic"),
}


@dataclass(frozen=True)
class Recalibrated:
    """One calibration out of fold; ``gain``: what it takes off the log-loss as served, with its interval."""

    name: str
    words: Text
    brier: float
    log_loss: float
    ece: float
    gain: float
    gain_interval: Interval


@dataclass(frozen=True)
class Recalibrations:
    """All calibrations on the same rows; ``chance_ece``: what the ECE of perfect PDs would be on so many rows.

    ``slope`` and ``intercept``: what an affine calibration of the served log-odds would be (1 and 0: nothing to do).
    """

    calibrations: tuple[Recalibrated, ...]
    chance_ece: float
    slope: float
    intercept: float


@dataclass(frozen=True)
class BetaCalibrator:
    """log-odds = a ln p - b ln(1 - p) + c with a, b >= 0 (Kull, Silva Filho & Flach 2017); a = b is affine."""

    a: float
    b: float
    c: float

    @classmethod
    def fit(cls, pd: Floats, outcome: Floats) -> BetaCalibrator:
        """By maximum likelihood from PDs [n] of rows that the model was not fitted on."""
        from scipy.optimize import minimize

        design = np.column_stack([_logs(pd), np.ones(len(pd))])

        def loss(weights: Floats) -> tuple[float, Floats]:
            score = design @ weights
            p = pd_of(score)
            return float((np.logaddexp(0, score) - outcome * score).mean()), design.T @ (p - outcome) / len(outcome)

        found = minimize(
            loss, np.array([1.0, 1.0, 0.0]), jac=True, method="L-BFGS-B", bounds=[(0, None), (0, None), (None, None)]
        )
        return cls(*found.x.tolist())

    def pd(self, pd: Floats) -> Floats:
        return pd_of(_logs(pd) @ np.array([self.a, self.b]) + self.c)


def recalibrations(
    log_odds: Floats, outcome: Floats, subject: npt.NDArray[Any], resampling: Resampling | None = None
) -> Recalibrations | None:
    """Compare calibrations of served ``log_odds`` [n]; None where fewer than 20 rows defaulted, or did not.

    Every calibration but the served one is fitted on the other four fifths of the subjects.
    """
    if min(outcome.sum(), (1 - outcome).sum()) < LEAST_EVENTS:
        return None
    draws = resampling or Resampling(subject)
    fold = np.random.default_rng(draws.seed).integers(0, FOLDS, draws.subjects)[draws.number]
    pds = {"served": pd_of(log_odds)} | {name: _crossed(log_odds, outcome, fold, fit) for name, fit in _FITS.items()}
    losses = {name: _losses(outcome, pd) for name, pd in pds.items()}
    names = list(pds)
    sums = draws.sums(np.column_stack([*(losses["served"] - losses[name] for name in names), np.ones(len(outcome))]))
    anew = AffineCalibrator.fit(log_odds, outcome)
    made = tuple(
        Recalibrated(
            name,
            NAMES[name],
            brier(outcome, pds[name]),
            log_loss(outcome, pds[name]),
            ece(outcome, pds[name]),
            float((losses["served"] - losses[name]).mean()),
            percentiles(sums[:, at] / sums[:, -1]),
        )
        for at, name in enumerate(names)
    )
    return Recalibrations(made, chance_ece(pds["served"]), anew.slope, anew.intercept)


def _crossed(log_odds: Floats, outcome: Floats, fold: npt.NDArray[np.int64], fit: _Fit) -> Floats:
    found = np.empty(len(log_odds))
    for number in range(FOLDS):
        asked = fold == number
        found[asked] = fit(log_odds[~asked], outcome[~asked], log_odds[asked])
    return found


def _affine(log_odds: Floats, outcome: Floats, asked: Floats) -> Floats:
    return pd_of(AffineCalibrator.fit(log_odds, outcome).log_odds(asked))


def _beta(log_odds: Floats, outcome: Floats, asked: Floats) -> Floats:
    return BetaCalibrator.fit(pd_of(log_odds), outcome).pd(pd_of(asked))


def _isotonic(log_odds: Floats, outcome: Floats, asked: Floats) -> Floats:
    from sklearn.isotonic import IsotonicRegression

    least = 0.5 / len(outcome)  # a PD of 0 would cost infinitely much where somebody defaults after all
    fitted = IsotonicRegression(y_min=least, y_max=1 - least, out_of_bounds="clip").fit(log_odds, outcome)
    return np.asarray(fitted.predict(asked), np.float64)


_Fit = Callable[[Floats, Floats, Floats], Floats]
_FITS: dict[str, _Fit] = {"affine": _affine, "beta": _beta, "isotonic": _isotonic}


def _logs(pd: Floats) -> Floats:
    p = np.clip(pd, 1e-12, 1 - 1e-12)
    return np.column_stack([np.log(p), -np.log1p(-p)])


def _losses(outcome: Floats, pd: Floats) -> Floats:
    p = np.clip(pd, 1e-12, 1 - 1e-12)
    return np.asarray(-(outcome * np.log(p) + (1 - outcome) * np.log1p(-p)))
