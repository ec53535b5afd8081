"""What the offices see of the people who head enterprises: their office, their money, their courts.

An owner's own credit follows the enterprise's health: who heads a firm in trouble lends to it, and is liable for it.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import pyarrow as pa

from county.happening import after_default, days_in, ended, events, likely, periods
from county.numbers import officer_numbers
from county.process import Flags, Floats, Ints
from county.reporting import Setting, codes, days_or_none, money, report

BORROWING, WITH_CARD = 0.2, 0.12
CASES = {"role": ["defendant", "defendant", "plaintiff"], "cause": ["loan", "private_lending", "guarantee", "other"]}
LISTINGS = {"reason": ["able_but_unwilling", "evasion"]}
SHARING_EVERY = 16  # of so many enterprises, one is headed by the representative of the one before it
Tables = dict[str, pa.Table]


def heads_of(index: Ints, own_head: Flags) -> Ints:
    """The number of each enterprise's head: that of the enterprise, or for a few that of the one before."""
    shared = (index % SHARING_EVERY == SHARING_EVERY - 1) & (np.arange(len(index)) > 0) & ~own_head
    return np.asarray(index - shared)


def owner_records(setting: Setting, index: Ints, heads: Ints, size: Floats, own_head: Flags) -> Tables:
    """Items of the legal representatives ``heads`` of a block's enterprises ``index``, by number in the county.

    ``own_head`` [n]: the representative is one of the county's people, who are told of elsewhere.
    """
    owners = dataclasses.replace(setting, kind="individual", numbers=officer_numbers(heads), letter="h")
    rng, apart = setting.rng, (heads == index) & ~own_head
    return {
        "market.legal_representative": _offices(owners, setting, ~own_head),
        "bank.person_loan_month": _loans(owners, size, apart & (rng.random(setting.subjects) < BORROWING)),
        "bank.card_month": _cards(owners, apart & (rng.random(setting.subjects) < WITH_CARD)),
        **_courts(owners, size, apart),
    }


def _offices(owners: Setting, enterprises: Setting, held: Flags) -> pa.Table:
    rng, who = owners.rng, np.flatnonzero(held)
    since = days_in(owners, np.maximum(owners.history.entered[who], 0))
    positions = ["chair", "executive_director", "manager"]
    return report(
        owners,
        "market.legal_representative",
        who,
        since,
        {
            "enterprise": pa.array(enterprises.numbers[who]),
            "position": codes(rng.integers(0, len(positions), len(who)), positions),
        },
        delay_days=4,
    )


def _loans(owners: Setting, size: Floats, borrows: Flags) -> pa.Table:
    rng = owners.rng
    subject, when = periods(owners, borrows)
    health = owners.history.health[subject, when]
    late = rng.random(len(subject)) < likely(-3.0 - 1.0 * health)
    days = np.where(late, rng.integers(1, 26, len(subject)), 0)
    days = np.where(rng.random(len(subject)) < likely(-6.0 - 1.2 * health), days + 65, days)
    balance = size * rng.lognormal(1.2, 0.6, owners.subjects)
    return report(
        owners,
        "bank.person_loan_month",
        subject,
        owners.ends[when],
        {
            "account": pa.array(np.char.add(f"acct-o{owners.block}-", subject.astype(str))),
            "period": pa.array(owners.ends[when], pa.date32()),
            "kind": codes(subject % 3, ["housing", "business", "consumption"]),
            "balance": money(balance[subject] * (1 - 0.008 * when)),
            "five_class": codes((days > 30).astype(int), ["normal", "special_mention"]),
            "days_past_due": pa.array(days),
        },
        delay_days=4,
    )


def _cards(owners: Setting, holds: Flags) -> pa.Table:
    rng = owners.rng
    subject, when = periods(owners, holds)
    health = owners.history.health[subject, when]
    limit = np.rint(rng.lognormal(10.3, 0.5, owners.subjects) / 1000) * 1000
    used = np.clip(0.45 - 0.09 * health + rng.normal(0, 0.15, len(subject)), 0, 1)
    late = rng.random(len(subject)) < likely(-3.4 - 0.9 * health)
    return report(
        owners,
        "bank.card_month",
        subject,
        owners.ends[when],
        {
            "account": pa.array(np.char.add(f"card-o{owners.block}-", subject.astype(str))),
            "period": pa.array(owners.ends[when], pa.date32()),
            "credit_limit": money(limit[subject]),
            "used": money(limit[subject] * used),
            "days_past_due": pa.array(np.where(late, rng.integers(1, 26, len(subject)), 0)),
        },
        delay_days=4,
    )


def _courts(owners: Setting, size: Floats, apart: Flags) -> Tables:
    """Who heads a firm in default is sued and enforced against beside it."""
    rng = owners.rng
    made = {}
    for code, base, slope, share, first, last, end, more in (
        ("court.person_case", -6.0, 0.5, 0.5, 1, 5, "closed_on", CASES),
        ("court.person_enforcement", -7.6, 0.6, 0.4, 3, 9, "closed_on", {}),
        ("court.person_dishonest", -9.0, 0.7, 0.25, 5, 12, "removed_on", LISTINGS),
    ):
        subject, _, day = events(owners, base, slope, apart)
        liable, _, liable_on = after_default(owners, share, first, last)
        known = apart[liable]
        subject = np.concatenate([subject, liable[known]])
        day = np.concatenate([day, liable_on[known]])
        over, done = ended(owners, day, 90, 1200)
        amount = money(size[subject] * rng.lognormal(-0.8, 0.7, len(subject)))
        columns = {name: codes(rng.integers(0, len(list_), len(subject)), list_) for name, list_ in more.items()}
        columns |= {"amount": amount, end: days_or_none(over, done)}
        made[code] = report(owners, code, subject, day, columns, delay_days=5)
    return made
