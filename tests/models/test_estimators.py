"""The estimators keep their promises: direction, missing values, determinism, exact reasons, small data."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone

from models.boosted import MonotoneBoosted
from models.calibration import AffineCalibrator
from models.grades import GRADES, MasterScale, clipped, pd_of, unclipped_score
from models.hazard import fit_hazard
from models.scorecard import Scorecard
from models.validation import auc, calibration, figures, jeffreys, psi, roc

Floats = npt.NDArray[np.float64]
DIRECTIONS = (1, -1, 0, 1)


def sample(rows: int = 3_000, seed: int = 0, rate: float = -2.5) -> tuple[Floats, Floats]:
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(rows, 4))
    p = 1 / (1 + np.exp(-(rate + 1.2 * X[:, 0] - 0.8 * X[:, 1] + 0.5 * X[:, 2] ** 2)))
    X[rng.random(X.shape) < 0.08] = np.nan
    return X, (rng.random(rows) < p).astype(float)


@pytest.fixture(scope="module", params=["boosted", "scorecard"])
def fitted(request: pytest.FixtureRequest) -> Any:
    X, y = sample()
    model = MonotoneBoosted(DIRECTIONS, max_trees=150) if request.param == "boosted" else Scorecard(DIRECTIONS)
    return model.fit(X, y)


@settings(max_examples=60, deadline=None)
@given(
    row=st.lists(st.floats(-6, 6), min_size=4, max_size=4), step=st.floats(0.01, 6), column=st.sampled_from([0, 1, 3])
)
def test_moving_a_feature_in_its_direction_never_lowers_the_pd(
    fitted: Any, row: list[float], step: float, column: int
) -> None:
    moved = list(row)
    moved[column] += DIRECTIONS[column] * step
    before, after = fitted.margin(np.array([row, moved]))
    assert after >= before - 1e-12


def test_reasons_add_up_and_missing_values_are_answered(fitted: Any) -> None:
    X, y = sample(500, seed=9)
    margin, contributions, base = fitted.explain(X)
    assert np.abs(base + contributions.sum(axis=1) - margin).max() < 1e-9
    empty = fitted.margin(np.full((1, 4), np.nan))
    assert np.isfinite(empty).all()
    assert auc(y, margin) > 0.7


def test_the_same_seed_gives_the_same_bits() -> None:
    X, y = sample(1_500)
    for model in (MonotoneBoosted(DIRECTIONS, max_trees=60, seed=3), Scorecard(DIRECTIONS)):
        first, second = clone(model).fit(X, y), clone(model).fit(X, y)
        assert first.margin(X).tobytes() == second.margin(X).tobytes()


@pytest.mark.parametrize("model", [MonotoneBoosted(DIRECTIONS), Scorecard(DIRECTIONS)])
def test_few_rows_work_and_one_class_is_refused(model: Any) -> None:
    X, y = sample(200, seed=4)
    assert auc(y, clone(model).fit(X, y).margin(X)) > 0.6
    with pytest.raises(ValueError, match="two classes"):
        clone(model).fit(X, np.zeros(len(X)))
    with pytest.raises(ValueError, match="features"):
        clone(model).fit(X, y).margin(X[:, :2])


def test_calibration_recovers_slope_and_intercept() -> None:
    rng = np.random.default_rng(1)
    margin = rng.normal(-3, 1.5, 60_000)
    outcome = (rng.random(len(margin)) < 1 / (1 + np.exp(-(0.7 * margin + 0.4)))).astype(float)
    found = AffineCalibrator.fit(margin, outcome)
    assert found.slope == pytest.approx(0.7, abs=0.04)
    assert found.intercept == pytest.approx(0.4, abs=0.15)
    useless = AffineCalibrator.fit(-margin, outcome)
    assert useless.slope == 0.05
    assert (1 / (1 + np.exp(-useless.log_odds(-margin)))).mean() == pytest.approx(outcome.mean(), rel=0.05)


def test_the_score_scale_is_the_declared_one() -> None:
    odds = np.array([30.0, 60.0, 15.0])
    scores = unclipped_score(-np.log(odds))
    assert scores == pytest.approx([600, 620, 580])
    assert clipped(np.array([100.0, 650.0, 1200.0])).tolist() == [300, 650, 900]
    assert pd_of(np.array([0.0]))[0] == 0.5


@settings(max_examples=100, deadline=None)
@given(st.floats(1e-6, 1 - 1e-6), st.floats(1e-6, 1 - 1e-6))
def test_a_higher_pd_never_has_a_better_grade(one: float, other: float) -> None:
    low, high = sorted((one, other))
    better, worse = MasterScale().grades(np.array([low, high]))
    assert GRADES.index(better) <= GRADES.index(worse)


def test_hazard_probabilities_never_fall_with_the_horizon() -> None:
    rng = np.random.default_rng(2)
    X = rng.normal(size=(4_000, 3))
    months = np.ceil(rng.exponential(np.exp(3.2 - X[:, 0])))
    months[months > 12] = np.nan
    groups = np.arange(len(X))
    model = fit_hazard(X, months, np.full(len(X), 12.0), groups, (1, 0, 0), max_trees=80)
    found = model.distress(X)
    assert (np.diff(found, axis=1) >= 0).all()
    assert auc((months <= 3).astype(float), found[:, 0]) > 0.65
    assert found[:, 2].mean() == pytest.approx(np.mean(months <= 12), abs=0.03)


def test_validation_figures_agree_with_scikit_learn() -> None:
    from sklearn.metrics import brier_score_loss, log_loss, roc_auc_score

    rng = np.random.default_rng(5)
    pd = np.round(rng.beta(1, 12, 3_000), 3)
    outcome = (rng.random(3_000) < pd).astype(float)
    found = figures(outcome, pd)
    assert found["auc"] == pytest.approx(roc_auc_score(outcome, pd))
    assert found["brier"] == pytest.approx(brier_score_loss(outcome, pd))
    assert found["log_loss"] == pytest.approx(log_loss(outcome, np.clip(pd, 1e-12, 1)), rel=1e-6)
    assert found["ece"] < 0.03
    assert roc(outcome, pd)["true_positive"][-1] == 1
    assert sum(one["rows"] for one in calibration(outcome, pd)) == 3_000
    low, high = jeffreys(5, 100)
    assert low < 0.05 < high
    assert psi(pd, pd) == pytest.approx(0)
    assert psi(pd, pd + 0.2) > 0.5
