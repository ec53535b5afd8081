"""What the offices see of public institutions: registration, yearly reports, inspections, payments."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from county.bodies import Tables, body_records, money_of_the_state, staff
from county.enterprise import DISTRICTS
from county.integrity import Civic, labels
from county.people import commitments, lists
from county.places import INSTITUTION_FIELDS
from county.process import Floats
from county.reporting import codes, days_or_none, money

FIELD_WORDS = ["学校", "医院", "研究所", "文化馆", "农技站", "福利院", "服务中心"]
HEALTH = INSTITUTION_FIELDS.index("health")


def institution_records(institutions: Civic) -> Tables:
    """Every item about institutions."""
    persons = staff(institutions)
    return {
        **_registration(institutions, persons),
        **_reports(institutions, persons),
        **_supervision(institutions),
        **_health(institutions),
        **body_records(institutions, persons),
        **money_of_the_state(institutions, persons),
        **commitments(institutions, -3.6),
        **lists(institutions, ["model"], ["safety", "statistics", "procurement"]),
    }


def name(number: int) -> str:
    return f"合成{FIELD_WORDS[number % len(FIELD_WORDS)]}{number:04d}"


def _registration(institutions: Civic, persons: Floats) -> Tables:
    everyone, index, places = institutions.everyone, institutions.index, institutions.places
    registered = institutions.ends[0] - institutions.rng.integers(700, 9000, institutions.n)
    columns = {
        "name": pa.array([name(int(number)) for number in index]),
        "field": codes(index % len(INSTITUTION_FIELDS), INSTITUTION_FIELDS),
        "funding": codes(index % 3, ["full", "partial", "own"]),
        "organiser": pa.array(places.government(index)),
        "legal_representative": pa.array(places.heads(index)),
        "registered_on": pa.array(registered, pa.date32()),
        "initial_fund": money(np.rint(persons) * 20_000),
        "district": codes(index % len(DISTRICTS), DISTRICTS),
        "status": codes(np.zeros(institutions.n, int), ["active"]),
    }
    return {
        "staffing.registration": institutions.report(
            "staffing.registration", everyone, institutions.began(everyone), columns
        )
    }


def _reports(institutions: Civic, persons: Floats) -> Tables:
    """Annual reports in March, mostly in time; the income and the assets of a year."""
    rng = institutions.rng
    subject, when = institutions.periods((3,))
    status = institutions.grade(subject, when, (-2.3, -1.9, -1.2))
    income = persons[subject] * 150_000 * rng.lognormal(0, 0.1, len(subject))
    spent = income * np.clip(
        rng.normal(0.98, 0.05, len(subject)) - 0.03 * institutions.integrity[subject, when], 0.5, 2
    )
    assets = persons[subject] * 90_000
    columns = {
        "year": institutions.years(when),
        "status": codes(status, ["missing", "returned", "late", "on_time"]),
        "net_assets_start": money(assets),
        "net_assets_end": money(assets + income - spent),
        "income": money(income),
        "expenditure": money(spent),
        "staff": pa.array(persons[subject].astype(np.int64)),
    }
    return {
        "staffing.annual_report": institutions.report(
            "staffing.annual_report", subject, institutions.ends[when], columns
        )
    }


def _supervision(institutions: Civic) -> Tables:
    """Inspections and what they find, listings, changes filed late, the staff outside the quota."""
    rng = institutions.rng
    inspected, when, day = institutions.events(-3.4, 0.0)
    result = institutions.grade(inspected, when, (-2.2, -1.7, -0.6))
    listed, _, listed_on = institutions.events(-6.0, 1.2)
    removed, gone = institutions.ended(listed_on, 60, 800)
    changed, _, changed_on = institutions.events(-3.8, 0.0)
    subject, yearly = institutions.periods((1,))
    quota = 20 + institutions.index[subject] % 60
    reasons = ["no_annual_report", "unregistered_change", "certificate_misuse", "unreachable"]
    matters = ["name", "address", "scope", "legal_representative", "funding"]
    return {
        "staffing.inspection": institutions.report(
            "staffing.inspection",
            inspected,
            day,
            {"result": codes(result, ["uncooperative", "false_report", "corrected", "no_problem"])},
        ),
        "staffing.abnormal": institutions.report(
            "staffing.abnormal",
            listed,
            listed_on,
            {
                "reason": codes(rng.integers(0, len(reasons), len(listed)), reasons),
                "removed_on": days_or_none(removed, gone),
            },
        ),
        "staffing.change_filing": institutions.report(
            "staffing.change_filing",
            changed,
            changed_on,
            {
                "matter": codes(rng.integers(0, len(matters), len(changed)), matters),
                "overdue": pa.array(rng.random(len(changed)) < 0.12),
            },
        ),
        "staffing.quota": institutions.report(
            "staffing.quota",
            subject,
            institutions.ends[yearly],
            {
                "year": institutions.years(yearly),
                "quota": pa.array(quota),
                "staff": pa.array(np.maximum(1, quota - 2)),
                "outside": pa.array(rng.poisson(3, len(subject))),
            },
        ),
    }


def _health(institutions: Civic) -> Tables:
    """Licences of hospitals, one in twelve under another name than the registration's; penalties."""
    rng, index = institutions.rng, institutions.index
    hospitals = np.flatnonzero(index % len(INSTITUTION_FIELDS) == HEALTH)
    fined, _, day = institutions.events(-5.4, 0.9, hospitals)
    other = rng.random(len(hospitals)) < 1 / 12
    names = [
        name(int(number)) + ("（东院区）" if alias else "")
        for number, alias in zip(index[hospitals], other, strict=True)
    ]
    since = institutions.began(hospitals)
    return {
        "health.institution_licence": institutions.report(
            "health.institution_licence",
            hospitals,
            since,
            {
                "licence": labels("合成医证", index[hospitals]),
                "name": pa.array(names, pa.string()),
                "grade": codes(index[hospitals] % 3, ["one", "two", "three"]),
                "beds": pa.array(50 + index[hospitals] % 300),
            },
        ),
        "health.institution_penalty": institutions.report(
            "health.institution_penalty",
            fined,
            day,
            {
                "document": labels("合成卫罚", np.arange(len(fined))),
                "kind": codes((rng.random(len(fined)) < 0.7).astype(int), ["warning", "fine"]),
                "amount": money(rng.lognormal(9, 0.6, len(fined))),
            },
        ),
    }
