"""What the offices see of people: who they are, their offices in enterprises, their money, courts and commitments."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from county.enterprise import DISTRICTS
from county.integrity import Civic, labels
from county.reporting import codes, days_or_none, money, quantity

MONTHLY_FOR = 24
PURPOSES = ["housing", "car", "business", "consumption"]
DWELLINGS = ["employment", "dwelling", "study"]
Tables = dict[str, pa.Table]


def people_records(people: Civic) -> Tables:
    """Every item about people but those of their professions."""
    return {
        **_residents(people),
        **_offices(people),
        **_loans(people),
        **_cards(people),
        **_regularity(people),
        **_courts(people),
        **_commitments(people),
    }


def _residents(people: Civic) -> Tables:
    made = {
        "public_security.resident": people.report(
            "public_security.resident",
            people.everyone,
            people.began(people.everyone),
            {
                "name": labels("合成人", people.index, 6),
                "district": codes(people.rng.integers(0, len(DISTRICTS), people.n), DISTRICTS),
                "status": codes(np.zeros(people.n, int), ["active"]),
            },
        )
    }
    places = people.places
    floating = np.flatnonzero(people.index >= places.officers + places.professionals)
    since = people.began(floating)
    made["public_security.residence_permit"] = people.report(
        "public_security.residence_permit",
        floating,
        since,
        {
            "origin": codes(people.rng.integers(0, 3, len(floating)), ["外省合成市", "外省合成县", "邻市合成区"]),
            "basis": codes(people.rng.choice(3, len(floating), p=[0.7, 0.25, 0.05]), DWELLINGS),
            "district": codes(people.rng.integers(0, len(DISTRICTS), len(floating)), DISTRICTS),
            "endorsed_until": days_or_none(since + 365 * 5, np.ones(len(floating), bool)),
        },
    )
    return made


def _offices(people: Civic) -> Tables:
    """Legal representatives as their enterprises' registrations name them; directors elsewhere; bars from office."""
    places, rng = people.places, people.rng
    officers = np.flatnonzero(people.index < places.officers)
    office = places.office(people.index[officers])
    made = {
        "market.legal_representative": people.report(
            "market.legal_representative",
            officers,
            people.began(officers),
            {
                "enterprise": pa.array(places.enterprise(office)),
                "position": codes(rng.integers(0, 3, len(officers)), ["chair", "executive_director", "manager"]),
            },
        )
    }
    second = officers[rng.random(len(officers)) < 0.3]
    since = people.began(second)
    left, gone = people.ended(since, 200, 2500)
    roles = ["director", "supervisor", "manager", "financial_officer"]
    made["market.officer"] = people.report(
        "market.officer",
        second,
        since,
        {
            "enterprise": pa.array(places.enterprise(places.office(people.index[second]) + 7)),
            "role": codes(rng.integers(0, len(roles), len(second)), roles),
            "ended_on": days_or_none(left, gone),
        },
    )
    barred, _, day = people.events(-7.6, 1.1, officers)
    reasons = ["revoked_enterprise", "bankruptcy", "dishonest_debtor"]
    made["market.office_ban"] = people.report(
        "market.office_ban",
        barred,
        day,
        {
            "reason": codes(rng.integers(0, 3, len(barred)), reasons),
            "enterprise": pa.array(places.enterprise(places.office(people.index[barred]) + 3)),
            "banned_until": days_or_none(day + 1096, np.ones(len(day), bool)),
        },
    )
    return made


