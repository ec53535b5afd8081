"""The one rule of what an as-of may see says the same in SQL and in Ibis."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import ibis
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from records.as_of import VISIBLE, moments, visible
from records.moment import shanghai_day

MIDNIGHT = datetime(2025, 6, 30, 16)
INSTANTS = st.integers(-3, 3).map(lambda steps: MIDNIGHT + timedelta(hours=12 * steps))
DAYS = st.integers(-2, 2).map(lambda days: date(2025, 7, 1) + timedelta(days=days))
SCHEMA = pa.schema(
    {
        "recorded_at": pa.timestamp("us"),
        "superseded_at": pa.timestamp("us"),
        "expires_on": pa.date32(),
        "occurred_on": pa.date32(),
    }
)


@st.composite
def rows(draw: st.DrawFn) -> list[dict[str, Any]]:
    one = st.fixed_dictionaries(
        {
            "recorded_at": INSTANTS,
            "superseded_at": st.none() | INSTANTS,
            "expires_on": st.none() | DAYS,
            "occurred_on": DAYS,
        }
    )
    return draw(st.lists(one, min_size=1, max_size=30))


@settings(max_examples=40, deadline=None)
@given(rows(), INSTANTS)
def test_sql_and_ibis_see_the_same_records(records: list[dict[str, Any]], as_of: datetime) -> None:
    backend = ibis.duckdb.connect()
    table = backend.create_table("r", pa.Table.from_pylist(records, SCHEMA).append_column("n", [range(len(records))]))
    spine = ibis.memtable({"as_of": [as_of], "as_of_day": [shanghai_day(as_of)]})
    joined = spine.join(table, visible(table, spine)).select("n").to_pyarrow()["n"].to_pylist()
    found = backend.con.execute(f"SELECT n FROM r WHERE {VISIBLE}", moments(as_of)).fetchall()
    assert sorted(joined) == sorted(n for (n,) in found)
    day = shanghai_day(as_of)
    told = [
        n
        for n, one in enumerate(records)
        if one["recorded_at"] <= as_of
        and (one["superseded_at"] is None or one["superseded_at"] > as_of)
        and (one["expires_on"] is None or one["expires_on"] > day)
        and one["occurred_on"] <= day
    ]
    assert sorted(joined) == told
