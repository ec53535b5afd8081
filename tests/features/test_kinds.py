"""Features of individuals, institutions, organisations and government bodies say what their records say."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import date
from typing import Any

from features.dictionary import dictionary
from features.pipeline import FeaturePipeline
from records.moment import end_of_day

Make = Callable[..., dict[str, Any]]
AS_OF = end_of_day(date(2025, 6, 30))


def values(connect: Any, segment: str, rows: dict[str, list[dict[str, Any]]]) -> dict[str, float]:
    return FeaturePipeline(connect(rows, segments=(segment,)), segment, dictionary(segment)).one("s", AS_OF)


def test_a_person(connect: Any, row: Make) -> None:
    def person(day: date, **fields: Any) -> dict[str, Any]:
        return row(day, "individual", **fields)

    loan = {"account": "a", "kind": "housing", "balance": 1000}
    found = values(
        connect,
        "individual",
        {
            "bank.person_loan_month": [
                person(date(2025, 4, 30), days_past_due=12, **loan),
                person(date(2025, 5, 31), days_past_due=0, **loan),
            ],
            "bank.person_guarantee": [
                person(date(2024, 1, 1), guaranteed="x", amount=500, ends_on=date(2026, 1, 1)),
                person(date(2024, 1, 1), guaranteed="y", amount=900, ends_on=date(2025, 1, 1)),
            ],
            "court.person_enforcement": [person(date(2025, 1, 5), amount=70, closed_on=None)],
            "market.legal_representative": [
                person(date(2020, 1, 1), enterprise="e1"),
                person(date(2021, 1, 1), enterprise="e1"),
                person(date(2019, 1, 1), enterprise="e2", ended_on=date(2024, 1, 1)),
            ],
            "market.office_ban": [
                person(date(2024, 3, 1), reason="revoked_enterprise", enterprise="e2", banned_until=date(2027, 3, 1))
            ],
            "social_insurance.person_insured": [
                person(date(2024, 12, 31), period=date(2024, 12, 31), kind="employee", employer="e1", months_paid=6),
                person(date(2025, 6, 30), period=date(2025, 6, 30), kind="employee", employer="e1", months_paid=3),
            ],
            "justice.lawyer": [person(date(2015, 1, 1), certificate="c", kind="full_time", employer="e1")],
            "justice.lawyer_discipline": [person(date(2024, 1, 1), measure="warning", matter="m")],
            "credit_centre.commitment": [
                person(date(2024, 1, 1), kind="proactive", matter="m", result=result) for result in ("kept", "broken")
            ],
        },
    )
    said = {
        "person_loan_dpd_max_12m": 12.0,
        "person_loan_late_months_share_24m": 0.5,
        "person_loan_balance": 1000.0,
        "person_guarantee_amount": 500.0,
        "person_guarantee_to_balance": 0.5,
        "person_enforcement_open": 1.0,
        "legal_representative_offices": 1.0,
        "legal_representative_left_24m": 1.0,
        "failed_enterprise_offices_60m": 1.0,
        "person_measures_now": 2.0,
        "insured_months_share_24m": 0.75,
        "lawyer_now": 1.0,
        "registers_now": 1.0,
        "discipline_36m": 1.0,
        "commitment_kept_share_36m": 0.5,
        "black_list_now": 0.0,
    }
    assert {code: found[code] for code in said} == said
    assert math.isnan(found["card_use_3m"])


def test_an_institution_and_an_organisation(connect: Any, row: Make) -> None:
    institution = values(
        connect,
        "institution",
        {
            "staffing.annual_report": [
                row(date(2024, 3, 31), "institution", year=2023, status="late", income=100, expenditure=90),
                row(date(2025, 3, 31), "institution", year=2024, status="on_time", income=100, expenditure=120),
            ],
            "industry.payment_arrears": [
                row(date(2025, 1, 1), "institution", kind="goods", amount=40, due_on=date(2024, 12, 1)),
                row(date(2024, 1, 1), "institution", kind="goods", amount=9, settled_on=date(2024, 5, 1)),
            ],
        },
    )
    assert institution["institution_report_level"] == 3.0
    assert institution["institution_reports_late_60m"] == 1.0
    assert institution["institution_expenditure_to_income"] == 1.2
    assert (institution["sme_arrears_amount"], institution["sme_arrears_36m"]) == (40.0, 2.0)
    organisation = values(
        connect,
        "organisation",
        {
            "civil_affairs.annual_inspection": [
                row(date(2025, 5, 31), "organisation", year=2024, result="not_submitted"),
                row(date(2024, 5, 31), "organisation", year=2023, result="passed"),
            ],
            "civil_affairs.abnormal_listing": [row(date(2025, 6, 1), "organisation", reason="no_annual_report")],
        },
    )
    assert organisation["organisation_inspection_level"] == 0.0
    assert organisation["organisation_inspections_missed_36m"] == 1.0
    assert organisation["organisation_measures_now"] == 1.0
    assert math.isnan(organisation["donations_spent_share_36m"])


def test_a_government_body(connect: Any, row: Make) -> None:
    def body(day: date, **fields: Any) -> dict[str, Any]:
        return row(day, "government", **fields)

    promise = {"kind": "contract", "amount": 10}
    found = values(
        connect,
        "government",
        {
            "credit_centre.government_commitment": [
                body(date(2024, 1, 1), commitment="1", result="kept", due_on=date(2024, 6, 1), **promise),
                body(date(2024, 1, 1), commitment="2", result="broken", due_on=date(2024, 6, 1), **promise),
                body(date(2025, 1, 1), commitment="3", result="pending", due_on=date(2025, 6, 1), **promise),
                body(date(2025, 1, 1), commitment="4", result="pending", due_on=date(2025, 8, 1), **promise),
            ],
            "court.administrative_case": [
                body(date(2025, 1, 1), outcome="lost", head_attended=True),
                body(date(2025, 2, 1), outcome="upheld", head_attended=False),
            ],
            "government_office.approvals": [body(date(2025, 3, 31), decided=50, late=5, reversed=1)],
        },
    )
    assert found["government_commitments_kept_share_36m"] == 0.5
    assert found["government_commitments_overdue"] == 1.0
    assert found["government_commitments_broken_amount_36m"] == 10.0
    assert found["administrative_cases_lost_share_36m"] == 0.5
    assert found["administrative_judgments_unperformed"] == 1.0
    assert found["head_attended_share_36m"] == 0.5
    assert found["approvals_late_share_12m"] == 0.1
    assert found["government_breaches_now"] == 1.0