def _loans(people: Civic) -> Tables:
    rng = people.rng
    borrowers = people.some(0.4)
    principal = rng.lognormal(12.2, 0.8, people.n)
    kind = rng.choice(len(PURPOSES), people.n, p=[0.5, 0.15, 0.2, 0.15])
    subject, when = people.periods(None, borrowers, MONTHLY_FOR)
    poor = -people.integrity[subject, when]
    late = rng.random(len(subject)) < 1 / (1 + np.exp(3.4 - 1.5 * poor))
    days = np.where(late, rng.integers(1, 26, len(subject)), 0)
    days = np.where(rng.random(len(subject)) < 1 / (1 + np.exp(6.4 - 1.6 * poor)), days + 95, days)
    paid = 1 - 0.012 * (when - when.min() if len(when) else when)
    made = {
        "bank.person_loan_month": people.report(
            "bank.person_loan_month",
            subject,
            people.ends[when],
            {
                "account": labels("acct-p", people.index[subject]),
                "period": pa.array(people.ends[when], pa.date32()),
                "kind": codes(kind[subject], PURPOSES),
                "balance": money(principal[subject] * paid),
                "five_class": codes(
                    np.select([days >= 90, days > 30], [2, 1], 0), ["normal", "special_mention", "substandard"]
                ),
                "days_past_due": pa.array(days),
            },
            delay_days=4,
        )
    }
    guarantors = people.some(0.05)
    since = people.began(guarantors)
    made["bank.person_guarantee"] = people.report(
        "bank.person_guarantee",
        guarantors,
        since,
        {
            "guaranteed": pa.array(people.places.enterprise(people.places.office(people.index[guarantors]) + 1)),
            "amount": money(principal[guarantors] * 0.6),
            "ends_on": days_or_none(since + rng.integers(300, 1500, len(since)), np.ones(len(since), bool)),
        },
    )
    return made


def _cards(people: Civic) -> Tables:
    rng = people.rng
    limit = np.rint(rng.lognormal(9.9, 0.6, people.n) / 1000) * 1000 + 1000
    subject, when = people.periods(None, people.some(0.35), 12)
    health = people.integrity[subject, when]
    use = np.clip(0.35 - 0.15 * health + rng.normal(0, 0.15, len(subject)), 0, 1)
    late = rng.random(len(subject)) < 1 / (1 + np.exp(3.6 + 1.4 * health))
    columns = {
        "account": labels("card-p", people.index[subject]),
        "period": pa.array(people.ends[when], pa.date32()),
        "credit_limit": money(limit[subject]),
        "used": money(limit[subject] * use),
        "days_past_due": pa.array(np.where(late, rng.integers(1, 40, len(subject)), 0)),
    }
    return {"bank.card_month": people.report("bank.card_month", subject, people.ends[when], columns, delay_days=4)}


def _regularity(people: Civic) -> Tables:
    """Social insurance and housing fund each half-year, income-tax settlement, telephone bills, hours volunteered."""
    rng, places = people.rng, people.places
    insured, when = people.periods((6, 12), people.some(0.8))
    gaps = rng.binomial(6, 1 / (1 + np.exp(3.2 + 1.1 * people.integrity[insured, when])))
    made = {
        "social_insurance.person_insured": people.report(
            "social_insurance.person_insured",
            insured,
            people.ends[when],
            {
                "period": pa.array(people.ends[when], pa.date32()),
                "kind": codes(np.zeros(len(insured), int), ["employee"]),
                "employer": pa.array(places.enterprise(people.index[insured] * 5 + 2)),
                "months_paid": pa.array(6 - gaps),
            },
        )
    }
    saving, when = people.periods((6, 12), people.some(0.5))
    gaps = rng.binomial(6, 1 / (1 + np.exp(3.4 + 1.0 * people.integrity[saving, when])))
    made["housing_fund.person_account"] = people.report(
        "housing_fund.person_account",
        saving,
        people.ends[when],
        {
            "period": pa.array(people.ends[when], pa.date32()),
            "status": codes((gaps == 6).astype(int), ["normal", "sealed"]),
            "months_paid": pa.array(6 - gaps),
        },
    )
    taxed, when = people.periods((6,), people.some(0.45))
    outcome = people.grade(taxed, when, (-2.1, -0.2, 0.6))
    made["tax.person_settlement"] = people.report(
        "tax.person_settlement",
        taxed,
        people.ends[when],
        {"year": people.years(when), "outcome": codes(outcome, ["unpaid", "settled", "refunded", "exempt"])},
    )
    owing, _, day = people.events(-5.6, 0.9)
    cleared, paid = people.ended(day, 20, 500)
    made["telecom.arrears"] = people.report(
        "telecom.arrears",
        owing,
        day,
        {"amount": money(rng.lognormal(4.6, 0.6, len(owing))), "cleared_on": days_or_none(cleared, paid)},
    )
    helping, when = people.periods((3, 6, 9, 12), people.some(0.15))
    made["civil_affairs.volunteer"] = people.report(
        "civil_affairs.volunteer",
        helping,
        people.ends[when],
        {
            "period": pa.array(people.ends[when], pa.date32()),
            "hours": quantity(np.maximum(0.5, rng.normal(9, 3, len(helping)) + 3 * people.integrity[helping, when])),
        },
    )
    return made


