"""A model that reads categories is kept and read again with the same bits; a damaged one is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from models.boosted import MonotoneBoosted, Size
from models.bundle import Bundle, DamagedModel, Family
from models.scorecard import Scorecard

CODES = ("debt", "trade", "district")


def rows(n: int = 600) -> tuple[Any, Any]:
    rng = np.random.default_rng(4)
    X = np.column_stack([rng.normal(size=n), rng.integers(0, 5, n), rng.integers(0, 3, n)]).astype(float)
    log_odds = X[:, 0] + 0.8 * (X[:, 1] - 2) - 1
    X[rng.random(X.shape) < 0.03] = np.nan
    return X, (rng.random(n) < 1 / (1 + np.exp(-log_odds))).astype(int)


@pytest.mark.parametrize("family", ["boosted", "scorecard"])
def test_a_model_of_categories_is_kept_with_the_same_bits(family: Family, tmp_path: Path) -> None:
    X, y = rows()
    model: Any = MonotoneBoosted if family == "boosted" else Scorecard
    small = {"max_depth": 3, "trees": 30, "threads": 1} if family == "boosted" else {}
    fitted = model((1, 0, 0), categorical=(1, 2), **small).fit(X, y)
    bundle = Bundle("enterprise", family, CODES, fitted.explainer_)
    seal = bundle.save(tmp_path)
    again = Bundle.load(tmp_path, seal)
    asked = np.vstack([X[:50], [[0.0, 9.0, np.nan]]])
    margin, contributions, base = bundle.explain(asked)
    assert np.array_equal(again.explain(asked)[0], margin)
    assert np.array_equal(again.explain(asked)[1], contributions)
    assert again.explain(asked)[2] == base


def test_categories_that_go_together_are_found_beside_their_rates(tmp_path: Path) -> None:
    rng = np.random.default_rng(7)
    n = 4_000
    X = np.column_stack([rng.normal(size=n), rng.integers(0, 12, n), rng.integers(0, 12, n)]).astype(float)
    alike = (X[:, 1] % 2 == X[:, 2] % 2).astype(float)
    y = (rng.random(n) < 1 / (1 + np.exp(2.0 - 2.5 * alike - 0.5 * X[:, 0]))).astype(int)
    model = MonotoneBoosted((1, 0, 0), categorical=(1, 2), max_depth=4, max_trees=150, bags=1, threads=1).fit(X, y)
    assert model.size_.codes
    asked = np.column_stack([np.zeros(2), [3.0, 3.0], [5.0, 6.0]])
    likely, unlikely = model.predict_proba(asked)[:, 1]
    assert likely > 2 * unlikely
    asked = np.vstack([X[:60], [[0.0, 40.0, np.nan]], [[np.nan, np.nan, 2.0]]])
    margin, contributions, base = model.explain(asked)
    assert contributions.shape == (62, 3)
    assert np.abs(base + contributions.sum(axis=1) - margin).max() < 1e-9
    bundle = Bundle("enterprise", "boosted", CODES, model.explainer_)
    again = Bundle.load(tmp_path, bundle.save(tmp_path))
    assert np.array_equal(again.explain(asked)[1], bundle.explain(asked)[1])
    told = model.size_.as_dict()
    assert Size.from_dict(told).codes
    assert not Size.from_dict({name: value for name, value in told.items() if name != "codes"}).codes


def test_rates_that_do_not_fit_their_columns_are_refused(tmp_path: Path) -> None:
    X, y = rows()
    Bundle("enterprise", "scorecard", CODES, Scorecard(categorical=(1,)).fit(X, y).explainer_).save(tmp_path)
    with np.load(tmp_path / "explainer.npz") as kept:
        arrays = dict(kept)
    np.savez(tmp_path / "explainer.npz", **arrays | {"rated_rates": arrays["rated_rates"][:-1]})
    with pytest.raises(DamagedModel, match="rates of categories"):
        Bundle.load(tmp_path)
