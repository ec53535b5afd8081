"""The points table of a scorecard is the score: base plus one line a feature, missing values included."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.calibration import AffineCalibrator
from models.grades import unclipped_score
from models.scorecard import PointsRow, Scorecard

Floats = npt.NDArray[np.float64]
CALIBRATOR = AffineCalibrator(0.8, -0.3)
values = st.one_of(st.just(float("nan")), st.floats(-1e6, 1e6), st.integers(-4, 4).map(float))


@pytest.fixture(scope="module")
def card() -> Scorecard:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(4_000, 4))
    X[:, 1] = np.round(X[:, 1])
    p = 1 / (1 + np.exp(2.5 - 1.3 * X[:, 0] + 0.9 * X[:, 1]))
    outcome = (rng.random(len(X)) < p).astype(float)
    X[rng.random(X.shape) < 0.1] = np.nan
    return Scorecard((1, -1, 0, 1)).fit(X, outcome)


def line_of(table: tuple[PointsRow, ...], feature: int, value: float) -> PointsRow | None:
    for row in table:
        missing = row.interval is None and np.isnan(value)
        inside = row.interval is not None and row.interval[0] <= value < row.interval[1]
        if row.feature == feature and (missing or inside):
            return row
    return None


@settings(max_examples=200, deadline=None)
@given(row=st.lists(values, min_size=4, max_size=4))
def test_base_and_one_line_a_feature_make_the_score(card: Scorecard, row: list[float]) -> None:
    base, table = card.explainer_.points_table(CALIBRATOR.slope, CALIBRATOR.intercept)
    lines = [line_of(table, feature, value) for feature, value in enumerate(row)]
    by_hand = base + sum(line.points for line in lines if line is not None)
    score = unclipped_score(CALIBRATOR.log_odds(card.margin(np.array([row]))))[0]
    assert by_hand == pytest.approx(score, abs=1e-9)


def test_points_fall_where_the_declared_risk_rises(card: Scorecard) -> None:
    _, table = card.explainer_.points_table()
    for feature, direction in ((0, 1), (1, -1)):
        points = [row.points for row in table if row.feature == feature and row.interval is not None]
        assert len(points) >= 3
        assert (direction * np.diff(points) <= 1e-12).all()


def test_lines_cover_every_value_once_and_count_every_row(card: Scorecard) -> None:
    _, table = card.explainer_.points_table()
    for feature in {row.feature for row in table}:
        lines = [row for row in table if row.feature == feature]
        spans = [row.interval for row in lines if row.interval is not None]
        assert spans[0][0] == -np.inf
        assert spans[-1][1] == np.inf
        assert all(one[1] == other[0] for one, other in pairwise(spans))
        assert sum(row.rows for row in lines) == 4_000


def test_features_that_tell_nothing_are_left_out(card: Scorecard) -> None:
    assert card.explainer_.weights[2] == card.explainer_.weights[3] == 0
    assert (card.explainer_.weights >= 0).all()
