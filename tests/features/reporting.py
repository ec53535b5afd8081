"""Two years of what four sources report about forty enterprises, until some of them fall silent in autumn 2025."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from features.spine import month_ends
from records.base import RecordBase
from tests.records.assessment.sample import FIRMS, sender

SPEAKING, SILENT = date(2025, 9, 30), date(2025, 12, 31)
MONTHS = month_ends(date(2024, 1, 31), date(2025, 12, 31))
EVIL = "</script><img src=x onerror='window.hacked=1'>"


def report(base: RecordBase, door: Path) -> None:
    """Registration and tax filings go on; from November 2025 on banks report for a fifth of the enterprises.

    Courts report no case after October 2025; of arrears, twelve a month, one a month comes since then.
    """
    send, rng = sender(base, door), np.random.default_rng(5)
    send("market.registration", *_registrations(), history=True)
    send("tax.filing", *_filings(rng), history=True)
    send("loan.account_month", *_loans(), history=True)
    send("court.case", *_cases(rng), history=True)
    send("tax.arrears", *_arrears(rng), history=True)


def _row(item: str, number: int, firm: int, day: date, known: date, **fields: Any) -> dict[str, Any]:
    known_at = f"{known}T04:00:00"
    about = {"record_id": f"{item}-{number}", "subject_kind": "enterprise", "firm": firm}
    return {**about, "occurred_on": day, "recorded_at": known_at, **fields}


def _registrations() -> Iterator[dict[str, Any]]:
    for firm in range(len(FIRMS)):
        day = date(2023, 12, 5)
        about = {"name": EVIL if firm == 0 else f"企业{firm}", "industry": "C" if firm % 2 else "F", "district": "甲区"}
        yield _row("r", firm, firm, day, day + timedelta(days=1), **about, registered_on=day, status="active")


def _filings(rng: np.random.Generator) -> Iterator[dict[str, Any]]:
    for n, (month, firm) in enumerate((month, firm) for month in MONTHS[:-1] for firm in range(len(FIRMS))):
        revenue = round(float(rng.lognormal(11, 1)), 2)
        due = round(revenue * 0.03, 2)
        amounts = {"period": month, "revenue": revenue, "tax_due": due, "tax_paid": due, "days_late": 0}
        yield _row("f", n, firm, month, month + timedelta(days=10), **amounts)


def _loans() -> Iterator[dict[str, Any]]:
    for n, (month, firm) in enumerate((month, firm) for month in MONTHS[:-1] for firm in range(len(FIRMS))):
        if month > date(2025, 10, 31) and firm % 5:
            continue
        late = 120 if firm % 7 == 0 and month >= date(2025, 3, 31) else 0
        terms = {"account": f"a{firm}", "principal": 9000, "balance": 5000, "five_class": "normal"}
        yield _row("l", n, firm, month, month + timedelta(days=5), **terms, days_past_due=late, security="credit")


def _cases(rng: np.random.Generator) -> Iterator[dict[str, Any]]:
    day, number = date(2024, 1, 8), 0
    while day <= date(2025, 10, 31):
        about = {"role": "defendant", "cause": "loan" if day < SPEAKING else "sale", "amount": 100}
        yield _row("c", number, int(rng.integers(len(FIRMS))), day, day + timedelta(days=2), **about)
        day, number = day + timedelta(days=int(rng.integers(1, 5))), number + 1


def _arrears(rng: np.random.Generator) -> Iterator[dict[str, Any]]:
    number = 0
    for month in MONTHS:
        for _ in range(12 if month <= date(2025, 9, 30) else 1):
            day = month.replace(day=int(rng.integers(1, 28)))
            yield _row("t", number, int(rng.integers(len(FIRMS))), day, day + timedelta(days=1), amount=50)
            number += 1
