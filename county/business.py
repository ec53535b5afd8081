"""What more the offices see of an enterprise: public contracts, accounts, trade, water, inspections, applications."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from county.happening import after_default, days_in, ended, events, likely, periods, some, years_before
from county.numbers import government_numbers
from county.process import Flags, Floats, Ints
from county.reporting import Setting, codes, days_or_none, money, quantity, report

MONTHLY_FOR = 30
INVENTIVE, INSPECTED = (0, 6, 8), (0, 1)  # positions in INDUSTRIES: manufacturing, software, research; and trade
BUYERS = 20
Tables = dict[str, pa.Table]


def business_records(setting: Setting, sector: Ints, size: Floats, revenue: Floats, active: Flags) -> Tables:
    """Items of a block's enterprises beside those of ``county.enterprise``. ``revenue``, ``active`` [n, months]."""
    return {
        "finance.procurement_contract": _contracts(setting, size),
        "market.annual_report": _annual_reports(setting, size),
        "tax.annual_settlement": _settlements(setting, size),
        "customs.trade_month": _trade(setting, revenue, active),
        "water.usage": _water(setting, size),
        "housing_fund.contribution": _housing_fund(setting, size),
        "intellectual_property.patent": _patents(setting, sector),
        "quality.product_inspection": _product_inspections(setting, sector),
        "personnel.labour_grade": _labour_grades(setting),
        "court.consumption_limit": _consumption_limits(setting),
        **_market(setting),
    }


def _contracts(setting: Setting, size: Floats) -> pa.Table:
    """Public buyers choose sound suppliers, and report how a contract was performed."""
    rng, history = setting.rng, setting.history
    supplies = some(setting, likely(-1.8 + 0.3 * history.static))
    subject, when, day = events(setting, -2.3, 0.0, supplies)
    seen = history.health[subject, when] + rng.normal(0, 1.2, len(subject))
    return report(
        setting,
        "finance.procurement_contract",
        subject,
        day,
        {
            "contract": pa.array(np.char.add(f"合成采购{setting.block}-", np.arange(len(subject)).astype(str))),
            "buyer": pa.array(government_numbers(rng.integers(0, BUYERS, len(subject)))),
            "kind": codes(rng.integers(0, 3, len(subject)), ["goods", "works", "services"]),
            "amount": money(size[subject] * rng.lognormal(-0.3, 0.6, len(subject))),
            "performance": codes(np.digitize(seen, [-3.2, -2.2]), ["terminated", "defective", "accepted"]),
        },
        delay_days=70,
    )


def _annual_reports(setting: Setting, size: Floats) -> pa.Table:
    """In June, of the year before; the debts of the weak are higher, and they report late or not at all."""
    rng, history = setting.rng, setting.history
    subject, when = periods(setting, some(setting, 0.95), (6,))
    health = history.health[subject, np.maximum(when - 5, 0)]
    status = np.digitize(health + rng.normal(0, 1.3, len(subject)), [-3.6, -2.2])
    missing = status == 0
    assets = size[subject] * 14 * rng.lognormal(0, 0.4, len(subject))
    debts = assets * np.clip(0.55 - 0.06 * health + rng.normal(0, 0.12, len(subject)), 0.05, 1.8)
    return report(
        setting,
        "market.annual_report",
        subject,
        setting.ends[when],
        {
            "year": pa.array(years_before(setting, when)),
            "status": codes(status, ["missing", "late", "on_time"]),
            "total_assets": _unless(missing, money(assets)),
            "total_liabilities": _unless(missing, money(debts)),
            "revenue": _unless(missing, money(size[subject] * 12 * np.exp(0.2 * health))),
        },
        delay_days=10,
    )


