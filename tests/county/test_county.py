"""The county is reproducible, valid, and its true PD is true."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stdnum.cn import ric, uscc

from county import CountyPlan, generate
from county.numbers import (
    enterprise_numbers,
    farmer_numbers,
    government_numbers,
    institution_numbers,
    officer_numbers,
    organisation_numbers,
    person_numbers,
)
from features.dictionary import dictionary, source_item
from models.validation import auc
from records.catalogue import Catalogue

SMALL = CountyPlan(subjects=600, months=30, block=300, seed=3)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(0, 10_000_000), min_size=1, max_size=20))
def test_numbers_pass_every_check_and_belong_to_nobody_alive(index: list[int]) -> None:
    places = np.array(index)
    bodies = [
        make(places) for make in (enterprise_numbers, institution_numbers, organisation_numbers, government_numbers)
    ]
    for number in np.concatenate(bodies):
        assert uscc.validate(str(number))[2:8] == "999999"
    people = [make(places) for make in (farmer_numbers, officer_numbers, person_numbers)]
    for number in np.concatenate(people):
        assert ric.get_birth_date(ric.validate(str(number))).year < 1900
    assert len({*np.concatenate([*bodies, *people]).tolist()}) == 7 * len({*index})


def test_the_same_plan_gives_the_same_bytes() -> None:
    first, second = list(generate(SMALL)), list(generate(SMALL))
    for one, other in zip(first, second, strict=True):
        assert one.truth.equals(other.truth)
        assert all(one.tables[code].equals(other.tables[code]) for code in one.tables)


def test_every_item_that_a_model_learns_from_is_reported_and_no_row_comes_from_the_future() -> None:
    tables: dict[str, list[pa.Table]] = {}
    for block in generate(CountyPlan(subjects=2_000, months=36, block=1_000)):
        for code, table in block.tables.items():
            tables.setdefault(code, []).append(table)
    learnt_from = {source_item(one) for segment in ("enterprise", "farmer") for one in dictionary(segment)}
    assert learnt_from <= set(tables) <= set(Catalogue.load().items)
    for parts in tables.values():
        rows = pa.concat_tables(parts)
        assert pc.all(pc.less_equal(rows["occurred_on"], rows["recorded_at"].cast(pa.date32(), safe=False))).as_py()
        assert len(set(rows["record_id"].to_pylist())) == rows.num_rows
        assert all(one.startswith("syn-") for one in rows["record_id"].to_pylist()[:50])


def test_corrections_come_later_than_what_they_correct() -> None:
    blocks = [block.tables for block in generate(SMALL)]
    rows = pa.concat_tables([tables["tax.filing"] for tables in blocks if "tax.filing" in tables])
    frame = pl.from_arrow(rows)
    assert isinstance(frame, pl.DataFrame)
    corrections = frame.filter(pl.col("supersedes").is_not_null())
    assert corrections.height > 0
    both = corrections.join(frame, left_on="supersedes", right_on="record_id")
    assert both.height == corrections.height
    assert (both["recorded_at"] - both["recorded_at_right"]).min() >= timedelta(days=1)


@pytest.mark.parametrize("kind", ["enterprise", "farmer"])
def test_the_true_pd_is_calibrated_and_tells_much_but_not_all(kind: str) -> None:
    plan = CountyPlan(subjects=12_000, months=30)
    truths = []
    for block in generate(plan):
        truths.append(block.truth)
    frame = pl.from_arrow(pa.concat_tables(truths))
    assert isinstance(frame, pl.DataFrame)
    asked, later = plan.month_ends[-13], plan.month_ends[-1]
    before = frame.filter((pl.col("month_end") == asked) & ~pl.col("in_default") & (pl.col("subject_kind") == kind))
    after = frame.filter(pl.col("month_end") == later).select("subject_number", happened="in_default")
    both = before.join(after, on="subject_number")
    outcome, pd = both["happened"].to_numpy().astype(float), both["pd_12m"].to_numpy()
    assert pd.min() > 0
    assert pd.max() < 1
    spread = np.sqrt((pd * (1 - pd)).sum()) / len(pd)
    assert abs(outcome.mean() - pd.mean()) < 5 * spread + 0.15 * pd.mean()
    assert 0.80 <= auc(outcome, pd) <= 0.92


def test_a_plan_that_cannot_be_is_refused() -> None:
    with pytest.raises(ValueError, match="13 months"):
        CountyPlan(months=6)
