"""What an officer would go by without a model: single facts of a file, by which subjects are put in order."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt

from features.dictionary import features_for
from scoring.signals import fired

Floats = npt.NDArray[np.float64]
Columns = Mapping[str, Floats]

ADVERSE_RECORDS = (
    "court_defendant_count_12m",
    "enforcement_count_36m",
    "penalty_count_12m",
    "tax_arrears_count_12m",
    "credit_refusals_24m",
    "loan_overdue_30_count_12m",
)
WEIGHT_OF = {"red": 1_000_000.0, "orange": 10_000.0, "yellow": 100.0, "blue": 1.0}


def naive_rules(columns: Columns) -> dict[str, Floats]:
    """The order [rows] that each naive rule puts subjects in, the first to be warned the highest.

    Days past due now; the most in 12 months, then now; account-months 30 days past due in 12 months; tax arrears (of
    enterprises); the number of adverse records: cases as defendant, enforcement, penalties, tax arrears, credit
    refused, months 30 days past due.
    """
    made: dict[str, Callable[[], Floats]] = {
        "days_past_due_now": lambda: columns["loan_dpd_now"],
        "most_days_past_due_12m": lambda: columns["loan_dpd_max_12m"] + columns["loan_dpd_now"] / 1e4,
        "overdue_30_months_12m": lambda: columns["loan_overdue_30_count_12m"],
        "tax_arrears": lambda: columns["tax_arrears_open"],
        "adverse_records": lambda: adverse_records(columns),
    }
    return {name: make() for name, make in made.items() if name != "tax_arrears" or "tax_arrears_open" in columns}


def adverse_records(columns: Columns) -> Floats:
    """Number of adverse records; a feature that a segment has not, and a missing value, count as none."""
    counted = [np.nan_to_num(columns[code]) for code in ADVERSE_RECORDS if code in columns]
    return np.asarray(np.sum(counted, axis=0))


def single_features(segment: str, columns: Columns) -> dict[str, Floats]:
    """Every feature of the models alone, in its declared direction: an analyst's best column is among them."""
    return {one.code: one.direction * columns[one.code] for one in features_for(segment) if one.direction}


def declared_rules(segment: str, columns: Columns) -> Floats:
    """Huixin's own declared rules: the gravest first, among equals the one with more of them."""
    found = np.zeros(len(next(iter(columns.values()))))
    for at in range(len(found)):
        features = {code: float(values[at]) for code, values in columns.items()}
        found[at] = sum(WEIGHT_OF[rule.severity] for rule in fired(segment, features))
    return found
