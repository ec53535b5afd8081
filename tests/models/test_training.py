"""Training on plain arrays: what calibrates has not been learnt from; short data and bad models are told apart."""

from __future__ import annotations

import itertools
from datetime import date
from typing import Any, ClassVar

import numpy as np
import pytest
from sklearn.base import BaseEstimator

import models.fitting as fitting
from models.bundle import Family
from models.fitting import fit_rating, fit_warning
from models.gate import Thresholds, judge, judge_warning
from models.training_table import TrainingTable, learning_days
from records.moment import add_months

DIRECTIONS = (1, -1, 0)
MONTHS = np.array(["2023-10-31", "2023-11-30", "2023-12-31"], "datetime64[us]")
FACTS: dict[str, Any] = {"segment": "enterprise", "codes": ("debt", "sales", "noise"), "seed": 1}


def county(subjects: int = 900, months: int = 3, seed: int = 0, rate: float = -2.2) -> TrainingTable:
    """Subjects at several month ends; outcomes and distress follow one log-odds."""
    rng = np.random.default_rng(seed)
    steady = rng.normal(size=(subjects, 3))
    log_odds = rate + 1.1 * steady[:, 0] - 0.9 * steady[:, 1]
    outcome = (rng.random(subjects) < 1 / (1 + np.exp(-log_odds))).astype(float)
    distress = np.where(outcome > 0, rng.integers(1, 13, subjects), np.nan)
    X = np.repeat(steady, months, axis=0) + rng.normal(scale=0.1, size=(subjects * months, 3))
    X[rng.random(X.shape) < 0.03] = np.nan
    names = np.array([f"s{number}" for number in range(subjects)])
    as_of = np.tile(MONTHS[:months], subjects)
    return TrainingTable(X, np.repeat(outcome, months), np.repeat(names, months), as_of, np.repeat(distress, months))


@pytest.mark.parametrize("family", ["boosted", "scorecard"])
def test_a_rating_model_is_calibrated_and_passes_the_gate(family: Family) -> None:
    learnt, later = county(), county(2_000, 1, seed=5)
    bundle = fit_rating(learnt, family, DIRECTIONS, FACTS)
    assert bundle.pd(later.X).mean() == pytest.approx(later.outcome.mean(), rel=0.25)
    assert judge(bundle, None, later.X, later.outcome, None, DIRECTIONS).reasons == ()
    assert set(bundle.weights) == set(FACTS["codes"])
    assert bundle.weights["debt"] > bundle.weights["noise"]


@pytest.mark.parametrize("family", ["boosted", "scorecard"])
def test_two_hundred_rows_and_a_few_events_are_enough_to_fit(family: Family) -> None:
    few = county(200, 1, seed=3)
    assert 10 <= few.outcome.sum() <= 50
    bundle = fit_rating(few, family, DIRECTIONS, FACTS)
    margin, contributions, base = bundle.explain(few.X)
    assert np.abs(base + contributions.sum(axis=1) - margin).max() < 1e-9


class Remembering(BaseEstimator):  # type: ignore[misc]
    """An estimator that knows by heart which rows it has seen, and when they were."""

    seen: ClassVar[list[tuple[set[str], set[Any]]]] = []
    told: ClassVar[list[set[str]]] = []

    def fit(self, X: Any, y: Any, groups: Any = None) -> Remembering:
        self.seen.append((set(groups.tolist()), set(X[:, 0].tolist())))
        return self

    def margin(self, X: Any) -> Any:
        self.told.append(set(X[:, 1].astype(int).astype(str).tolist()))
        return np.linspace(-1, 1, len(X))


def test_what_calibrates_is_later_and_of_other_subjects() -> None:
    made = county()
    month = np.searchsorted(MONTHS, made.as_of).astype(float)
    number = np.unique(made.subject, return_inverse=True)[1].astype(float)
    table = TrainingTable(
        np.column_stack([month, number, number]),
        made.outcome,
        number.astype(int).astype(str),
        made.as_of,
        made.months_to_distress,
    )
    margin, later = fitting._later_margins(Remembering(), table, 4, seed=1)
    assert len(margin) == 900
    assert not np.isnan(margin).any()
    assert set(later.X[:, 0]) == {2.0}
    for (learnt, months), asked in zip(Remembering.seen, Remembering.told, strict=True):
        assert learnt.isdisjoint(asked)
        assert months == {0.0, 1.0}


def test_a_warning_model_keeps_its_promises_at_the_gate() -> None:
    learnt, later = county(1_500), county(2_000, 1, seed=6)
    bundle = fit_warning(learnt, DIRECTIONS, FACTS)
    found = bundle.distress(later.X)
    assert (np.diff(found, axis=1) >= 0).all()
    assert found[:, 2].mean() == pytest.approx(later.outcome.mean(), rel=0.3)
    months = later.months_to_distress
    assert judge_warning(bundle, bundle, later.X, months, later.X, DIRECTIONS).passed
    turned = judge_warning(bundle, bundle, -later.X, months, later.X, (-1, 1, 0))
    said = " | ".join(no.en for no in turned.reasons)
    assert "discrimination" in said
    assert "worse than the champion" in said
    assert "declared direction: debt, sales" in said


def test_few_outcomes_do_not_refuse_a_good_model_by_chance() -> None:
    bundle = fit_rating(county(), "boosted", DIRECTIONS, FACTS)
    refused = 0
    for seed in range(20):
        few = county(250, 1, seed=100 + seed)
        refused += any(
            "calibration" in no.en for no in judge(bundle, None, few.X, few.outcome, None, DIRECTIONS).reasons
        )
    assert refused <= 2
    strict = Thresholds(minimum_auc=0.99)
    verdict = judge(bundle, None, few.X, few.outcome, None, DIRECTIONS, strict)
    assert not verdict.passed
    assert all(no.zh and no.en for no in verdict.reasons)


@pytest.mark.parametrize(("months", "learnt", "step"), [(36, 7, 1), (48, 10, 2), (60, 11, 3), (120, 12, 3)])
def test_a_longer_history_is_learnt_from_at_a_wider_step(
    months: int, learnt: int, step: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = add_months(date(2026, 1, 1), -months)
    monkeypatch.setattr("models.training_table.recorded_span", lambda *_: (first, date(2025, 12, 31)))
    days, judged_on = learning_days(None, "enterprise")
    assert judged_on == date(2024, 12, 31)
    assert days[-1] == date(2023, 12, 31), "the latest month end whose outcome was known is learnt from"
    gaps = {(b.year - a.year) * 12 + b.month - a.month for a, b in itertools.pairwise(days)}
    assert (len(days), gaps) == (learnt, {step})
