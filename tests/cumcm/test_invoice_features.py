from __future__ import annotations

import math
from datetime import date, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pytest

from features.invoices import FEATURES
from features.pipeline import FeaturePipeline
from huixin.cumcm.base import fill
from huixin.cumcm.reader import read_cumcm
from records.base import RecordBase
from records.moment import end_of_day
from records.settings import Settings

AS_OF = end_of_day(date(2025, 12, 31))
ROWS = [
    # day, direction, counterparty, amount, tax, status
    ("2025-01-10", "sale", "K1", "3000.00", "90.00", "valid"),
    ("2025-06-10", "sale", "K2", "1000.00", "30.00", "valid"),
    ("2025-06-11", "sale", "K2", "-200.00", "-6.00", "valid"),
    ("2025-06-12", "sale", "K3", "9999.00", "0.00", "void"),
    ("2025-12-01", "sale", "K1", "200.00", "6.00", "valid"),
    ("2025-12-02", "purchase", "L1", "1000.00", "130.00", "valid"),
]


@pytest.fixture
def base(tmp_path: Path) -> RecordBase:
    return RecordBase.open(Settings(home=tmp_path / "home", database_url=None))


def take(base: RecordBase, path: Path, rows: list[tuple[str, ...]], learnt: datetime | None = None) -> None:
    days = [date.fromisoformat(row[0]) for row in rows]
    pl.DataFrame(
        {
            "record_id": [f"R{number}-{learnt}" for number in range(len(rows))],
            "subject_number": ["E1"] * len(rows),
            "occurred_on": days,
            "recorded_at": [learnt or datetime.combine(day, datetime.min.time()) for day in days],
            "direction": [row[1] for row in rows],
            "counterparty": [row[2] for row in rows],
            "amount": pl.Series([row[3] for row in rows]).cast(pl.Decimal(18, 2)),
            "tax": pl.Series([row[4] for row in rows]).cast(pl.Decimal(18, 2)),
            "status": [row[5] for row in rows],
        }
    ).write_parquet(path)
    assert base.append(path, "tax.invoice", history=True, pseudonyms="t").rows_rejected == 0


def features_of(base: RecordBase) -> dict[str, float]:
    subject = base.identity.subject_id("pseudonym:t", "E1")
    return FeaturePipeline(base.connection(("tax.invoice",)), "enterprise", FEATURES).one(subject, AS_OF)


def test_values_worked_by_hand(base: RecordBase, tmp_path: Path) -> None:
    take(base, tmp_path / "rows.parquet", ROWS)
    found = features_of(base)

    assert found["invoice_sales_month_36m"] == pytest.approx(4000 / 12)
    assert found["invoice_sales_count_month_36m"] == pytest.approx(4 / 12)
    assert found["invoice_margin_36m"] == pytest.approx(0.75)
    assert found["invoice_sales_tax_rate_36m"] == pytest.approx(0.03)
    assert found["invoice_sales_void_share_36m"] == pytest.approx(1 / 5)
    assert found["invoice_sales_return_share_36m"] == pytest.approx(1 / 4)
    assert found["invoice_customers_36m"] == 2
    assert found["invoice_customer_concentration_36m"] == pytest.approx(0.8**2 + 0.2**2)
    assert found["invoice_largest_customer_share_36m"] == pytest.approx(0.8)
    assert found["invoice_sales_active_share_36m"] == pytest.approx(3 / 12)
    assert found["invoice_sales_peak_share_36m"] == pytest.approx(0.75)
    monthly = np.array([3000, 800, 200] + [0] * 9)
    assert found["invoice_sales_variation_36m"] == pytest.approx(monthly.std() / monthly.mean())
    assert found["invoice_sale_age_days"] == 30
    assert found["invoice_history_months"] == 11
    assert math.isnan(found["invoice_sales_change_year"])


def test_an_invoice_learnt_later_changes_nothing(base: RecordBase, tmp_path: Path) -> None:
    take(base, tmp_path / "rows.parquet", ROWS)
    before = features_of(base)
    take(base, tmp_path / "later.parquet", ROWS, learnt=AS_OF + timedelta(microseconds=1))
    after = features_of(base)
    assert all(
        a == b or (math.isnan(a) and math.isnan(b)) for a, b in zip(before.values(), after.values(), strict=True)
    )


def test_no_invoice_is_missing_and_not_zero(base: RecordBase) -> None:
    found = features_of(base)
    assert math.isnan(found["invoice_customers_36m"])
    assert math.isnan(found["invoice_sales_month_36m"])
    assert found["invoice_sales_month_12m"] == 0


def test_amounts_of_any_size_have_a_concentration(base: RecordBase, tmp_path: Path) -> None:
    huge = "9999999999999.99"
    take(base, tmp_path / "rows.parquet", [("2025-03-01", "sale", f"K{n}", huge, "0.00", "valid") for n in range(4)])
    found = features_of(base)
    assert found["invoice_customer_concentration_36m"] == pytest.approx(0.25)
    assert math.isfinite(found["invoice_sales_variation_36m"])


def test_alone_and_in_bulk_are_the_same_bits(data_set: Path, tmp_path: Path) -> None:
    data = read_cumcm(data_set)
    base = fill(data, Settings(home=tmp_path / "home", database_url=None))
    ids = [base.identity.subject_id("pseudonym:cumcm", code) for code in data.enterprises["code"]]
    moments = [end_of_day(day) for day in (date(2018, 7, 15), date(2019, 3, 31), data.as_of_day)]
    spine = pa.table(
        {
            "subject_id": [one for one in ids for _ in moments],
            "as_of": pa.array(moments * len(ids), pa.timestamp("us")),
        }
    )
    pipeline = FeaturePipeline(base.connection(("tax.invoice",)), "enterprise", FEATURES)
    bulk = pipeline.build(spine).to_pylist()
    for row in bulk[::4]:
        alone = pipeline.one(row["subject_id"], row["as_of"])
        for code, value in alone.items():
            assert value == row[code] or (math.isnan(value) and math.isnan(row[code])), code
