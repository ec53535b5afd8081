"""A model that reads categories is kept and read again with the same bits; a damaged one is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from models.boosted import MonotoneBoosted
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


def test_rates_that_do_not_fit_their_columns_are_refused(tmp_path: Path) -> None:
    X, y = rows()
    Bundle("enterprise", "scorecard", CODES, Scorecard(categorical=(1,)).fit(X, y).explainer_).save(tmp_path)
    with np.load(tmp_path / "explainer.npz") as kept:
        arrays = dict(kept)
    np.savez(tmp_path / "explainer.npz", **arrays | {"rated_rates": arrays["rated_rates"][:-1]})
    with pytest.raises(DamagedModel, match="rates of categories"):
        Bundle.load(tmp_path)
