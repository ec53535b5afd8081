"""The game of warning is counted as its rules say, and every contender plays by the same ones."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import polars as pl
import pytest
from typer.testing import CliRunner

from benchmarks.warnings import judging
from benchmarks.warnings.naive import declared_rules, naive_rules, single_features
from benchmarks.warnings.watching import Watch, one_list, ratio_interval, year_of_lists
from features.dictionary import features_for
from models.follow_up import FollowUp

ENDS = [datetime(2025, month, day, 15, 59, 59) for month, day in ((1, 31), (2, 28), (3, 31), (4, 30), (5, 31), (6, 30))]


def follow_up(subjects: int, months: int, distress: dict[int, int], followed: float = 12.0) -> FollowUp:
    """Subjects at risk at the first ``months`` month ends until distress begins in month ``distress[subject]``."""
    rows = [
        (f"s{subject:03d}", month, distress.get(subject, 99) - month)
        for month in range(months)
        for subject in range(subjects)
        if distress.get(subject, 99) > month
    ]
    left = np.array([float(until) for _, _, until in rows])
    return FollowUp(
        X=np.zeros((len(rows), 1)),
        subject=np.array([name for name, _, _ in rows]),
        as_of=np.array([ENDS[month] for _, month, _ in rows], "datetime64[us]"),
        months_to_distress=np.where(left <= followed, left, np.nan),
        followed=np.full(len(rows), followed),
        weight=np.ones(len(rows)),
    )


def at(found: FollowUp, risks: dict[tuple[str, int], float]) -> np.ndarray:
    """The risks of subjects at month ends, 0 for all others."""
    month = np.searchsorted(np.array(ENDS, "datetime64[us]"), found.as_of)
    return np.array([risks.get((name, int(n)), 0.0) for name, n in zip(found.subject, month, strict=True)])


def test_each_subject_is_warned_of_once_and_the_lead_runs_from_then() -> None:
    found = follow_up(40, 6, {0: 6, 1: 2, 2: 5, 3: 3})
    watch = Watch.of(found)
    assert (watch.events, watch.subjects) == (4, 40)
    risks = {("s000", 2): 0.9, ("s000", 4): 0.95, ("s002", 4): 0.8, ("s003", 1): 0.1}
    seen = year_of_lists(watch, at(found, risks), np.random.default_rng(0))
    assert dict(zip(seen.subject.tolist(), seen.lead.tolist(), strict=True)) == {0: 4, 1: 0, 2: 1, 3: 0}
    assert (seen.alerts, seen.true_alerts, seen.precision, seen.median_lead) == (2, 2, 1.0, 2.5)


def test_after_distress_has_begun_no_warning_helps() -> None:
    found = follow_up(40, 6, {0: 2})
    seen = year_of_lists(Watch.of(found), at(found, {("s000", 3): 0.9, ("s001", 3): 0.8}), np.random.default_rng(0))
    assert seen.lead.tolist() == [0]


def test_the_list_of_one_month_end_is_followed_for_a_year() -> None:
    first = follow_up(100, 1, {0: 3, 1: 7, 2: 12, 3: 5})
    risk = np.zeros(100)
    risk[[0, 1, 50, 51, 52]] = 1.0
    seen = one_list(first, risk, np.random.default_rng(0))
    assert (seen.recall, seen.precision, seen.median_lead) == (0.5, 0.4, 5.0)
    assert seen.alerts == 5
    low, high = ratio_interval(seen, seen)
    assert low == high == 1.0


def test_a_month_that_is_not_known_cannot_be_judged() -> None:
    with pytest.raises(ValueError, match="not known yet"):
        Watch.of(follow_up(5, 2, {}, followed=0.0))


def test_naive_rules_read_facts_and_take_what_is_missing_for_none() -> None:
    codes = [feature.code for feature in features_for("enterprise")]
    columns = {code: np.array([np.nan, 0.0, 3.0]) for code in codes}
    made = naive_rules(columns)
    assert {"days_past_due_now", "tax_arrears", "adverse_records"} <= set(made)
    assert made["adverse_records"].tolist() == [0.0, 0.0, 18.0]
    farmers = {code: columns.get(code, np.zeros(3)) for code in [one.code for one in features_for("farmer")]}
    assert "tax_arrears" not in naive_rules(farmers)
    assert set(single_features("farmer", farmers)) < set(farmers)
    nothing = {code: np.full(3, np.nan) for code in codes}
    graver = declared_rules("enterprise", {**nothing, "loan_dpd_now": np.array([0.0, 65.0, 35.0])})
    assert graver[1] > graver[2] > graver[0]


def test_a_contest_says_what_the_goals_ask() -> None:
    rng = np.random.default_rng(3)
    truth = rng.beta(1, 9, 4_000)
    happens = rng.random(4_000) < truth
    first = follow_up(4_000, 1, {int(at): int(rng.integers(1, 13)) for at in np.flatnonzero(happens)})
    noisy = truth * rng.lognormal(0, 0.3, 4_000)
    orders = {
        "model": noisy,
        "true hazard 12m": truth,
        "month-old hazard 12m": truth * rng.lognormal(0, 0.1, 4_000),
        "naive coin": np.zeros(4_000),
        "naive guess": truth * rng.lognormal(0, 3.0, 4_000),
        "feature one": truth * rng.lognormal(0, 1.0, 4_000),
        "declared rules": np.zeros(4_000),
    }
    said = judging._contest(lambda risk, ties: one_list(first, risk, ties), orders)
    assert said["best_naive"] == "guess"
    assert said["naive"]["coin"] == pytest.approx(0.05, abs=0.02)
    assert 0.7 < said["recall_share_of_oracle"] < 1.1
    low, high = said["recall_share_interval_90"]
    assert low < said["recall_share_of_oracle"] < high
    assert said["recall_vs_naive"] == pytest.approx(said["recall"] / said["naive_recall"])
    assert said["alerts_per_true_event"] == pytest.approx(1 / said["precision"])
    assert 4 <= said["median_lead_months"] <= 9


def test_the_command_prints_and_writes_what_the_benchmark_found(
    monkeypatch: pytest.MonkeyPatch, tmp_path: object
) -> None:
    from huixin.cli import app

    monkeypatch.setattr("benchmarks.warnings.run", lambda: {"recall_share_of_oracle": 0.9})
    path = f"{tmp_path}/w.json"
    done = CliRunner().invoke(app, ["bench", "warnings", "--json", path])
    assert done.exit_code == 0, done.output
    assert pl.read_json(path)["recall_share_of_oracle"].to_list() == [0.9]
