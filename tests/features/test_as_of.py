"""The as-of's rule at its edges: corrections, expiry, evidence, order of rows, ratios without a base."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from features.dictionary import UnknownFeature, registered
from features.outcomes import label
from features.pipeline import FeaturePipeline
from features.spine import BadSpine, month_end_spine, month_ends
from records.moment import add_months, end_of_day, month_end

DAY = date(2025, 6, 30)
AS_OF = end_of_day(DAY)
Make = Callable[..., dict[str, Any]]


def months_back(count: int) -> date:
    return month_end(add_months(date(2025, 6, 1), -count))


def filing(row: Make, back: int, **changed: Any) -> dict[str, Any]:
    fields = {"revenue": 100, "tax_due": 10, "tax_paid": 10, "days_late": 0, **changed}
    return row(months_back(back), **fields)


def loan(row: Make, back: int, dpd: int = 0, kind: str = "enterprise", **changed: Any) -> dict[str, Any]:
    fields = {"account": "a", "principal": 100, "balance": 50, "five_class": "normal", "security": "credit"}
    return row(months_back(back), kind, days_past_due=dpd, **{**fields, **changed})


def ask(connection: Any, segment: str = "enterprise", as_of: datetime = AS_OF) -> dict[str, float]:
    return FeaturePipeline(connection, segment).one("s", as_of)


def test_a_record_is_seen_from_the_very_instant_it_was_recorded(connect: Any, row: Make) -> None:
    learnt = datetime(2025, 6, 20, 8, 0, 0, 1)
    case = row(date(2025, 6, 1), amount=9, closed_on=None, recorded_at=learnt)
    connection = connect({"court.enforcement": [case]})
    assert ask(connection, as_of=learnt)["enforcement_open_count"] == 1
    assert ask(connection, as_of=learnt - timedelta(microseconds=1))["enforcement_open_count"] == 0


def test_records_of_others_change_nothing(connect: Any, row: Make) -> None:
    own = [filing(row, back) for back in range(1, 14)] + [filing(row, 1, revenue=7, subject_id="nobody")]
    others = [filing(row, back, revenue=900, subject_id=f"s{back}") for back in range(1, 14)]
    alone, among = (connect({"tax.filing": rows}) for rows in (own, own + others))
    assert np.array_equal(np.array(list(ask(alone).values())), np.array(list(ask(among).values())), equal_nan=True)
    asked = pa.table({"subject_id": ["s", "s3"], "as_of": pa.array([AS_OF, AS_OF], pa.timestamp("us"))})
    ages = FeaturePipeline(among, "enterprise").build(asked)["tax_filing_age_days"].to_pylist()
    assert ages == [(DAY - months_back(back)).days for back in (1, 3)]


def test_the_shanghai_day_decides_what_is_open_or_expired(connect: Any, row: Make) -> None:
    closed = row(date(2025, 1, 1), amount=9, closed_on=date(2025, 6, 30), expires_on=date(2030, 6, 30))
    connection = connect({"court.enforcement": [closed]})
    late_evening_in_shanghai = datetime(2025, 6, 29, 15, 59)
    after_midnight_in_shanghai = datetime(2025, 6, 29, 16, 0)
    assert ask(connection, as_of=late_evening_in_shanghai)["enforcement_open_count"] == 1
    assert ask(connection, as_of=after_midnight_in_shanghai)["enforcement_open_count"] == 0
    assert ask(connection, as_of=after_midnight_in_shanghai)["enforcement_count_36m"] == 1


def test_a_ratio_without_a_base_is_missing(connect: Any, row: Make) -> None:
    found = ask(connect({"tax.filing": [filing(row, back, revenue=0, tax_due=0, tax_paid=0) for back in (1, 2)]}))
    assert math.isnan(found["tax_paid_share_12m"])
    assert math.isnan(found["revenue_lowest_share_12m"])
    assert found["revenue_month_12m"] == 0.0


def test_change_over_a_year_compares_only_like_months(connect: Any, row: Make) -> None:
    short = [filing(row, back) for back in range(1, 15)]
    assert math.isnan(ask(connect({"tax.filing": short}))["revenue_change_year"])
    gaps = [filing(row, back, revenue=90) for back in (1, 2, 4, 5)] + [
        filing(row, back, revenue=100) for back in range(13, 19)
    ]
    assert ask(connect({"tax.filing": gaps}))["revenue_change_year"] == 0.9


def test_social_insurance_power_and_compliance(connect: Any, row: Make) -> None:
    contributions = [
        row(months_back(back), insured_persons=8 if back <= 3 else 10, due=100, paid=50 if back == 2 else 100)
        for back in range(1, 13)
    ]
    bills = [row(months_back(back), kwh=100 * back, bill=10, days_late=6 if back == 1 else 0) for back in range(1, 4)]
    found = ask(
        connect(
            {
                "social_insurance.contribution": contributions,
                "power.usage": bills,
                "environment.rating": [
                    row(months_back(20), year=2023, colour="red"),
                    row(months_back(8), year=2024, colour="blue"),
                ],
                "market.penalty": [row(months_back(14), kind="fine", amount=300)],
                "tax.grade": [row(months_back(14), year=2023, grade="A"), row(months_back(2), year=2024, grade="C")],
                "market.registration": [
                    row(date(2020, 1, 1), name="x", industry="C", status="active", registered_on=date(2015, 6, 30))
                ],
            }
        )
    )
    assert found["social_paid_share_12m"] == pytest.approx(1150 / 1200)
    assert found["social_short_months_share_12m"] == pytest.approx(1 / 12)
    assert found["insured_persons_change_3m"] == pytest.approx(0.8)
    assert found["power_kwh_month_12m"] == 200
    assert found["power_late_days_month_3m"] == 2
    assert found["environment_rating_level"] == 2
    assert (found["penalty_count_12m"], found["penalty_count_36m"], found["penalty_amount_36m"]) == (0, 1, 300)
    assert found["tax_grade_level"] == 1
    assert found["firm_age_years"] == pytest.approx(10, abs=0.01)
    assert math.isnan(found["registered_capital"])


def test_household_land_insurance_and_guarantees(connect: Any, row: Make) -> None:
    connection = connect(
        {
            "village.household": [
                row(
                    months_back(30),
                    "farmer",
                    village="东村",
                    members=4,
                    labourers=1,
                    head_birth_year=1970,
                    head_sex="female",
                ),
                row(
                    months_back(3),
                    "farmer",
                    village="东村",
                    members=5,
                    labourers=2,
                    head_birth_year=1970,
                    head_sex="female",
                ),
            ],
            "land.contract": [
                row(months_back(40), "farmer", kind="paddy", area_mu=3.5, ends_on=date(2025, 6, 30)),
                row(months_back(40), "farmer", kind="dry", area_mu=2.25, ends_on=date(2030, 1, 1)),
            ],
            "insurance.policy": [row(months_back(4), "farmer", premium=10, insured=600, ends_on=date(2025, 12, 31))],
            "farm.season": [row(months_back(2), "farmer", kind="crop", product="稻", cost=100, output=300)],
            "loan.guarantee": [row(months_back(9), "farmer", guaranteed="t", amount=500, ends_on=None)],
            "loan.account_month": [loan(row, 1, kind="farmer", balance=250)],
        }
    )
    found = ask(connection, "farmer")
    assert found["household_labour_share"] == 0.4
    assert found["land_area_mu"] == 2.25
    assert found["insurance_cover_share"] == 2
    assert found["guarantees_over_balance"] == 2
    assert found["loan_balance_over_output"] == pytest.approx(250 / 300)
    audit = [one for one in registered().values() if one.use == "fairness"]
    groups = FeaturePipeline(connection, "farmer", audit).one("s", AS_OF)
    assert (groups["head_sex_female"], groups["head_birth_year"]) == (1, 1970)
    assert groups["village_group"] == _first_digits("东村")


def _first_digits(name: str) -> int:
    import hashlib

    return int(hashlib.md5(name.encode(), usedforsecurity=False).hexdigest()[:8], 16)


def test_evidence_shows_what_tells_the_most_and_only_what_was_visible(connect: Any, row: Make) -> None:
    months = [loan(row, back, dpd=9 if back in (4, 6) else 0) for back in range(1, 9)]
    hidden = loan(row, 5, dpd=80, recorded_at=AS_OF + timedelta(days=1))
    replaced = loan(row, 4, dpd=70, superseded_at=AS_OF)
    grades = [row(months_back(back), year=2024, grade="B") for back in (2, 14)]
    connection = connect({"loan.account_month": [*months, hidden, replaced], "tax.grade": grades})
    pipeline = FeaturePipeline(connection, "enterprise")
    found = pipeline.evidence(
        "s", AS_OF, ["loan_dpd_max_12m", "loan_utilisation_3m", "tax_grade_level", "dishonest_now"]
    )
    assert [one.record_id for one in found["loan_dpd_max_12m"]] == [months[3]["record_id"], months[5]["record_id"]]
    assert [one.record_id for one in found["loan_utilisation_3m"]] == [one["record_id"] for one in months[:3]]
    assert [one.record_id for one in found["tax_grade_level"]] == [grades[0]["record_id"]]
    assert found["dishonest_now"] == ()
    several = pipeline.evidence_of_many(
        [("nobody", AS_OF), ("s", AS_OF), ("s", AS_OF - timedelta(days=150))], list(found), 5
    )
    assert several[1] == found
    assert not any(several[0].values())
    assert [one.record_id for one in several[2]["loan_dpd_max_12m"]] == [months[5]["record_id"]]
    clean = FeaturePipeline(connect({"loan.account_month": [loan(row, 1), loan(row, 2)]}), "enterprise")
    assert len(clean.evidence("s", AS_OF, ["loan_dpd_max_12m"])["loan_dpd_max_12m"]) == 2
    with pytest.raises(UnknownFeature):
        pipeline.evidence("s", AS_OF, ["no_such_feature"])


def test_the_order_of_records_changes_no_bit(connect: Any, row: Make) -> None:
    random = np.random.default_rng(3)
    filings = [
        filing(row, back, revenue=round(float(random.gamma(2, 1e5)), 2), tax_paid=round(float(random.random()), 2))
        for back in range(1, 30)
    ]
    invoices = [
        row(
            months_back(int(random.integers(1, 30))),
            direction="sale" if random.random() < 0.6 else "purchase",
            counterparty=f"c{random.integers(5)}",
            amount=round(float(random.normal(3e4, 2e4)), 2),
            tax=1.17,
            status="valid",
        )
        for _ in range(200)
    ]
    wanted = ask(connect({"tax.filing": filings, "tax.invoice": invoices}))
    for _ in range(3):
        shuffled = {
            "tax.filing": [filings[at] for at in random.permutation(len(filings))],
            "tax.invoice": [invoices[at] for at in random.permutation(len(invoices))],
        }
        found = ask(connect(shuffled))
        assert {code: np.float64(value).tobytes() for code, value in found.items()} == {
            code: np.float64(value).tobytes() for code, value in wanted.items()
        }


def test_instants_with_a_zone_are_understood_and_bad_spines_refused(connect: Any, row: Make) -> None:
    pipeline = FeaturePipeline(connect({"tax.arrears": [row(months_back(2), amount=50)]}), "enterprise")
    instant = pa.array([datetime(2025, 6, 30, 15, 59)], pa.timestamp("us", "UTC"))
    local = instant.cast(pa.timestamp("us", "Asia/Shanghai"))
    made = pipeline.build(pa.table({"subject_id": ["s"], "as_of": local}))
    assert made["as_of"].to_pylist() == [datetime(2025, 6, 30, 15, 59)]
    assert made["tax_arrears_count_12m"].to_pylist() == [1.0]
    for bad in (
        {"subject_id": ["s"]},
        {"subject_id": ["s"], "as_of": ["yesterday"]},
        {"subject_id": [None], "as_of": local},
    ):
        with pytest.raises(BadSpine):
            pipeline.build(pa.table(bad))


def test_the_spine_names_who_was_known_by_then(connect: Any, row: Make) -> None:
    rows = [
        row(date(2025, 1, 20), amount=1, subject_id="early"),
        row(date(2025, 1, 20), amount=1, subject_id="late", recorded_at=datetime(2025, 2, 10)),
    ]
    connection = connect({"tax.arrears": rows}, about=("enterprise", "farmer"))
    found = month_end_spine(connection, "enterprise", date(2025, 1, 1), date(2025, 2, 1)).to_pylist()
    assert [(one["subject_id"], one["as_of"]) for one in found] == [
        ("early", end_of_day(date(2025, 1, 31))),
        ("early", end_of_day(date(2025, 2, 28))),
        ("late", end_of_day(date(2025, 2, 28))),
    ]
    assert month_end_spine(connection, "enterprise", date(2025, 3, 1), date(2025, 2, 1)).num_rows == 0
    assert month_end_spine(connection, "farmer", date(2025, 1, 1), date(2025, 2, 1)).num_rows == 0


def test_silence_before_the_banks_deadline_is_not_good_news(connect: Any, row: Make) -> None:
    rows = [
        loan_month
        for day in month_ends(date(2024, 6, 1), date(2025, 6, 30))
        for loan_month in [
            row(day, account="a", principal=1, balance=1, five_class="normal", days_past_due=0, security="credit")
        ]
    ]
    listing = row(date(2025, 3, 5), amount=1, removed_on=None, subject_id="t")
    connection = connect({"loan.account_month": rows, "court.dishonest": [listing]})
    spine = pa.table(
        {"subject_id": ["s", "t"], "as_of": pa.array([end_of_day(date(2024, 6, 30))] * 2, pa.timestamp("us"))}
    )
    soon = label(connection, spine, "enterprise", known_at=datetime(2025, 7, 3)).to_pylist()
    later = label(connection, spine, "enterprise", known_at=datetime(2025, 7, 12)).to_pylist()
    assert math.isnan(soon[0]["outcome"])
    assert later[0]["outcome"] == 0.0
    assert soon[1]["outcome"] == later[1]["outcome"] == 1.0
    assert soon[1]["months_to_event"] == 9
    distress = label(connection, spine, "enterprise", event="distress", known_at=datetime(2025, 3, 4)).to_pylist()
    assert math.isnan(distress[1]["outcome"])
