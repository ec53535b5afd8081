"""Margins to probabilities: affine on the log-odds, so that the score stays linear in the margin."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class AffineCalibrator:
    """log-odds of default = slope x margin + intercept (Platt 1999; Cox 1958), slope above zero."""

    slope: float = 1.0
    intercept: float = 0.0

    def log_odds(self, margin: Floats) -> Floats:
        return self.slope * margin + self.intercept

    @classmethod
    def fit(cls, margin: Floats, outcome: Floats, steps: int = 100) -> AffineCalibrator:
        """Maximum likelihood by Newton's method, with Platt's smoothed targets so that few events do not run away.

        ``margin`` [n] must not come from rows that the model was fitted on. A slope that is not above zero (a model
        that does not rank) is held at 0.05.
        """
        events = float(outcome.sum())
        high, low = (events + 1) / (events + 2), 1 / (len(outcome) - events + 2)
        target = np.where(outcome > 0, high, low)
        design = np.column_stack([margin, np.ones_like(margin)])
        weights = np.array([1.0, 0.0])
        for _ in range(steps):
            p = 1 / (1 + np.exp(-np.clip(design @ weights, -40, 40)))
            gradient = design.T @ (target - p)
            curvature = (design * (p * (1 - p))[:, None]).T @ design + 1e-9 * np.eye(2)
            step = np.linalg.solve(curvature, gradient)
            weights = weights + np.clip(step, -2, 2)
            if np.abs(step).max() < 1e-10:
                break
        slope = max(float(weights[0]), 0.05)
        intercept = float(weights[1]) if slope == weights[0] else _intercept(margin * slope, target)
        return cls(slope, intercept)


def _intercept(shifted: Floats, target: Floats) -> float:
    """The intercept that makes the mean probability equal the mean target."""
    low, high = -40.0, 40.0
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (middle, high) if np.mean(1 / (1 + np.exp(-(shifted + middle)))) < target.mean() else (low, middle)
    return (low + high) / 2
