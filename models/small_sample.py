"""A model for a few dozen defaults: a signed linear model on ranks, with as many trees' say as the events allow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from models.additive import signed_logistic
from models.shapley import CompiledExplainer, compile_explainer

Floats = npt.NDArray[np.float64]
# With as many events, trees and the linear model have an equal say.
EVENTS_FOR_HALF = 100.0
TREES = "trees_"


@dataclass(frozen=True)
class RankNormal:
    """Each feature by its rank among the training rows, on the scale of a standard normal (van der Waerden scores).

    Monotone and free of outliers: enterprises differ ten thousand times in size. Missing values are at the median, 0.
    ``known`` holds each feature's training values, ascending, without the missing ones.
    """

    known: tuple[Floats, ...]

    @classmethod
    def of(cls, X: Floats) -> RankNormal:
        return cls(tuple(np.sort(column[~np.isnan(column)]) for column in X.T))

    def scores(self, X: Floats) -> Floats:
        """Normal scores, [n, features]; ties share their middle rank."""
        from scipy.special import ndtri

        scores = np.zeros(X.shape)
        for column, known in enumerate(self.known):
            values = X[:, column]
            rank = (np.searchsorted(known, values, "left") + np.searchsorted(known, values, "right")) / 2
            scores[:, column] = np.where(np.isnan(values), 0.0, ndtri((rank + 0.5) / (len(known) + 1)))
        return scores


@dataclass(frozen=True)
class BlendExplainer:
    """A fitted blend as plain arrays: margin and exact contributions, feature by feature.

    ``weights``, ``means`` [features] and ``intercept`` of the linear part on normal scores; ``trees`` is None where
    their ``share`` is 0.
    """

    ranks: RankNormal
    weights: Floats
    means: Floats
    intercept: float
    share: float
    trees: CompiledExplainer | None

    def explain(self, X: npt.ArrayLike) -> tuple[Floats, Floats, float]:
        """Margins [n], contributions [n, features] and their base, in log-odds of class 1."""
        rows = np.ascontiguousarray(X, np.float64)
        if rows.ndim != 2 or rows.shape[1] != len(self.weights):
            raise ValueError(f"X has shape {rows.shape}; (n, {len(self.weights)}) is accepted")
        contributions = self.weights * (self.ranks.scores(rows) - self.means)
        base = self.intercept + float(self.weights @ self.means)
        if self.trees is not None:
            _, of_trees, base_of_trees = self.trees.explain(rows)
            contributions = (1 - self.share) * contributions + self.share * of_trees
            base = (1 - self.share) * base + self.share * base_of_trees
        margin = np.full(len(rows), base)
        for column in range(rows.shape[1]):
            margin += contributions[:, column]
        return margin, contributions, base

    def to_arrays(self) -> dict[str, npt.NDArray[Any]]:
        """Plain arrays, to be saved without pickling (``np.savez``)."""
        arrays: dict[str, npt.NDArray[Any]] = {
            "weights": self.weights,
            "means": self.means,
            "intercept": np.array(self.intercept),
            "share": np.array(self.share),
        }
        arrays |= {f"known_{column}": values for column, values in enumerate(self.ranks.known)}
        of_trees = self.trees.to_arrays() if self.trees is not None else {}
        return arrays | {f"{TREES}{name}": values for name, values in of_trees.items()}

    @classmethod
    def from_arrays(cls, arrays: dict[str, npt.NDArray[Any]]) -> BlendExplainer:
        """What :meth:`to_arrays` gave."""
        of_trees = {name.removeprefix(TREES): values for name, values in arrays.items() if name.startswith(TREES)}
        return cls(
            ranks=RankNormal(tuple(arrays[f"known_{column}"] for column in range(len(arrays["weights"])))),
            weights=arrays["weights"],
            means=arrays["means"],
            intercept=float(arrays["intercept"]),
            share=float(arrays["share"]),
            trees=CompiledExplainer.from_arrays(of_trees) if of_trees else None,
        )


class SmallSampleBlend(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Log-odds = (1 - share) x linear + share x trees; both add up feature by feature, so reasons stay exact.

    The linear part is a logistic regression on normal scores with a Gaussian prior on its weights, each kept to the
    declared sign of its feature. The trees are LightGBM of depth 2 with the same directions. Their share grows with
    the number of events e in the training data, e / (e + 100): trees want more data than a prior does.

    Parameters
    ----------
    directions : sequence of -1, 0, 1, or None
        +1 where the probability of class 1 may only rise with the feature, -1 where it may only fall.
    prior_sd : float
        Standard deviation of the prior on a weight. At 0.5, a feature one deviation up changes the odds by less than
        a factor of 2.7 with 95% probability (a weakly informative prior in the sense of Gelman et al. 2008).
    tree_share : float or None
        Share of the trees, 0 to 1; None: by the number of events.
    trees, seed, threads : int
        Trees are sampled on rows and features by ``seed``.

    Attributes
    ----------
    explainer_ : BlendExplainer

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(120, 3))
    >>> y = (X[:, 0] + rng.normal(size=120) > 1).astype(int)
    >>> model = SmallSampleBlend(directions=(1, 0, -1), trees=20).fit(X, y)
    >>> margin, contributions, base = model.explain(X)
    >>> bool(np.allclose(margin, base + contributions.sum(axis=1)))
    True
    """

    def __init__(
        self,
        directions: tuple[int, ...] | None = None,
        prior_sd: float = 0.5,
        tree_share: float | None = None,
        trees: int = 200,
        seed: int = 0,
        threads: int = 1,
    ) -> None:
        self.directions = directions
        self.prior_sd = prior_sd
        self.tree_share = tree_share
        self.trees = trees
        self.seed = seed
        self.threads = threads

    def fit(self, X: npt.ArrayLike, y: npt.ArrayLike, groups: npt.ArrayLike | None = None) -> SmallSampleBlend:
        """Fit on ``X`` [n, features] (NaN is missing) and ``y`` [n] of two classes. ``groups`` are not used."""
        rows, labels = validate_data(self, X, y, ensure_all_finite="allow-nan", dtype=np.float64)
        check_classification_targets(labels)
        self.classes_ = np.unique(labels)
        if len(self.classes_) > 2:
            raise ValueError(f"Only binary classification is supported. y holds {len(self.classes_)} classes")
        if len(self.classes_) < 2:
            raise ValueError("y holds one class; two classes are needed to fit a classifier")
        target = (labels == self.classes_[1]).astype(np.float64)
        directions = np.zeros(rows.shape[1]) if self.directions is None else np.asarray(self.directions)
        if directions.shape != (rows.shape[1],):
            raise ValueError(f"{len(directions)} directions for {rows.shape[1]} features")
        events = min(target.sum(), len(target) - target.sum())
        share = float(events / (events + EVENTS_FOR_HALF) if self.tree_share is None else self.tree_share)
        ranks = RankNormal.of(rows)
        scores = ranks.scores(rows)
        means, signs = scores.mean(axis=0), tuple(int(sign) for sign in directions)
        weights, centre = signed_logistic(scores - means, target, signs, self.prior_sd, steps=5_000, tolerance=1e-13)
        intercept = float(centre - weights @ means)
        trees = compile_explainer(self._booster(rows, target, directions)) if share > 0 else None
        self.explainer_ = BlendExplainer(ranks, weights, scores.mean(axis=0), intercept, share, trees)
        return self

    def explain(self, X: npt.ArrayLike) -> tuple[Floats, Floats, float]:
        """Margins [n], exact contributions [n, features] and their base, in log-odds of class 1."""
        check_is_fitted(self)
        rows = validate_data(self, X, ensure_all_finite="allow-nan", dtype=np.float64, reset=False)
        return self.explainer_.explain(rows)

    def margin(self, X: npt.ArrayLike) -> Floats:
        """Log-odds of class 1, [n]."""
        return self.explain(X)[0]

    def predict_proba(self, X: npt.ArrayLike) -> Floats:
        p = 1 / (1 + np.exp(-self.margin(X)))
        return np.column_stack([1 - p, p])

    def predict(self, X: npt.ArrayLike) -> npt.NDArray[Any]:
        above = self.margin(X) > 0
        return np.asarray(self.classes_[above.astype(int)])

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.classifier_tags.multi_class = False
        return tags

    def _booster(self, rows: Floats, target: Floats, directions: npt.NDArray[Any]) -> Any:
        import lightgbm

        parameters = {
            "objective": "binary",
            "max_depth": 2,
            "num_leaves": 4,
            "learning_rate": 0.05,
            "feature_fraction": 0.3,
            "bagging_fraction": 0.7,
            "bagging_freq": 1,
            "min_data_in_leaf": max(5, min(50, len(rows) // 15)),
            "lambda_l2": 5.0,
            "deterministic": True,
            "force_row_wise": True,
            "seed": self.seed,
            "num_threads": self.threads,
            "verbose": -1,
        }
        if directions.any():
            parameters["monotone_constraints"] = [int(direction) for direction in directions]
        return lightgbm.train(parameters, lightgbm.Dataset(rows, target), self.trees)
