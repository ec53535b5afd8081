"""What enterprises and farmers have in common: loans, guarantees, courts, electricity."""

from __future__ import annotations

import dataclasses

import numpy as np
import pyarrow as pa

from county.happening import events
from county.process import DEFAULTED, PAYING, STOPPED, Floats, Ints, early_enforcement_rate
from county.reporting import Days, Setting, codes, days_or_none, money, quantity, report

RETURNED_SHARE = 0.1
ACCOUNT_TERMS = (12, 18, 24, 36)
SECURITIES = ["credit", "guarantee", "mortgage", "joint"]


def loan_months(setting: Setting, borrowers: Ints, principal: Floats, security: list[float]) -> pa.Table:
    """Monthly accounts: days past due follow the missed payments; poor health shows as short delays before."""
    rng, history, ends = setting.rng, setting.history, setting.ends
    second = borrowers[rng.random(len(borrowers)) < 0.25]
    holder = np.concatenate([borrowers, second])
    contract = np.concatenate([principal[borrowers], principal[second] * rng.uniform(0.2, 0.6, len(second))])
    start = history.entered[holder] - rng.integers(0, 18, len(holder))
    term = rng.choice(ACCOUNT_TERMS, len(holder))
    secured = rng.choice(4, len(holder), p=security)
    month = np.arange(len(ends))
    account, when = np.nonzero(month[None, :] >= np.maximum(start, history.entered[holder])[:, None])
    subject = holder[account]
    status = history.status[subject, when]
    health = history.health[subject, when]
    since = when - history.default_month[subject]
    short = rng.random(len(subject)) < 1 / (1 + np.exp(2.0 + 1.05 * health))
    past_due = np.where(
        status == PAYING,
        np.where(short, rng.integers(1, 26, len(subject)), 0),
        np.where(status == STOPPED, 31, np.where(status == DEFAULTED, 92 + 30 * since, 61)),
    )
    age = (when - start[account]) % term[account]
    use = np.clip(0.72 - 0.06 * health + rng.normal(0, 0.08, len(subject)), 0.05, 1.0)
    balance = contract[account] * np.where(status == DEFAULTED, 1.0, use * (1 - 0.5 * age / term[account]))
    five_class = np.select([past_due >= 360, past_due >= 180, past_due >= 90, past_due > 30], [4, 3, 2, 1], 0)
    return report(
        setting,
        "loan.account_month",
        subject,
        ends[when],
        {
            "account": pa.array(np.char.add(f"acct-{setting.kind[0]}{setting.block}-", account.astype(str))),
            "principal": money(contract[account]),
            "balance": money(balance),
            "five_class": codes(five_class, ["normal", "special_mention", "substandard", "doubtful", "loss"]),
            "days_past_due": pa.array(past_due),
            "security": codes(secured[account], SECURITIES),
        },
        delay_days=4,
        error_in="balance",
    )


def guarantees(setting: Setting, partner: Ints, amount: Floats) -> pa.Table:
    """A guarantor's record names whom it guarantees; ``partner`` [n] is the guarantor of each subject, or -1."""
    rng, ends = setting.rng, setting.ends
    guaranteed = np.flatnonzero(partner >= 0)
    guarantor = partner[guaranteed]
    entered = np.maximum(setting.history.entered[guaranteed], setting.history.entered[guarantor])
    when = np.minimum(np.maximum(entered, 0) + rng.integers(0, 12, len(guaranteed)), len(ends) - 1)
    return report(
        setting,
        "loan.guarantee",
        guarantor,
        ends[when],
        {
            "guaranteed": pa.array(setting.numbers[guaranteed]),
            "amount": money(amount[guaranteed]),
            "ends_on": days_or_none(ends[when] + 730, np.ones(len(when), bool)),
        },
        delay_days=6,
    )


def guarantees_returned(setting: Setting, partner: Ints, amount: Floats) -> pa.Table:
    """A few of the guaranteed guarantee their guarantors in turn."""
    returned = np.where(setting.rng.random(len(partner)) < RETURNED_SHARE, partner, -1)
    who = np.flatnonzero(returned >= 0)
    turned = np.full(len(partner), -1, np.int64)
    turned[returned[who]] = who
    return guarantees(dataclasses.replace(setting, letter=f"{setting.mark}r"), turned, amount)


