"""Fairness: an unfair gap is found, an even one is not, chance and small groups accuse nobody."""

from __future__ import annotations

from typing import Any

import numpy as np

from models.grades import pd_of
from models.validation.fairness import Fairness, fairness
from tests.models.validating import grouping


def audited(rows: int, penalty: float, share: float = 0.3, seed: int = 0) -> Fairness:
    """Two groups alike in truth; the second one's PDs are too high by ``penalty`` log-odds."""
    rng = np.random.default_rng(seed)
    truth = rng.normal(-3.4, 1.2, rows)
    second = rng.random(rows) < share
    outcome = (rng.random(rows) < pd_of(truth)).astype(float)
    attribute = grouping("sex", "性别", "sex", ["1" if one else "0" for one in second])
    return fairness(outcome, pd_of(truth + penalty * second), np.arange(rows), [attribute])[0]


def second(found: Fairness) -> Any:
    return next(one for one in found.groups if one.value == "1")


def test_a_group_whose_pds_are_too_high_is_found() -> None:
    one = second(audited(6_000, 1.5))
    assert one.finding == "adverse"
    assert one.impact_interval.high < 0.8
    assert one.opportunity_interval.high < 0
    assert one.calibrated is False
    assert audited(6_000, 1.5).worst == "adverse"
    assert audited(6_000, 1.5).dispersion_p < 0.01


def test_groups_alike_are_even() -> None:
    found = audited(6_000, 0.0)
    assert second(found).finding == "even"
    assert second(found).calibrated
    assert found.dispersion_p > 0.01
    assert found.reference == "0"
    reference = next(one for one in found.groups if one.value == "0")
    assert (reference.impact, reference.opportunity, reference.finding) == (1, 0, "reference")


def test_a_gap_that_chance_may_give_is_watched_not_accused() -> None:
    found = [second(audited(220, 0.9, seed=seed)).finding for seed in range(12)]
    assert "watch" in found


def test_a_group_that_is_never_favoured_is_not_too_few() -> None:
    rows = 2_000
    pd = np.where(np.arange(rows) % 4 == 0, 0.3, 0.01)
    attribute = grouping("sex", "性别", "sex", ["1" if at % 4 == 0 else "0" for at in range(rows)])
    found = fairness(np.zeros(rows), pd, np.arange(rows), [attribute])[0]
    assert second(found).finding == "adverse"
    assert second(found).impact == 0


def test_small_groups_and_unknown_ones_are_named_but_not_judged() -> None:
    values = ["0"] * 500 + ["1"] * 30 + ["2"] * 5 + ["?"] * 20
    pd = np.full(len(values), 0.02)
    found = fairness(np.zeros(len(values)), pd, np.arange(len(values)), [grouping("sex", "性别", "sex", values)])[0]
    by_value = {one.value: one for one in found.groups}
    assert "?" not in by_value
    assert by_value["1"].finding == by_value["2"].finding == "few"
    assert by_value["1"].impact is None
    assert by_value["2"].observed is None  # five subjects could be told apart


def test_of_many_villages_the_largest_are_listed_and_all_are_tested() -> None:
    rng = np.random.default_rng(0)
    pd = np.full(6_000, 0.05)
    village = np.arange(6_000) % 200
    outcome = (rng.random(6_000) < np.where(village < 20, 0.2, 0.033)).astype(float)
    found = fairness(outcome, pd, np.arange(6_000), [grouping("v", "村", "village", [f"v{one}" for one in village])])[0]
    assert len(found.groups) <= 12
    assert found.groups_in_all == 200
    assert found.dispersion_p < 0.01
