"""Early warning: in which of the coming months will distress begin? A discrete-time hazard model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from models.boosted import checked_directions
from models.hazard_index import IndexFit, compiled, held_out
from models.shapley import CompiledExplainer
from models.survival import MONTHS, Seen, levels_of, life_table

Floats = npt.NDArray[np.float64]
HORIZONS = (3, 6, 12)
FOLDS = 3
PRIOR_SD = 0.1


@dataclass(frozen=True)
class HazardModel:
    """Probability that distress begins within 1 to 12 months, never falling with the horizon.

    The odds by the end of month t are ``odds[t - 1] x exp(slope x index)``: ``odds`` [12] rise with t, the index is a
    sum of trees of the features. So the hazard of month t, given no distress before, is
    ``1 - (1 - P[t]) / (1 - P[t - 1])`` and lies between 0 and 1 by construction, and what a feature adds to the index
    multiplies the odds, exactly and alike at every horizon.
    """

    explainer: CompiledExplainer
    slope: float
    odds: Floats

    def distress(self, X: Floats) -> Floats:
        """Probabilities [n, 3] of distress within 3, 6 and 12 months for features ``X`` [n, features]."""
        return self.term_structure(X)[:, [months - 1 for months in HORIZONS]]

    def term_structure(self, X: Floats) -> Floats:
        """Probabilities [n, 12] of distress by the end of each of the next 12 months."""
        index = self.slope * self.explainer.margin(np.ascontiguousarray(X, np.float64))
        odds = np.exp(np.clip(index, -60, 60))[:, None] * self.odds
        return np.asarray(odds / (1 + odds))

    def explain(self, X: Floats) -> tuple[Floats, Floats, float]:
        """Log-odds of distress within 12 months [n], each feature's share [n, features], and their base.

        The shares are those of every horizon; only the base differs (``base_odds``).
        """
        margin, contributions, expected = self.explainer.explain(np.ascontiguousarray(X, np.float64))
        level = float(np.log(self.odds[-1]))
        return self.slope * margin + level, self.slope * contributions, self.slope * expected + level

    def base_odds(self, horizon: int) -> float:
        """Odds of distress within ``horizon`` months where no feature has a share: shares multiply them."""
        return float(self.odds[horizon - 1] * np.exp(self.slope * self.explainer.expected_value))

    def to_arrays(self) -> dict[str, npt.NDArray[Any]]:
        trees = {f"trees_{name}": array for name, array in self.explainer.to_arrays().items()}
        return {"slope": np.array(self.slope), "odds": self.odds, **trees}

    @classmethod
    def from_arrays(cls, arrays: dict[str, npt.NDArray[Any]]) -> HazardModel:
        """What ``to_arrays`` gave. Raises KeyError or ValueError for other arrays."""
        trees = {name.removeprefix("trees_"): array for name, array in arrays.items() if name.startswith("trees_")}
        return cls(CompiledExplainer.from_arrays(trees), float(arrays["slope"]), np.asarray(arrays["odds"]))


def fit_hazard(
    X: Floats,
    months_to_event: Floats,
    followed: Floats,
    groups: npt.NDArray[Any],
    directions: tuple[int, ...],
    *,
    weight: Floats | None = None,
    seed: int = 0,
    max_depth: int = 3,
    max_trees: int = 300,
    learning_rate: float = 0.1,
) -> HazardModel:
    """Fit on features ``X`` [n, features] of rows at risk at some month ends.

    ``months_to_event`` [n]: whole months to the event, NaN where none was seen; ``followed`` [n]: whole months for
    which the row was seen. Rows seen for less than a month tell nothing and are left out, as are those whose event is
    there already (0). ``groups`` [n] names the subject of each row, ``directions`` one direction a feature, ``weight``
    [n] how many rows a row stands for.

    The index is a blend of signed weights on normal scores, under a prior that counts a subject once however many month
    ends it is seen at, and of monotone trees. Shares, number of trees, level and slope are those that fit subjects who
    were held out. Raises ValueError where events or rows without one are missing.
    """
    known = (followed >= 1) & ~(months_to_event < 1)
    rows, months, seen_for = X[known], months_to_event[known], np.minimum(followed[known], MONTHS)
    weights = np.ones(len(rows)) if weight is None else weight[known]
    seen = Seen.of(months, seen_for, life_table(months, seen_for, weights), weights)
    if not 0 < seen.event.sum() < len(seen.event):
        raise ValueError(f"{int(seen.event.sum())} events in {len(seen.event)} rows; both kinds are needed")
    names, owner = np.unique(groups[known], return_inverse=True)
    fit = IndexFit(
        directions=checked_directions(directions, X.shape[1]),
        copies=float(weights.sum() / len(names)),
        prior_sd=PRIOR_SD,
        max_depth=max_depth,
        learning_rate=learning_rate,
        seed=seed,
    )
    fold = np.random.default_rng(seed).integers(0, FOLDS, len(names))[owner]
    shape, index = held_out(fit, rows, seen, fold, max_trees)
    slope, odds = levels_of(index, months, seen_for, weights, fit.copies)
    explainer, intercept = compiled(fit, rows, seen, shape)
    return HazardModel(explainer, slope, odds * np.exp(slope * intercept))
