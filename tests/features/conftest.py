"""A connection over hand-made records, and the questions asked of it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import ibis
import pyarrow as pa
import pytest

from features.dictionary import items_read
from records.catalogue import Catalogue

Row = dict[str, Any]
Connect = Callable[..., Any]
ITEMS = Catalogue.load().items


def table_of(code: str, rows: list[Row]) -> pa.Table:
    """Rows of an item as the record base shows them; what a row leaves out is null."""
    schema = (
        ITEMS[code]
        .arrow_schema.append(pa.field("superseded_at", pa.timestamp("us")))
        .append(pa.field("expires_on", pa.date32()))
    )
    columns = {}
    for field in schema:
        values = [row.get(field.name) for row in rows]
        if pa.types.is_decimal(field.type):
            values = [None if value is None else Decimal(str(value)) for value in values]
        columns[field.name] = pa.array(values, field.type)
    return pa.table(columns)


def backend_of(tables: dict[str, pa.Table]) -> Any:
    """An Ibis backend with the given tables, made without the time that Ibis takes to make one."""
    backend = ibis.duckdb.connect()
    for name, table in tables.items():
        backend.con.register("given", table)
        backend.con.execute(f"CREATE TABLE {name} AS SELECT * FROM given")
        backend.con.unregister("given")
    return backend


@pytest.fixture(scope="session")
def connect() -> Connect:
    """Make a connection that holds the given rows by item code, and empty tables for what else is asked of it.

    That is, all that features of the ``segments`` are measured on, and every item ``about`` the kinds given.
    """

    def make(
        rows: dict[str, list[Row]], segments: tuple[str, ...] = ("enterprise", "farmer"), about: tuple[str, ...] = ()
    ) -> Any:
        codes = {code for segment in segments for code in items_read(segment)} | set(rows)
        codes |= {code for code, item in ITEMS.items() if set(item.subject_kinds) & set(about)}
        return backend_of({ITEMS[code].table: table_of(code, rows.get(code, [])) for code in sorted(codes)})

    return make


@pytest.fixture(scope="session")
def row() -> Callable[..., Row]:
    """A record of subject 's', recorded on the day it happened unless said otherwise."""
    numbers = iter(range(10**9))

    def make(day: date, subject_kind: str = "enterprise", **fields: Any) -> Row:
        return {
            "record_id": f"r{next(numbers)}",
            "subject_id": "s",
            "subject_kind": subject_kind,
            "occurred_on": day,
            "recorded_at": datetime(day.year, day.month, day.day, 12),
            **fields,
        }

    return make
