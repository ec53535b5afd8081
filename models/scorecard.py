"""The scorecard: monotone WOE bins, logistic regression, and a points table that adds up to the score."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from models.boosted import checked_directions, two_classes
from models.categories import CategoryRates, RatedExplainer
from models.grades import POINTS_PER_LOG_ODDS, pd_of, unclipped_score

Floats = npt.NDArray[np.float64]
TREND = {1: "ascending", -1: "descending", 0: "auto_asc_desc"}
SMOOTHING = 0.5
MISSING = -1
BINNING_ROWS = 20_000
WORTH_PROCESSES = 50  # columns
MOST_BINS, PREBINS = 12, 30
SMALLEST_BIN, FEWEST_ROWS = 0.02, 5
# Chance alone gives a feature of 12 bins an information value of some 11 over the events; this is beyond it.
BEYOND_CHANCE = 20.0
# Weighs the sum of all WOE so heavily that the penalty does not feel it.
COMMON = 10.0


@dataclass(frozen=True)
class Bins:
    """Cut points of a feature, and per bin (the missing one last) its WOE: log-odds less the overall ones."""

    cuts: Floats
    woe: Floats
    rows: Floats
    events: Floats

    def place(self, values: Floats) -> npt.NDArray[np.int64]:
        """Bin of each value; a cut belongs to the bin above it; missing values have the last bin."""
        return np.where(np.isnan(values), len(self.cuts) + 1, np.searchsorted(self.cuts, values, side="right"))

    def interval(self, bin: int) -> tuple[float, float] | None:
        """Values from (included) and to (excluded) of a bin; None for the bin of missing values."""
        if bin == len(self.cuts) + 1:
            return None
        bounds = (-np.inf, *self.cuts.tolist(), np.inf)
        return bounds[bin], bounds[bin + 1]

    @property
    def information_value(self) -> float:
        good = (self.rows - self.events) / (self.rows - self.events).sum()
        bad = self.events / self.events.sum()
        return float(((bad - good) * self.woe).sum())


@dataclass(frozen=True)
class PointsRow:
    """One line of a points table: a feature's bin (``interval`` None: missing), what it counts, and its points."""

    feature: int
    interval: tuple[float, float] | None
    rows: int
    events: int
    woe: float
    points: float


@dataclass(frozen=True)
class WoeExplainer:
    """A fitted scorecard as plain arrays: margin and exact contributions by table look-up."""

    features: int
    bins: tuple[Bins, ...]
    weights: Floats
    intercept: float
    means: Floats

    @property
    def expected_value(self) -> float:
        return float(self.intercept + self.weights @ self.means)

    def explain(self, X: npt.ArrayLike) -> tuple[Floats, Floats, float]:
        """Margins [n], contributions weight x (WOE - mean WOE) [n, features], and the base."""
        rows = np.ascontiguousarray(X, np.float64)
        if rows.ndim != 2 or rows.shape[1] != self.features:
            raise ValueError(f"X has shape {rows.shape}; (n, {self.features}) is accepted")
        contributions = np.zeros(rows.shape)
        for column, bins in enumerate(self.bins):
            if self.weights[column]:
                woe = bins.woe[bins.place(rows[:, column])]
                contributions[:, column] = self.weights[column] * (woe - self.means[column])
        margin = np.full(len(rows), self.expected_value)
        for column in range(self.features):
            margin += contributions[:, column]
        return margin, contributions, self.expected_value

    def margin(self, X: npt.ArrayLike) -> Floats:
        return self.explain(X)[0]

    def points_table(self, slope: float = 1.0, intercept: float = 0.0) -> tuple[float, tuple[PointsRow, ...]]:
        """Base points and the points of every bin of every weighted feature, on the scale of the calibrated score.

        The base plus one line for each feature is the score before clipping. ``slope`` and ``intercept`` are those
        of the calibrator.
        """
        base = float(unclipped_score(np.array(slope * self.expected_value + intercept)))
        table = tuple(
            PointsRow(
                column,
                bins.interval(bin),
                int(bins.rows[bin]),
                int(bins.events[bin]),
                float(bins.woe[bin]),
                float(-POINTS_PER_LOG_ODDS * slope * self.weights[column] * (bins.woe[bin] - self.means[column])),
            )
            for column, bins in enumerate(self.bins)
            if self.weights[column]
            for bin in range(len(bins.woe))
        )
        return base, table

    def to_arrays(self) -> dict[str, npt.NDArray[Any]]:
        arrays: dict[str, npt.NDArray[Any]] = {
            "weights": self.weights,
            "intercept": np.array(self.intercept),
            "means": self.means,
        }
        for column, bins in enumerate(self.bins):
            arrays |= {f"{name}_{column}": getattr(bins, name) for name in ("cuts", "woe", "rows", "events")}
        return arrays

    @classmethod
    def from_arrays(cls, arrays: dict[str, npt.NDArray[Any]]) -> WoeExplainer:
        columns = range(len(arrays["weights"]))
        names = ("cuts", "woe", "rows", "events")
        bins = tuple(Bins(*(arrays[f"{name}_{column}"] for name in names)) for column in columns)
        return cls(len(bins), bins, arrays["weights"], float(arrays["intercept"]), arrays["means"])


