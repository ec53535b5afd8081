"""The hazard model: calibrated at every horizon, monotone as declared, exact in its reasons, using what is censored."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.special import expit

from models.bundle import Bundle, DamagedModel
from models.hazard import HORIZONS, HazardModel, fit_hazard
from models.survival import Seen, last_months, levels_of, life_table

DIRECTIONS = (1, -1, 0)
BASE = 0.004 * np.arange(1, 13)


def population(
    rows: int, seed: int, followed: int | None = None
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Features [n, 3], months to the event, months followed, and the true probabilities [n, 12] of the process."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(rows, 3))
    X[rng.random(X.shape) < 0.05] = np.nan
    odds = BASE * np.exp(1.1 * np.nan_to_num(X[:, 0]) - 0.8 * np.nan_to_num(X[:, 1]))[:, None]
    within = odds / (1 + odds)
    drawn = rng.random((rows, 1))
    months = np.where(drawn[:, 0] < within[:, -1], 1.0 + (within < drawn).sum(axis=1), np.nan)
    seen_for = np.full(rows, 12.0) if followed is None else rng.integers(0, followed + 1, rows).astype(float)
    return X, np.where(months <= seen_for, months, np.nan), seen_for, within


@pytest.fixture(scope="module")
def fitted() -> HazardModel:
    X, months, followed, _ = population(12_000, 1)
    return fit_hazard(X, months, followed, np.arange(len(X)) // 2, DIRECTIONS, max_trees=60)


def test_probabilities_are_those_of_the_process_at_every_horizon(fitted: HazardModel) -> None:
    X, _, _, truth = population(4_000, 2)
    found = fitted.term_structure(X)
    assert (np.diff(found, axis=1) > 0).all()
    assert ((found > 0) & (found < 1)).all()
    assert found.mean(axis=0) == pytest.approx(truth.mean(axis=0), rel=0.12)
    top = truth[:, -1] > np.quantile(truth[:, -1], 0.95)
    assert found[top].mean(axis=0)[[2, 5, 11]] == pytest.approx(truth[top].mean(axis=0)[[2, 5, 11]], rel=0.2)
    assert fitted.distress(X) == pytest.approx(found[:, [months - 1 for months in HORIZONS]])


def test_more_of_a_declared_risk_never_lowers_a_probability(fitted: HazardModel) -> None:
    X, _, _, _ = population(500, 3)
    worse, better = X.copy(), X.copy()
    worse[:, 0] += 0.7
    better[:, 1] += 0.7
    assert (fitted.distress(worse) >= fitted.distress(X) - 1e-12)[~np.isnan(X[:, 0])].all()
    assert (fitted.distress(better) <= fitted.distress(X) + 1e-12)[~np.isnan(X[:, 1])].all()


def test_shares_multiply_the_odds_of_every_horizon_exactly(fitted: HazardModel) -> None:
    X, _, _, _ = population(300, 4)
    log_odds, shares, base = fitted.explain(X)
    assert log_odds == pytest.approx(base + shares.sum(axis=1), abs=1e-9)
    for column, months in enumerate(HORIZONS):
        odds = fitted.base_odds(months) * np.exp(shares).prod(axis=1)
        assert odds / (1 + odds) == pytest.approx(fitted.distress(X)[:, column], abs=1e-9)
    assert expit(log_odds) == pytest.approx(fitted.distress(X)[:, -1], abs=1e-12)


def test_years_that_are_not_over_teach_as_well(fitted: HazardModel) -> None:
    X, months, followed, _ = population(24_000, 5, followed=11)
    censored = fit_hazard(X, months, followed, np.arange(len(X)), DIRECTIONS, max_trees=20)
    asked, _, _, truth = population(3_000, 6)
    found = censored.term_structure(asked)
    assert found.mean(axis=0)[:11] == pytest.approx(truth.mean(axis=0)[:11], rel=0.15)
    assert np.corrcoef(np.log(found[:, 5]), np.log(truth[:, 5]))[0, 1] > 0.95


def test_a_row_that_stands_for_several_counts_as_several() -> None:
    X, months, followed, truth = population(20_000, 7)
    rng = np.random.default_rng(0)
    kept = ~np.isnan(months) | (rng.random(len(X)) < 0.25)
    weight = np.where(np.isnan(months), 4.0, 1.0)[kept]
    model = fit_hazard(
        X[kept], months[kept], followed[kept], np.arange(kept.sum()), DIRECTIONS, weight=weight, max_trees=20
    )
    assert model.distress(X)[:, -1].mean() == pytest.approx(truth[:, -1].mean(), rel=0.08)


def test_few_events_make_a_cautious_model() -> None:
    X, months, followed, truth = population(400, 8)
    model = fit_hazard(X, months, followed, np.arange(len(X)), DIRECTIONS, max_trees=20)
    found = model.distress(X)[:, -1]
    assert found.mean() == pytest.approx(np.mean(~np.isnan(months)), abs=0.03)
    assert found.max() < 0.9
    assert np.corrcoef(np.log(found), np.log(truth[:, -1]))[0, 1] > 0.6


def test_what_cannot_teach_is_refused() -> None:
    X, months, followed, _ = population(300, 9)
    with pytest.raises(ValueError, match="0 events in 300 rows"):
        fit_hazard(X, np.full(300, np.nan), followed, np.arange(300), DIRECTIONS)
    with pytest.raises(ValueError, match="directions"):
        fit_hazard(X, months, followed, np.arange(300), (1, 0))
    with pytest.raises(ValueError, match="1 to 12 whole months"):
        last_months(months, np.zeros(300))


def test_a_model_keeps_its_bits_and_one_of_an_older_kind_is_refused(fitted: HazardModel, tmp_path: Path) -> None:
    X, _, _, _ = population(50, 10)
    bundle = Bundle(segment="farmer", family="warning", codes=("a", "b", "c"), explainer=fitted)
    bundle.save(tmp_path)
    assert Bundle.load(tmp_path).distress(X).tobytes() == fitted.distress(X).tobytes()
    arrays = fitted.to_arrays()
    np.savez(tmp_path / "explainer.npz", **{name: array for name, array in arrays.items() if name != "odds"})
    with pytest.raises(DamagedModel, match="odds"):
        Bundle.load(tmp_path)


def test_the_likelihood_has_the_slopes_it_says() -> None:
    rng = np.random.default_rng(12)
    _, months, followed, _ = population(200, 11, followed=12)
    months, followed = months[followed >= 1], followed[followed >= 1]
    weight = rng.uniform(0.5, 2.0, len(months))
    seen = Seen.of(months, followed, life_table(months, followed, weight), weight)
    index, step = rng.normal(size=len(months)), 1e-5
    first, second = seen.slopes(index)
    for row in range(0, len(months), 20):
        moved = np.zeros(len(months))
        moved[row] = step
        assert (seen.loss(index + moved) - seen.loss(index - moved)) / (2 * step) == pytest.approx(first[row], abs=1e-5)
        change = seen.slopes(index + moved)[0] - seen.slopes(index - moved)[0]
        assert change[row] / (2 * step) == pytest.approx(second[row], abs=1e-4)


def test_levels_find_the_slope_and_the_odds_of_the_process() -> None:
    rng = np.random.default_rng(13)
    index = rng.normal(size=60_000)
    within = BASE * np.exp(0.8 * index)[:, None]
    within = within / (1 + within)
    drawn = rng.random((len(index), 1))
    months = np.where(drawn[:, 0] < within[:, -1], 1.0 + (within < drawn).sum(axis=1), np.nan)
    slope, odds = levels_of(index, months, np.full(len(index), 12.0), np.ones(len(index)))
    assert slope == pytest.approx(0.8, abs=0.05)
    assert odds == pytest.approx(BASE, rel=0.15)
