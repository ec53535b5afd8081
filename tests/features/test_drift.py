"""Two tables of features are compared: moved ones are told, equal ones are not, odd ones break nothing."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.code_values import compared_codes
from features.definition import Feature
from features.dictionary import registered
from features.drift import BadComparison, by_source, compare, graded
from records.words import Text


def feature(code: str = "one", item: str = "tax.filing") -> Feature:
    return Feature(
        code=code,
        item=item,
        segments=("enterprise",),
        words=Text("一", "one"),
        unit="count",
        direction=1,
        measure=lambda r, w: r.count(where=w),
    )


def table(**columns: Any) -> pa.Table:
    return pa.table({code: pa.array(np.asarray(values, np.float64)) for code, values in columns.items()})


def moved(old: Any, new: Any) -> Any:
    return compare(table(one=old), table(one=new), [feature()])[0]


VALUES = st.lists(
    st.one_of(st.floats(-1e6, 1e6, width=32), st.sampled_from([0.0, float("nan"), float("inf")])),
    min_size=1,
    max_size=80,
)


@settings(max_examples=60, deadline=None)
@given(VALUES)
def test_a_table_has_not_moved_against_itself(values: list[float]) -> None:
    found = moved(values, values)
    assert found.index == pytest.approx(0, abs=1e-12)
    assert found.worst == "stable"
    assert sum(one.shares.reference for one in found.bins) == pytest.approx(1)


@settings(max_examples=60, deadline=None)
@given(VALUES, VALUES)
def test_only_the_order_of_values_counts(old: list[float], new: list[float]) -> None:
    scaled = moved([4 * value for value in old], [4 * value for value in new])
    assert scaled.index == pytest.approx(moved(old, new).index, abs=1e-12)


@settings(max_examples=60, deadline=None)
@given(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6))
def test_one_subject_is_too_few_for_an_alarm(old: float, new: float) -> None:
    assert moved([old], [new]).worst == "stable"


def test_equal_populations_raise_no_more_false_alarms_than_said() -> None:
    rng, codes = np.random.default_rng(11), [f"f{number}" for number in range(20)]
    features = [feature(code) for code in codes]

    def sample(rows: int) -> pa.Table:
        return table(**{code: np.where(rng.random(rows) < 0.6, 0, rng.lognormal(0, 1, rows)) for code in codes})

    alarms = sum(compare(sample(60), sample(45), features)[0].worst != "stable" for _ in range(30))
    assert alarms <= 4


def test_a_shift_is_large_and_comes_first() -> None:
    rng = np.random.default_rng(12)
    same, other = rng.normal(0, 1, 600), rng.normal(1, 1, 600)
    found = compare(table(a=same, b=same), table(a=rng.normal(0, 1, 600), b=other), [feature("a"), feature("b")])
    assert [one.code for one in found] == ["b", "a"]
    assert [one.level for one in found] == ["large", "stable"]
    assert found[0].median.change == pytest.approx(1, abs=0.3)


def test_values_that_go_missing_are_told_apart() -> None:
    values = np.random.default_rng(13).normal(0, 1, 1000)
    gone = np.where(np.arange(1000) % 10 < 3, np.nan, values)
    found = moved(values, gone)
    assert found.by_missing == "large"
    assert found.missing.change == pytest.approx(0.3)
    assert next(one for one in found.bins if one.kind == "missing").shares.current == pytest.approx(0.3)
    assert moved(gone, gone).by_missing == "stable"


def test_events_that_stop_move_the_bin_of_zero() -> None:
    rng = np.random.default_rng(14)
    found = moved(np.where(rng.random(900) < 0.7, 0, rng.integers(1, 9, 900)), np.zeros(900))
    assert found.level == "large"
    assert found.zero.current == 1.0


@pytest.mark.parametrize(
    ("old", "new", "level"),
    [
        (np.ones(500), np.ones(300), "stable"),
        (np.ones(500), np.full(500, 2.0), "large"),
        (np.full(500, np.nan), np.full(80, np.nan), "stable"),
        (np.full(500, np.nan), np.ones(500), "large"),
        (np.arange(500.0), np.append(np.arange(499.0), np.inf), "stable"),
        (np.arange(500.0), np.full(500, -np.inf), "large"),
    ],
)
def test_constant_missing_and_infinite_columns_are_compared_too(old: Any, new: Any, level: str) -> None:
    found = moved(old, new)
    assert found.worst == level
    assert found.infinite.current == np.isinf(new).mean()


def test_what_cannot_be_compared_is_refused_in_both_languages() -> None:
    good = table(one=[1.0])
    cases = (
        (good, good.slice(0, 0), "no subject was known at the current"),
        (good.slice(0, 0), good, "reference"),
        (good, table(two=[1.0]), "lacks features one"),
        (pa.table({"one": ["x"]}), good, "type string"),
    )
    for old, new, says in cases:
        with pytest.raises(BadComparison, match=says) as refused:
            compare(old, new, [feature()])
        assert refused.value.text.zh != refused.value.text.en
    assert compare(good, good, []) == ()


def test_a_feature_of_two_sources_counts_with_both() -> None:
    codes = ("season_age_days", "weather_loss_share_of_output")
    features = [registered()[code] for code in codes]
    old, new = ({code: np.arange(300.0) + shift for code in codes} for shift in (0, 200))
    found = {one.source: one for one in by_source(compare(table(**old), table(**new), features))}
    assert found["agriculture"].features == 2
    assert found["insurance"].features == 1
    assert found["insurance"].level == "large"


def test_levels_ask_for_more_than_chance() -> None:
    assert [graded(index, 0.05) for index in (0.05, 0.1, 0.249, 0.25)] == ["stable", "moderate", "moderate", "large"]
    assert graded(0.4, 0.5) == "stable"


def test_code_values_that_come_and_go_are_told_where_chance_would_not_hide_them() -> None:
    found = compared_codes("court.case", "cause", {"loan": (300, 280), "sale": (0, 40), "labour": (35, 0)}, 3)
    assert (found.new, found.vanished, found.unseen) == (("sale",), ("labour",), ("sale",))
    assert found.level != "stable"
    rare = compared_codes("court.case", "cause", {"loan": (300, 280), "sale": (0, 2), "labour": (3, 0)}, 3)
    assert (rare.new, rare.vanished, rare.unseen, rare.level) == ((), (), ("sale",), "stable")
    assert compared_codes("court.case", "cause", {"loan": (9, 0)}).level == "stable"
