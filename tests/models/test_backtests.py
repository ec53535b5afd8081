"""Backtests of grades: right PDs pass as often as they say, wrong ones are found, and a scale is cut evenly."""

from __future__ import annotations

import numpy as np
import pytest

from models.grades import GRADES, MasterScale, UnbalancedScale, pd_of
from models.validation.backtests import (
    backtest,
    binomial_p,
    check_scale,
    concentration,
    herfindahl,
    hosmer_lemeshow,
    jeffreys_p,
    traffic_light,
)
from models.validation.one_factor import conditional_pd, default_counts


def test_right_pds_pass_in_nearly_every_grade_and_halved_ones_do_not() -> None:
    rng = np.random.default_rng(4)
    pd = pd_of(rng.normal(-3.6, 1.4, 40_000))
    outcome = (rng.random(len(pd)) < pd).astype(float)
    right, low = backtest(outcome, pd, MasterScale()), backtest(outcome, pd / 2, MasterScale())
    assert right.used == len(GRADES)
    assert right.inside >= 8
    assert right.total.inside
    assert right.hosmer_lemeshow_p > 0.01
    assert low.inside <= 3
    assert low.total.colour == "red"
    assert low.hosmer_lemeshow_p < 0.001
    assert sum(one.rows for one in right.grades) == right.total.rows == 40_000
    assert right.scale.monotone


def test_the_tests_say_what_their_distributions_say() -> None:
    assert jeffreys_p(5, 100, 0.05) == pytest.approx(0.4719, abs=0.0001)
    assert jeffreys_p(12, 100, 0.05) < 0.005
    assert binomial_p(0, 100, 0.05) == 1
    assert binomial_p(12, 100, 0.05) == pytest.approx(0.0043, abs=0.0005)


@pytest.mark.parametrize("rows", [20, 4_000])
def test_hosmer_lemeshow_rejects_right_pds_as_often_as_it_says(rows: int) -> None:
    rng, pd = np.random.default_rng(1), np.array([0.005, 0.02, 0.05, 0.2])
    found = [hosmer_lemeshow(rng.binomial(rows, pd), np.full(4, rows), pd)[1] for _ in range(150)]
    assert np.mean(np.array(found) < 0.05) < 0.12
    assert np.mean(np.array(found) < 0.5) > 0.2


def test_a_light_is_green_where_nobody_defaulted_and_red_far_beyond_the_pd() -> None:
    assert traffic_light(0, 5, 0.0001) == "green"
    assert traffic_light(10, 1_000, 0.01) == "green"
    assert traffic_light(17, 1_000, 0.01) == "yellow"
    assert traffic_light(30, 1_000, 0.01) == "red"
    assert traffic_light(17, 1_000, 0.01, correlation=0.12) == "green"  # a bad year excuses it


def test_defaults_of_one_factor_are_as_drawn() -> None:
    rng = np.random.default_rng(0)
    drawn = rng.binomial(200, conditional_pd(0.03, 0.15, rng.standard_normal(200_000)))
    for count in (0, 4, 15, 40):
        assert default_counts(count, 200, 0.03, 0.15) == pytest.approx((drawn <= count).mean(), abs=0.004)
    assert default_counts(4, 200, 0.03) == pytest.approx(0.2810, abs=0.001)


def test_only_an_inversion_beyond_chance_breaks_the_order() -> None:
    rows = [0, 50, 400, 3_000, 3_000, 0, 500, 100, 10]
    by_chance = check_scale(rows, [0, 1, 3, 40, 80, 0, 60, 30, 4])
    assert [(one.better, one.worse) for one in by_chance.inversions] == [("AA", "A")]
    assert by_chance.monotone
    real = check_scale(rows, [0, 0, 3, 140, 80, 0, 60, 30, 4])
    assert not real.monotone
    assert not real.balanced
    assert real.largest_share == pytest.approx(3_000 / sum(rows))


def test_concentration_has_its_ends() -> None:
    even, one = np.full(9, 1 / 9), np.eye(9)[3]
    assert (herfindahl(even), concentration(even)) == (pytest.approx(1 / 9), pytest.approx(0))
    assert (herfindahl(one), concentration(one)) == (1, 1)


@pytest.mark.parametrize(("middle", "spread"), [(-4.2, 0.6), (-6.5, 0.3), (-0.5, 0.4), (-3.0, 0.05)])
def test_a_balanced_scale_leaves_no_grade_above_35_per_cent(middle: float, spread: float) -> None:
    pd = pd_of(np.random.default_rng(2).normal(middle, spread, 5_000))
    scale = MasterScale().balanced(pd)
    assert np.bincount(scale.positions(pd), minlength=9).max() / len(pd) <= 0.3502
    assert list(scale.upper) == sorted(set(scale.upper))


def test_a_scale_that_is_balanced_stays_and_one_that_cannot_be_is_refused() -> None:
    pd = pd_of(np.random.default_rng(2).normal(-3.6, 1.4, 5_000))
    assert MasterScale().balanced(pd) == MasterScale()
    with pytest.raises(UnbalancedScale, match="one PD"):
        MasterScale().balanced(np.full(100, 0.03))
