from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest

from huixin.cumcm.reader import BadStudyData, read_cumcm


def test_reads_both_parts_in_either_encoding_and_compression(data_set: Path) -> None:
    data = read_cumcm(data_set)

    assert data.enterprises.height == 18
    assert data.enterprises["defaulted"].drop_nulls().sum() == 6
    assert data.enterprises["bank_grade"].null_count() == 3
    assert set(data.invoices["status"].unique()) == {"valid", "void"}
    assert data.invoices.schema["amount"] == pl.Decimal(18, 2)
    assert data.invoices["amount"].min() < Decimal(0)
    assert data.invoices["record_id"].is_unique().all()
    assert data.repeated == 1
    assert data.as_of_day == date(2019, 12, 31)


def test_an_invoice_is_known_from_the_end_of_its_month(data_set: Path) -> None:
    first = read_cumcm(data_set).invoices.row(0, named=True)

    assert first["occurred_on"].year == 2018
    assert first["recorded_at"].isoformat().endswith("T15:59:59.999999")
    assert first["recorded_at"].month == first["occurred_on"].month


def test_the_folder_above_is_accepted_too(made_up: Callable[[Path], Path], tmp_path: Path) -> None:
    made_up(tmp_path / "cumcm")
    assert read_cumcm(tmp_path).enterprises.height == 18


def test_the_part_without_record_may_be_absent(data_set: Path) -> None:
    (data_set / "nocredit").rename(data_set.parent / "elsewhere")
    assert read_cumcm(data_set).enterprises.height == 15


def test_says_where_it_looked_and_what_it_expects(tmp_path: Path) -> None:
    (tmp_path / "sba").mkdir()
    with pytest.raises(BadStudyData, match=r"credit/ and nocredit/ are expected.*enterprises\.csv") as caught:
        read_cumcm(tmp_path)
    assert "sba" in caught.value.text.en
    assert "应有 credit/" in caught.value.text.zh


def test_a_missing_file_is_named(data_set: Path) -> None:
    (data_set / "credit/sales.csv").unlink()
    with pytest.raises(BadStudyData, match=r"missing file sales\.csv or sales\.csv\.gz"):
        read_cumcm(data_set)


def test_a_truncated_file_is_told(data_set: Path) -> None:
    path = data_set / "credit/purchases.csv.gz"
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(BadStudyData, match="cannot be read"):
        read_cumcm(data_set)


def test_a_missing_column_is_named(data_set: Path) -> None:
    path = data_set / "credit/sales.csv"
    path.write_text(path.read_text("gb18030").replace("税额", "税", 1), encoding="gb18030")
    with pytest.raises(BadStudyData, match="missing columns 税额"):
        read_cumcm(data_set)


@pytest.mark.parametrize(
    ("part", "name", "old", "new", "reason"),
    [
        ("credit", "enterprises.csv", "D,是", "D,可能", "是 or 否 are accepted"),
        ("credit", "enterprises.csv", ",D,", ",E,", "A, B, C, D are accepted"),
        ("credit", "enterprises.csv", "E2,", "E1,", "enterprise code given twice"),
        ("nocredit", "sales.csv", "2018/1/", "2018-13-", "such as 2017/7/18 is accepted"),
        ("nocredit", "sales.csv", "有效发票", "正常", "有效发票 or 作废发票|有效发票 或 作废发票"),
        ("nocredit", "sales.csv", "E17,", "E99,", "enterprise code not listed"),
        ("nocredit", "sales.csv", "D0000", "D0000,12.345,", "cannot be read|two decimals"),
    ],
)
def test_bad_rows_are_told_by_line(data_set: Path, part: str, name: str, old: str, new: str, reason: str) -> None:
    path = data_set / part / name
    path.write_text(path.read_text("utf-8-sig").replace(old, new), encoding="utf-8")
    with pytest.raises(BadStudyData, match=reason) as caught:
        read_cumcm(data_set)
    assert f"{part}/{name.removesuffix('.csv')}" in caught.value.text.en
