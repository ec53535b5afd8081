"""Calibration: few events do not run away, an anchor moves the mean alone, other curves are judged fairly."""

from __future__ import annotations

import numpy as np
import pytest

from models.calibration import PD_FLOOR, SLOPE_SPREAD, AffineCalibrator, UnsoundAnchor, floored, long_run_average
from models.grades import pd_of
from models.validation.recalibration import BetaCalibrator, recalibrations


def drawn(rows: int, seed: int = 0, slope: float = 1.0, intercept: float = 0.0):  # type: ignore[no-untyped-def]
    rng = np.random.default_rng(seed)
    margin = rng.normal(-3, 1.2, rows)
    return margin, (rng.random(rows) < pd_of(slope * margin + intercept)).astype(float)


def test_an_anchor_moves_every_score_alike_to_the_wanted_mean() -> None:
    margin, _ = drawn(5_000)
    before = AffineCalibrator(0.9, 0.2)
    after = before.anchored(margin, 0.06)
    assert pd_of(after.log_odds(margin)).mean() == pytest.approx(0.06, abs=1e-9)
    assert after.slope == before.slope
    moved = after.log_odds(margin) - before.log_odds(margin)
    assert np.ptp(moved) < 1e-12


@pytest.mark.parametrize("tendency", [0.0, 0.7, -0.1, float("nan"), 0.0005, 0.45])
def test_an_unsound_anchor_is_refused(tendency: float) -> None:
    margin, _ = drawn(1_000)
    with pytest.raises(UnsoundAnchor):
        AffineCalibrator().anchored(margin, tendency)
    with pytest.raises(UnsoundAnchor):
        AffineCalibrator().anchored(margin[:0], 0.05)


def test_with_few_events_a_prior_keeps_the_slope_near_one_and_with_many_it_has_no_say() -> None:
    few = [AffineCalibrator.fit(*drawn(150, seed)).slope for seed in range(40)]
    held = [AffineCalibrator.fit(*drawn(150, seed), spread=SLOPE_SPREAD).slope for seed in range(40)]
    assert np.std(held) < 0.6 * np.std(few)
    many = drawn(60_000, slope=0.7, intercept=-0.8)
    free = AffineCalibrator.fit(*many).slope
    assert AffineCalibrator.fit(*many, spread=SLOPE_SPREAD).slope == pytest.approx(free, abs=0.02)


def test_the_long_run_average_counts_each_year_once() -> None:
    as_of = np.repeat(np.array(["2022-12-31", "2023-06-30", "2023-12-31", "2024-12-31"], "datetime64[us]"), 1_000)
    outcome = np.zeros(4_000)
    for at, events in enumerate((20, 900, 40, 60)):
        outcome[at * 1_000 : at * 1_000 + events] = 1
    found = long_run_average(outcome, as_of)
    assert found.rate == pytest.approx(0.04)
    assert list(found.rates) == ["2022-12-31", "2023-12-31", "2024-12-31"]
    assert found.low < 0.04 < found.high
    assert not found.enough


def test_no_pd_for_capital_lies_below_the_floor() -> None:
    assert floored(np.array([0.0, 1e-6, 0.2])).tolist() == [PD_FLOOR, PD_FLOOR, 0.2]


def test_a_straight_curve_gains_nothing_and_a_bent_one_is_found() -> None:
    margin, outcome = drawn(8_000)
    straight = recalibrations(margin, outcome, np.arange(8_000))
    assert straight is not None
    assert all(one.gain_interval.low <= 0 for one in straight.calibrations)
    assert straight.slope == pytest.approx(1, abs=0.1)
    rng = np.random.default_rng(5)
    bent = (rng.random(8_000) < pd_of(np.where(margin > -3, 2.2 * (margin + 3) - 3, 0.2 * (margin + 3) - 3))).astype(
        float
    )
    found = recalibrations(margin, bent, np.arange(8_000))
    assert found is not None
    gains = {one.name: one.gain_interval.low for one in found.calibrations}
    assert gains["isotonic"] > 0
    assert gains["beta"] > 0
    assert recalibrations(margin[:50], np.zeros(50), np.arange(50)) is None


def test_beta_calibration_of_right_pds_is_the_identity() -> None:
    margin, outcome = drawn(60_000)
    pd = pd_of(margin)
    assert np.abs(BetaCalibrator.fit(pd, outcome).pd(pd) - pd).max() < 0.03
