"""What more the offices see of a farming household: land rented, machines, the cooperative, joint liability."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from county.happening import days_in, ended, likely, some
from county.numbers import cooperative_numbers
from county.process import Floats, Ints
from county.reporting import Setting, codes, days_or_none, money, quantity, report

COOPERATIVES, JOINT_SHARE = 40, 0.6
Tables = dict[str, pa.Table]


def rural_records(setting: Setting, area: Floats, village: Ints, partner: Ints) -> Tables:
    """Items of a block's households beside those of ``county.farmer``."""
    return {
        "land.transfer": _transfers(setting, area),
        "agriculture.machinery": _machinery(setting),
        "agriculture.cooperative_member": _members(setting, village),
        "bank.joint_liability": _joint_liability(setting, area, partner),
    }


def _transfers(setting: Setting, area: Floats) -> pa.Table:
    """Able households rent in, those who give up rent out."""
    rng = setting.rng
    subject = np.flatnonzero(some(setting, 0.3))
    rents_in = rng.random(len(subject)) < likely(0.35 * setting.history.static[subject])
    day = days_in(setting, np.maximum(setting.history.entered[subject], 0))
    over, _ = ended(setting, day, 400, 3600)
    rented = area[subject] * rng.uniform(0.1, 0.9, len(subject))
    return report(
        setting,
        "land.transfer",
        subject,
        day,
        {
            "direction": codes(rents_in.astype(int), ["out", "in"]),
            "area_mu": quantity(rented),
            "rent": money(rented * 500),
            "ends_on": days_or_none(over, np.ones(len(day), bool)),
        },
        delay_days=10,
    )


def _machinery(setting: Setting) -> pa.Table:
    rng = setting.rng
    many = rng.poisson(np.exp(np.clip(-0.9 + 0.2 * setting.history.static, -4, 1.5)))
    subject = np.repeat(np.arange(setting.subjects), many)
    day = days_in(setting, np.maximum(setting.history.entered[subject], 0))
    sold, gone = ended(setting, day, 500, 6000)
    kinds = ["tractor", "harvester", "transplanter", "drone", "other"]
    return report(
        setting,
        "agriculture.machinery",
        subject,
        day,
        {
            "kind": codes(rng.choice(5, len(subject), p=[0.5, 0.1, 0.1, 0.1, 0.2]), kinds),
            "price": money(rng.lognormal(10.2, 0.7, len(subject))),
            "disposed_on": days_or_none(sold, gone),
        },
        delay_days=12,
    )


def _members(setting: Setting, village: Ints) -> pa.Table:
    rng = setting.rng
    subject = np.flatnonzero(some(setting, likely(-1.1 + 0.3 * setting.history.static)))
    day = days_in(setting, np.maximum(setting.history.entered[subject], 0))
    left, gone = ended(setting, day, 300, 6000)
    return report(
        setting,
        "agriculture.cooperative_member",
        subject,
        day,
        {
            "cooperative": pa.array(cooperative_numbers(village[subject] % COOPERATIVES)),
            "role": codes(np.zeros(len(subject), int), ["member"]),
            "contribution": money(rng.lognormal(8.0, 0.6, len(subject))),
            "ended_on": days_or_none(left, gone),
        },
        delay_days=12,
    )


def _joint_liability(setting: Setting, area: Floats, partner: Ints) -> pa.Table:
    """Most households that guarantee for each other do so in a group of joint liability: each answers for the other."""
    rng = setting.rng
    joined = np.flatnonzero((partner >= 0) & (rng.random(setting.subjects) < JOINT_SHARE))
    one, other = np.concatenate([joined, partner[joined]]), np.concatenate([partner[joined], joined])
    entered = np.maximum(setting.history.entered[one], setting.history.entered[other])
    day = days_in(setting, np.minimum(np.maximum(entered, 0) + 3, len(setting.ends) - 1))
    left, gone = ended(setting, day, 700, 4000)
    return report(
        setting,
        "bank.joint_liability",
        one,
        day,
        {
            "partner": pa.array(setting.numbers[other]),
            "amount": money(area[other] * 900),
            "ended_on": days_or_none(left, gone),
        },
        delay_days=6,
    )
