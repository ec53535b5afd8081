"""Files that sources really send: odd JSON, odd Parquet types, damaged archives. Refused in words, never a crash."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from datetime import UTC, datetime, time
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from county.numbers import enterprise_numbers
from records.base import Receipt, RecordBase
from records.errors import BadBatch
from records.reading import read_chunks

FIRMS = [str(number) for number in enterprise_numbers(np.arange(20))]
COLUMNS = ["record_id", "subject_number", "occurred_on", "period", "revenue", "tax_due", "tax_paid", "days_late"]


def filing(number: int, **changed: Any) -> dict[str, Any]:
    values = [f"f{number}", FIRMS[number], "2025-01-31", "2025-01-31", "1234.56", "10.00", "10.00", "0"]
    return {**dict(zip(COLUMNS, values, strict=True)), **changed}


def csv_text(rows: list[dict[str, Any]]) -> str:
    return "\n".join([",".join(COLUMNS), *(",".join(row[name] for name in COLUMNS) for row in rows)])


def refused(receipt: Receipt) -> list[tuple[int, str]]:
    if receipt.quarantine is None:
        return []
    lines = [json.loads(line) for line in Path(receipt.quarantine).read_text().splitlines()]
    return [(line["row"], line["field"]) for line in lines]


@pytest.mark.parametrize(
    ("line", "field"),
    [
        (json.dumps(filing(2, revenue=float("nan"))), "revenue"),
        (json.dumps(filing(2, revenue=float("-inf"))), "revenue"),
        (json.dumps(filing(2, days_late=True)), "days_late"),
        (json.dumps(filing(2)).replace('"f2"', '"\\ud800"'), ""),
        (json.dumps(filing(2, revenue={"amount": 1})), ""),
        ("[" * 100_000, ""),
        ("[1, 2]", ""),
        ("{}", ""),
        ('{"record_id": "f2"', ""),
        ("not json", ""),
    ],
)
def test_an_odd_json_line_is_refused_alone(base: RecordBase, tmp_path: Path, line: str, field: str) -> None:
    path = tmp_path / "b.jsonl"
    path.write_text("\n".join([json.dumps(filing(1)), line, json.dumps(filing(3))]))
    receipt = base.append(path, "tax.filing")
    assert (receipt.rows_read, receipt.rows_accepted) == (3, 2)
    assert refused(receipt) == [(2, field)]


def test_large_json_numbers_keep_every_digit(base: RecordBase, tmp_path: Path) -> None:
    path = tmp_path / "b.jsonl"
    path.write_text(json.dumps(filing(1)).replace('"1234.56"', "900000000000001.23"))
    assert base.append(path, "tax.filing").rows_accepted == 1
    assert str(base.connection().table("tax_filing").revenue.execute()[0]) == "900000000000001.23"


def test_a_column_that_comes_late_in_the_file_is_still_known_or_refused(
    base: RecordBase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("records.reading.json_lines.JSON_ROWS", 2)
    path = tmp_path / "b.jsonl"
    path.write_text("\n".join(json.dumps(row) for row in [filing(1), filing(2), filing(3, colour="red")]))
    with pytest.raises(BadBatch, match="unknown columns colour"):
        base.append(path, "tax.filing")
    assert base.batches() == []
    assert base.connection().table("tax_filing").count().execute() == 0


def test_a_line_without_end_is_refused_before_it_fills_the_memory(
    base: RecordBase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("records.reading.encodings.LONGEST_LINE", 1 << 20)
    path = tmp_path / "b.jsonl"
    path.write_text(json.dumps(filing(1)) + "\n[" + "0," * (1 << 20))
    with pytest.raises(BadBatch, match="line 2: too long"):
        base.append(path, "tax.filing")


ROWS = pl.DataFrame([filing(1), filing(2)])


@pytest.mark.parametrize(
    ("name", "values", "fields"),
    [
        ("revenue", pl.Series([[1], [2]]), {"revenue"}),
        ("revenue", pl.Series([time(1), time(2)]), {"revenue"}),
        ("revenue", pl.Series([float("nan"), float("inf")]), {"revenue"}),
        ("days_late", pl.Series([1.5, 2.5]), {"days_late"}),
        ("days_late", pl.Series([True, False]), {"days_late"}),
        ("record_id", pl.Series([{"a": 1}, {"a": 2}]), {"record_id"}),
        ("record_id", pl.Series([b"\xff", b"ab"]), {"record_id"}),
        ("record_id", pl.Series([None, None]), {"record_id"}),
        ("occurred_on", pl.Series([19_000, 20_000]), {"occurred_on"}),
        ("occurred_on", pl.Series([datetime(2025, 1, 1, 5), datetime(2025, 1, 1, 6)]), {"occurred_on"}),
    ],
)
def test_parquet_columns_of_another_type_are_refused_by_row(
    base: RecordBase, tmp_path: Path, name: str, values: pl.Series, fields: set[str]
) -> None:
    path = tmp_path / "b.parquet"
    pq.write_table(ROWS.with_columns(values.alias(name)).to_arrow(), path)
    receipt = base.append(path, "tax.filing")
    assert receipt.rows_rejected == 2
    assert {field for _, field in refused(receipt)} == fields


@pytest.mark.parametrize(
    ("values", "day"),
    [
        (pl.Series([datetime(2025, 1, 30)] * 2), "2025-01-30"),
        (pl.Series([datetime(2025, 1, 30, 23, 30, tzinfo=UTC)] * 2), "2025-01-31"),
        (pl.Series([datetime(2025, 1, 30).date()] * 2), "2025-01-30"),
    ],
)
def test_parquet_days_are_days_in_shanghai(base: RecordBase, tmp_path: Path, values: pl.Series, day: str) -> None:
    path = tmp_path / "b.parquet"
    pq.write_table(ROWS.with_columns(occurred_on=values).to_arrow(), path)
    assert base.append(path, "tax.filing").rows_accepted == 2
    days = base.connection().table("tax_filing").occurred_on.to_pyarrow().to_pylist()
    assert {str(one) for one in days} == {day}


def twice_the_same_column(path: Path) -> None:
    table = ROWS.to_arrow()
    pq.write_table(pa.table([*table.columns, table.column(0)], names=[*COLUMNS, "record_id"]), path)


def cut_in_half(path: Path) -> None:
    pq.write_table(pl.concat([ROWS] * 500).to_arrow(), path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def damaged_inside(path: Path) -> None:
    content = bytearray(gzip.compress(csv_text([filing(number) for number in range(20)]).encode() * 50))
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(content)


def no_column_names(path: Path) -> None:
    path.write_text("\n\n")


@pytest.mark.parametrize(
    ("name", "write"),
    [
        ("b.parquet", twice_the_same_column),
        ("b.parquet", cut_in_half),
        ("b.csv.gz", damaged_inside),
        ("b.csv", no_column_names),
    ],
)
def test_a_damaged_file_is_refused_whole(
    base: RecordBase, tmp_path: Path, name: str, write: Callable[[Path], None]
) -> None:
    write(tmp_path / name)
    with pytest.raises(BadBatch) as problem:
        base.append(tmp_path / name, "tax.filing")
    assert name in problem.value.text.zh
    assert base.batches() == []
    assert [path for path in base.settings.records_folder.rglob("*") if path.is_file()] == []


def test_a_csv_in_which_every_row_is_too_wide_tells_each_row(base: RecordBase, tmp_path: Path) -> None:
    path = tmp_path / "b.csv"
    header, *lines = csv_text([filing(1), filing(2)]).splitlines()
    path.write_text("\n".join([header, *(line + ",1" for line in lines)]))
    assert refused(base.append(path, "tax.filing")) == [(1, ""), (2, "")]


def test_blanks_around_column_names_and_values_do_not_change_types(base: RecordBase, tmp_path: Path) -> None:
    path = tmp_path / "b.csv"
    path.write_text(csv_text([filing(1, revenue="900000000000001.10")]).replace(",", " , "))
    assert base.append(path, "tax.filing").rows_accepted == 1
    assert str(base.connection().table("tax_filing").revenue.execute()[0]) == "900000000000001.10"


@pytest.mark.parametrize("late", ["", '"'])
@pytest.mark.parametrize("block", [1 << 10, 1 << 20])
def test_rows_are_numbered_alike_whoever_splits_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, late: str, block: int
) -> None:
    """Short, long, blank and quoted rows, on either side of the ends of blocks."""
    monkeypatch.setattr("records.reading.csv_files.BLOCK_BYTES", block)
    rows = [f"r{number},{number},x" for number in range(400)]
    expected = dict(enumerate(rows, 1))
    for place, line in ((3, "short,1"), (50, "long,1,2,3"), (51, "long,1,2,3"), (120, "short"), (399, "l,o,n,g")):
        rows[place] = line
        del expected[place + 1]
    rows[300] = f"{late}r300{late},300,x"
    rows[301] = f"r301,{late}301{late},"
    expected[302] = "r301,301,"
    path = tmp_path / "a.csv"
    path.write_text("a,b,c\r\n" + "\r\n".join(rows))
    found, unreadable = {}, []
    for chunk in read_chunks(path):
        texts = chunk.frame.select(pl.concat_str(pl.all().fill_null(""), separator=","))["a"]
        found |= dict(zip(chunk.row.tolist(), texts, strict=True))
        unreadable += chunk.unreadable
    assert found == expected
    assert sorted(unreadable) == [4, 51, 52, 121, 400]


def test_lines_that_cannot_be_read_may_come_first(
    base: RecordBase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("records.reading.json_lines.JSON_ROWS", 2)
    path = tmp_path / "b.jsonl"
    path.write_text("\n".join(["no object", "[]", "1", json.dumps(filing(1))]))
    assert refused(base.append(path, "tax.filing")) == [(1, ""), (2, ""), (3, "")]
    path.write_text("no object\n[]\n1")
    with pytest.raises(BadBatch, match="missing columns"):
        base.append(path, "tax.filing")
