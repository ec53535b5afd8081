"""Validation figures: what they are at their ends, and that chance and subjects are counted as they are."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.grades import GRADES, MasterScale
from models.validation import (
    bootstrap_interval,
    chance_ece,
    ece,
    gini,
    grade_table,
    h_measure,
    jeffreys,
    ks,
    ks_curve,
    psi,
    roc,
)


def drawn(rows: int, seed: int = 0) -> tuple[Any, Any]:
    rng = np.random.default_rng(seed)
    pd = rng.beta(1, 15, rows)
    return (rng.random(rows) < pd).astype(float), pd


def test_perfect_blind_and_backward_rankings_have_the_figures_of_theirs() -> None:
    outcome = np.array([0.0] * 80 + [1.0] * 20)
    perfect, blind = np.linspace(0, 1, 100), np.full(100, 0.2)
    assert (gini(outcome, perfect), ks(outcome, perfect)) == (1, 1)
    assert h_measure(outcome, perfect) == pytest.approx(1)
    assert gini(outcome, blind) == 0
    assert h_measure(outcome, blind) == pytest.approx(0)
    assert gini(outcome, -perfect) == -1
    assert np.isnan(gini(np.zeros(10), np.arange(10.0)))
    assert np.isnan(h_measure(np.zeros(10), np.arange(10.0)))


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000), power=st.floats(0.2, 5))
def test_ranking_figures_do_not_change_with_the_scale_of_the_pd(seed: int, power: float) -> None:
    outcome, pd = drawn(300, seed)
    for figure in (gini, h_measure):
        assert figure(outcome, pd**power) == pytest.approx(figure(outcome, pd), nan_ok=True)


def test_a_calibrated_model_misses_by_what_chance_gives() -> None:
    found = [ece(*drawn(1_000, seed)) for seed in range(60)]
    assert np.mean(found) == pytest.approx(chance_ece(drawn(1_000)[1]), rel=0.15)


def test_the_interval_knows_that_rows_of_a_subject_are_no_new_evidence() -> None:
    outcome, pd = drawn(400)
    copies = np.repeat(outcome, 9), np.repeat(pd, 9)
    alone = np.diff(bootstrap_interval(outcome, pd, rounds=200))[0]
    together = np.diff(bootstrap_interval(*copies, np.repeat(np.arange(400), 9), rounds=200))[0]
    naive = np.diff(bootstrap_interval(*copies, rounds=200))[0]
    assert together == pytest.approx(alone, rel=0.25)
    assert naive < together / 2


def test_curves_begin_and_end_where_they_must() -> None:
    outcome, pd = drawn(2_000)
    curve, shares = roc(outcome, pd), ks_curve(outcome, pd)
    assert (curve["false_positive"][0], curve["true_positive"][0]) == (0, 0)
    assert (curve["false_positive"][-1], curve["true_positive"][-1]) == (1, 1)
    assert (np.diff(curve["true_positive"]) >= 0).all()
    assert shares["bad"][-1] == shares["good"][-1] == 1


def test_the_grade_table_counts_everyone_once() -> None:
    outcome, pd = drawn(3_000)
    table = grade_table(outcome, pd, MasterScale())
    assert [one["grade"] for one in table] == list(GRADES)
    assert sum(one["rows"] for one in table) == 3_000
    assert sum(one["defaults"] for one in table) == outcome.sum()
    for one in table:
        low, high = MasterScale().range(one["grade"])
        assert one["mean_pd"] is None or low <= one["mean_pd"] < high
        assert one["low"] <= (one["observed"] or 0) <= one["high"]


def test_jeffreys_intervals_have_their_ends() -> None:
    assert jeffreys(0, 50)[0] == 0
    assert jeffreys(50, 50)[1] == 1
    drawn_rates = np.random.default_rng(0).beta(5.5, 95.5, 400_000)
    assert jeffreys(5, 100) == pytest.approx(np.percentile(drawn_rates, [2.5, 97.5]), abs=0.0005)


def test_stability_sees_a_shift_and_new_missing_values() -> None:
    rng = np.random.default_rng(1)
    before, after = rng.normal(size=4_000), rng.normal(size=4_000)
    gone = np.where(rng.random(4_000) < 0.3, np.nan, after)
    assert psi(before, after) < 0.02
    assert psi(before, after + 1) > 0.25
    assert psi(before, gone) > 0.25
