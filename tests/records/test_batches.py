"""Batches in: what is kept, what is refused and why, and that nothing else changes."""

from __future__ import annotations

import gzip
import json
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from county.numbers import enterprise_numbers, farmer_numbers
from records.base import RecordBase
from records.errors import BadBatch, BadIdentifier, UnknownItem, UnknownSubject
from records.moment import now, shanghai_day
from records.settings import Settings

FIRMS = [str(number) for number in enterprise_numbers(np.arange(50))]
FARMERS = [str(number) for number in farmer_numbers(np.arange(50))]


def filing(number: int, **changed: Any) -> dict[str, Any]:
    row = {
        "record_id": f"f{number}",
        "subject_number": FIRMS[number % len(FIRMS)],
        "occurred_on": "2025-01-31",
        "period": "2025-01-31",
        "revenue": "1234.56",
        "tax_due": "10.00",
        "tax_paid": "10.00",
        "days_late": "0",
    }
    return {**row, **changed}


def write_csv(path: Path, rows: list[dict[str, Any]], encoding: str = "utf-8") -> Path:
    columns = list(dict.fromkeys(name for row in rows for name in row))
    lines = [",".join(columns), *(",".join(str(row.get(name, "")) for name in columns) for row in rows)]
    path.write_bytes("\n".join(lines).encode(encoding))
    return path


def rejections(receipt: Any) -> list[dict[str, Any]]:
    return [json.loads(line) for line in Path(receipt.quarantine).read_text().splitlines()]


