"""What the offices see of a synthetic farmer household: the village, land, seasons, insurance, subsidies."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from county.happening import aside
from county.process import DEFAULTED, Flags, Floats, Ints
from county.reporting import Setting, codes, days_or_none, money, quantity, report
from county.rural import rural_records
from county.shared import court_records, credit_applications, guarantees, guarantees_returned, loan_months, power_usage

CROPS = ["水稻", "小麦", "玉米", "蔬菜", "柑橘", "油菜"]
LIVESTOCK = ["生猪", "肉鸡", "蛋鸭", "淡水鱼"]
HARVESTS = {6: "summer", 10: "autumn"}
LIVESTOCK_MONTHS = (3, 7, 11)
COST_A_MU = 900.0
DROUGHT_OR_FLOOD = -0.9


def farmer_records(
    setting: Setting, village: Ints, weather: Floats, partner: Ints, loan_share: float
) -> dict[str, pa.Table]:
    """Every item of a block's households. ``village`` [n], ``weather`` [villages, months], ``partner`` [n] or -1."""
    rng, n = setting.rng, setting.subjects
    area = rng.lognormal(2.2, 0.7, n)
    breeds = rng.random(n) < 0.35
    thin = rng.random(n) < 0.03
    borrowers = np.flatnonzero((rng.random(n) < loan_share) & ~thin)
    size = area * COST_A_MU
    active = setting.alive & ~thin[:, None]
    felt = weather[village]
    month_numbers = np.array([day.month for day in setting.month_ends])
    season = 0.18 * np.cos(2 * np.pi * (month_numbers - 7) / 12)
    return {
        "village.household": _households(setting, village),
        "land.contract": _land(setting, area, thin),
        "farm.season": _seasons(setting, area, breeds, felt, active),
        "farm.subsidy": _subsidies(setting, area, breeds, active),
        "village.evaluation": _evaluations(setting, active),
        "loan.account_month": loan_months(
            setting, borrowers, size * rng.lognormal(1.2, 0.4, n), [0.45, 0.15, 0.1, 0.3]
        ),
        "loan.guarantee": pa.concat_tables(
            [guarantees(setting, partner, size), guarantees_returned(aside(setting), partner, size)]
        ),
        "power.usage": power_usage(setting, rng.lognormal(4.8, 0.4, n) * (1 + breeds), 0.07, season),
        **_insurance(setting, size, felt, active),
        **court_records(setting, borrowers, size * 2),
        **rural_records(aside(setting), area, village, partner),
        "bank.credit_application": credit_applications(aside(setting), size),
    }


def _households(setting: Setting, village: Ints) -> pa.Table:
    rng, n = setting.rng, setting.subjects
    members = 1 + rng.poisson(2.6, n)
    sex = rng.random(n) < 0.18
    return report(
        setting,
        "village.household",
        np.arange(n),
        setting.ends[np.maximum(setting.history.entered, 0)],
        {
            "village": pa.array(np.char.add("合成村", np.char.zfill(village.astype(str), 4))),
            "members": pa.array(members),
            "labourers": pa.array(np.maximum(1, rng.binomial(members, 0.6))),
            "head_birth_year": pa.array(rng.integers(1950, 1996, n)),
            "head_sex": codes(sex.astype(int), ["male", "female"]),
        },
        delay_days=8,
    )


def _land(setting: Setting, area: Floats, thin: Flags) -> pa.Table:
    rng = setting.rng
    subject = np.flatnonzero(~thin)
    seen = setting.ends[np.maximum(setting.history.entered[subject], 0)]
    ends = seen + rng.integers(3650, 9000, len(subject))
    return report(
        setting,
        "land.contract",
        subject,
        seen,
        {
            "kind": codes(rng.choice(4, len(subject), p=[0.5, 0.3, 0.15, 0.05]), ["paddy", "dry", "orchard", "pond"]),
            "area_mu": quantity(area[subject]),
            "ends_on": days_or_none(ends, np.ones(len(ends), bool)),
        },
        delay_days=8,
    )


