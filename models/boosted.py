"""The boosted model: shallow monotone trees that a compiled kernel explains at the price of a prediction."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from models.grades import pd_of
from models.shapley import CompiledExplainer, compile_explainer

Floats = npt.NDArray[np.float64]
FOLDS = 3
PATIENCE = 40
DEPTHS = (3, 4, 5)
DEPTH_COST = 0.002


class MonotoneBoosted(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Gradient-boosted trees of limited depth with declared monotone directions (LightGBM).

    Parameters
    ----------
    directions : sequence of -1, 0, 1, or None
        +1 where the probability of class 1 may only rise with the feature, -1 where it may only fall.
    max_depth : int or None
        1 to 5 (the explanation kernel's tables grow with it); None: the best of 3, 4 and 5 by cross-validation.
    trees : int or None
        None: found by cross-validation over groups, then the model is fitted on all rows.
    max_trees, learning_rate : int, float
        The most trees that cross-validation tries, and the size of their steps.
    seed, threads : int
        The same seed gives the same bits; ``threads`` changes speed only.

    Attributes
    ----------
    booster_ : lightgbm.Booster
    explainer_ : CompiledExplainer
    trees_, max_depth_ : int

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(400, 3))
    >>> y = (X[:, 0] + rng.normal(size=400) > 1).astype(int)
    >>> model = MonotoneBoosted(directions=(1, 0, -1), threads=1).fit(X, y)
    >>> margin, contributions, base = model.explain(X)
    >>> bool(np.allclose(margin, base + contributions.sum(axis=1)))
    True
    """

    def __init__(
        self,
        directions: tuple[int, ...] | None = None,
        max_depth: int | None = 3,
        trees: int | None = None,
        max_trees: int = 800,
        learning_rate: float = 0.03,
        seed: int = 0,
        threads: int = 2,
    ) -> None:
        self.directions = directions
        self.max_depth = max_depth
        self.trees = trees
        self.max_trees = max_trees
        self.learning_rate = learning_rate
        self.seed = seed
        self.threads = threads

    def fit(self, X: npt.ArrayLike, y: npt.ArrayLike, groups: npt.ArrayLike | None = None) -> MonotoneBoosted:
        """Fit on ``X`` [n, features] (NaN is missing) and ``y`` [n] of two classes.

        ``groups`` [n] names the subject of each row: cross-validation never splits a subject, and leaves and penalty
        grow with the rows a subject has, which are near copies of each other.
        """
        rows, labels = validate_data(self, X, y, ensure_all_finite=False, dtype=np.float64)
        self.classes_ = two_classes(labels)
        target = (labels == self.classes_[1]).astype(np.float64)
        directions = checked_directions(self.directions, rows.shape[1])
        if self.max_depth is not None and not 1 <= self.max_depth <= 5:
            raise ValueError(f"max_depth={self.max_depth}; 1 to 5 or None is accepted")
        names, owner = np.unique(np.arange(len(target)) if groups is None else np.asarray(groups), return_inverse=True)
        parameters = self._parameters(rows.shape, len(names), directions)
        self.max_depth_, self.trees_ = self._size(rows, target, owner, parameters)
        self.booster_ = _boosted(_with_depth(parameters, self.max_depth_), rows, target, self.trees_)
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

    def _size(
        self, rows: Floats, target: Floats, owner: npt.NDArray[np.int64], parameters: dict[str, Any]
    ) -> tuple[int, int]:
        """Depth and number of trees of the least cross-validated loss; a deeper model must earn its depth."""
        if self.trees is not None and self.max_depth is not None:
            return self.max_depth, self.trees
        folds = _folds(target, owner, self.seed)
        if len(folds) < 2:
            return self.max_depth or DEPTHS[0], self.trees or min(self.max_trees, 100)
        depth = self.max_depth
        if depth is None:
            quick = parameters | {"learning_rate": 3 * self.learning_rate}
            losses = [
                _losses(_with_depth(quick, one), rows, target, folds, self.trees or self.max_trees).min()
                for one in DEPTHS
            ]
            depth = next(d for d, loss in zip(DEPTHS, losses, strict=True) if loss <= min(losses) * (1 + DEPTH_COST))
        if self.trees is not None:
            return depth, self.trees
        losses_by_trees = _losses(_with_depth(parameters, depth), rows, target, folds, self.max_trees)
        return depth, max(20, int(losses_by_trees.argmin()) + 1)

    def _parameters(self, shape: tuple[int, ...], subjects: int, directions: tuple[int, ...]) -> dict[str, Any]:
        """Small steps on sampled rows and columns; leaves hold enough subjects that chance alone does not make them."""
        copies = shape[0] / subjects
        subjects_in_leaf = float(np.clip(subjects / 200, 5, 30))
        return {
            "objective": "binary",
            "learning_rate": self.learning_rate,
            "feature_fraction": float(np.clip(10 / shape[1], 0.3, 1.0)),
            "bagging_fraction": 0.7,
            "bagging_freq": 1,
            "min_data_in_leaf": max(5, round(subjects_in_leaf * copies)),
            "min_sum_hessian_in_leaf": 0.5,
            "lambda_l2": 6.0 * copies,
            "deterministic": True,
            "force_row_wise": True,
            "feature_pre_filter": False,
            "seed": self.seed,
            "num_threads": self.threads,
            "verbose": -1,
        } | ({"monotone_constraints": list(directions)} if any(directions) else {})


