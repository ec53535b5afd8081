"""Early warning: in which of the coming months will distress begin? A discrete-time hazard model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import clone

from models.boosted import MonotoneBoosted
from models.calibration import AffineCalibrator
from models.shapley import CompiledExplainer

Floats = npt.NDArray[np.float64]
INTERVALS = ((0, 3), (3, 6), (6, 12))
HORIZONS = (3, 6, 12)
CALIBRATION_FOLDS = 3


@dataclass(frozen=True)
class HazardModel:
    """Probability of distress within 3, 6 and 12 months, never falling with the horizon.

    The hazard of an interval is the probability of distress in it given none before (Singer & Willett 1993); one
    boosted model takes the interval as its last feature; each interval is calibrated affinely on the log-odds.
    """

    explainer: CompiledExplainer
    calibrators: tuple[AffineCalibrator, ...]

    def distress(self, X: Floats) -> Floats:
        """Probabilities [n, 3] of distress within 3, 6 and 12 months for features ``X`` [n, features]."""
        surviving = np.ones(len(X))
        columns = []
        for number, calibrator in enumerate(self.calibrators):
            rows = np.column_stack([X, np.full(len(X), float(number))])
            hazard = 1 / (1 + np.exp(-calibrator.log_odds(self.explainer.margin(rows))))
            surviving = surviving * (1 - hazard)
            columns.append(1 - surviving)
        return np.column_stack(columns)

    def to_arrays(self) -> dict[str, npt.NDArray[Any]]:
        affine = np.array([(one.slope, one.intercept) for one in self.calibrators])
        return {"calibrators": affine, **{f"trees_{name}": array for name, array in self.explainer.to_arrays().items()}}

    @classmethod
    def from_arrays(cls, arrays: dict[str, npt.NDArray[Any]]) -> HazardModel:
        trees = {name.removeprefix("trees_"): array for name, array in arrays.items() if name.startswith("trees_")}
        calibrators = tuple(
            AffineCalibrator(float(slope), float(intercept)) for slope, intercept in arrays["calibrators"]
        )
        return cls(CompiledExplainer.from_arrays(trees), calibrators)


def person_periods(
    X: Floats, months_to_event: Floats, followed: Floats, groups: npt.NDArray[Any]
) -> tuple[Floats, Floats, npt.NDArray[Any], npt.NDArray[np.int64]]:
    """One row for each interval that a subject enters without distress and that is seen to its end or to the event.

    ``months_to_event`` [n]: NaN where none; ``followed`` [n]: months for which the subject was observed.
    Returns features with the interval as last column, events, groups, and the row of ``X`` each came from.
    """
    rows, events, origin = [], [], []
    for number, (start, stop) in enumerate(INTERVALS):
        event = np.nan_to_num(months_to_event, nan=np.inf)
        at_risk = (event > start) & ((followed >= stop) | (event <= stop))
        rows.append(np.column_stack([X[at_risk], np.full(int(at_risk.sum()), float(number))]))
        events.append((event[at_risk] <= stop).astype(np.float64))
        origin.append(np.flatnonzero(at_risk))
    source = np.concatenate(origin)
    return np.vstack(rows), np.concatenate(events), groups[source], source


def fit_hazard(
    X: Floats,
    months_to_event: Floats,
    followed: Floats,
    groups: npt.NDArray[Any],
    directions: tuple[int, ...],
    *,
    seed: int = 0,
    max_depth: int = 3,
    max_trees: int = 300,
    learning_rate: float = 0.1,
) -> HazardModel:
    """Fit on features ``X`` [n, features]; calibrated on groups that the calibrating fit has not seen.

    ``groups`` [n] names the subject of each row, ``directions`` one direction a feature. Raises ValueError where no
    interval has both events and survivors.
    """
    rows, events, owners, _ = person_periods(X, months_to_event, followed, groups)
    model = MonotoneBoosted(
        (*directions, 0), max_depth=max_depth, max_trees=max_trees, learning_rate=learning_rate, seed=seed
    ).fit(rows, events, owners)
    names, inverse = np.unique(owners, return_inverse=True)
    fold = np.random.default_rng(seed).integers(0, CALIBRATION_FOLDS, len(names))[inverse]
    margin = np.empty(len(events))
    for number in range(CALIBRATION_FOLDS):
        inside = fold != number
        part = clone(model).set_params(trees=model.trees_).fit(rows[inside], events[inside], owners[inside])
        margin[~inside] = part.margin(rows[~inside])
    interval = rows[:, -1].astype(int)
    calibrators = tuple(
        AffineCalibrator.fit(margin[interval == number], events[interval == number]) for number in range(len(INTERVALS))
    )
    return HazardModel(model.explainer_, calibrators)
