"""What the offices see of institutions, organisations and government bodies alike: loans, insurance, bills, courts."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from county.integrity import Civic, labels
from county.process import Floats
from county.reporting import codes, days_or_none, money, quantity

MONTHLY_FOR = 24
WAGE, INSURANCE_RATE, FUND_RATE = 7_500.0, 0.26, 0.12
Tables = dict[str, pa.Table]


def staff(bodies: Civic) -> Floats:
    """How many work in each body."""
    return np.maximum(3, np.rint(bodies.rng.lognormal(3.2, 0.8, bodies.n)))


def body_records(bodies: Civic, staff: Floats) -> Tables:
    """Every item that bodies of all three kinds share."""
    return {
        **_payroll(bodies, staff),
        **_power(bodies, staff),
        **_loans(bodies, staff),
        **_courts(bodies),
        **_audits(bodies),
    }


def _payroll(bodies: Civic, staff: Floats) -> Tables:
    """Social insurance, housing fund and withheld income tax, paid in full by most."""
    made = {}
    subject, when = bodies.periods(None, last=MONTHLY_FOR)
    health, persons = bodies.integrity[subject, when], staff[subject]
    for code, rate, shape in (
        ("social_insurance.body_contribution", INSURANCE_RATE, ("insured_persons", "due", "paid")),
        ("housing_fund.contribution", FUND_RATE, ("employees", "due", "paid")),
        ("local_tax.withholding", 0.03, ("employees", "withheld", "remitted")),
    ):
        due = persons * WAGE * rate
        short = bodies.rng.random(len(subject)) < 1 / (1 + np.exp(3.6 + 1.2 * health))
        paid = np.where(short, due * bodies.rng.uniform(0.2, 0.9, len(subject)), due)
        columns = dict(zip(shape, (pa.array(persons.astype(np.int64)), money(due), money(paid)), strict=True))
        if code == "local_tax.withholding":
            columns["days_late"] = pa.array(np.where(short, bodies.rng.integers(1, 30, len(subject)), 0))
        columns["period"] = pa.array(bodies.ends[when], pa.date32())
        made[code] = bodies.report(code, subject, bodies.ends[when], columns)
    return made


def _power(bodies: Civic, staff: Floats) -> Tables:
    subject, when = bodies.periods(None, last=MONTHLY_FOR)
    health = bodies.integrity[subject, when]
    kwh = staff[subject] * 130 * bodies.rng.lognormal(0, 0.15, len(subject))
    late = bodies.rng.poisson(np.exp(np.clip(-1.6 - 0.9 * health, -6, 3)))
    columns = {
        "period": pa.array(bodies.ends[when], pa.date32()),
        "kwh": quantity(kwh),
        "bill": money(kwh * 0.62),
        "days_late": pa.array(late.astype(np.int64)),
    }
    return {"power.body_usage": bodies.report("power.body_usage", subject, bodies.ends[when], columns)}


def _loans(bodies: Civic, staff: Floats) -> Tables:
    subject, when = bodies.periods(None, bodies.some(0.3), MONTHLY_FOR)
    health = bodies.integrity[subject, when]
    late = bodies.rng.random(len(subject)) < 1 / (1 + np.exp(4.2 + 1.6 * health))
    days = np.where(late, bodies.rng.integers(1, 70, len(subject)), 0)
    principal = staff[subject] * 30_000
    columns = {
        "account": labels(f"acct-{bodies.setting.mark}", bodies.index[subject]),
        "period": pa.array(bodies.ends[when], pa.date32()),
        "principal": money(principal),
        "balance": money(principal * 0.7),
        "five_class": codes((days > 30).astype(int), ["normal", "special_mention"]),
        "days_past_due": pa.array(days),
    }
    return {"bank.body_loan_month": bodies.report("bank.body_loan_month", subject, bodies.ends[when], columns, 4)}


def _courts(bodies: Civic) -> Tables:
    rng = bodies.rng
    sued, _, day = bodies.events(-4.4, 0.7)
    closed, done = bodies.ended(day, 60, 400)
    causes = ["loan", "sale", "works", "labour", "liability", "other"]
    made = {
        "court.body_case": bodies.report(
            "court.body_case",
            sued,
            day,
            {
                "role": codes((rng.random(len(sued)) < 0.4).astype(int), ["defendant", "plaintiff"]),
                "cause": codes(rng.integers(0, len(causes), len(sued)), causes),
                "amount": money(rng.lognormal(12, 1.0, len(sued))),
                "closed_on": days_or_none(closed, done),
            },
        )
    }
    for code, base, slope, end in (
        ("court.body_enforcement", -6.0, 1.2, "closed_on"),
        ("court.body_dishonest", -7.6, 1.4, "removed_on"),
    ):
        subject, _, day = bodies.events(base, slope)
        ends, over = bodies.ended(day, 100, 900)
        columns = {"amount": money(rng.lognormal(12.4, 0.9, len(subject))), end: days_or_none(ends, over)}
        made[code] = bodies.report(code, subject, day, columns, 3)
    return made


def _audits(bodies: Civic) -> Tables:
    """What audits find, and what they cost the environment."""
    rng = bodies.rng
    found, _, day = bodies.events(-5.0, 0.9)
    rectified, done = bodies.ended(day, 60, 700)
    kinds = ["false_accounts", "misuse", "procurement", "waste", "arrears", "internal_control"]
    fined, _, fined_on = bodies.events(-6.4, 0.7)
    return {
        "audit.finding": bodies.report(
            "audit.finding",
            found,
            day,
            {
                "kind": codes(rng.choice(6, len(found), p=[0.05, 0.1, 0.25, 0.2, 0.1, 0.3]), kinds),
                "amount": money(rng.lognormal(11.5, 1.0, len(found))),
                "rectified_on": days_or_none(rectified, done),
            },
        ),
        "environment.body_penalty": bodies.report(
            "environment.body_penalty",
            fined,
            fined_on,
            {
                "document": labels("合成环罚", np.arange(len(fined))),
                "kind": codes(np.ones(len(fined), int), ["warning", "fine"]),
                "amount": money(rng.lognormal(9.8, 0.7, len(fined))),
            },
        ),
    }


def money_of_the_state(bodies: Civic, staff: Floats) -> Tables:
    """What institutions and government bodies owe and disclose: arrears to small enterprises, payments, budgets."""
    rng, places = bodies.rng, bodies.places
    owing, _, day = bodies.events(-4.6, 1.1)
    settled, done = bodies.ended(day, 30, 900)
    kinds = ["goods", "works", "services", "deposit"]
    made = {
        "industry.payment_arrears": bodies.report(
            "industry.payment_arrears",
            owing,
            day,
            {
                "creditor": pa.array(places.enterprise(bodies.index[owing] * 11 + 5)),
                "kind": codes(rng.integers(0, 4, len(owing)), kinds),
                "amount": money(rng.lognormal(11.8, 0.9, len(owing))),
                "due_on": days_or_none(day - rng.integers(30, 120, len(day)), np.ones(len(day), bool)),
                "settled_on": days_or_none(settled, done),
            },
        )
    }
    subject, when = bodies.periods((3,))
    bad = np.clip(-bodies.integrity[subject, when], 0, 4)
    contracts = rng.poisson(0.6 * bad)
    made["industry.payment_report"] = bodies.report(
        "industry.payment_report",
        subject,
        bodies.ends[when],
        {
            "year": bodies.years(when),
            "contracts": pa.array(contracts),
            "overdue": money(contracts * rng.lognormal(11, 0.5, len(subject))),
        },
    )
    budget = staff[subject] * 120_000
    made["finance.budget_disclosure"] = bodies.report(
        "finance.budget_disclosure",
        subject,
        bodies.ends[when],
        {
            "year": bodies.years(when, 0),
            "on_time": pa.array(bodies.grade(subject, when, (-1.6,)) > 0),
            "budget": money(budget),
            "expenditure": money(budget * rng.normal(0.97, 0.03, len(subject))),
        },
    )
    subject, when = bodies.periods((3, 6, 9, 12))
    due = staff[subject] * 9_000 * rng.lognormal(0, 0.4, len(subject))
    overdue = due * np.clip(rng.normal(0, 0.04, len(subject)) - 0.06 * bodies.integrity[subject, when], 0, 1)
    made["finance.government_payment"] = bodies.report(
        "finance.government_payment",
        subject,
        bodies.ends[when],
        {
            "period": pa.array(bodies.ends[when], pa.date32()),
            "due": money(due),
            "paid": money(due - overdue),
            "overdue": money(overdue),
        },
    )
    return {**made, **_hotline(bodies), **_lawsuits_of_citizens(bodies)}


def _hotline(bodies: Civic) -> Tables:
    subject, when = bodies.periods(None, last=MONTHLY_FOR)
    received = 1 + bodies.rng.poisson(18, len(subject))
    in_time = bodies.rng.binomial(received, 1 / (1 + np.exp(-3.0 - 0.8 * bodies.integrity[subject, when])))
    columns = {
        "period": pa.array(bodies.ends[when], pa.date32()),
        "received": pa.array(received),
        "on_time": pa.array(in_time),
        "satisfied": pa.array(bodies.rng.binomial(in_time, 0.9)),
    }
    return {
        "government_office.hotline": bodies.report("government_office.hotline", subject, bodies.ends[when], columns)
    }


def _lawsuits_of_citizens(bodies: Civic) -> Tables:
    sued, when, day = bodies.events(-4.0, 0.4)
    lost = bodies.integrity[sued, when] + bodies.rng.normal(0, 1, len(sued)) < -1.0
    performed, done = bodies.ended(day, 30, 500)
    columns = {
        "outcome": codes(lost.astype(int), ["upheld", "lost"]),
        "head_attended": pa.array(bodies.rng.random(len(sued)) < 0.8),
        "performed_on": days_or_none(performed, done & lost),
    }
    return {"court.administrative_case": bodies.report("court.administrative_case", sued, day, columns)}
