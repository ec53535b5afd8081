"""The boosted model: shallow monotone trees, an additive part beside them, explained at the price of a prediction."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from models.additive import Additive, fit_additive
from models.categories import CategoryRates, RatedExplainer, cross_fitted
from models.grades import pd_of
from models.growing import Grown, Rows, Settings, grow, size_of, with_codes
from models.shapley import CompiledExplainer, Ensemble, compile_ensemble
from models.stacking import Shares, additive_margins, shares_of

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Size:
    """What cross-validation settled: depth, trees of each style, the prior of the additive part, what each part says.

    ``settings``: how the trees are grown; ``codes``: whether they choose among categories too, not by rates alone. A
    model with the same size, rows and seed has the same bits.
    """

    max_depth: int
    trees: tuple[int, ...]
    prior_sd: float
    shares: Shares
    settings: Settings = field(default_factory=Settings)
    codes: bool = False

    def as_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, kept: dict[str, Any]) -> Size:
        """What ``as_dict`` gave. Raises KeyError or TypeError for other data."""
        settings = Settings(**{"random_feature_share": kept["settings"]["feature_share"], **kept["settings"]})
        shares = Shares(**kept["shares"])
        codes = kept.get("codes", False)
        return cls(kept["max_depth"], tuple(kept["trees"]), kept["prior_sd"], shares, settings, codes)


class MonotoneBoosted(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Gradient-boosted trees of limited depth with declared monotone directions (LightGBM), and an additive part.

    log-odds = share x mean of the boosters + share x additive part + intercept. Each part is monotone in the declared
    directions, so their sum is. The shares, also those of greedy and of random trees, come from cross-validated margins
    and are never negative: few events favour the additive part, tangled data the trees, one feature that says most of
    it the greedy ones. All of it is one set of trees for the explanation kernel.

    Parameters
    ----------
    directions : sequence of -1, 0, 1, or None
        +1 where the probability of class 1 may only rise with the feature, -1 where it may only fall.
    categorical : sequence of int
        Columns that hold codes 0, 1, .. of categories: each counts by the smoothed rate of events in its category,
        cross-fitted, so that a row's own outcome has no part in what it is learnt from. Where cross-validation finds
        it surely better, trees may also choose among the categories themselves.
    max_depth : int or None
        1 to 5 (the explanation kernel's tables grow with it); None: the best of 3, 4 and 5 by cross-validation.
    trees : int or None
        Of each booster; None: found by cross-validation over groups, then the model is fitted on all rows.
    max_trees, learning_rate : int, float
        The most trees that cross-validation tries, and the size of their steps.
    bags : int or None
        Boosters of each style that differ in their sampling; None: 2, or 1 where there are many rows or trees.
    additive : bool
        Whether an additive part may stand beside the trees.
    settings : Settings or None
        How trees are grown, its learning rate in place of ``learning_rate``; None: the usual way, the features that a
        tree may use found by cross-validation.
    size : Size or None
        What a former fit settled (``size_``): nothing is searched then.
    seed, threads : int
        The same seed gives the same bits; ``threads`` changes speed only.

    Attributes
    ----------
    boosters_ : list of lightgbm.Booster
    additive_ : Additive or None
    explainer_ : CompiledExplainer or RatedExplainer
    size_ : Size

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
        categorical: tuple[int, ...] = (),
        max_depth: int | None = 5,
        trees: int | None = None,
        max_trees: int = 1500,
        learning_rate: float = 0.05,
        bags: int | None = None,
        additive: bool = True,
        settings: Settings | None = None,
        size: Size | None = None,
        seed: int = 0,
        threads: int = 2,
    ) -> None:
        self.directions = directions
        self.categorical = categorical
        self.max_depth = max_depth
        self.trees = trees
        self.max_trees = max_trees
        self.learning_rate = learning_rate
        self.bags = bags
        self.additive = additive
        self.settings = settings
        self.size = size
        self.seed = seed
        self.threads = threads

    def fit(self, X: npt.ArrayLike, y: npt.ArrayLike, groups: npt.ArrayLike | None = None) -> MonotoneBoosted:
        """Fit on ``X`` [n, features] (NaN is missing) and ``y`` [n] of two classes.

        ``groups`` [n] names the subject of each row: cross-validation never splits a subject, and leaves and penalty
        grow with the rows a subject has, which are near copies of each other.
        """
        given, labels = validate_data(self, X, y, ensure_all_finite=False, dtype=np.float64)
        self.classes_ = two_classes(labels)
        target = (labels == self.classes_[1]).astype(np.float64)
        directions = checked_directions(self.directions, given.shape[1])
        if self.max_depth is not None and not 1 <= self.max_depth <= 5:
            raise ValueError(f"max_depth={self.max_depth}; 1 to 5 or None is accepted")
        names, owner = np.unique(np.arange(len(target)) if groups is None else np.asarray(groups), return_inverse=True)
        weight = len(names) / len(target)
        rates = CategoryRates.of(given, target, tuple(self.categorical), weight)
        rated = cross_fitted(given, target, owner, tuple(self.categorical), self.seed, weight)
        settings = self.size.settings if self.size else self.settings or Settings(learning_rate=self.learning_rate)
        rows = Rows(rated, target, owner, directions, rates.columns, settings, self.seed, self.threads)
        codes = given[:, list(rates.columns)]
        if self.size is None and rates.columns:
            rows = with_codes(rows, codes, self.trees or self.max_trees)
        elif self.size is not None and self.size.codes:
            rows = replace(rows, codes=codes)
        self.size_ = self.size or self._size(rows)
        rows = replace(rows, settings=self.size_.settings)
        grown = grow(rows, self.size_.max_depth, self.size_.trees, self._bags(len(target)))
        self.boosters_ = [one.booster for one in grown]
        self.additive_: Additive | None = None
        if self.size_.shares.additive:
            self.additive_ = fit_additive(rated, target, directions, self.size_.prior_sd, weight, rates.columns)
        compiled = compile_ensemble(_together(grown, self.additive_, self.size_.shares, rows.inputs.shape[1]))
        self.explainer_: CompiledExplainer | RatedExplainer = (
            RatedExplainer(rates, compiled, rows.codes is not None) if rates.columns else compiled
        )
        return self

    @property
    def text(self) -> str:
        """The boosters as LightGBM writes them, one after the other."""
        return "\n".join(booster.model_to_string() for booster in self.boosters_)

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

    def _size(self, rows: Rows) -> Size:
        """Everything that cross-validation settles."""
        choose = self.settings is None and self.trees is None
        found, codes = size_of(rows, self.max_depth, self.trees, self.max_trees, choose), rows.codes is not None
        if not self.additive or found.margins is None:
            return Size(found.max_depth, found.trees, 0.0, Shares(1.0, 0.0, 0.0), found.settings, codes)
        prior_sd, margins = additive_margins(rows)
        shares, greedy_share = shares_of(found.margins, margins, rows, found.settings.shares)
        settings = replace(found.settings, greedy_share=greedy_share)
        trees = tuple(count if share else 0 for count, share in zip(found.trees, settings.shares, strict=True))
        return Size(found.max_depth, trees, prior_sd, shares, settings, codes)

    def _bags(self, rows: int) -> int:
        if self.bags is not None:
            return self.bags
        return 2 if rows < 50_000 else 1


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


def _together(grown: list[Grown], additive: Additive | None, shares: Shares, features: int) -> Ensemble:
    """All parts as one set of trees, each with its share; a constant is in the leaves of one of them."""
    trees = [tree for one in grown for tree in one.trees(shares.trees)]
    constant = shares.intercept
    if additive is not None:
        trees += [tree.scaled(shares.additive) for tree in additive.trees()]
        constant += shares.additive * additive.intercept
    return Ensemble(features, (trees[0].shifted(constant), *trees[1:]))
