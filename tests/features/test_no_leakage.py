"""Promise 1: what the base learns after an as-of changes no feature at that as-of."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import features.builder
import features.compiled
from features.dictionary import items_read, registered
from features.pipeline import FeaturePipeline
from records.catalogue import Catalogue, Field, Item
from records.moment import end_of_day
from tests.features.conftest import backend_of

ITEMS = Catalogue.load().items
AS_OF = end_of_day(date(2025, 6, 30))
FIRST = date(2023, 1, 1)


def measured(segment: str) -> dict[str, Item]:
    """The items that features of ``segment`` are measured on or reached by."""
    return {code: ITEMS[code] for code in items_read(segment)}


def values_of(field: Field) -> st.SearchStrategy[Any]:
    if field.codes:
        return st.sampled_from(sorted(field.codes))
    match field.type:
        case "money" | "decimal":
            return st.decimals(0, 10**6, places=2)
        case "integer":
            return st.integers(int(field.minimum or 0), int(field.maximum or 200))
        case "boolean":
            return st.booleans()
        case "date":
            return st.none() | st.dates(FIRST, date(2026, 6, 30))
        case "subject":
            return st.sampled_from(["s", "a", "b"])
        case _:
            return st.sampled_from(["a", "b", "c"])


@st.composite
def records(draw: st.DrawFn, segment: str, *, later: bool) -> list[tuple[str, dict[str, Any]]]:
    """Records of subject 's' and of others; ``later`` ones are recorded after the as-of, though they may have happened
    before it."""
    items = list(measured(segment).values())
    made = []
    for item in draw(st.lists(st.sampled_from(items), min_size=1, max_size=14)):
        happened = draw(st.dates(FIRST, date(2025, 6, 30)))
        recorded = datetime(happened.year, happened.month, happened.day, 16) + timedelta(days=draw(st.integers(0, 40)))
        if later:
            recorded = AS_OF + timedelta(microseconds=draw(st.integers(1, 10**13)))
        row = {name: draw(values_of(field)) for name, field in item.fields.items()}
        whose = draw(st.sampled_from(["s", "s", "a", "b"]))
        made.append((item.code, {**row, "subject_id": whose, "occurred_on": happened, "recorded_at": recorded}))
    return made


def connection_of(rows: list[tuple[str, dict[str, Any]]], segment: str, corrected: int | None = None) -> Any:
    """A base that holds ``rows``; where ``corrected`` is given, the last row supersedes that one."""
    return backend_of(
        {item.table: _table(item, rows, code, segment, corrected) for code, item in measured(segment).items()}
    )


def _table(
    item: Item, rows: list[tuple[str, dict[str, Any]]], code: str, segment: str, corrected: int | None
) -> pa.Table:
    schema = item.arrow_schema.append(pa.field("superseded_at", pa.timestamp("us")))
    schema = schema.append(pa.field("expires_on", pa.date32()))
    listed = []
    for number, (of, row) in enumerate(rows):
        if of == code:
            superseded = rows[-1][1]["recorded_at"] if number == corrected and rows[-1][0] == code else None
            keys = {"record_id": f"r{number}", "subject_kind": segment, "superseded_at": superseded}
            listed.append({**dict.fromkeys(schema.names), "subject_id": "s", **row, **keys})
    return pa.Table.from_pylist(listed, schema)


def bits(connection: Any, segment: str) -> dict[str, bytes]:
    found = FeaturePipeline(connection, segment, [one for one in registered().values() if segment in one.segments])
    return {code: np.float64(value).tobytes() for code, value in found.one("s", AS_OF).items()}


@pytest.mark.parametrize("segment", ["enterprise", "farmer"])
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_nothing_recorded_later_changes_a_feature(segment: str, data: st.DataObject) -> None:
    nothing_leaks(segment, data)


@pytest.mark.parametrize("segment", ["individual", "institution", "organisation", "government"])
@settings(max_examples=4, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_nor_those_that_no_model_learns_from(segment: str, data: st.DataObject) -> None:
    nothing_leaks(segment, data)


def nothing_leaks(segment: str, data: st.DataObject) -> None:
    known = data.draw(records(segment, later=False))
    later = data.draw(records(segment, later=True))
    before = bits(connection_of(known, segment), segment)
    corrected = data.draw(st.integers(0, len(known) - 1))
    later.append(
        (known[corrected][0], {**later[-1][1], **known[corrected][1], "recorded_at": AS_OF + timedelta(days=1)})
    )
    after = bits(connection_of(known + later, segment, corrected), segment)
    changed = [code for code in before if before[code] != after[code]]
    assert changed == []


def test_the_property_would_notice_a_leak(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without ``recorded_at <= as_of``, a record learnt later does change features, whichever way they are measured."""
    row = {"amount": 5, "cleared_on": None, "occurred_on": date(2025, 6, 1), "recorded_at": AS_OF + timedelta(days=3)}
    held = connection_of([("tax.arrears", row)], "enterprise")

    def counted(code: str) -> float:
        return FeaturePipeline(held, "enterprise", [registered()[code]]).one("s", AS_OF)[code]

    assert counted("tax_arrears_count_12m") == 0
    given = features.builder._given

    def recorded_long_ago(*asked: Any) -> Any:
        found = given(*asked)
        return replace(found, records=found.records._replace(recorded=np.zeros_like(found.records.recorded)))

    monkeypatch.setattr(features.builder, "_given", recorded_long_ago)
    assert counted("tax_arrears_count_12m") == 1
    monkeypatch.undo()
    rule = features.compiled.visible

    def without_recorded_at(records: Any, spine: Any) -> list[Any]:
        kept = rule(records, spine)
        del kept[0]
        return kept

    monkeypatch.setattr(features.builder, "_can_be_swept", lambda *_: False)
    assert counted("tax_arrears_count_24m") == 0
    monkeypatch.setattr(features.compiled, "visible", without_recorded_at)
    features.builder.ways.cache_clear()
    try:
        assert counted("tax_arrears_count_24m") == 1
    finally:
        features.builder.ways.cache_clear()
