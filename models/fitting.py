"""Fitting the models of a training table: each calibrated on rows that it was not fitted on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import clone

from models.auc_error import areas
from models.boosted import MonotoneBoosted, Size
from models.bundle import Bundle, Family
from models.calibration import SLOPE_SPREAD, AffineCalibrator
from models.hazard import fit_hazard
from models.scorecard import Scorecard
from models.training_table import HORIZON, MINIMUM_EVENTS, TrainingTable, folds_of
from models.tuning import Tuned

Floats = npt.NDArray[np.float64]
FOLDS = {"boosted": 5, "scorecard": 2}
# With so many defaults to calibrate on, models of fewer rows tell slope and level as well.
MANY_DEFAULTS, FEWER_FOLDS = 1_000, 3


@dataclass(frozen=True)
class Rated:
    """A rating model, and what cross-validation settled on the way; None for a scorecard."""

    bundle: Bundle
    size: Size | None

    @property
    def settled(self) -> dict[str, Any]:
        """What a run keeps of it: ``MonotoneBoosted`` of this size, on the same rows, has the same bits."""
        return {} if self.size is None else {"size.json": self.size.as_dict()}


def fit_rating(training: TrainingTable, family: Family, directions: tuple[int, ...], common: dict[str, Any]) -> Bundle:
    """A calibrated rating model of all rows in the usual settings; see ``rate``."""
    return rate(training, family, directions, common).bundle


def rate(
    training: TrainingTable,
    family: Family,
    directions: tuple[int, ...],
    common: dict[str, Any],
    *,
    tuned: Tuned | None = None,
    size: Size | None = None,
) -> Rated:
    """A calibrated rating model of all rows; ``common`` holds the bundle's facts (segment, codes, seed, ...).

    Of a boosted model, ``tuned`` holds the settings, ``size`` all that an earlier fit settled (``size.json`` of its
    run): nothing is searched then.
    """
    model = _estimator(family, directions, common["seed"], tuned, size)
    model.fit(training.X, training.outcome, groups=training.subject)
    margin, later = _later_margins(model, training, _folds(training, family), common["seed"])
    calibrator = AffineCalibrator.fit(margin, later.outcome, spread=SLOPE_SPREAD)
    crossed = areas(later.outcome, margin)
    metrics = {"auc_learning": float(crossed.auc[0]), "auc_learning_error": crossed.error()}
    contributions = calibrator.slope * model.explain(later.X)[1]
    weights = dict(zip(common["codes"], np.abs(contributions).mean(axis=0).tolist(), strict=True))
    text = model.text if isinstance(model, MonotoneBoosted) else None
    bundle = Bundle(
        family=family,
        explainer=model.explainer_,
        calibrator=calibrator,
        weights=weights,
        metrics=metrics,
        booster_text=text,
        **common,
    )
    return Rated(bundle, model.size_ if isinstance(model, MonotoneBoosted) else None)


def fit_warning(training: TrainingTable, directions: tuple[int, ...], common: dict[str, Any]) -> Bundle:
    """The early-warning model of distress within 3, 6 and 12 months, of rows that are not in distress already."""
    followed = np.full(len(training.outcome), float(HORIZON))
    within = training.months_to_distress <= HORIZON
    months = np.where(within, training.months_to_distress, np.nan)
    model = fit_hazard(training.X, months, followed, training.subject, directions, seed=common["seed"])
    return Bundle(family="warning", explainer=model, **common)


def _later_margins(model: Any, training: TrainingTable, folds: int, seed: int) -> tuple[Floats, TrainingTable]:
    """Rows of the latest month end and their margins by models of other subjects at earlier month ends.

    Where the earlier month ends hold too few events, the models learn from the other subjects at all of them.
    """
    latest = training.as_of == training.as_of.max()
    earlier = ~latest if training.outcome[~latest].sum() >= MINIMUM_EVENTS else np.ones(len(latest), bool)
    known = {"size": model.size_, "bags": 1} if isinstance(model, MonotoneBoosted) else {}
    fold_of = folds_of(training.subject, folds, seed)
    margin = np.full(len(training.outcome), np.nan)
    for fold in range(folds):
        inside, asked = (fold_of != fold) & earlier, (fold_of == fold) & latest
        part = clone(model).set_params(**known)
        part.fit(training.X[inside], training.outcome[inside], groups=training.subject[inside])
        margin[asked] = part.margin(training.X[asked])
    return margin[latest], training.where(latest)


def _folds(training: TrainingTable, family: Family) -> int:
    latest = training.as_of == training.as_of.max()
    return min(FOLDS[family], FEWER_FOLDS) if training.outcome[latest].sum() >= MANY_DEFAULTS else FOLDS[family]


def _estimator(family: Family, directions: tuple[int, ...], seed: int, tuned: Tuned | None, size: Size | None) -> Any:
    if family == "scorecard":
        return Scorecard(directions)
    if tuned is None:
        return MonotoneBoosted(directions, size=size, seed=seed)
    return MonotoneBoosted(directions, max_depth=tuned.max_depth, settings=tuned.settings, size=size, seed=seed)
