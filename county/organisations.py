"""What the offices see of social organisations: registration, annual inspection, grading, donations, officers."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from county.bodies import Tables, body_records, staff
from county.enterprise import DISTRICTS
from county.integrity import Civic, labels
from county.people import commitments, lists
from county.places import LAW_FIRM_EVERY, ORGANISATION_KINDS
from county.process import Floats, Ints
from county.reporting import codes, days_or_none, money

KIND_WORDS = ["协会", "服务中心", "基金会"]


def organisation_records(organisations: Civic) -> Tables:
    """Every item about social organisations."""
    persons = staff(organisations) / 2
    persons = np.maximum(2, np.rint(persons))
    return {
        **_registration(organisations),
        **_inspections(organisations, persons),
        **_charity(organisations),
        **_lists(organisations),
        **_law_firms(organisations),
        **body_records(organisations, persons),
        **commitments(organisations, -3.8),
        **lists(organisations, ["charity", "model"], ["statistics", "finance", "other"]),
    }


def _law_firms_among(organisations: Civic) -> Ints:
    return np.flatnonzero(organisations.index % LAW_FIRM_EVERY == 1)


def _names(organisations: Civic) -> list[str]:
    firms = set(_law_firms_among(organisations).tolist())
    words = [
        "律师事务所" if at in firms else KIND_WORDS[int(number) % 3] for at, number in enumerate(organisations.index)
    ]
    return [f"合成{word}{int(number):04d}" for word, number in zip(words, organisations.index, strict=True)]


def _registration(organisations: Civic) -> Tables:
    everyone, index, places = organisations.everyone, organisations.index, organisations.places
    registered = organisations.ends[0] - organisations.rng.integers(400, 8000, organisations.n)
    columns = {
        "name": pa.array(_names(organisations), pa.string()),
        "kind": codes(index % 3, ORGANISATION_KINDS),
        "registered_on": pa.array(registered, pa.date32()),
        "supervisor": pa.array(places.government(index + 2)),
        "legal_representative": pa.array(places.heads(index + 200)),
        "initial_fund": money(np.rint(organisations.rng.lognormal(11.5, 0.8, organisations.n) / 10_000) * 10_000),
        "district": codes(index % len(DISTRICTS), DISTRICTS),
        "status": codes(np.zeros(organisations.n, int), ["active"]),
    }
    code = "civil_affairs.registration"
    return {code: organisations.report(code, everyone, organisations.began(everyone), columns)}


def _inspections(organisations: Civic, persons: Floats) -> Tables:
    """Annual inspection in May; gradings and changes filed."""
    rng = organisations.rng
    subject, when = organisations.periods((5,))
    result = organisations.grade(subject, when, (-2.0, -1.5, -0.8))
    income = persons[subject] * 120_000 * rng.lognormal(0, 0.3, len(subject))
    spent = income * np.clip(
        rng.normal(0.95, 0.08, len(subject)) - 0.04 * organisations.integrity[subject, when], 0.3, 2
    )
    graded, month, graded_on = organisations.events(-4.2, -0.3)
    changed, _, changed_on = organisations.events(-3.6, 0.0)
    matters = ["name", "address", "scope", "charter", "legal_representative", "head"]
    return {
        "civil_affairs.annual_inspection": organisations.report(
            "civil_affairs.annual_inspection",
            subject,
            organisations.ends[when],
            {
                "year": organisations.years(when),
                "result": codes(result, ["not_submitted", "failed", "basically_passed", "passed"]),
                "income": money(income),
                "expenditure": money(spent),
                "net_assets": money(persons[subject] * 60_000 + income - spent),
                "staff": pa.array(persons[subject].astype(np.int64)),
            },
            10,
        ),
        "civil_affairs.grading": organisations.report(
            "civil_affairs.grading",
            graded,
            graded_on,
            {
                "grade": codes(
                    organisations.grade(graded, month, (-1.5, -0.6, 0.5, 1.4)), ["1A", "2A", "3A", "4A", "5A"]
                ),
                "valid_until": days_or_none(graded_on + 365 * 5, np.ones(len(graded), bool)),
            },
        ),
        "civil_affairs.change_filing": organisations.report(
            "civil_affairs.change_filing",
            changed,
            changed_on,
            {
                "matter": codes(rng.integers(0, len(matters), len(changed)), matters),
                "overdue": pa.array(rng.random(len(changed)) < 0.15),
            },
        ),
    }


def _charity(organisations: Civic) -> Tables:
    """Foundations are charities; each year they account for their donations."""
    rng = organisations.rng
    foundations = np.flatnonzero(organisations.index % 3 == 2)
    since = organisations.began(foundations)
    subject, when = organisations.periods((4,), foundations)
    donations = rng.lognormal(13, 0.8, len(subject))
    health = organisations.integrity[subject, when]
    return {
        "civil_affairs.charity": organisations.report(
            "civil_affairs.charity",
            foundations,
            since,
            {
                "charity_since": pa.array(since, pa.date32()),
                "public_fundraising": pa.array(organisations.index[foundations] % 2 == 0),
            },
        ),
        "civil_affairs.donation_use": organisations.report(
            "civil_affairs.donation_use",
            subject,
            organisations.ends[when],
            {
                "year": organisations.years(when),
                "donations": money(donations),
                "charitable_spending": money(donations * np.clip(0.85 + 0.06 * health, 0.2, 1.3)),
                "management_cost": money(donations * np.clip(0.08 - 0.02 * health, 0.01, 0.4)),
                "audited": pa.array(rng.random(len(subject)) < 0.9),
            },
        ),
    }


def _lists(organisations: Civic) -> Tables:
    rng = organisations.rng
    made = {}
    for code, base, slope, reasons in (
        ("civil_affairs.abnormal_listing", -5.8, 1.2, ["no_annual_report", "not_rectified", "unreachable"]),
        ("civil_affairs.serious_listing", -7.6, 1.4, ["abnormal_two_years", "suspended", "dishonest_debtor"]),
    ):
        subject, _, day = organisations.events(base, slope)
        removed, gone = organisations.ended(day, 60, 900)
        columns = {
            "reason": codes(rng.integers(0, 3, len(subject)), reasons),
            "removed_on": days_or_none(removed, gone),
        }
        made[code] = organisations.report(code, subject, day, columns, 4)
    fined, _, day = organisations.events(-6.2, 0.9)
    columns = {
        "document": labels("合成民罚", np.arange(len(fined))),
        "kind": codes(rng.integers(0, 2, len(fined)), ["warning", "suspension"]),
    }
    made["civil_affairs.penalty"] = organisations.report("civil_affairs.penalty", fined, day, columns)
    return made


def _law_firms(organisations: Civic) -> Tables:
    """Licences and yearly assessments of law firms."""
    firms = _law_firms_among(organisations)
    names = _names(organisations)
    subject, when = organisations.periods((5,), firms)
    return {
        "justice.law_firm": organisations.report(
            "justice.law_firm",
            firms,
            organisations.began(firms),
            {
                "licence": labels("合成律证", organisations.index[firms]),
                "name": pa.array([names[at] for at in firms], pa.string()),
                "form": codes(organisations.index[firms] // LAW_FIRM_EVERY % 2, ["general_partnership", "individual"]),
                "lawyers": pa.array(3 + organisations.index[firms] % 20),
            },
        ),
        "justice.law_firm_assessment": organisations.report(
            "justice.law_firm_assessment",
            subject,
            organisations.ends[when],
            {
                "year": organisations.years(when),
                "result": codes(organisations.grade(subject, when, (-2.0,)), ["failed", "passed"]),
            },
        ),
    }
