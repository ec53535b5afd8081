"""A bad file gives a reject file; corrected where it says so and sent again, every row is in."""

from __future__ import annotations

import csv
import io
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow.parquet as pq
import pytest

from county.numbers import enterprise_numbers, farmer_numbers, officer_numbers
from records.base import Receipt, RecordBase
from records.cells import REJECT_COLUMNS, guarded, unguarded
from records.moment import now

FIRMS = [str(number) for number in enterprise_numbers(np.arange(20))]
FARMERS = [str(number) for number in farmer_numbers(np.arange(20))]
OFFICERS = [str(number) for number in officer_numbers(np.arange(20))]
WRONG = FIRMS[5][:-1] + ("0" if FIRMS[5][-1] != "0" else "1")


def registration(number: int, **changed: str) -> dict[str, str]:
    row = {
        "record_id": f"r{number}",
        "subject_number": FIRMS[number],
        "occurred_on": "2024-05-01",
        "name": f"惠民农机{number}",
        "industry": "C",
        "district": "东城区",
        "registered_capital": "1000.50",
        "legal_representative": OFFICERS[number],
        "status": "active",
        "supersedes": "",
    }
    return {**row, **changed}


def write(path: Path, rows: list[dict[str, Any]]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


def rejects(receipt: Receipt) -> list[dict[str, str]]:
    assert receipt.rejects is not None
    content = Path(receipt.rejects).read_bytes()
    assert content.startswith(b"\xef\xbb\xbf")
    return list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"))))


def kept_bytes(base: RecordBase) -> bytes:
    return b"".join(path.read_bytes() for path in base.settings.home.rglob("*") if path.is_file())


def test_a_corrected_reject_file_brings_every_row_in(base: RecordBase, tmp_path: Path) -> None:
    base.append(write(tmp_path / "0.csv", [registration(9)]), "market.registration")
    rows = [
        registration(0),
        registration(1, industry="Z"),
        registration(2, registered_capital="-5", status=""),
        registration(3, name="=HYPERLINK(1)", industry="?"),
        registration(4, legal_representative=WRONG),
        registration(5, subject_number=WRONG),
        registration(6, name=f"张三{OFFICERS[6]}"),
        registration(7, record_id=FARMERS[7]),
        registration(8, supersedes="nothing"),
        registration(9),
        registration(10, record_id="r0", name="+86 10 5555"),
        registration(11, registered_capital="12.345", name="'=a"),
    ]
    first = base.append(write(tmp_path / "1.csv", rows), "market.registration")
    assert (first.rows_accepted, first.rows_rejected) == (1, 11)
    told = rejects(first)
    assert list(told[0]) == [*rows[0], *REJECT_COLUMNS]
    assert [int(row["reject_row"]) for row in told] == list(range(2, 13))
    assert (
        told[1]["reject_field"] == "registered_capital; status"
        or told[1]["reject_field"] == "status; registered_capital"
    )
    assert all(row["reject_reason_zh"] and row["reject_reason_en"] for row in told)
    assert told[2]["name"] == "'=HYPERLINK(1)"
    assert [told[place][field] for place, field in ((3, "legal_representative"), (4, "subject_number"))] == ["", ""]
    assert [told[place][field] for place, field in ((5, "name"), (6, "record_id"))] == ["", ""]
    assert told[0]["subject_number"].startswith("sealed:")
    corrections = [
        {"industry": "E"},
        {"registered_capital": "5", "status": "active"},
        {"industry": "A"},
        {"legal_representative": OFFICERS[4]},
        {"subject_number": FIRMS[5]},
        {"name": "张三的店"},
        {"record_id": "r7"},
        {"supersedes": ""},
        {"record_id": "r9-again"},
        {"record_id": "r10"},
        {"registered_capital": "12.34"},
    ]
    again = write(tmp_path / "2.csv", [{**row, **mended} for row, mended in zip(told, corrections, strict=True)])
    second = base.append(again, "market.registration")
    assert (second.rows_accepted, second.rows_rejected) == (11, 0)
    stored = {row["record_id"]: row for row in base.connection().table("market_registration").to_pyarrow().to_pylist()}
    expected = {row["record_id"]: row for row in rows}
    for number in (1, 2, 3, 4, 6, 8, 10, 11):
        subject = base.identity.subject_id("uscc", FIRMS[number])
        person = base.identity.subject_id("ric", OFFICERS[number])
        assert (stored[f"r{number}"]["subject_id"], stored[f"r{number}"]["legal_representative"]) == (subject, person)
    assert stored["r3"]["name"] == "=HYPERLINK(1)"
    assert stored["r10"]["name"] == "+86 10 5555"
    assert stored["r11"]["name"] == expected["r11"]["name"] == "'=a"
    assert base.subject(FIRMS[1]).masked == f"{FIRMS[1][:2]}{'*' * 14}{FIRMS[1][-2:]}"
    kept = kept_bytes(base)
    assert not any(number.encode() in kept for number in (*FIRMS[:12], *OFFICERS[:12], FARMERS[7], WRONG))


def test_a_token_of_another_installation_or_for_another_kind_is_no_number(base: RecordBase, tmp_path: Path) -> None:
    stranger = base.identity.seal("uscc", "0" * 32, "91**************00")
    forged = stranger.replace("0" * 32, "1" * 32)
    person = base.identity.seal("ric", base.identity.subject_id("ric", FARMERS[0]), "11**************18")
    rows = [registration(1, subject_number=forged), registration(2, subject_number=person), registration(3)]
    receipt = base.append(write(tmp_path / "a.csv", rows), "market.registration")
    assert receipt.rows_accepted == 1
    assert {row["reject_field"] for row in rejects(receipt)} == {"subject_number"}
    assert {row["subject_number"] for row in rejects(receipt)} == {""}


@pytest.mark.parametrize("ending", ["parquet", "jsonl"])
def test_rows_of_other_formats_come_back_as_csv(base: RecordBase, tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"a.{ending}"
    rows = [registration(1), registration(2, industry="?"), registration(3, registered_capital="1.005")]
    if ending == "parquet":
        frame = pl.DataFrame(rows).with_columns(
            pl.col("occurred_on").str.to_datetime(), pl.lit(3.5).alias("registered_capital")
        )
        pq.write_table(frame.to_arrow(), path)
    else:
        path.write_text("\n".join([*map(json.dumps, rows), "no object"]))
    receipt = base.append(path, "market.registration")
    told = rejects(receipt)
    assert told[0]["occurred_on"] == "2024-05-01"
    told = [{**row, "industry": "C", "registered_capital": "7"} for row in told if row["record_id"]]
    assert base.append(write(tmp_path / "b.csv", told), "market.registration").rows_accepted == len(told)
    if ending == "jsonl":
        last = rejects(receipt)[-1]
        assert (last["reject_row"], last["record_id"]) == ("4", "")


def test_pseudonyms_and_moments_come_back_too(base: RecordBase, tmp_path: Path) -> None:
    rows = [
        {
            **registration(number, subject_number=f"E{number}", legal_representative=f"P{number}"),
            "recorded_at": "2024-06-01T08:00:00.25",
        }
        for number in (1, 2)
    ]
    rows[1]["record_id"] = "r1"
    options: dict[str, Any] = {"history": True, "pseudonyms": "study"}
    receipt = base.append(write(tmp_path / "a.csv", rows), "market.registration", **options)
    told = rejects(receipt)
    assert receipt.rows_rejected == 1
    again = base.append(write(tmp_path / "b.csv", [{**told[0], "record_id": "r2"}]), "market.registration", **options)
    assert again.rows_accepted == 1
    table = base.connection().table("market_registration")
    assert len({str(moment) for moment in table.recorded_at.to_pyarrow().to_pylist()}) == 1
    assert len(set(table.subject_id.to_pyarrow().to_pylist())) == 2


def test_a_clock_that_is_a_little_ahead_counts_as_the_receipt(base: RecordBase, tmp_path: Path) -> None:
    rows = [
        {**registration(1), "recorded_at": f"{now() + timedelta(minutes=4):%Y-%m-%dT%H:%M:%S}"},
        {**registration(2), "recorded_at": f"{now() + timedelta(minutes=9):%Y-%m-%dT%H:%M:%S}"},
    ]
    receipt = base.append(write(tmp_path / "a.csv", rows), "market.registration", history=True)
    assert [row["reject_reason_en"] for row in rejects(receipt)] == ["recorded in the future"]
    stored = base.connection().table("market_registration").recorded_at.to_pyarrow().to_pylist()
    assert stored == [receipt.received_at]


def test_all_rows_bad_gives_a_receipt_of_nothing(base: RecordBase, tmp_path: Path) -> None:
    rows = [registration(number % 20, record_id=f"r{number}", industry="?", status="?") for number in range(3_000)]
    receipt = base.append(write(tmp_path / "a.csv", rows), "market.registration")
    assert (receipt.rows_accepted, receipt.rows_rejected, receipt.files) == (0, 3_000, ())
    assert len(rejects(receipt)) == 3_000
    assert receipt.quarantine is not None
    assert len(Path(receipt.quarantine).read_text().splitlines()) == 6_000


def test_guards_come_off_as_they_went_on() -> None:
    texts = ["=1+1", "-1", "-1+1", "+5.0", "@x", "'", "'=1", "''@", "\tx", "\rx", "plain", "", None, "＝1", "1-1", "-"]
    frame = pl.DataFrame({"text": pl.Series(texts, dtype=pl.String), "number": range(len(texts))})
    written = guarded(frame)
    assert not any(str(text).startswith(("=", "@", "\t", "\r", "＝")) for text in written["text"].drop_nulls())
    assert written["text"][1] == "-1"
    assert unguarded(written).equals(frame)
