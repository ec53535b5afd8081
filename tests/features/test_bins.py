"""Bins and the stability index: what equal samples give, what moved ones, and how often chance alone cries wolf."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from features.bins import Bins, chance, parts, stability

VALUES = st.one_of(
    st.floats(allow_nan=True, allow_infinity=True, width=32),
    st.sampled_from([0.0, -0.0, 1.0, float("nan"), float("inf"), -float("inf")]),
    st.integers(0, 5).map(float),
)
SAMPLES = st.integers(0, 120).flatmap(lambda size: arrays(np.float64, size, elements=VALUES))
COUNTS = st.integers(1, 12).flatmap(
    lambda size: st.tuples(*(arrays(np.int64, size, elements=st.integers(0, 400)) for _ in range(2)))
)


@settings(max_examples=150, deadline=None)
@given(SAMPLES, SAMPLES)
def test_every_value_has_one_bin_and_the_bin_holds_it(reference: np.ndarray, current: np.ndarray) -> None:
    bins = Bins.of(reference)
    listed = list(bins)
    assert len(listed) == bins.size
    assert sorted(bins.in_order()) == list(range(bins.size))
    for sample in (reference, current):
        assert bins.count(sample).sum() == len(sample)
        for value, at in zip(sample.tolist(), bins.place(sample).tolist(), strict=True):
            one = listed[at]
            if np.isnan(value):
                assert one.kind == "missing"
            elif np.isinf(value):
                assert one.kind == "infinite"
            elif one.kind == "value":
                assert value == one.low
            else:
                assert one.low <= value < one.high
                assert value not in bins.spikes


@settings(max_examples=100, deadline=None)
@given(SAMPLES, st.integers(1, 4))
def test_a_sample_lies_at_no_distance_from_itself_however_often_it_is_repeated(sample: np.ndarray, times: int) -> None:
    bins = Bins.of(sample)
    assert stability(bins.count(sample), bins.count(np.tile(sample, times))) == pytest.approx(0.0, abs=1e-12)


@settings(max_examples=200, deadline=None)
@given(COUNTS, st.randoms())
def test_the_index_is_symmetric_never_negative_and_blind_to_the_order_of_bins(counts: tuple, random: object) -> None:
    old, new = counts
    index = stability(old, new)
    assert index >= 0
    assert stability(new, old) == pytest.approx(index, abs=1e-12)
    order = np.random.default_rng(random.randint(0, 2**32 - 1)).permutation(len(old))  # type: ignore[attr-defined]
    assert stability(old[order], new[order]) == pytest.approx(index, abs=1e-12)
    assert parts(old, new).sum() == pytest.approx(index, abs=1e-12)
    assert (parts(old, new) >= 0).all()


def test_the_index_is_the_customary_one_where_samples_are_large() -> None:
    old, new = np.array([50_000, 30_000, 20_000]), np.array([40_000, 30_000, 30_000])
    p, q = old / old.sum(), new / new.sum()
    assert stability(old, new) == pytest.approx(((q - p) * np.log(q / p)).sum(), rel=1e-3)


def test_shared_values_and_missing_ones_have_bins_of_their_own() -> None:
    values = np.concatenate([np.zeros(600), np.full(200, np.nan), np.linspace(1, 100, 200)])
    bins = Bins.of(values)
    assert bins.spikes.tolist() == [0.0]
    kinds = [one.kind for one in bins]
    assert kinds[:3] == ["missing", "infinite", "value"]
    assert bins.count(values)[:3].tolist() == [200, 0, 600]
    assert 2 <= kinds.count("range") <= 3
    continuous = Bins.of(np.linspace(0, 1, 1000))
    assert continuous.count(np.linspace(0, 1, 1000))[2:].tolist() == [100] * 10


@pytest.mark.parametrize(
    "sample", [np.empty(0), np.array([np.nan]), np.array([3.0]), np.full(50, 7.0), np.full(9, np.inf)]
)
def test_degenerate_samples_have_bins_too(sample: np.ndarray) -> None:
    bins = Bins.of(sample)
    moved = np.array([1.0, np.nan, np.inf])
    index, bound = stability(bins.count(sample), bins.count(moved)), chance(bins.count(sample), bins.count(moved), 0.95)
    assert np.isfinite(index)
    assert np.isfinite(bound)


@pytest.mark.parametrize(("old_rows", "new_rows"), [(40, 40), (100, 30), (300, 300), (5_000, 60)])
@pytest.mark.parametrize("zeros", [0.0, 0.97])
def test_equal_populations_exceed_the_bound_no_more_often_than_it_says(
    old_rows: int, new_rows: int, zeros: float
) -> None:
    rng = np.random.default_rng(old_rows + new_rows)
    level, trials, over = 0.95, 200, 0
    for _ in range(trials):
        old, new = (np.where(rng.random(n) < zeros, 0.0, rng.lognormal(0, 2, n)) for n in (old_rows, new_rows))
        bins = Bins.of(old)
        before, after = bins.count(old), bins.count(new)
        over += stability(before, after) > chance(before, after, level)
    assert over <= trials * (1 - level) + 3 * np.sqrt(trials * level * (1 - level))


@pytest.mark.parametrize("shift", [0.5, 1.0])
def test_a_shift_of_the_values_is_found(shift: float) -> None:
    rng = np.random.default_rng(1)
    found = 0
    for _ in range(50):
        old, new = rng.normal(0, 1, 800), rng.normal(shift, 1, 800)
        bins = Bins.of(old)
        before, after = bins.count(old), bins.count(new)
        index = stability(before, after)
        found += index >= 0.1 and index > chance(before, after, 0.9998)
    assert found >= 49
