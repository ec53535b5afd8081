"""Upper bounds where defaults are few: the paper's figures, and bounds that hold as often as they say."""

from __future__ import annotations

import numpy as np
import pytest

from models.validation.low_default import BadPortfolio, upper_bounds
from models.validation.one_factor import conditional_pd

ROWS = (100, 400, 300)


def test_the_papers_portfolios_give_the_papers_bounds() -> None:
    none = upper_bounds(ROWS, (0, 0, 0), confidence=0.9)
    assert none.bounds == pytest.approx((0.0029, 0.0033, 0.0076), abs=0.00006)
    few = upper_bounds(ROWS, (0, 2, 1), confidence=0.9)
    assert few.bounds == pytest.approx((0.0083, 0.0095, 0.0129), abs=0.00006)
    assert np.isnan(none.scaled).all()
    assert (np.array(few.scaled) * ROWS).sum() / 800 == pytest.approx(3 / 800)


def test_correlation_and_confidence_raise_bounds_and_years_lower_them() -> None:
    alone = upper_bounds(ROWS, (0, 2, 1)).bounds[0]
    assert upper_bounds(ROWS, (0, 2, 1), confidence=0.99).bounds[0] > alone
    together = upper_bounds(ROWS, (0, 2, 1), correlation=0.12).bounds[0]
    years = upper_bounds(ROWS, (0, 2, 1), correlation=0.12, periods=5).bounds[0]
    assert years < alone < together
    assert upper_bounds(ROWS, (0, 2, 1), correlation=0.12, periods=5).bounds[0] == years


def test_a_correlated_bound_fails_as_rarely_as_it_says() -> None:
    rng, pd = np.random.default_rng(0), 0.01
    drawn = rng.binomial(500, conditional_pd(pd, 0.12, rng.standard_normal(4_000)))
    bounds = {
        count: upper_bounds([500], [count], confidence=0.9, correlation=0.12).bounds[0]
        for count in range(12)  # no count above can give a bound below the truth
    }
    missed = np.mean([bounds.get(int(count), 1.0) < pd for count in drawn])
    assert missed <= 0.115


def test_bounds_never_fall_with_the_grade_and_an_all_defaulted_grade_is_one() -> None:
    found = upper_bounds((10, 10, 5), (0, 4, 5)).bounds
    assert list(found) == sorted(found)
    assert found[-1] == 1


@pytest.mark.parametrize(
    ("rows", "defaults", "more"),
    [((10,), (11,), {}), ((0,), (0,), {}), ((10, 10), (1,), {}), ((10,), (1,), {"confidence": 1.0})],
)
def test_what_is_no_portfolio_is_refused(rows: tuple[int, ...], defaults: tuple[int, ...], more: dict) -> None:  # type: ignore[type-arg]
    with pytest.raises(BadPortfolio):
        upper_bounds(rows, defaults, **more)
