"""The boosted model: shallow monotone trees that a compiled kernel explains at the price of a prediction."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from models.shapley import CompiledExplainer, compile_explainer

Floats = npt.NDArray[np.float64]


class MonotoneBoosted(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Gradient-boosted trees of limited depth with declared monotone directions (LightGBM).

    Parameters
    ----------
    directions : sequence of -1, 0, 1, or None
        +1 where the probability of class 1 may only rise with the feature, -1 where it may only fall.
    max_depth : int
        3 to 5; the explanation kernel's tables grow with it.
    max_trees, learning_rate : int, float
        The number of trees is found on a fifth of the groups held out, then the model is refitted on all rows.
    seed, threads : int
        The same seed gives the same bits; ``threads`` changes speed only.

    Attributes
    ----------
    booster_ : lightgbm.Booster
    explainer_ : CompiledExplainer
    trees_ : int
    """

    def __init__(
        self,
        directions: tuple[int, ...] | None = None,
        max_depth: int = 3,
        max_trees: int = 800,
        learning_rate: float = 0.03,
        seed: int = 0,
        threads: int = 2,
    ) -> None:
        self.directions = directions
        self.max_depth = max_depth
        self.max_trees = max_trees
        self.learning_rate = learning_rate
        self.seed = seed
        self.threads = threads

    def fit(self, X: npt.ArrayLike, y: npt.ArrayLike, groups: npt.ArrayLike | None = None) -> MonotoneBoosted:
        """Fit on ``X`` [n, features] (NaN is missing) and ``y`` [n] of two classes; rows of a group are never split."""
        rows, labels = validate_data(self, X, y, ensure_all_finite=False, dtype=np.float64)
        self.classes_ = np.unique(labels)
        if len(self.classes_) != 2:
            raise ValueError(f"y holds {len(self.classes_)} class; two classes are needed to fit a classifier")
        target = (labels == self.classes_[1]).astype(np.float64)
        held = self._held_out(target, np.arange(len(target)) if groups is None else np.asarray(groups))
        self.trees_ = self._size(rows, target, held)
        self.booster_ = self._train(rows, target, self.trees_)
        self.explainer_: CompiledExplainer = compile_explainer(self.booster_)
        return self

    def margin(self, X: npt.ArrayLike) -> Floats:
        """Log-odds of class 1, [n]."""
        return self.explain(X)[0]

    def explain(self, X: npt.ArrayLike) -> tuple[Floats, Floats, float]:
        """Margins [n], exact contributions [n, features] and their base, in log-odds."""
        check_is_fitted(self)
        return self.explainer_.explain(validate_data(self, X, ensure_all_finite=False, dtype=np.float64, reset=False))

    def predict_proba(self, X: npt.ArrayLike) -> Floats:
        p = 1 / (1 + np.exp(-self.margin(X)))
        return np.column_stack([1 - p, p])

    def predict(self, X: npt.ArrayLike) -> npt.NDArray[Any]:
        return np.asarray(self.classes_[(self.margin(X) > 0).astype(int)])

    def _held_out(self, target: Floats, groups: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
        """A fifth of the groups, chosen by the seed."""
        names, inverse = np.unique(groups, return_inverse=True)
        chosen = np.random.default_rng(self.seed).random(len(names)) < 0.2
        held = chosen[inverse]
        enough = min(target[held].sum(), (1 - target[held]).sum(), target[~held].sum(), (1 - target[~held]).sum())
        return held if enough >= 5 else np.zeros(len(target), bool)

    def _size(self, rows: Floats, target: Floats, held: npt.NDArray[np.bool_]) -> int:
        """Number of trees by early stopping on the held-out groups; a modest one where there are too few events."""
        import lightgbm

        if not held.any():
            return min(self.max_trees, 100)
        training = lightgbm.Dataset(rows[~held], target[~held])
        booster = lightgbm.train(
            self._parameters(int(target[~held].sum())),
            training,
            self.max_trees,
            valid_sets=[lightgbm.Dataset(rows[held], target[held], reference=training)],
            callbacks=[lightgbm.early_stopping(60, verbose=False)],
        )
        return max(20, round(int(booster.best_iteration) * 1.1))

    def _train(self, rows: Floats, target: Floats, trees: int) -> Any:
        import lightgbm

        return lightgbm.train(self._parameters(int(target.sum())), lightgbm.Dataset(rows, target), trees)

    def _parameters(self, events: int) -> dict[str, Any]:
        """Small steps on sampled rows and columns; leaves large enough that chance alone does not make them."""
        constrained = self.directions is not None and any(self.directions)
        return {
            "objective": "binary",
            "max_depth": self.max_depth,
            "num_leaves": 2**self.max_depth,
            "learning_rate": self.learning_rate,
            "feature_fraction": 0.5,
            "bagging_fraction": 0.7,
            "bagging_freq": 1,
            "min_data_in_leaf": 10 if events < 100 else 50,
            "min_sum_hessian_in_leaf": 1.0,
            "lambda_l2": 10.0,
            "deterministic": True,
            "force_row_wise": True,
            "seed": self.seed,
            "num_threads": self.threads,
            "verbose": -1,
        } | ({"monotone_constraints": list(self.directions or ())} if constrained else {})
