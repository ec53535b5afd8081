"""Calibration while outcomes mature: of those rated so many months ago, how many should have defaulted by now?"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt

from features.outcomes import label
from features.pipeline import FeaturePipeline
from features.spine import spine
from models.auc_error import areas
from models.bundle import Bundle
from models.grades import pd_of
from models.validation import brier, ece, jeffreys
from records.moment import add_months, end_of_day, month_end

Floats = npt.NDArray[np.float64]
HORIZON = 12
PRIOR_EVENTS = 5.0


@dataclass(frozen=True)
class Rated:
    """Those whose default could be seen at a day, as a model rates them.

    ``log_odds`` [n], ``months`` [n]: months to default, NaN where none is known; ``elapsed``: months after the day for
    which outcomes are complete, 12 at most.
    """

    day: date
    X: Floats
    log_odds: Floats
    months: Floats
    elapsed: int

    @property
    def outcome(self) -> Floats:
        """1.0 where default came within the months that are complete; [n]."""
        return (np.nan_to_num(self.months, nan=np.inf) <= self.elapsed).astype(np.float64)


@dataclass(frozen=True)
class Cohort:
    """Those rated at ``day``: after ``elapsed`` months, expected and observed defaults.

    ``low``, ``high``: expected numbers that the Jeffreys interval (95%) of the observed rate holds; ``ratio`` expected
    over observed. ``auc``, ``brier``, ``ece`` once all twelve months are complete.
    """

    day: date
    elapsed: int
    rows: int
    expected: float
    observed: int
    low: float
    high: float
    auc: float | None
    auc_error: float | None
    brier: float | None
    ece: float | None

    @property
    def ratio(self) -> float:
        return self.expected / max(self.observed, 1e-9)

    @property
    def mature(self) -> bool:
        return self.elapsed >= HORIZON


def rated(pipeline: FeaturePipeline, bundle: Bundle, day: date, known_on: date) -> Rated:
    """Rate the borrowers of ``day`` with ``bundle``; outcomes as they were known at the end of ``known_on``.

    The pipeline has the bundle's features, in its order.
    """
    connection = pipeline.connection
    rows = spine(connection, pipeline.segment, [day])
    elapsed, found = _complete(connection, pipeline.segment, rows, day, known_on)
    chosen = found["eligible"]
    table = pipeline.build(rows.filter(chosen))
    X = np.column_stack([table[code].to_numpy() for code in bundle.codes])
    months = found["months_to_event"].filter(chosen).to_numpy()
    log_odds = bundle.explain(X)[0] if len(X) else np.empty(0)
    return Rated(day, X, log_odds, months, elapsed)


def timing(mature: Rated) -> Floats:
    """Share of a year's defaults that come within 1, 2, ... 12 months, [12], from rows with all their outcomes.

    Smoothed by ``PRIOR_EVENTS`` defaults spread evenly over the year, so that few events do not make a staircase.
    """
    within = mature.months[np.nan_to_num(mature.months, nan=np.inf) <= HORIZON]
    counts = np.array([(within <= month).sum() for month in range(1, HORIZON + 1)], np.float64)
    even = np.arange(1, HORIZON + 1) / HORIZON
    return np.asarray((counts + PRIOR_EVENTS * even) / (len(within) + PRIOR_EVENTS))


def cohort(one: Rated, shares: Floats) -> Cohort:
    """What became of ``one``, against its PDs times the share of defaults that so many months bring."""
    outcome, rows = one.outcome, len(one.log_odds)
    pd = pd_of(one.log_odds)
    due = float(shares[one.elapsed - 1]) if one.elapsed else 0.0
    observed = int(outcome.sum())
    low, high = jeffreys(float(observed), rows) if rows else (0.0, 1.0)
    mature = one.elapsed >= HORIZON and 0 < observed < rows
    found = areas(outcome, pd) if mature else None
    return Cohort(
        one.day,
        one.elapsed,
        rows,
        float(pd.sum() * due),
        observed,
        low * rows,
        high * rows,
        float(found.auc[0]) if found else None,
        found.error() if found else None,
        brier(outcome, pd) if mature else None,
        ece(outcome, pd) if mature else None,
    )


def _complete(connection: Any, segment: str, rows: Any, day: date, known_on: date) -> tuple[int, Any]:
    """The most months, 12 at most, for which outcomes of ``rows`` were complete on ``known_on``, and the labels."""
    passed = (known_on.year - day.year) * 12 + known_on.month - day.month
    known_at = end_of_day(known_on)
    for months in range(min(passed, HORIZON), 0, -1):
        if month_end(add_months(day.replace(day=1), months)) > known_on:
            continue
        found = label(connection, rows, segment, horizon_months=months, known_at=known_at)
        outcome = found["outcome"].to_numpy()
        if not len(outcome) or not np.isnan(outcome).any():
            return months, found
    return 0, label(connection, rows, segment, horizon_months=HORIZON, known_at=known_at)