def two_classes(labels: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """The two classes in ``labels``, ascending. Raises ValueError where there are fewer or more."""
    check_classification_targets(labels)
    classes = np.unique(labels)
    if len(classes) > 2:
        raise ValueError(f"Only binary classification is supported. y holds {len(classes)} classes")
    if len(classes) < 2:
        raise ValueError("y holds one class; two classes are needed to fit a classifier")
    return classes


def checked_directions(directions: tuple[int, ...] | None, features: int) -> tuple[int, ...]:
    """A direction for each feature, 0 where none is declared. Raises ValueError for another number or value."""
    if directions is None:
        return (0,) * features
    if len(directions) != features or not set(directions) <= {-1, 0, 1}:
        raise ValueError(f"{len(directions)} directions for {features} features; -1, 0 or 1 for each is accepted")
    return tuple(int(direction) for direction in directions)


def _with_depth(parameters: dict[str, Any], depth: int) -> dict[str, Any]:
    return parameters | {"max_depth": depth, "num_leaves": 2**depth}


def _boosted(parameters: dict[str, Any], rows: Floats, target: Floats, trees: int) -> Any:
    import lightgbm

    return lightgbm.train(parameters, lightgbm.Dataset(rows, target), trees)


def _folds(
    target: Floats, owner: npt.NDArray[np.int64], seed: int
) -> list[tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]]:
    """Training and held-out rows of each fold; no subject is in both, and each fold has its share of events."""
    from sklearn.model_selection import StratifiedGroupKFold

    subjects = owner.max() + 1
    eventful = int((np.bincount(owner, weights=target, minlength=subjects) > 0).sum())
    quiet = int((np.bincount(owner, weights=1 - target, minlength=subjects) > 0).sum())
    if min(eventful, quiet) < 2 * FOLDS:
        return []
    splits = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=seed).split(owner, target, owner)
    return [(kept, held) for kept, held in splits if 0 < target[held].sum() < len(held)]


def _losses(parameters: dict[str, Any], rows: Floats, target: Floats, folds: list[Any], trees: int) -> Floats:
    """Mean held-out log-loss after each number of trees, until it has stopped falling."""
    import lightgbm

    found = lightgbm.cv(
        parameters,
        lightgbm.Dataset(rows, target),
        trees,
        folds=folds,
        callbacks=[lightgbm.early_stopping(PATIENCE, verbose=False)],
    )
    return np.asarray(next(values for name, values in found.items() if name.endswith("logloss-mean")))
