"""The model that serves is watched: drift, outcomes as they mature, and what may be expected before they do."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np
import orjson
import pytest

from features.drift import Two
from models.expected import expected, expected_auc
from models.follow_up import FollowUp
from models.grades import pd_of
from models.maturing import Cohort, Rated, cohort, timing
from models.model_alarms import Alarm, alarms, worst
from models.monitoring import ModelHealth, NothingToMonitor, monitor_model
from models.score_drift import ScoreDrift
from models.validation import auc, brier
from models.warning_alarms import alarms as warning_alarms
from models.warning_monitoring import RiskDrift, WarningHealth, cohort_ahead, monitor_warning
from records.base import RecordBase


def log_odds(rows: int, seed: int, mean: float = -3.0) -> Any:
    return np.random.default_rng(seed).normal(mean, 1.3, rows)


def test_what_is_expected_is_what_comes() -> None:
    rng = np.random.default_rng(8)
    z = log_odds(20_000, 1)
    outcome = (rng.random(20_000) < pd_of(z)).astype(float)
    found = expected(z)
    assert found.auc_low < auc(outcome, pd_of(z)) < found.auc_high
    assert found.auc == pytest.approx(auc(outcome, pd_of(z)), abs=0.015)
    assert found.brier == pytest.approx(brier(outcome, pd_of(z)), rel=0.05)
    assert found.defaults_low < outcome.sum() < found.defaults_high


def test_the_expected_auc_is_the_mean_over_all_outcomes() -> None:
    pd = np.array([0.1, 0.4, 0.4, 0.7])
    wins = pairs = 0.0
    for bits in range(16):
        outcome = np.array([bits >> at & 1 for at in range(4)], float)
        chance = np.prod(np.where(outcome > 0, pd, 1 - pd))
        many = outcome.sum() * (4 - outcome.sum())
        if many:
            wins += chance * many * auc(outcome, pd)
            pairs += chance * many
    assert expected_auc(pd) == pytest.approx(wins / pairs)
    assert np.isnan(expected_auc(np.array([0.3])))


def test_a_population_that_is_harder_to_tell_apart_is_seen_before_its_outcomes() -> None:
    then = log_odds(6_000, 2)
    known = (np.random.default_rng(3).random(6_000) < pd_of(then)).astype(float)
    harder = -3.0 + 0.5 * (log_odds(6_000, 4) + 3.0)
    now = expected(harder, (then, known))
    truth = (np.random.default_rng(5).random(6_000) < pd_of(harder)).astype(float)
    assert now.recalibrated
    assert now.auc < expected(then, (then, known)).auc - 0.1
    assert now.auc == pytest.approx(auc(truth, pd_of(harder)), abs=0.04)


def test_pds_that_are_too_sure_are_recalibrated_first() -> None:
    honest = log_odds(20_000, 6)
    outcome = (np.random.default_rng(7).random(20_000) < pd_of(honest)).astype(float)
    boastful = -3.0 + 2.0 * (honest + 3.0)
    naive, careful = expected(boastful), expected(boastful, (boastful, outcome))
    shown = auc(outcome, honest)
    assert abs(careful.auc - shown) < 0.01 < abs(naive.auc - shown)


def rated(seed: int, elapsed: int, factor: float = 1.0, rows: int = 8_000) -> Rated:
    """Rated borrowers whose defaults come evenly over the year, ``factor`` times as many as their PDs say."""
    rng = np.random.default_rng(1_000 + seed)
    z = log_odds(rows, seed)
    bad = rng.random(rows) < np.minimum(factor * pd_of(z), 1)
    months = np.where(bad, rng.integers(1, 13, rows), np.nan).astype(float)
    return Rated(date(2024, 12, 31), np.empty((rows, 0)), z, months, elapsed)


def test_outcomes_are_held_against_the_share_that_is_due() -> None:
    shares = timing(rated(1, 12))
    assert shares == pytest.approx(np.arange(1, 13) / 12, abs=0.05)
    fair, half_known = cohort(rated(2, 12), shares), cohort(rated(3, 6), shares)
    assert fair.low < fair.expected < fair.high
    assert half_known.low < half_known.expected < half_known.high
    assert fair.auc is not None
    assert half_known.auc is None
    assert half_known.expected == pytest.approx(fair.expected / 2, rel=0.1)


NO_DRIFT = ScoreDrift("m", "1", "scorecard", 0.001, 0.01, "stable", Two(600.0, 600.1), {"debt": 0.1})
DAYS = date(2024, 12, 31), date(2025, 12, 31)


def levels(cohorts: list[Cohort], drift: ScoreDrift = NO_DRIFT, weight: float = 0.0, **changed: Any) -> dict[str, str]:
    same = expected(log_odds(2_000, 1))
    now = replace(same, **changed)
    return {one.code: one.level for one in alarms(drift, (weight, [("debt", 0.5)]), cohorts, now, same, *DAYS)}


def test_alarms_have_levels_and_chance_raises_none() -> None:
    shares = np.arange(1, 13) / 12
    for seed in range(20):
        quiet = [cohort(rated(seed * 10 + at, months, rows=1_500), shares) for at, months in enumerate((12, 9, 6, 3))]
        assert levels(quiet)["calibration"] != "red"
    many = [cohort(rated(5, 6, factor=2.0), shares)]
    assert levels(many)["calibration"] == "red"
    assert levels([cohort(rated(5, 6, factor=1.3), shares)])["calibration"] == "yellow"
    assert levels([], weight=0.2)["feature-drift"] == "yellow"
    assert levels([], drift=replace(NO_DRIFT, level="large"))["score-drift"] == "red"
    assert levels([], auc=0.6, auc_high=0.62)["expected-performance"] == "red"
    assert worst(()) == "green"


def test_the_words_of_an_alarm_say_what_to_do() -> None:
    shares = np.arange(1, 13) / 12
    found = alarms(
        NO_DRIFT, (0.0, []), [cohort(rated(5, 6, factor=2.0), shares)], *[expected(log_odds(500, 1))] * 2, *DAYS
    )
    assert found[0].code == "calibration"
    assert found[0].level == "red"
    assert "recalibrate" in found[0].advice.en
    assert "应违约" in found[0].found.zh


@pytest.fixture(scope="module")
def health(trained_base: RecordBase) -> ModelHealth:
    return monitor_model(trained_base, "farmer", every=6)


def test_the_champion_is_monitored(health: ModelHealth, trained_base: RecordBase, last_day: date) -> None:
    from models.registry import Registry

    assert health.version == Registry(trained_base.settings).champion_version("farmer")
    assert health.as_of == last_day
    first = health.cohorts[0]
    assert first.day == health.reference
    assert first.mature
    assert 0 < first.observed < first.rows
    assert [one.elapsed for one in health.cohorts] == sorted((one.elapsed for one in health.cohorts), reverse=True)
    assert sum(one.reference for one in health.bands) == pytest.approx(1)
    assert sum(one.current for one in health.grades) == pytest.approx(1)
    assert sum(one.weight for one in health.features) == pytest.approx(1)
    told = orjson.loads(orjson.dumps(health.as_dict()))
    assert told["level"] == health.level
    assert {one["code"] for one in told["alarms"]} >= {"score-drift", "feature-drift", "calibration", "age"}
    assert told["cohorts"][0]["day"] == str(health.reference)


def test_the_page_tells_it_in_both_languages(health: ModelHealth) -> None:
    from service.pages.model_page import model_page

    page = model_page(health)
    assert health.model in page
    assert 'lang="zh-CN">应违约' in page or "应违约" in page
    assert "confidence-based performance estimation" in page
    assert 'id="chart-scores"' in page
    for alarm in health.alarms:
        assert alarm.words.zh in page


def test_before_validation_there_is_nothing_to_monitor(trained_base: RecordBase, health: ModelHealth) -> None:
    with pytest.raises(NothingToMonitor, match="validation day"):
        monitor_model(trained_base, "farmer", health.reference)


def seen(rng: Any, chances: Any, followed: int, factor: float = 1.0) -> FollowUp:
    """Rows whose distress comes as ``chances`` [n, 12] say, or at ``factor`` times them; seen for so many months."""
    rows = len(chances)
    months = 1.0 + (np.minimum(factor * chances, 1) < rng.random(rows)[:, None]).sum(axis=1)
    months = np.where(months <= followed, months, np.nan)
    moment = np.full(rows, np.datetime64("2024-12-31", "us"))
    return FollowUp(np.empty((rows, 0)), np.arange(rows), moment, months, np.full(rows, followed, float), np.ones(rows))


def test_distress_is_held_against_what_is_due_at_each_horizon() -> None:
    rng, day = np.random.default_rng(3), date(2024, 12, 31)
    chances = pd_of(log_odds(20_000, 4))[:, None] * np.arange(1, 13) / 12
    fair = seen(rng, chances, 8)
    three, six, year = (cohort_ahead(day, horizon, chances, fair) for horizon in (3, 6, 12))
    assert [one.elapsed for one in (three, six, year)] == [3, 6, 8]
    for one in (three, six, year):
        assert one.low < one.expected < one.high
    assert year.expected == pytest.approx(chances[:, 7].sum())
    assert three.observed < six.observed < year.observed
    assert six.auc is not None
    assert six.auc > 0.6
    assert year.auc is None


def test_a_warning_model_that_foresees_too_little_raises_an_alarm_in_both_languages() -> None:
    rng, day = np.random.default_rng(3), date(2024, 12, 31)
    chances = pd_of(log_odds(20_000, 4))[:, None] * np.arange(1, 13) / 12
    quiet = RiskDrift(0.001, 0.01, "stable", Two(0.05, 0.05), {"debt": 0.01})

    def told(factor: float, risk: RiskDrift = quiet) -> dict[str, Alarm]:
        came = seen(rng, chances, 12, factor)
        cohorts = {horizon: [cohort_ahead(day, horizon, chances, came)] for horizon in (3, 6, 12)}
        return {one.code: one for one in warning_alarms(risk, (0.0, []), cohorts, *DAYS)}

    assert worst(tuple(told(1.0).values())) == "green"
    doubled = told(2.0)
    assert {doubled[f"distress-{horizon}m"].level for horizon in (3, 6, 12)} == {"red"}
    assert "应陷入困境" in doubled["distress-6m"].found.zh
    assert "too low warn too seldom" in doubled["distress-6m"].advice.en
    moved = told(1.0, replace(quiet, index=0.4, level="large"))
    assert moved["risk-drift"].level == "red"
    assert "debt" in moved["risk-drift"].advice.zh


@pytest.fixture(scope="module")
def warning_health(trained_base: RecordBase) -> WarningHealth:
    return monitor_warning(trained_base, "farmer", every=6)


def test_the_warning_model_that_serves_is_monitored(
    warning_health: WarningHealth, trained_base: RecordBase, last_day: date
) -> None:
    health = warning_health
    assert health.as_of == last_day
    assert health.model == "huixin-farmer-warning"
    for horizon in (3, 6, 12):
        cohorts = health.of(horizon)
        assert cohorts[0].day == health.reference
        assert all(one.elapsed <= horizon for one in cohorts)
        assert cohorts[0].elapsed == horizon
        assert cohorts[0].auc is not None
        assert cohorts[-1].elapsed < horizon or horizon < 12
    assert 0 < health.of(3)[0].observed <= health.of(6)[0].observed <= health.of(12)[0].observed
    assert sum(health.risk.log_odds.values()) != 0
    assert sum(one.weight for one in health.features) == pytest.approx(1)
    told = orjson.loads(orjson.dumps(health.as_dict()))
    assert {one["code"] for one in told["alarms"]} >= {"risk-drift", "feature-drift", "distress-6m", "age"}
    assert told["ahead"][0]["day"] == str(health.reference)
    with pytest.raises(NothingToMonitor, match="validation day"):
        monitor_warning(trained_base, "farmer", health.reference)


def test_the_page_of_the_warning_model_tells_it_in_both_languages(warning_health: WarningHealth) -> None:
    from service.pages.model_page import warning_page

    page = warning_page(warning_health)
    assert "预警模型监测" in page
    assert "Distress as it comes" in page
    for horizon in (3, 6, 12):
        assert f'id="chart-ahead_{horizon}"' in page
    for alarm in warning_health.alarms:
        assert alarm.words.zh in page
        assert alarm.words.en in page
