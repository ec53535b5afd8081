"""Features of hand-made records have the values that a person would compute."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import date, datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from features.checks import BadFeature, check
from features.definition import Derived, Feature
from features.dictionary import features_for, registered
from features.outcomes import label
from features.pipeline import FeaturePipeline
from features.spine import month_ends
from records.catalogue import Catalogue
from records.moment import add_months, end_of_day, month_end
from records.words import Text

AS_OF = end_of_day(date(2025, 6, 30))
Make = Callable[..., dict[str, Any]]


def months_back(count: int) -> date:
    return month_end(add_months(date(2025, 6, 1), -count))


def values(connection: Any, segment: str = "enterprise", as_of: datetime = AS_OF) -> dict[str, float]:
    return FeaturePipeline(connection, segment).one("s", as_of)


def test_tax_features(connect: Any, row: Make) -> None:
    filings = [
        row(months_back(back), revenue=100 + 10 * back, tax_due=10, tax_paid=5 if back == 1 else 10, days_late=back % 2)
        for back in range(1, 13)
    ]
    arrears = [
        row(months_back(2), amount=50, cleared_on=None),
        row(months_back(8), amount=70, cleared_on=date(2025, 1, 1)),
    ]
    found = values(connect({"tax.filing": filings, "tax.arrears": arrears}))
    assert found["revenue_month_12m"] == pytest.approx(165)
    assert found["revenue_change_3m"] == pytest.approx(120 / 180)
    assert found["tax_paid_share_12m"] == pytest.approx(115 / 120)
    assert found["tax_paid_share_3m"] == pytest.approx(25 / 30)
    assert found["tax_short_months_share_12m"] == pytest.approx(1 / 12)
    assert found["tax_late_days_month_12m"] == pytest.approx(0.5)
    assert found["tax_arrears_open"] == 50
    assert found["tax_arrears_count_12m"] == 2
    assert math.isnan(found["revenue_change_year"])
    assert math.isnan(found["tax_grade_level"])


def test_loan_features_and_never_overdue(connect: Any, row: Make) -> None:
    months = [
        row(
            months_back(back),
            account="a",
            principal=100,
            balance=80,
            five_class="normal",
            days_past_due=dpd,
            security="credit",
        )
        for back, dpd in ((1, 0), (2, 5), (3, 0), (4, 40))
    ]
    found = values(connect({"loan.account_month": months}))
    assert found["loan_dpd_now"] == 5
    assert found["loan_dpd_max_6m"] == 40
    assert found["loan_overdue_months_share_12m"] == 0.5
    assert found["loan_utilisation_3m"] == pytest.approx(0.8)
    assert found["loan_overdue_age_days"] == (date(2025, 6, 30) - months_back(2)).days
    clean = values(connect({"loan.account_month": [months[0]]}))
    assert clean["loan_overdue_age_days"] == 3650
    none = values(connect({}))
    assert math.isnan(none["loan_dpd_now"])
    assert none["court_defendant_count_12m"] == 0


def test_farm_features(connect: Any, row: Make) -> None:
    seasons = [
        row(months_back(1), "farmer", kind="crop", product="水稻", area_mu=5, cost=100, output=150),
        row(months_back(9), "farmer", kind="livestock", product="生猪", cost=100, output=60),
    ]
    points = [row(months_back(14), "farmer", year=2024, points=60), row(months_back(2), "farmer", year=2025, points=80)]
    found = values(connect({"farm.season": seasons, "village.evaluation": points}), "farmer")
    assert found["season_margin_12m"] == pytest.approx(210 / 200)
    assert found["season_latest_margin"] == pytest.approx(1.5)
    assert found["season_worst_margin_36m"] == pytest.approx(0.6)
    assert found["season_loss_share_36m"] == 0.5
    assert found["village_points_latest"] == 80
    assert found["village_points_lowest_36m"] == 60


def test_a_correction_counts_from_the_moment_it_was_recorded(connect: Any, row: Make) -> None:
    learnt = datetime(2025, 6, 20)
    wrong = row(months_back(1), revenue=1000, tax_due=1, tax_paid=1, days_late=0, superseded_at=learnt)
    right = row(months_back(1), revenue=100, tax_due=1, tax_paid=1, days_late=0, recorded_at=learnt, supersedes="x")
    connection = connect({"tax.filing": [wrong, right]})
    assert values(connection, as_of=datetime(2025, 6, 19, 23))["revenue_month_12m"] == 1000
    assert values(connection, as_of=learnt)["revenue_month_12m"] == 100


def test_an_expired_record_is_gone_from_its_day_on(connect: Any, row: Make) -> None:
    old = row(date(2024, 1, 5), kind="fine", amount=5, expires_on=date(2025, 6, 30))
    connection = connect({"market.penalty": [old]})
    assert values(connection, as_of=end_of_day(date(2025, 6, 29)))["penalty_count_36m"] == 1
    assert values(connection, as_of=end_of_day(date(2025, 6, 30)))["penalty_count_36m"] == 0


def test_evidence_names_the_records_that_were_counted(connect: Any, row: Make) -> None:
    months = [
        row(
            months_back(back),
            account="a",
            principal=1,
            balance=1,
            five_class="normal",
            days_past_due=back,
            security="credit",
        )
        for back in range(1, 9)
    ]
    pipeline = FeaturePipeline(connect({"loan.account_month": months}), "enterprise")
    found = pipeline.evidence("s", AS_OF, ["loan_dpd_now", "loan_dpd_worsening"], limit=3)
    assert [one.record_id for one in found["loan_dpd_now"]] == [months[0]["record_id"], months[1]["record_id"]]
    assert len(found["loan_dpd_worsening"]) == 3
    assert found["loan_dpd_now"][0].item == "loan.account_month"


def test_unknown_subjects_and_early_as_ofs_give_empty_rows(connect: Any, row: Make) -> None:
    connection = connect({"tax.arrears": [row(months_back(2), amount=50)]})
    pipeline = FeaturePipeline(connection, "enterprise")
    early = end_of_day(date(2001, 1, 1))
    spine = pa.table({"subject_id": ["nobody", "s"], "as_of": pa.array([AS_OF, early], pa.timestamp("us"))})
    made = pipeline.build(spine)
    assert made["subject_id"].to_pylist() == ["nobody", "s"]
    assert made["tax_arrears_count_12m"].to_pylist() == [0.0, 0.0]
    assert all(math.isnan(value) for value in made["revenue_month_12m"].to_pylist())
    assert pipeline.build(spine.slice(0, 0)).num_rows == 0


def test_outcomes_know_default_censoring_and_who_could_default(connect: Any, row: Make) -> None:
    def month(day: date, dpd: int, subject: str) -> dict[str, Any]:
        fields = {"account": "a", "principal": 1, "balance": 1, "five_class": "normal", "security": "credit"}
        return row(day, days_past_due=dpd, subject_id=subject, **fields)

    days = month_ends(date(2024, 1, 1), date(2025, 6, 30))
    rows = [month(day, 0, "good") for day in days] + [
        month(day, 95 if day > date(2024, 9, 1) else 0, "bad") for day in days
    ]
    connection = connect({"loan.account_month": rows})
    asked = [
        ("good", date(2024, 6, 30)),
        ("bad", date(2024, 6, 30)),
        ("bad", date(2024, 12, 31)),
        ("good", date(2024, 9, 30)),
    ]
    spine = pa.table(
        {
            "subject_id": [subject for subject, _ in asked],
            "as_of": pa.array([end_of_day(day) for _, day in asked], pa.timestamp("us")),
        }
    )
    found = label(connection, spine, "enterprise").to_pylist()
    assert [one["eligible"] for one in found] == [True, True, False, True]
    assert found[0]["outcome"] == 0.0
    assert found[1]["outcome"] == 1.0
    assert found[1]["months_to_event"] == 3
    assert math.isnan(found[3]["outcome"])


def test_batch_and_single_subject_agree_bit_for_bit(trained_base: Any) -> None:
    connection = trained_base.connection()
    for segment in ("enterprise", "farmer"):
        ids = trained_base.subjects(segment)["subject_id"].to_pylist()
        pipeline = FeaturePipeline(connection, segment)
        moments = [end_of_day(date(2024, 3, 31)), datetime(2025, 7, 15, 3, 4, 5)]
        pairs = [(subject, moment) for subject in ids for moment in moments]
        spine = pa.table(
            {
                "subject_id": [subject for subject, _ in pairs],
                "as_of": pa.array([moment for _, moment in pairs], pa.timestamp("us")),
            }
        )
        whole = pipeline.build(spine)
        shuffled = np.random.default_rng(0).permutation(len(pairs))
        again = pipeline.build(spine.take(pa.array(shuffled)))
        for code in pipeline.codes:
            column = whole[code].to_numpy()
            assert column[shuffled].tobytes() == again[code].to_numpy().tobytes(), code
        for position in range(0, len(pairs), len(pairs) // 12):
            single = pipeline.one(*pairs[position])
            for code, value in single.items():
                assert np.float64(value).tobytes() == whole[code].to_numpy()[position].tobytes(), code


def test_the_dictionary_is_complete_in_both_languages() -> None:
    assert len(registered()) >= 40
    for feature in registered().values():
        assert feature.words.zh
        assert feature.words.en
        assert feature.missing.zh
        assert feature.missing.en
        assert feature.direction in (-1, 0, 1)
    assert all(feature.use == "model" for feature in features_for("farmer"))
    assert {"head_sex_female", "head_birth_year"} <= {one.code for one in features_for("farmer", "fairness")}


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"code": "loan_dpd_now"}, "taken"),
        ({"item": "no.item"}, "no item"),
        ({"words": Text("宗教信仰", "religion")}, "Art. 14"),
        ({"words": Text("户主性别", "sex of the head")}, "fairness"),
        ({"window_months": 0}, "window"),
    ],
)
def test_what_may_not_be_registered(changed: dict[str, Any], says: str) -> None:
    declared: dict[str, Any] = {
        "code": "fresh",
        "item": "tax.filing",
        "segments": ("enterprise",),
        "words": Text("新", "new"),
        "unit": "count",
        "direction": 0,
        "measure": lambda r, w: r.count(where=w),
    }
    with pytest.raises(BadFeature, match=says):
        check(Feature(**{**declared, **changed}), registered(), Catalogue.load().items)
    check(Feature(**declared), registered(), Catalogue.load().items)


def test_a_derived_feature_needs_known_inputs() -> None:
    lost = Derived(
        code="lost",
        segments=("farmer",),
        words=Text("新", "new"),
        unit="ratio",
        direction=0,
        inputs=("nothing",),
        formula=lambda t: t.nothing,
    )
    with pytest.raises(BadFeature, match="unknown input"):
        check(lost, registered(), Catalogue.load().items)


def test_series_say_which_way_and_how_long(connect: Any, row: Make) -> None:
    filings = [
        row(months_back(back), revenue=1200 - 50 * back, tax_due=1, tax_paid=1, days_late=3 if back in (4, 9) else 0)
        for back in range(1, 13)
    ]
    accounts = [
        row(months_back(back), account="a", principal=9, balance=5, five_class="normal", days_past_due=0)
        for back in range(2, 6)
    ]
    found = values(connect({"tax.filing": filings, "loan.account_month": accounts}))
    assert found["tax_on_time_streak_6m"] == 3
    assert found["loan_clean_streak_6m"] == 4
    assert found["revenue_trend_12m"] == pytest.approx(50 / (1200 - 50 * 6.5))
    few = values(connect({"tax.filing": filings[:5]}))
    assert math.isnan(few["revenue_trend_12m"])
    assert math.isnan(few["loan_clean_streak_6m"])
    none = values(connect({"tax.filing": [{**one, "days_late": 1} for one in filings]}))
    assert none["tax_on_time_streak_6m"] == 0


def test_the_owner_and_its_other_enterprises(connect: Any, row: Make) -> None:
    def office(who: str, firm: str, **more: Any) -> dict[str, Any]:
        return row(months_back(30), "individual", subject_id=who, enterprise=firm, **more)

    def loan(who: str, kind: str, days: int) -> dict[str, Any]:
        fields = {"account": "a", "balance": 5, "period": months_back(1), "five_class": "normal"}
        return row(months_back(1), kind, subject_id=who, days_past_due=days, **fields)

    rows = {
        "market.legal_representative": [
            office("p", "s"),
            office("p", "t"),
            office("q", "s", ended_on=months_back(3)),
        ],
        "bank.person_loan_month": [loan("p", "individual", 12), loan("q", "individual", 90)],
        "court.person_dishonest": [row(months_back(5), "individual", subject_id="p", reason="evasion", amount=1)],
        "loan.account_month": [loan("t", "enterprise", 33), loan("s", "enterprise", 0)],
        "court.dishonest": [row(months_back(5), subject_id="t", amount=1, removed_on=months_back(1))],
        "industry.payment_arrears": [
            row(months_back(2), "government", subject_id="g", creditor="s", kind="goods", amount=70),
            row(months_back(2), "government", subject_id="g", creditor="t", kind="goods", amount=900),
            row(months_back(9), "government", subject_id="g", creditor="s", amount=5, settled_on=months_back(1)),
        ],
    }
    found = values(connect(rows))
    said = {
        "owner_loan_dpd_max_12m": 12,
        "owner_dishonest_now": 1,
        "owner_enforcement_open": 0,
        "fellow_dpd_max_3m": 33,
        "fellow_dishonest_now": 0,
        "owed_by_public_bodies": 70,
        "loan_dpd_now": 0,
    }
    assert {code: found[code] for code in said} == said
    before = values(connect(rows), as_of=end_of_day(months_back(4)))
    assert before["fellow_dishonest_now"] == 1
    nobody = values(connect({}))
    assert math.isnan(nobody["owner_loan_dpd_max_12m"])
    assert nobody["owner_dishonest_now"] == 0


def test_seasons_are_held_against_the_same_ones_of_other_years(connect: Any, row: Make) -> None:
    def season(back: int, kind: str, cost: int, output: int) -> dict[str, Any]:
        return row(months_back(back), "farmer", kind=kind, product="稻", area_mu=10, cost=cost, output=output)

    seasons = [
        season(1, "crop", 100, 120),
        season(5, "livestock", 50, 40),
        season(8, "crop", 100, 90),
        season(13, "crop", 80, 160),
        season(20, "crop", 100, 150),
        season(25, "crop", 10, 990),
    ]
    claims = [
        row(months_back(2), "farmer", cause="flood", amount=30),
        row(months_back(14), "farmer", cause="disease", amount=50),
    ]
    policies = [row(months_back(back), "farmer", premium=5, insured=200) for back in (3, 15)]
    land = [row(months_back(9), "farmer", direction="in", area_mu=4, rent=1, ends_on=None)]
    found = values(
        connect(
            {
                "farm.season": seasons,
                "insurance.claim": claims,
                "insurance.policy": policies,
                "land.transfer": land,
            }
        ),
        "farmer",
    )
    said = {
        "season_output_change_year": (120 + 90) / (160 + 150),
        "season_cost_change_year": 200 / 180,
        "season_margin_change_year": (210 / 310) / (200 / 180),
        "season_profit_age_days": (date(2025, 6, 30) - months_back(1)).days,
        "crop_margin_24m": 520 / 380,
        "livestock_margin_24m": 40 / 50,
        "crop_output_per_mu_24m": 520 / 40,
        "insurance_claimed_over_insured_36m": 80 / 400,
        "weather_claims_36m": 1,
        "weather_loss_share_of_output": 30 / 250,
        "land_rented_in_mu": 4,
    }
    assert {code: found[code] for code in said} == {code: pytest.approx(value) for code, value in said.items()}
