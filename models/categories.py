"""Columns of categories as numbers: each category by the smoothed rate of events among its rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
# Rows that the overall rate counts as, for a category of few (an m-estimate: Micci-Barreca 2001).
PRIOR_ROWS = 10.0
FOLDS = 5
INNER = "inner_"


@dataclass(frozen=True)
class CategoryRates:
    """For each column of categories the log-odds of its codes 0, 1, ..; ``other`` stands for a code never seen.

    The order of the categories is by risk, so that a split or a bin takes neighbours together, however many there are
    (optimal for binary outcomes: Fisher 1958; Breiman et al. 1984, section 4.2.2).
    """

    columns: tuple[int, ...]
    rates: tuple[Floats, ...]
    other: float

    def applied(self, X: Floats) -> Floats:
        """``X`` with numbers in place of codes; what is missing stays missing."""
        if not self.columns:
            return X
        found = X.copy()
        for column, rates in zip(self.columns, self.rates, strict=True):
            codes = X[:, column]
            known = ~np.isnan(codes)
            place = np.where(known, codes, -1).astype(np.int64)
            seen = (place >= 0) & (place < len(rates)) & (place == codes)
            found[:, column] = np.where(known, np.where(seen, rates[np.where(seen, place, 0)], self.other), np.nan)
        return found

    @classmethod
    def of(cls, X: Floats, y: Floats, columns: tuple[int, ...], weight: float = 1.0) -> CategoryRates:
        """Rates on the rows given; ``weight`` of a row is below 1 where rows are near copies of each other."""
        prior = float(y.mean())
        rates = tuple(_rates(X[:, column], y, prior, weight) for column in columns)
        return cls(columns, rates, float(_log_odds(prior)))


class Explains(Protocol):
    def explain(self, X: Any) -> tuple[Floats, Floats, float]: ...

    def to_arrays(self) -> dict[str, npt.NDArray[Any]]: ...


@dataclass(frozen=True)
class RatedExplainer:
    """A model that reads rates in place of the codes it is given; a column's share stays its own.

    With ``beside`` it reads the codes too, as further columns at the end; what they say counts for their column.
    """

    rates: CategoryRates
    inner: Explains
    beside: bool = False

    def explain(self, X: Any) -> tuple[Floats, Floats, float]:
        """Margins [n], contributions [n, features] and their base, in log-odds."""
        given = np.ascontiguousarray(X, np.float64)
        rated = self.rates.applied(given)
        if not self.beside:
            return self.inner.explain(rated)
        columns, features = list(self.rates.columns), given.shape[1]
        margins, shares, base = self.inner.explain(np.column_stack([rated, given[:, columns]]))
        contributions = np.ascontiguousarray(shares[:, :features])
        contributions[:, columns] += shares[:, features:]
        return margins, contributions, base

    def to_arrays(self) -> dict[str, npt.NDArray[Any]]:
        """Everything as plain arrays, those of the model inside under a prefix of their own."""
        return {
            "rated_columns": np.array(self.rates.columns, np.int64),
            "rated_categories": np.array([len(rates) for rates in self.rates.rates], np.int64),
            "rated_rates": np.concatenate(self.rates.rates),
            "rated_other": np.array(self.rates.other),
            "rated_beside": np.array(self.beside),
            **{f"{INNER}{name}": array for name, array in self.inner.to_arrays().items()},
        }


def read_explainer(arrays: dict[str, npt.NDArray[Any]], inner: Any) -> Any:
    """What ``to_arrays`` of a model, rated or not, gave; ``inner`` is the class of the model that reads numbers.

    Raises KeyError or ValueError, or what ``inner.from_arrays`` raises, for arrays that do not fit together.
    """
    if "rated_columns" not in arrays:
        return inner.from_arrays(arrays)
    sizes = arrays["rated_categories"].tolist()
    if len(sizes) != len(arrays["rated_columns"]) or sum(sizes) != len(arrays["rated_rates"]):
        raise ValueError("the rates of categories do not fit their columns")
    rates = CategoryRates(
        tuple(arrays["rated_columns"].tolist()),
        tuple(np.split(arrays["rated_rates"], np.cumsum(sizes)[:-1])),
        float(arrays["rated_other"]),
    )
    within = {name.removeprefix(INNER): array for name, array in arrays.items() if name.startswith(INNER)}
    return RatedExplainer(rates, inner.from_arrays(within), bool(arrays.get("rated_beside", False)))


def cross_fitted(X: Floats, y: Floats, owner: Ints, columns: tuple[int, ...], seed: int, weight: float = 1.0) -> Floats:
    """``X`` with numbers in place of codes, each row's by the outcomes of other subjects only.

    A model that learnt from rates which its own rows had a part in would trust them too much.
    """
    if not columns:
        return X
    fold_of = np.random.default_rng(seed).permutation(owner.max() + 1)[owner] % FOLDS
    found = X.copy()
    for fold in range(FOLDS):
        asked = fold_of == fold
        if asked.any() and not asked.all():
            found[asked] = CategoryRates.of(X[~asked], y[~asked], columns, weight).applied(X[asked])
    return found


def _rates(codes: Floats, y: Floats, prior: float, weight: float) -> Floats:
    known = ~np.isnan(codes)
    place = codes[known].astype(np.int64)
    if len(place) and (place < 0).any() | (place != codes[known]).any():
        raise ValueError("codes of categories are whole numbers from 0")
    rows = weight * np.bincount(place, minlength=1)
    events = weight * np.bincount(place, weights=y[known], minlength=1)
    return _log_odds((events + PRIOR_ROWS * prior) / (rows + PRIOR_ROWS))


def _log_odds(rate: Floats | float) -> Floats:
    clipped = np.clip(rate, 1e-6, 1 - 1e-6)
    return np.asarray(np.log(clipped / (1 - clipped)))