def _seasons(setting: Setting, area: Floats, breeds: Flags, felt: Floats, active: Flags) -> pa.Table:
    """Two harvests a year, three livestock cycles for those who breed; output over cost follows health and weather."""
    rng, history = setting.rng, setting.history
    month_numbers = np.array([day.month for day in setting.month_ends])
    crop = active & np.isin(month_numbers, list(HARVESTS))[None, :]
    stock = active & breeds[:, None] & np.isin(month_numbers, LIVESTOCK_MONTHS)[None, :]
    parts = []
    for is_stock, chosen in ((False, crop), (True, stock)):
        subject, when = np.nonzero(chosen)
        cost = area[subject] * COST_A_MU * rng.lognormal(0, 0.15, len(subject)) * (0.6 if is_stock else 0.5)
        level = 0.30 + 0.17 * history.health[subject, when] + (0.02 if is_stock else 0.10) * felt[subject, when]
        gone = history.status[subject, when] == DEFAULTED
        output = cost * np.exp(level - 0.3 * gone + rng.normal(0, 0.11, len(subject)))
        parts.append((np.full(len(subject), is_stock), subject, when, cost, output))
    bred, subject, when, cost, output = (np.concatenate(column) for column in zip(*parts, strict=True))
    products = np.where(
        bred,
        np.array(LIVESTOCK)[rng.integers(0, 4, len(subject))],
        np.array(CROPS)[rng.integers(0, 6, len(subject))],
    )
    heads = np.rint(area[subject] * 6).astype(np.int64)
    return report(
        setting,
        "farm.season",
        subject,
        setting.ends[when],
        {
            "kind": codes(bred.astype(int), ["crop", "livestock"]),
            "product": pa.array(products),
            "area_mu": quantity(np.where(bred, 0, area[subject])),
            "heads": pa.array(heads, mask=~bred),
            "cost": money(cost),
            "output": money(output),
        },
        delay_days=15,
    )


def _subsidies(setting: Setting, area: Floats, breeds: Flags, active: Flags) -> pa.Table:
    rng = setting.rng
    spring = np.array([day.month == 4 for day in setting.month_ends])
    subject, when = np.nonzero(active & spring[None, :] & (rng.random(setting.subjects) < 0.8)[:, None])
    kind = np.where(
        breeds[subject] & (rng.random(len(subject)) < 0.5), 2, (rng.random(len(subject)) < 0.15).astype(int)
    )
    return report(
        setting,
        "farm.subsidy",
        subject,
        setting.ends[when],
        {
            "kind": codes(kind, ["land", "machinery", "breeding"]),
            "amount": money(area[subject] * 95 * rng.lognormal(0, 0.1, len(subject))),
        },
        delay_days=12,
    )


def _evaluations(setting: Setting, active: Flags) -> pa.Table:
    """Once a year, each village in a month of its own, from what neighbours know of the household."""
    rng, history = setting.rng, setting.history
    asked = np.array([day.month in (1, 5, 9) for day in setting.month_ends])
    years = np.array([day.year for day in setting.month_ends])
    turn = rng.integers(0, 3, setting.subjects)
    months = np.array([day.month for day in setting.month_ends])
    mine = (months[None, :] - 1) // 4 == turn[:, None]
    taken = (rng.random(setting.subjects) < 0.85)[:, None]
    subject, when = np.nonzero(active & asked[None, :] & mine & taken)
    points = 72 + 8.5 * history.health[subject, when] + rng.normal(0, 4.5, len(subject))
    return report(
        setting,
        "village.evaluation",
        subject,
        setting.ends[when],
        {"year": pa.array(years[when]), "points": pa.array(np.clip(np.rint(points), 0, 100).astype(np.int64))},
        delay_days=15,
    )


def _insurance(setting: Setting, size: Floats, felt: Floats, active: Flags) -> dict[str, pa.Table]:
    rng, history, ends = setting.rng, setting.history, setting.ends
    spring = np.array([day.month == 3 for day in setting.month_ends])
    careful = 1 / (1 + np.exp(-(0.3 + 0.45 * history.health)))
    subject, when = np.nonzero(active & spring[None, :] & (rng.random(active.shape) < careful))
    insured = size[subject] * rng.uniform(0.5, 1.1, len(subject))
    policy = report(
        setting,
        "insurance.policy",
        subject,
        ends[when],
        {
            "premium": money(insured * 0.05),
            "insured": money(insured),
            "ends_on": days_or_none(ends[when] + 365, np.ones(len(when), bool)),
        },
        delay_days=8,
    )
    covered = np.zeros(active.shape, bool)
    for ahead in range(12):
        inside = when + ahead < active.shape[1]
        covered[subject[inside], when[inside] + ahead] = True
    struck = covered & (felt < DROUGHT_OR_FLOOD) & (rng.random(active.shape) < 0.35)
    who, month = np.nonzero(struck)
    claim = report(
        setting,
        "insurance.claim",
        who,
        ends[month] - rng.integers(0, 28, len(who)).astype("timedelta64[D]"),
        {
            "cause": codes(rng.choice(4, len(who), p=[0.3, 0.4, 0.2, 0.1]), ["drought", "flood", "disease", "other"]),
            "amount": money(size[who] * rng.uniform(0.05, 0.4, len(who))),
        },
        delay_days=20,
    )
    return {"insurance.policy": policy, "insurance.claim": claim}
