"""What the offices see of a synthetic enterprise: registration, tax, invoices, social insurance, penalties."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from county.business import business_records
from county.happening import aside
from county.numbers import officer_numbers
from county.owners import heads_of, owner_records
from county.process import DEFAULTED, Flags, Floats, Ints
from county.reporting import Setting, codes, days_or_none, money, report
from county.shared import court_records, credit_applications, guarantees, guarantees_returned, loan_months, power_usage

INDUSTRIES = ["C", "F", "E", "G", "H", "I", "L", "M", "O", "A"]
DISTRICTS = ["东城区", "西城区", "高新区", "临港区", "北山县", "南河县"]
SEASON_SWING = (0.10, 0.12, 0.20, 0.08, 0.15, 0.05, 0.08, 0.05, 0.10, 0.25)
INVOICES_A_MONTH = (3.0, 2.0)  # sales, purchases
VAT_RATE = 0.06


def seasons(sector: Ints, month_numbers: Ints) -> Floats:
    """Log-seasonality [n, months] of revenue by sector: each sector peaks in a month of its own."""
    swing = np.array(SEASON_SWING)[sector][:, None]
    return swing * np.cos(2 * np.pi * (month_numbers[None, :] - sector[:, None]) / 12)


def enterprise_records(
    setting: Setting, sector: Ints, partner: Ints, first_index: int, loan_share: float, own_head: Flags
) -> dict[str, pa.Table]:
    """Every item of a block's enterprises, and of those who head them.

    ``sector`` [n], ``partner`` [n] (guarantor or -1), ``own_head`` [n]: its head is one of the county's people.
    """
    rng, n = setting.rng, setting.subjects
    size = rng.lognormal(11.6, 0.9, n)
    index = first_index + np.arange(n)
    heads = heads_of(index, own_head)
    month_numbers = np.array([day.month for day in setting.month_ends])
    season = seasons(sector, month_numbers)
    thin = rng.random(n) < 0.03
    borrowers = np.flatnonzero((rng.random(n) < loan_share) & ~thin)
    active = setting.alive & ~thin[:, None]
    revenue = _revenue(setting, size, season)
    return {
        "market.registration": _registration(setting, sector, size, index, heads),
        "loan.account_month": loan_months(
            setting, borrowers, size * rng.lognormal(1.0, 0.5, n), [0.3, 0.35, 0.35, 0.0]
        ),
        "loan.guarantee": pa.concat_tables(
            [guarantees(setting, partner, size * 2), guarantees_returned(aside(setting), partner, size)]
        ),
        "power.usage": power_usage(setting, size * 0.05, 0.1, season.mean(axis=0)),
        "tax.invoice": _invoices(setting, revenue, active),
        "social_insurance.contribution": _social_insurance(setting, size, active),
        **_tax(setting, revenue, active),
        **_yearly(setting, active),
        **_penalties(setting, size),
        **court_records(setting, borrowers, size),
        **business_records(aside(setting), sector, size, revenue, active),
        **owner_records(aside(setting), index, heads, size, own_head),
        "bank.credit_application": credit_applications(aside(setting), size),
    }


def _revenue(setting: Setting, size: Floats, season: Floats) -> Floats:
    history, rng = setting.history, setting.rng
    stopped = history.status == DEFAULTED
    level = np.log(size)[:, None] + season + 0.22 * history.health - 1.2 * stopped
    return np.asarray(np.exp(level + rng.normal(0, 0.14, level.shape)))


def _registration(setting: Setting, sector: Ints, size: Floats, index: Ints, heads: Ints) -> pa.Table:
    rng, n, ends = setting.rng, setting.subjects, setting.ends
    entered = setting.history.entered
    seen = ends[np.maximum(entered, 0)]
    age = np.where(entered > 0, rng.integers(5, 60, n), rng.integers(200, 7000, n))
    return report(
        setting,
        "market.registration",
        np.arange(n),
        seen,
        {
            "name": pa.array(np.char.add("合成企业", np.char.zfill(index.astype(str), 6))),
            "industry": codes(sector, INDUSTRIES),
            "district": codes(rng.integers(0, len(DISTRICTS), n), DISTRICTS),
            "registered_on": pa.array(seen - age, pa.date32()),
            "registered_capital": money(np.rint(size * rng.lognormal(1.5, 0.6, n) / 10_000) * 10_000),
            "legal_representative": pa.array(officer_numbers(heads)),
            "status": codes(np.zeros(n, int), ["active"]),
        },
        delay_days=3,
    )


def _tax(setting: Setting, revenue: Floats, active: Flags) -> dict[str, pa.Table]:
    rng, history, ends = setting.rng, setting.history, setting.ends
    files = active & ~((history.status == DEFAULTED) & (rng.random(active.shape) < 0.5))
    subject, when = np.nonzero(files)
    health = history.health[subject, when]
    due = revenue[subject, when] * 0.035
    short = rng.random(len(subject)) < 1 / (1 + np.exp(1.8 + 1.0 * health))
    paid = np.where(short, due * rng.uniform(0.2, 0.9, len(subject)), due)
    late = rng.poisson(np.exp(np.clip(-0.4 - 0.7 * health, -6, 3.2)))
    filing = report(
        setting,
        "tax.filing",
        subject,
        ends[when],
        {
            "period": pa.array(ends[when], pa.date32()),
            "revenue": money(revenue[subject, when]),
            "tax_due": money(due),
            "tax_paid": money(paid),
            "days_late": pa.array(late),
        },
        delay_days=12,
        error_in="revenue",
    )
    owes = short & (rng.random(len(subject)) < 0.25)
    cleared = ends[when[owes]] + rng.integers(20, 300, int(owes.sum())).astype("timedelta64[D]")
    arrears = report(
        setting,
        "tax.arrears",
        subject[owes],
        ends[when[owes]],
        {"amount": money((due - paid)[owes]), "cleared_on": days_or_none(cleared, cleared <= ends[-1])},
        delay_days=10,
    )
    return {"tax.filing": filing, "tax.arrears": arrears}


def _invoices(setting: Setting, revenue: Floats, active: Flags) -> pa.Table:
    """Sales and purchases: the margin and the spread of customers follow health; voids and returns rise as it falls."""
    rng, history = setting.rng, setting.history
    parts = []
    for direction, mean in zip((0, 1), INVOICES_A_MONTH, strict=True):
        counts = rng.poisson(mean, active.shape) * active
        subject, when = (np.repeat(axis, counts[active]) for axis in np.nonzero(active))
        health = history.health[subject, when]
        share = rng.gamma(1.5, 1.0, len(subject))
        cost = (
            np.ones(len(subject))
            if direction == 0
            else np.clip(0.72 - 0.09 * health + rng.normal(0, 0.06, len(subject)), 0.1, 1.6)
        )
        amount = revenue[subject, when] * share / (1.5 * mean) * cost
        back = rng.random(len(subject)) < 1 / (1 + np.exp(3.6 + 0.4 * health))
        void = rng.random(len(subject)) < 1 / (1 + np.exp(3.2 + 0.35 * health))
        regulars = np.clip(9 + 2.5 * history.static[subject], 2, 30)
        partner = np.floor(regulars * rng.random(len(subject)) ** 1.6).astype(np.int64)
        day = setting.ends[when] - rng.integers(0, 28, len(subject)).astype("timedelta64[D]")
        parts.append((np.full(len(subject), direction), subject, day, np.where(back, -amount, amount), void, partner))
    side, subject, day, amount, void, partner = (np.concatenate(column) for column in zip(*parts, strict=True))
    names = np.char.add(
        np.char.add(np.where(side == 0, "c", "s"), subject.astype(str)), np.char.add("-", partner.astype(str))
    )
    return report(
        setting,
        "tax.invoice",
        subject,
        day,
        {
            "direction": codes(side, ["sale", "purchase"]),
            "counterparty": pa.array(names),
            "amount": money(amount),
            "tax": money(amount * VAT_RATE),
            "status": codes(void.astype(int), ["valid", "void"]),
        },
        delay_days=10,
    )


def _social_insurance(setting: Setting, size: Floats, active: Flags) -> pa.Table:
    rng, history = setting.rng, setting.history
    subject, when = np.nonzero(active & (rng.random(setting.subjects) < 0.92)[:, None])
    health = history.health[subject, when]
    persons = np.maximum(
        1, np.rint(np.exp(np.log(size[subject] / 12_000 + 1) + 0.12 * health + rng.normal(0, 0.05, len(subject))))
    )
    due = persons * 920.0
    short = rng.random(len(subject)) < 1 / (1 + np.exp(2.0 + 1.0 * health))
    paid = np.where(short, due * rng.uniform(0, 0.8, len(subject)), due)
    return report(
        setting,
        "social_insurance.contribution",
        subject,
        setting.ends[when],
        {"insured_persons": pa.array(persons.astype(np.int64)), "due": money(due), "paid": money(paid)},
        delay_days=9,
    )


def _yearly(setting: Setting, active: Flags) -> dict[str, pa.Table]:
    """Tax credit grade in April and environmental rating in May, of the year before."""
    rng, history = setting.rng, setting.history
    made = {}
    for code, month, edges, names, share in (
        ("tax.grade", 4, (-2.2, -0.9, -0.2, 0.9), ["D", "C", "M", "B", "A"], 1.0),
        ("environment.rating", 5, (-2.4, -1.0, 0.8), ["red", "yellow", "blue", "green"], 0.45),
    ):
        asked = np.array([day.month == month for day in setting.month_ends])
        rated = (rng.random(setting.subjects) < share)[:, None]
        subject, when = np.nonzero(active & asked[None, :] & rated)
        before = np.maximum(when - 4, 0)
        seen = history.health[subject, before] + rng.normal(0, 0.9, len(subject))
        column = "grade" if code == "tax.grade" else "colour"
        years = np.array([day.year - 1 for day in setting.month_ends])
        made[code] = report(
            setting,
            code,
            subject,
            setting.ends[when],
            {"year": pa.array(years[when]), column: codes(np.digitize(seen, edges), names)},
            delay_days=6,
        )
    return made


def _penalties(setting: Setting, size: Floats) -> dict[str, pa.Table]:
    rng, history = setting.rng, setting.history
    made = {}
    for code, base, slope in (("market.penalty", -4.9, 0.5), ("environment.penalty", -5.8, 0.35)):
        rate = np.exp(base - slope * history.health) * setting.alive
        subject, when = np.nonzero(rng.random(rate.shape) < 1 - np.exp(-rate))
        day = setting.ends[when] - rng.integers(0, 28, len(when)).astype("timedelta64[D]")
        columns = {"amount": money(size[subject] * rng.lognormal(-3.5, 0.8, len(subject)))}
        if code == "market.penalty":
            kinds = ["warning", "fine", "confiscation", "suspension"]
            columns = {"kind": codes(rng.choice(4, len(subject), p=[0.3, 0.5, 0.15, 0.05]), kinds), **columns}
        made[code] = report(setting, code, subject, day, columns, delay_days=5)
    return made
