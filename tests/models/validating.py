"""A small linear model with everything a bundle has, and rows drawn from it: reports without training."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np

from models.bundle import Bundle
from models.validation.population import Grouping
from models.validation.report import ValidationReport, validation_report
from records.words import Text

CODES = ("arrears", "overdue", "revenue", "noise")
WEIGHTS = np.array([1.0, 0.6, -0.4, 0.0])
DIRECTIONS = (1, 1, -1, 0)
BASE = -3.5
LEARNT, JUDGED = date(2023, 12, 31), date(2024, 12, 31)


@dataclass
class Linear:
    """An explainer whose contributions are weight times value."""

    weights: Any
    base: float = BASE

    def explain(self, X: Any) -> tuple[Any, Any, float]:
        contributions = np.nan_to_num(X) * self.weights
        return contributions.sum(axis=1) + self.base, contributions, self.base

    def to_arrays(self) -> dict[str, Any]:
        return {}


@dataclass
class Rows:
    X: Any
    outcome: Any
    subject: Any
    as_of: Any


def rows(count: int, day: date, seed: int, weights: Any = WEIGHTS, shift: float = 0.0) -> Rows:
    """Rows whose outcomes follow ``weights``; subjects of the same number are the same at every day."""
    steady, rng = np.random.default_rng(1), np.random.default_rng(seed)
    X = steady.normal(size=(count, len(CODES))) * 0.9 + rng.normal(size=(count, len(CODES))) * 0.4
    X[rng.random(count) < 0.1, 3] = np.nan
    log_odds = np.nan_to_num(X) @ weights + BASE + shift
    outcome = (rng.random(count) < 1 / (1 + np.exp(-log_odds))).astype(float)
    moment = np.datetime64(f"{day}T15:59:59.999999", "us")
    return Rows(X, outcome, np.array([f"s{at}" for at in range(count)]), np.full(count, moment))


def bundle(weights: Any = WEIGHTS, base: float = BASE, **more: Any) -> Bundle:
    facts: dict[str, Any] = {
        "words": {code: Text(f"特征{at}", f"feature {at}") for at, code in enumerate(CODES)},
        "weights": dict(zip(CODES, np.abs(weights).tolist(), strict=True)),
        "trained_as_ofs": (LEARNT,),
        "validated_as_of": JUDGED,
        "data_fingerprint": "d" * 64,
    }
    return Bundle("farmer", "boosted", CODES, Linear(weights, base), **facts | more)


def grouping(code: str, zh: str, en: str, values: list[str], names: dict[str, Text] | None = None) -> Grouping:
    return Grouping(code, Text(zh, en), np.array(values, object), names or {})


def made_report(count: int = 3_000, **more: Any) -> ValidationReport:
    """A report with every section: groups of all sizes, an attribute, a champion."""
    judged = rows(count, JUDGED, 3)
    place = np.arange(count)
    sector = grouping("sector", "行业", "sector", ["C" if at < 4 else "A" if at % 3 else "B" for at in place])
    village = grouping("village", "村", "village", [f"v{at % 150}" for at in place])
    names = {"0": Text("男", "male"), "1": Text("女", "female")}
    sex = grouping("sex", "性别", "sex", ["1" if at % 4 == 0 else "0" for at in place], names)
    asked: dict[str, Any] = {
        "learning": rows(count, LEARNT, 2),
        "groups": (sector, village),
        "attributes": (sex,),
        "champion": (bundle(WEIGHTS * 0.7 + np.array([0, 0, 0, 0.3])), judged.X),
        "fingerprint": "f" * 64,
    }
    return validation_report(bundle(), judged, DIRECTIONS, **asked | more)