def court_records(setting: Setting, borrowers: Ints, size: Floats) -> dict[str, pa.Table]:
    """Cases that trouble brings, and enforcement and listings that follow default."""
    rng, history, ends = setting.rng, setting.history, setting.ends
    rate = np.exp(-4.9 - 0.65 * history.health) * setting.alive
    subject, when = np.nonzero(rng.random(rate.shape) < 1 - np.exp(-rate))
    defaulted = np.flatnonzero(history.default_month >= 0)
    borrower = np.isin(defaulted, borrowers)
    sued = defaulted[rng.random(len(defaulted)) < 0.7]
    sued_on = history.default_month[sued] + rng.integers(1, 5, len(sued))
    cases = _Events(setting, np.concatenate([subject, sued]), np.concatenate([when, sued_on]))
    is_loan = np.concatenate([np.zeros(len(subject), bool), np.ones(len(sued), bool)])[cases.kept]
    amount = size[cases.subject] * rng.lognormal(-1.5, 0.8, len(cases.subject))
    closed = cases.day + rng.integers(60, 400, len(cases.day))
    made = {
        "court.case": report(
            setting,
            "court.case",
            cases.subject,
            cases.day,
            {
                "role": codes((~is_loan & (rng.random(len(is_loan)) < 0.3)).astype(int), ["defendant", "plaintiff"]),
                "cause": codes(
                    np.where(is_loan, 0, rng.integers(1, 4, len(is_loan))), ["loan", "sale", "labour", "other"]
                ),
                "amount": money(amount),
                "closed_on": days_or_none(closed, closed <= ends[-1]),
            },
            delay_days=8,
        )
    }
    small = early_enforcement_rate(history.health) * setting.alive
    early, early_when = np.nonzero(rng.random(small.shape) < 1 - np.exp(-small))
    enforced = rng.random(len(defaulted)) < np.where(borrower, 0.55, 0.95)
    enforced_on = history.default_month[defaulted] + np.where(borrower, rng.integers(2, 8, len(defaulted)), 0)
    found = _Events(
        setting,
        np.concatenate([early, defaulted[enforced]]),
        np.concatenate([early_when, enforced_on[enforced]]),
    )
    closed = found.day + rng.integers(90, 900, len(found.day))
    made["court.enforcement"] = report(
        setting,
        "court.enforcement",
        found.subject,
        found.day,
        {
            "amount": money(size[found.subject] * rng.lognormal(-1.2, 0.7, len(found.subject))),
            "closed_on": days_or_none(closed, closed <= ends[-1]),
        },
        delay_days=4,
    )
    listed = rng.random(len(defaulted)) < np.where(borrower, 0.35, 0.95)
    listed_on = history.default_month[defaulted] + np.where(borrower, rng.integers(4, 11, len(defaulted)), 1)
    found = _Events(setting, defaulted[listed], listed_on[listed])
    removed = found.day + rng.integers(180, 1500, len(found.day))
    made["court.dishonest"] = report(
        setting,
        "court.dishonest",
        found.subject,
        found.day,
        {
            "amount": money(size[found.subject] * rng.lognormal(-1.2, 0.7, len(found.subject))),
            "removed_on": days_or_none(removed, removed <= ends[-1]),
        },
        delay_days=2,
    )
    return made


def credit_applications(setting: Setting, size: Floats) -> pa.Table:
    """Who is short of money asks for credit more often, and is refused more often."""
    rng = setting.rng
    subject, when, day = events(setting, -3.8, 0.25)
    seen = setting.history.health[subject, when] + rng.normal(0, 1.3, len(subject))
    purposes = ["working_capital", "fixed_assets", "farming", "trade", "other"]
    return report(
        setting,
        "bank.credit_application",
        subject,
        day,
        {
            "amount": money(size[subject] * rng.lognormal(0.5, 0.6, len(subject))),
            "purpose": codes(rng.integers(0, len(purposes), len(subject)), purposes),
            "decision": codes(np.digitize(seen, [-1.8, -0.6]), ["refused", "reduced", "approved"]),
        },
        delay_days=4,
    )


def power_usage(setting: Setting, kwh: Floats, load_on_health: float, season: Floats) -> pa.Table:
    """Monthly electricity: use falls with health, bills are paid late when money is short. ``season`` [months]."""
    rng, history = setting.rng, setting.history
    subject, when = np.nonzero(setting.alive)
    health = history.health[subject, when]
    dark = history.status[subject, when] == DEFAULTED
    level = np.log(kwh[subject]) + load_on_health * health + season[when] - 0.8 * dark
    used = np.exp(level + rng.normal(0, 0.10, len(subject)))
    late = rng.poisson(np.exp(np.clip(-0.2 - 0.65 * health, -6, 3.2))) * (rng.random(len(subject)) < 0.8)
    return report(
        setting,
        "power.usage",
        subject,
        setting.ends[when],
        {"kwh": quantity(used), "bill": money(used * 0.62), "days_late": pa.array(late.astype(np.int64))},
        delay_days=4,
        error_in="bill",
    )


class _Events:
    """Events that fall inside the observed months, with a day in their month."""

    def __init__(self, setting: Setting, subject: Ints, month: Ints) -> None:
        self.kept = (month >= 0) & (month < len(setting.ends))
        self.subject = subject[self.kept]
        ends = setting.ends[month[self.kept]]
        self.day: Days = ends - setting.rng.integers(0, 28, len(ends)).astype("timedelta64[D]")
