"""What comes in from the platform: an application, a decision, an outcome; and when two of them are the same."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Literal

import orjson

Use = Literal["working_capital", "fixed_assets", "farming", "trade", "other"]
Decision = Literal["approved", "reduced", "refused", "withdrawn"]
Security = Literal["credit", "guarantee", "mortgage", "joint"]
Status = Literal["repaying", "repaid", "overdue", "defaulted"]


@dataclass(frozen=True)
class Consent:
    """The enterprise's authorisation, given to the platform."""

    reference: str
    document: str
    valid_until: datetime


@dataclass(frozen=True)
class Application:
    """``credit_code``: unified social credit code; it becomes a subject id at once and is kept nowhere."""

    number: str
    credit_code: str
    product: str
    amount: Decimal
    term_months: int
    purpose: Use
    consent: Consent

    def digest(self, subject_id: str) -> str:
        return digest({**asdict(self), "credit_code": subject_id})


@dataclass(frozen=True)
class Decided:
    """``granted`` in yuan and ``rate`` in percent a year, where it was approved or reduced."""

    decision: Decision
    decided_on: date
    granted: Decimal | None = None
    rate: Decimal | None = None
    security: Security | None = None


@dataclass(frozen=True)
class Outcome:
    """How the loan stood at the end of ``day``."""

    day: date
    status: Status
    balance: Decimal
    days_past_due: int = 0

    @property
    def five_class(self) -> str:
        """By days past due: Measures for Risk Classification of Financial Assets of Commercial Banks, 2023."""
        if self.status == "defaulted" and self.days_past_due <= 270:
            return "substandard"
        for most, grade in ((0, "normal"), (90, "special_mention"), (270, "substandard"), (360, "doubtful")):
            if self.days_past_due <= most:
                return grade
        return "loss"


def fen(yuan: Decimal) -> int:
    return int(yuan * 100)


def yuan(fen: int) -> str:
    return f"{fen // 100}.{fen % 100:02d}"


def digest(told: Any) -> str:
    """SHA-256 of what was sent, so that the same thing sent again is known."""
    if not isinstance(told, dict):
        told = asdict(told)
    return hashlib.sha256(orjson.dumps(told, default=_plain, option=orjson.OPT_SORT_KEYS)).hexdigest()


def _plain(value: Any) -> str:
    """Amounts are the same whatever zeros they end with."""
    return f"{value.normalize():f}" if isinstance(value, Decimal) else str(value)