def _settlements(setting: Setting, size: Floats) -> pa.Table:
    """In May, of the year before."""
    rng, history = setting.rng, setting.history
    subject, when = periods(setting, some(setting, 0.97), (5,))
    health = history.health[subject, np.maximum(when - 4, 0)]
    revenue = size[subject] * 12 * np.exp(0.2 * health + rng.normal(0, 0.1, len(subject)))
    profit = revenue * (0.05 + 0.025 * health + rng.normal(0, 0.05, len(subject)))
    due = np.maximum(profit, 0) * 0.2
    paid = np.where(rng.random(len(subject)) < likely(-2.0 - 0.8 * health), due * rng.uniform(0.3, 0.9), due)
    return report(
        setting,
        "tax.annual_settlement",
        subject,
        setting.ends[when],
        {
            "year": pa.array(years_before(setting, when)),
            "revenue": money(revenue),
            "profit": money(profit),
            "tax_due": money(due),
            "tax_paid": money(paid),
        },
        delay_days=12,
    )


def _trade(setting: Setting, revenue: Floats, active: Flags) -> pa.Table:
    rng = setting.rng
    trades = some(setting, 0.08)
    share = rng.uniform(0.1, 0.8, setting.subjects)
    subject, when = np.nonzero(active & trades[:, None])
    exports = revenue[subject, when] * share[subject] * rng.lognormal(0, 0.2, len(subject))
    return report(
        setting,
        "customs.trade_month",
        subject,
        setting.ends[when],
        {
            "period": pa.array(setting.ends[when], pa.date32()),
            "declarations": pa.array(1 + rng.poisson(4, len(subject))),
            "exports": money(exports),
            "imports": money(exports * rng.uniform(0, 0.4, len(subject))),
        },
        delay_days=9,
    )


def _water(setting: Setting, size: Floats) -> pa.Table:
    rng, history = setting.rng, setting.history
    subject, when = periods(setting, some(setting, 0.4), last=MONTHLY_FOR)
    health = history.health[subject, when]
    used = size[subject] * 0.001 * np.exp(0.1 * health + rng.normal(0, 0.15, len(subject)))
    return report(
        setting,
        "water.usage",
        subject,
        setting.ends[when],
        {
            "period": pa.array(setting.ends[when], pa.date32()),
            "cubic_metres": quantity(used),
            "bill": money(used * 4.2),
            "days_late": pa.array(rng.poisson(np.exp(np.clip(-0.6 - 0.6 * health, -6, 3.0))).astype(np.int64)),
        },
        delay_days=5,
    )


def _housing_fund(setting: Setting, size: Floats) -> pa.Table:
    rng, history = setting.rng, setting.history
    subject, when = periods(setting, some(setting, 0.3), last=MONTHLY_FOR)
    health = history.health[subject, when]
    persons = np.maximum(1, np.rint(size[subject] / 15_000 + 1))
    due = persons * 640.0
    short = rng.random(len(subject)) < likely(-2.2 - 1.0 * health)
    return report(
        setting,
        "housing_fund.contribution",
        subject,
        setting.ends[when],
        {
            "employees": pa.array(persons.astype(np.int64)),
            "due": money(due),
            "paid": money(np.where(short, due * rng.uniform(0, 0.9, len(subject)), due)),
            "period": pa.array(setting.ends[when], pa.date32()),
        },
        delay_days=8,
    )


def _patents(setting: Setting, sector: Ints) -> pa.Table:
    rng = setting.rng
    invents = np.isin(sector, INVENTIVE) & some(setting, likely(-0.9 + 0.3 * setting.history.static))
    held = np.flatnonzero(invents)
    subject = np.repeat(held, rng.poisson(2.2, len(held)))
    day = days_in(setting, np.maximum(setting.history.entered[subject], 0))
    lapsed, over = ended(setting, day, 300, 6000)
    return report(
        setting,
        "intellectual_property.patent",
        subject,
        day,
        {
            "patent": pa.array(np.char.add(f"合成专利{setting.block}-", np.arange(len(subject)).astype(str))),
            "kind": codes(rng.choice(3, len(subject), p=[0.25, 0.55, 0.2]), ["invention", "utility", "design"]),
            "ended_on": days_or_none(lapsed, over),
        },
        delay_days=20,
    )