class Scorecard(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Optimal monotone binning (optbinning, Navas-Palencia 2020), weight of evidence, logistic regression.

    Parameters
    ----------
    directions : sequence of -1, 0, 1, or None
        Declared direction of each feature; 0 lets the data choose one, never a mixture.
    categorical : sequence of int
        Columns that hold codes 0, 1, .. of categories: binned in the order of their rates of events.
    minimum_iv : float
        Features of less information value are left out; less is asked where over 1,000 events tell a weak feature from
        chance: 20 over their number.
    C : float
        Inverse strength of the L2 penalty on how far each weight is from a weight that all share: of many features
        that say nearly the same, equal weights err least where there are few rows (Dawes 1979). Weights are kept from
        turning a feature's meaning round: a feature whose weight would be negative is left out and the rest refitted.
    threads : int
        Changes speed only: processes that bin the features of a large table.

    Attributes
    ----------
    explainer_ : WoeExplainer or RatedExplainer
    """

    def __init__(
        self,
        directions: tuple[int, ...] | None = None,
        categorical: tuple[int, ...] = (),
        minimum_iv: float = 0.02,
        C: float = 0.1,
        threads: int = 2,
    ) -> None:
        self.directions = directions
        self.categorical = categorical
        self.minimum_iv = minimum_iv
        self.C = C
        self.threads = threads

    def fit(self, X: npt.ArrayLike, y: npt.ArrayLike, groups: npt.ArrayLike | None = None) -> Scorecard:
        """Fit on ``X`` [n, features] (NaN is missing, with a bin of its own) and ``y`` [n] of two classes."""
        given, labels = validate_data(self, X, y, ensure_all_finite=False, dtype=np.float64)
        self.classes_ = two_classes(labels)
        target = (labels == self.classes_[1]).astype(np.float64)
        directions = checked_directions(self.directions, given.shape[1])
        rates = CategoryRates.of(given, target, tuple(self.categorical))
        rows = rates.applied(given)
        cuts = _all_cuts(rows, target, directions, self.threads)
        bins = tuple(_bins(one, rows[:, column], target, directions[column]) for column, one in enumerate(cuts))
        woe = np.column_stack([one.woe[one.place(rows[:, column])] for column, one in enumerate(bins)])
        least = min(self.minimum_iv, BEYOND_CHANCE / min(target.sum(), (1 - target).sum()))
        chosen = np.array([one.information_value >= least for one in bins])
        weights, intercept = self._weights(woe, target, chosen)
        explainer = WoeExplainer(rows.shape[1], bins, weights, intercept, woe.mean(axis=0))
        self.explainer_: WoeExplainer | RatedExplainer = (
            RatedExplainer(rates, explainer) if rates.columns else explainer
        )
        return self

    def explain(self, X: npt.ArrayLike) -> tuple[Floats, Floats, float]:
        """Margins [n], contributions [n, features] and their base, in log-odds."""
        check_is_fitted(self)
        return self.explainer_.explain(validate_data(self, X, ensure_all_finite=False, dtype=np.float64, reset=False))

    def margin(self, X: npt.ArrayLike) -> Floats:
        """Log-odds of class 1, [n]."""
        return self.explain(X)[0]

    def predict_proba(self, X: npt.ArrayLike) -> Floats:
        p = pd_of(self.margin(X))
        return np.column_stack([1 - p, p])

    def predict(self, X: npt.ArrayLike) -> npt.NDArray[Any]:
        above = self.margin(X) > 0
        return np.asarray(self.classes_[above.astype(int)])

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.classifier_tags.multi_class = False
        return tags

    def _weights(self, woe: Floats, target: Floats, chosen: npt.NDArray[np.bool_]) -> tuple[Floats, float]:
        from sklearn.linear_model import LogisticRegression

        weights = np.zeros(woe.shape[1])
        while chosen.any():
            used = woe[:, chosen]
            model = LogisticRegression(C=self.C, max_iter=500)
            model.fit(np.column_stack([used, COMMON * used.sum(axis=1)]), target)
            found = model.coef_[0, :-1] + COMMON * model.coef_[0, -1]
            if (found >= 0).all():
                weights[chosen] = found
                return weights, float(model.intercept_[0])
            position = np.flatnonzero(chosen)
            chosen = chosen.copy()
            chosen[position[found < 0]] = False
        share = target.mean()
        return weights, float(np.log(share / (1 - share)))


def _all_cuts(rows: Floats, target: Floats, directions: tuple[int, ...], threads: int) -> list[Floats]:
    """Cut points of every column; in processes where that takes longer than to start them."""
    asked = ((*_sample(rows[:, column], target), direction) for column, direction in enumerate(directions))
    if threads == 1 or len(rows) < BINNING_ROWS or len(directions) < WORTH_PROCESSES:
        return [_cuts(*one) for one in asked]
    from joblib import Parallel, delayed

    return list(Parallel(n_jobs=threads)(delayed(_cuts)(*one) for one in asked))


def _bins(cuts: Floats, values: Floats, target: Floats, direction: int) -> Bins:
    """Bins whose rates keep the direction on every row; neighbours that break it are merged."""
    while True:
        bins = _counted(cuts, values, target)
        known = bins.woe[: len(cuts) + 1]
        rising = direction or (1 if known[-1] >= known[0] else -1)
        broken = np.flatnonzero(rising * np.diff(known) < 0)
        if not len(broken):
            return bins
        cuts = np.delete(cuts, broken[0])


def _counted(cuts: Floats, values: Floats, target: Floats) -> Bins:
    place = Bins(cuts, np.empty(0), np.empty(0), np.empty(0)).place(values)
    rows = np.bincount(place, minlength=len(cuts) + 2).astype(np.float64)
    events = np.bincount(place, weights=target, minlength=len(cuts) + 2).astype(np.float64)
    share = target.mean()
    odds = (events + SMOOTHING * share) / (rows - events + SMOOTHING * (1 - share))
    woe = np.where(rows > 0, np.log(odds) - np.log(share / (1 - share)), 0.0)
    return Bins(cuts, woe, rows, events)


def _sample(values: Floats, target: Floats) -> tuple[Floats, Floats]:
    """Known values and their classes, of at most ``BINNING_ROWS`` rows."""
    known = np.flatnonzero(~np.isnan(values))
    if len(known) > BINNING_ROWS:
        known = known[np.random.default_rng(0).choice(len(known), BINNING_ROWS, replace=False)]
    return values[known], target[known]


def _cuts(x: Floats, y: Floats, direction: int) -> Floats:
    """Cut points by optbinning; none where no split in the declared direction tells classes apart."""
    from optbinning import OptimalBinning

    if len(x) < 20 or len(np.unique(x)) < 2 or len(np.unique(y)) < 2:
        return np.empty(0)
    smallest = min(0.5, max(SMALLEST_BIN, FEWEST_ROWS / len(x)))
    binning = OptimalBinning(
        dtype="numerical",
        monotonic_trend=TREND[direction],
        max_n_bins=MOST_BINS,
        max_n_prebins=PREBINS,
        min_prebin_size=smallest,
        min_bin_size=smallest,
        solver="cp",
        time_limit=10,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        binning.fit(x, y.astype(int))
    return np.asarray(binning.splits, np.float64) if binning.status in ("OPTIMAL", "FEASIBLE") else np.empty(0)