def stored(base: RecordBase, table: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = base.connection().table(table).order_by("record_id").to_pyarrow().to_pylist()
    return found


@pytest.mark.parametrize(
    ("changed", "field", "reason"),
    [
        ({"revenue": "12.345"}, "revenue", "two decimals"),
        ({"revenue": "abc"}, "revenue", "wrong type"),
        ({"revenue": "-1"}, "revenue", "out of range"),
        ({"revenue": ""}, "revenue", "required value is empty"),
        ({"days_late": "1.5"}, "days_late", "whole number"),
        ({"period": "2025/01/31"}, "period", "a date such as"),
        ({"occurred_on": "2999-01-01"}, "occurred_on", "after the day of receipt"),
        ({"subject_number": FIRMS[0][:-1] + ("0" if FIRMS[0][-1] != "0" else "1")}, "subject_number", "GB 32100"),
        ({"subject_number": FARMERS[0]}, "subject_number", "GB 32100"),
        ({"supersedes": "nothing"}, "supersedes", "does not exist"),
    ],
)
def test_a_bad_row_is_refused_with_its_reason_and_the_rest_is_kept(
    base: RecordBase, tmp_path: Path, changed: dict[str, Any], field: str, reason: str
) -> None:
    rows = [filing(1, supersedes=""), filing(2, **{"supersedes": "", **changed}), filing(3, supersedes="")]
    receipt = base.append(write_csv(tmp_path / "b.csv", rows), "tax.filing")
    assert (receipt.rows_read, receipt.rows_accepted, receipt.rows_rejected) == (3, 2, 1)
    found = rejections(receipt)
    assert [(one["row"], one["field"]) for one in found] == [(2, field)]
    assert reason in found[0]["reason"]["en"]
    assert found[0]["reason"]["zh"]
    assert [row["record_id"] for row in stored(base, "tax_filing")] == ["f1", "f3"]


def test_a_row_with_too_many_columns_is_refused_alone(base: RecordBase, tmp_path: Path) -> None:
    path = write_csv(tmp_path / "b.csv", [filing(number) for number in range(6)])
    lines = path.read_text().splitlines()
    lines[3] += ",extra"
    path.write_text("\n".join(lines))
    receipt = base.append(path, "tax.filing")
    assert receipt.rows_accepted == 5
    assert [one["row"] for one in rejections(receipt)] == [3]


def test_unknown_code_and_kind_are_refused(base: RecordBase, tmp_path: Path) -> None:
    row = {
        "record_id": "c1",
        "subject_kind": "enterprise",
        "subject_number": FIRMS[0],
        "occurred_on": "2025-01-05",
        "role": "defendant",
        "cause": "loan",
        "amount": "1",
    }
    rows = [row, {**row, "record_id": "c2", "role": "judge"}, {**row, "record_id": "c3", "subject_kind": "martian"}]
    receipt = base.append(write_csv(tmp_path / "b.csv", rows), "court.case")
    found = {one["record_id"]: one for one in rejections(receipt)}
    assert found["c2"]["field"] == "role"
    assert "plaintiff" in found["c2"]["reason"]["en"]
    assert found["c3"]["field"] == "subject_kind"
    assert receipt.rows_accepted == 1


def test_duplicate_ids_in_a_batch_and_in_the_base(base: RecordBase, tmp_path: Path) -> None:
    base.append(write_csv(tmp_path / "a.csv", [filing(1)]), "tax.filing")
    receipt = base.append(write_csv(tmp_path / "b.csv", [filing(1), filing(2), filing(2)]), "tax.filing")
    assert receipt.rows_accepted == 1
    reasons = [one["reason"]["en"] for one in rejections(receipt)]
    assert any("twice" in reason for reason in reasons)
    assert any("in the base already" in reason for reason in reasons)
    assert len(stored(base, "tax_filing")) == 2


def test_the_same_file_again_adds_nothing_and_gives_the_first_receipt(base: RecordBase, tmp_path: Path) -> None:
    path = write_csv(tmp_path / "a.csv", [filing(1), filing(2)])
    first = base.append(path, "tax.filing")
    again = base.append(path, "tax.filing")
    assert again.replayed
    assert again.batch_id == first.batch_id
    assert len(base.batches()) == 1


def test_correction_supersedes_from_its_own_moment(base: RecordBase, tmp_path: Path) -> None:
    base.append(write_csv(tmp_path / "a.csv", [filing(1)]), "tax.filing")
    base.append(write_csv(tmp_path / "b.csv", [filing(9, subject_number=FIRMS[1], supersedes="f1")]), "tax.filing")
    old, new = stored(base, "tax_filing")
    assert old["superseded_at"] == new["recorded_at"]
    assert new["superseded_at"] is None


def test_adverse_records_expire_five_years_after_the_conduct_ended(base: RecordBase, tmp_path: Path) -> None:
    row = {"record_id": "e1", "subject_kind": "enterprise", "subject_number": FIRMS[0], "occurred_on": "2018-03-01"}
    rows = [
        {**row, "amount": "5", "closed_on": "2019-02-03"},
        {**row, "record_id": "e2", "amount": "5", "closed_on": ""},
    ]
    base.append(write_csv(tmp_path / "e.csv", rows), "court.enforcement")
    closed, lasting = stored(base, "court_enforcement")
    assert str(closed["expires_on"]) == "2024-02-03"
    assert lasting["expires_on"] is None


@pytest.mark.parametrize("ending", ["csv", "csv.gz", "jsonl", "parquet"])
def test_every_format_gives_the_same_records(base: RecordBase, tmp_path: Path, ending: str) -> None:
    rows = [filing(number) for number in range(5)]
    path = tmp_path / f"b.{ending}"
    if ending == "parquet":
        pq.write_table(pl.DataFrame(rows).with_columns(pl.col("days_late").cast(pl.Int32)).to_arrow(), path)
    elif ending == "jsonl":
        path.write_text("\n".join(json.dumps({**row, "days_late": 0, "revenue": 1234.56}) for row in rows))
    elif ending == "csv.gz":
        path.write_bytes(gzip.compress(write_csv(tmp_path / "plain", rows).read_bytes()))
    else:
        write_csv(path, rows)
    assert base.append(path, "tax.filing").rows_accepted == 5
    assert [row["revenue"] for row in stored(base, "tax_filing")] == [Decimal("1234.56")] * 5


def registration(number: int, name: str) -> dict[str, Any]:
    return {
        "record_id": f"r{number}",
        "subject_number": FIRMS[number],
        "occurred_on": "2024-05-01",
        "name": name,
        "industry": "C",
        "district": "东城区",
        "status": "active",
    }


def test_gb18030_is_read_as_what_it_is(base: RecordBase, tmp_path: Path) -> None:
    base.append(write_csv(tmp_path / "g.csv", [registration(0, "惠民农机")], "gb18030"), "market.registration")
    assert stored(base, "market_registration")[0]["name"] == "惠民农机"


def test_utf8_with_a_byte_order_mark(base: RecordBase, tmp_path: Path) -> None:
    base.append(write_csv(tmp_path / "g.csv", [registration(0, "惠民农机")], "utf-8-sig"), "market.registration")
    assert stored(base, "market_registration")[0]["record_id"] == "r0"


def test_mixed_encodings_refuse_the_batch_and_name_the_line(base: RecordBase, tmp_path: Path) -> None:
    path = write_csv(tmp_path / "m.csv", [registration(number, "惠民农机") for number in range(3)])
    lines = path.read_bytes().split(b"\n")
    lines[2] = lines[2].decode().encode("gb18030")
    path.write_bytes(b"\n".join(lines))
    with pytest.raises(BadBatch, match="line 2 is UTF-8"):
        base.append(path, "market.registration")


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("e.csv", b"", "empty"),
        ("h.csv", b"record_id,subject_number,occurred_on,period,revenue,tax_due,tax_paid,days_late\n", "no rows"),
        ("m.csv", b"record_id,subject_number\na,b\n", "missing columns"),
        ("t.parquet", b"PAR1 this is cut off", "damaged or truncated"),
        ("t.ods", b"PK", "not accepted"),
        ("t.xlsx", b"PK", "damaged or truncated"),
        ("t.csv.gz", gzip.compress(b"record_id\n" * 1000, mtime=0)[:40], "damaged or truncated"),
        ("u.csv", b"\xff\xfe\x00\xd8\n", "neither UTF-8 nor GB18030"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_whole(
    base: RecordBase, tmp_path: Path, name: str, content: bytes, says: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(BadBatch) as refused:
        base.append(tmp_path / name, "tax.filing")
    assert says in refused.value.text.en
    assert base.batches() == []


def test_unknown_item_column_and_file(base: RecordBase, tmp_path: Path) -> None:
    path = write_csv(tmp_path / "a.csv", [filing(1, colour="red")])
    with pytest.raises(UnknownItem, match=r"tax\.filing"):
        base.append(path, "tax.filings")
    with pytest.raises(BadBatch, match="unknown columns colour"):
        base.append(path, "tax.filing")
    with pytest.raises(BadBatch, match="no such file"):
        base.append(tmp_path / "absent.csv", "tax.filing")


def test_recorded_at_belongs_to_historical_loads(base: RecordBase, tmp_path: Path) -> None:
    path = write_csv(tmp_path / "a.csv", [filing(1, recorded_at="2025-02-10T01:02:03")])
    with pytest.raises(BadBatch, match="historical load"):
        base.append(path, "tax.filing")
    future = f"{now() + timedelta(days=1):%Y-%m-%dT%H:%M:%S}"
    rows = [
        filing(1, recorded_at="2025-02-10T01:02:03"),
        filing(2, recorded_at=future),
        filing(3, recorded_at="2024-12-31"),
    ]
    rows.append(filing(4, recorded_at="2024-12-31T00:00:00"))
    receipt = base.append(write_csv(tmp_path / "b.csv", rows), "tax.filing", history=True)
    assert receipt.rows_accepted == 1
    assert str(stored(base, "tax_filing")[0]["recorded_at"]) == "2025-02-10 01:02:03"


def test_pseudonyms_only_where_the_load_says_so(base: RecordBase, tmp_path: Path) -> None:
    path = write_csv(tmp_path / "a.csv", [filing(1, subject_number="E17")])
    assert base.append(path, "tax.filing").rows_accepted == 0
    path = write_csv(tmp_path / "b.csv", [filing(2, subject_number="E17"), filing(3, subject_number="has space")])
    assert base.append(path, "tax.filing", pseudonyms="study").rows_accepted == 1


def test_a_subject_is_found_by_number_and_by_id(base: RecordBase, tmp_path: Path) -> None:
    base.append(write_csv(tmp_path / "a.csv", [filing(1)]), "tax.filing")
    subject = base.resolve(FIRMS[1])
    assert base.resolve(subject) == subject
    with pytest.raises(UnknownSubject):
        base.resolve(FIRMS[2])
    with pytest.raises((UnknownSubject, BadIdentifier)):
        base.resolve("not a number")


def test_no_identity_number_is_kept_in_clear(base: RecordBase, tmp_path: Path) -> None:
    wrong = FARMERS[3][:-1] + ("1" if FARMERS[3][-1] != "1" else "2")
    row = {"subject_kind": "farmer", "occurred_on": "2025-01-05", "kwh": "1", "bill": "2", "days_late": "0"}
    rows = [{"record_id": f"p{i}", "subject_number": FARMERS[i], **row} for i in range(3)]
    rows.append({"record_id": FARMERS[4], "subject_number": wrong, **row})
    receipt = base.append(write_csv(tmp_path / "p.csv", rows), "power.usage")
    assert receipt.rows_rejected == 1
    kept = b"".join(path.read_bytes() for path in base.settings.home.rglob("*") if path.is_file())
    for number in [*FARMERS[:5], wrong]:
        assert number.encode() not in kept
    assert all(FARMERS[0] not in str(value) for value in base.subjects()["masked"].to_pylist())


AMOUNTS = st.one_of(
    st.decimals(0, 10**12, places=2).map(str), st.sampled_from(["", "x", "1.234", "-5", "1e3", " 7.10 "])
)
DAYS = st.sampled_from(["2025-01-31", "2025-02-30", "", "2999-01-01", "2024-02-29"])


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(rows=st.lists(st.tuples(st.integers(0, 12), AMOUNTS, DAYS), min_size=1, max_size=12))
def test_every_row_is_either_kept_exactly_or_refused(
    rows: list[tuple[int, str, str]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("property")
    base = RecordBase.open(Settings(home=folder / "home"))
    sent = [filing(number, revenue=amount, occurred_on=day) for number, amount, day in rows]
    receipt = base.append(write_csv(folder / "b.csv", sent), "tax.filing")
    kept = stored(base, "tax_filing")
    refused = {one["row"] for one in rejections(receipt)} if receipt.quarantine else set()
    assert receipt.rows_accepted + receipt.rows_rejected == receipt.rows_read == len(rows)
    assert len(refused) == receipt.rows_rejected
    expected = {}
    for position, row in enumerate(sent, 1):
        if position not in refused:
            expected[row["record_id"]] = (Decimal(row["revenue"].strip()), row["occurred_on"])
    assert {row["record_id"]: (row["revenue"], str(row["occurred_on"])) for row in kept} == expected


def test_many_rows_stream_in_chunks(base: RecordBase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("records.reading.csv_files.BLOCK_BYTES", 4096)
    receipt = base.append(write_csv(tmp_path / "a.csv", [filing(number) for number in range(500)]), "tax.filing")
    assert receipt.rows_accepted == 500
    assert pa.table(base.connection().table("tax_filing").to_pyarrow()).num_rows == 500


def test_dates_are_days_in_shanghai(base: RecordBase, tmp_path: Path) -> None:
    today = shanghai_day(now())
    tomorrow = today + timedelta(days=1)
    rows = [filing(1, occurred_on=str(today)), filing(2, occurred_on=str(tomorrow))]
    assert base.append(write_csv(tmp_path / "a.csv", rows), "tax.filing").rows_accepted == 1