def _product_inspections(setting: Setting, sector: Ints) -> pa.Table:
    rng, history = setting.rng, setting.history
    subject, when, day = events(setting, -3.6, 0.0, np.isin(sector, INSPECTED))
    batches = rng.integers(1, 9, len(subject))
    failed = rng.binomial(batches, likely(-2.8 - 0.35 * history.health[subject, when]))
    return report(
        setting,
        "quality.product_inspection",
        subject,
        day,
        {
            "product": codes(rng.integers(0, 3, len(subject)), ["合成食品", "合成日用品", "合成机电产品"]),
            "batches": pa.array(batches),
            "failed": pa.array(failed),
        },
        delay_days=15,
    )


def _labour_grades(setting: Setting) -> pa.Table:
    """In September, of the year before."""
    subject, when = periods(setting, some(setting, 0.5), (9,))
    seen = setting.history.health[subject, np.maximum(when - 8, 0)] + setting.rng.normal(0, 1.0, len(subject))
    return report(
        setting,
        "personnel.labour_grade",
        subject,
        setting.ends[when],
        {
            "year": pa.array(years_before(setting, when)),
            "grade": codes(np.digitize(seen, [-2.4, 0.2]), ["C", "B", "A"]),
        },
        delay_days=8,
    )


def _consumption_limits(setting: Setting) -> pa.Table:
    subject, _, day = after_default(setting, 0.5, 2, 9)
    lifted, over = ended(setting, day, 180, 1500)
    columns = {"lifted_on": days_or_none(lifted, over)}
    return report(setting, "court.consumption_limit", subject, day, columns, delay_days=3)


def _market(setting: Setting) -> Tables:
    """What the market regulator lists, inspects and registers anew."""
    rng, history = setting.rng, setting.history
    listed, _, listed_on = events(setting, -6.2, 0.55)
    gone, _, gone_on = after_default(setting, 0.35, 3, 12)
    listed, listed_on = np.concatenate([listed, gone]), np.concatenate([listed_on, gone_on])
    removed, over = ended(setting, listed_on, 40, 700)
    reasons = ["no_annual_report", "not_disclosed", "falsified", "unreachable"]
    inspected, when, day = events(setting, -4.0, 0.0)
    seen = history.health[inspected, when] + rng.normal(0, 1.2, len(inspected))
    changed, _, changed_on = events(setting, -4.9, 0.2)
    matters = ["name", "address", "capital", "legal_representative", "scope", "investors"]
    return {
        "market.abnormal_listing": report(
            setting,
            "market.abnormal_listing",
            listed,
            listed_on,
            {
                "reason": codes(rng.choice(4, len(listed), p=[0.5, 0.1, 0.1, 0.3]), reasons),
                "removed_on": days_or_none(removed, over),
            },
            delay_days=4,
        ),
        "market.random_inspection": report(
            setting,
            "market.random_inspection",
            inspected,
            day,
            {
                "matter": codes(rng.integers(0, 2, len(inspected)), ["公示信息检查", "登记事项检查"]),
                "result": codes(
                    np.digitize(seen, [-3.4, -2.6, -0.8]), ["unreachable", "uncooperative", "corrected", "no_problem"]
                ),
            },
            delay_days=12,
        ),
        "market.change": report(
            setting,
            "market.change",
            changed,
            changed_on,
            {"matter": codes(rng.choice(6, len(changed), p=[0.1, 0.25, 0.15, 0.15, 0.2, 0.15]), matters)},
            delay_days=3,
        ),
    }


def _unless(missing: Flags, column: pa.Array) -> pa.Array:
    """The column without the values that are missing."""
    return pa.array(column.to_pylist(), column.type, mask=missing) if missing.any() else column
