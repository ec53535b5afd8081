"""Sweeping gives, bit for bit, what joining the spine with its records gives; only the way is another."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.builder import measure, ways
from features.compiled import CompiledFeatures, duckdb_sql
from features.definition import Feature, latest, total
from features.dictionary import dictionary
from features.inputs import ordered, restored
from features.spine import month_ends, numbered
from features.sweep_kernels import month_of
from records.moment import end_of_day
from records.words import Text
from tests.features.conftest import Connect
from tests.features.many_records import ManyRecords

KINDS = ("enterprise", "farmer", "individual", "institution", "organisation", "government")
MONTHS = [end_of_day(day) for day in month_ends(date(2023, 11, 30), date(2025, 12, 31))]
WORDS = Text("测试", "test")


def joined(connection: Any, compiled: CompiledFeatures, rows: pa.Table) -> dict[str, np.ndarray]:
    """Measures by the joining passes alone."""
    found = {one.code: np.full(rows.num_rows, np.nan) for one in compiled.measures}
    with connection.con.cursor() as cursor:
        cursor.register("spine", rows)
        for query in compiled.passes:
            part = cursor.sql(query).to_arrow_table()
            for code in set(part.column_names) - {"row"}:
                found[code][part["row"].to_numpy()] = part[code].cast(pa.float64()).to_numpy()
    return found


def assert_the_same(connection: Any, compiled: CompiledFeatures, rows: pa.Table) -> dict[str, np.ndarray]:
    swept, expected = measure(connection, compiled, rows), joined(connection, compiled, rows)
    different = [code for code, column in expected.items() if not np.array_equal(swept[code], column, equal_nan=True)]
    assert different == []
    return swept


def spine(asked: list[tuple[str, datetime]]) -> pa.Table:
    subjects, moments = zip(*asked, strict=True)
    return numbered(pa.table({"subject_id": subjects, "as_of": pa.array(moments, pa.timestamp("us"))}))


@pytest.mark.parametrize("kind", KINDS)
def test_every_feature_of_a_kind_is_the_same_at_many_as_ofs(kind: str, connect: Connect) -> None:
    many = ManyRecords()
    many.add_histories(kind, subjects=5, records_an_item=40, seed=3)
    asked = [(f"{kind}-{number}", moment) for number in range(5) for moment in MONTHS]
    asked += [*many.asked, ("nobody", MONTHS[3]), (f"{kind}-1", datetime(2019, 1, 1))]
    Random(5).shuffle(asked)
    features = tuple(one for one in dictionary(kind))
    compiled = CompiledFeatures(features, kind, duckdb_sql)
    connection = connect(many.rows, segments=(kind,))
    measured = assert_the_same(connection, compiled, spine(asked))
    assert sum(np.isfinite(column).any() for column in measured.values()) >= 0.9 * len(measured)
    assert len([code for _, codes in ways(compiled).joins for code in codes]) <= 0.1 * len(measured)


def feature(code: str, measure: Any, item: str = "tax.filing", **fields: Any) -> Feature:
    return Feature(
        code=code, item=item, segments=("enterprise",), words=WORDS, unit="CNY", direction=0, measure=measure, **fields
    )


def test_two_records_of_one_day_are_told_apart_by_their_ids(connect: Connect, row: Any) -> None:
    day = date(2025, 3, 1)
    rows = [
        row(day, revenue=3, tax_due=1, tax_paid=1, days_late=0, record_id="b"),
        row(day, revenue=9, tax_due=1, tax_paid=1, days_late=0, record_id="c", superseded_at=datetime(2025, 6, 1)),
        row(day, revenue=7, tax_due=1, tax_paid=1, days_late=0, record_id="a"),
    ]
    compiled = CompiledFeatures((feature("last", lambda r, w: latest(r, r.revenue, w)),), "enterprise", duckdb_sql)
    asked = spine([("s", datetime(2025, 5, 1)), ("s", datetime(2025, 7, 1))])
    assert assert_the_same(connect({"tax.filing": rows}), compiled, asked)["last"].tolist() == [9.0, 3.0]


def test_sums_beyond_64_bits_are_exact_all_the_same(connect: Connect, row: Any) -> None:
    most = Decimal("9999999999999999.99")
    rows = [row(date(2025, 1, 1) + timedelta(days=day), revenue=most) for day in range(40)]
    rows += [row(date(2025, 3, 1), revenue=Decimal("0.01"))]
    compiled = CompiledFeatures((feature("all", lambda r, w: total(r.revenue, w)),), "enterprise", duckdb_sql)
    found = assert_the_same(connect({"tax.filing": rows}), compiled, spine([("s", datetime(2025, 5, 1))]))
    assert found["all"][0] == float(40 * most + Decimal("0.01"))


def test_a_number_that_float64_cannot_hold_is_rounded_as_the_engine_rounds_it(connect: Connect, row: Any) -> None:
    rows = [
        row(date(2025, 1, 1), revenue=Decimal("123456789012345.67")),
        row(date(2025, 1, 2), revenue=Decimal("0.06")),
    ]
    compiled = CompiledFeatures((feature("all", lambda r, w: total(r.revenue, w)),), "enterprise", duckdb_sql)
    assert_the_same(connect({"tax.filing": rows}), compiled, spine([("s", datetime(2025, 5, 1))] * 2))


@given(st.dates())
def test_the_month_of_a_day_is_that_of_the_calendar(day: date) -> None:
    assert month_of(day.toordinal() - date(1970, 1, 1).toordinal()) == day.year * 12 + day.month


def test_a_record_of_long_ago_is_swept_like_any_other(connect: Connect, row: Any) -> None:
    rows = [row(date(1, 1, 1), revenue=3, recorded_at=datetime(2025, 1, 1)), row(date(2025, 1, 1), revenue=4)]
    features = (
        feature("all", lambda r, w: total(r.revenue, w)),
        feature("year", lambda r, w: total(r.revenue, w), window_months=12),
        feature("months", lambda r, w: r.age_months.max(where=w)),
    )
    compiled = CompiledFeatures(features, "enterprise", duckdb_sql)
    found = assert_the_same(connect({"tax.filing": rows}), compiled, spine([("s", datetime(2025, 5, 1))]))
    assert (found["all"][0], found["year"][0], found["months"][0]) == (7.0, 4.0, 2024 * 12 + 4)


@given(st.lists(st.floats(allow_nan=False, allow_infinity=True), min_size=2))
def test_floating_point_numbers_keep_their_order_and_their_bits(numbers: list[float]) -> None:
    given_numbers = np.array(numbers) + 0.0
    whole = ordered(given_numbers)
    assert restored(whole).tobytes() == given_numbers.tobytes()
    assert np.array_equal(np.argsort(whole, kind="stable"), np.argsort(given_numbers, kind="stable"))