def _courts(people: Civic) -> Tables:
    rng = people.rng
    sued, _, day = people.events(-5.8, 0.8)
    closed, done = people.ended(day, 60, 400)
    causes = ["loan", "private_lending", "credit_card", "sale", "guarantee", "other"]
    amount = money(rng.lognormal(10.5, 1.0, len(sued)))
    made = {
        "court.person_case": people.report(
            "court.person_case",
            sued,
            day,
            {
                "role": codes((rng.random(len(sued)) < 0.35).astype(int), ["defendant", "plaintiff"]),
                "cause": codes(rng.integers(0, len(causes), len(sued)), causes),
                "amount": amount,
                "closed_on": days_or_none(closed, done),
            },
        )
    }
    for code, base, slope, end, more in (
        ("court.person_enforcement", -7.0, 1.2, "closed_on", {}),
        (
            "court.person_dishonest",
            -8.0,
            1.4,
            "removed_on",
            {"reason": ["able_but_unwilling", "evasion", "false_report"]},
        ),
    ):
        subject, _, day = people.events(base, slope)
        ends, over = people.ended(day, 120, 1200)
        chosen = {name: codes(rng.integers(0, len(list_), len(subject)), list_) for name, list_ in more.items()}
        columns = {**chosen, "amount": money(rng.lognormal(11, 0.9, len(subject))), end: days_or_none(ends, over)}
        made[code] = people.report(code, subject, day, columns, delay_days=3)
    return made


def _commitments(people: Civic) -> Tables:
    """Commitments that individuals give, and the lists of the best and the worst."""
    return {
        **commitments(people, -4.2),
        **lists(people, ["volunteer", "model", "charity"], ["enforcement", "finance", "other"]),
    }


def commitments(civic: Civic, base: float) -> Tables:
    """Credit commitments and whether they were kept, of people and bodies alike."""
    rng = civic.rng
    subject, when, day = civic.events(base, -0.1)
    due = day + rng.integers(60, 400, len(day)).astype("timedelta64[D]")
    seen = civic.integrity[subject, when] + rng.normal(0, 0.6, len(subject))
    result = np.where(due > civic.ends[-1], 3, np.select([seen < -1.3, seen < -0.8], [0, 1], 2))
    kinds = ["approval_substitute", "tolerance", "proactive", "self_discipline"]
    columns = {
        "kind": codes(rng.integers(0, len(kinds), len(subject)), kinds),
        "matter": codes(rng.integers(0, 3, len(subject)), ["按期补交材料", "按约定用途使用资金", "依法诚信经营与执业"]),
        "authority": pa.array(civic.places.government(civic.index[subject])),
        "due_on": days_or_none(due, np.ones(len(due), bool)),
        "result": codes(result, ["broken", "partial", "kept", "pending"]),
    }
    return {"credit_centre.commitment": civic.report("credit_centre.commitment", subject, day, columns)}


def lists(civic: Civic, best: list[str], worst: list[str]) -> Tables:
    """The list for incentives and that of the seriously dishonest."""
    made = {}
    for code, base, slope, name, choices in (
        ("credit_centre.red_list", -6.6, -1.1, "list_kind", best),
        ("credit_centre.black_list", -8.2, 1.4, "field", worst),
    ):
        subject, _, day = civic.events(base, slope)
        removed, gone = civic.ended(day, 300, 1500)
        columns = {
            name: codes(civic.rng.integers(0, len(choices), len(subject)), choices),
            "authority": pa.array(civic.places.government(civic.index[subject] + 1)),
            "removed_on": days_or_none(removed, gone),
        }
        made[code] = civic.report(code, subject, day, columns)
    return made
