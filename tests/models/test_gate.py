"""The gate lets a sound challenger through, also one of few events, and refuses each bad one with its reason."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import orjson
import pytest

from models.bundle import Bundle
from models.calibration import AffineCalibrator
from models.gate import Background, Learning, Rebuilt, Thresholds, Verdict, judge_warning
from models.scorecard import Scorecard
from tests.models.gated import CODES, DIRECTIONS, Year, background, crossed, failed, sexes, trained, verdict, year

LEARNT, JUDGED = year(1), year(2)


@pytest.fixture(scope="module")
def good() -> Bundle:
    return trained(LEARNT)


def reason(found: Verdict) -> str:
    """Every reason, each in both languages."""
    assert not found.passed
    assert all(one.zh and one.en and one.zh != one.en for one in found.reasons)
    return " | ".join(f"{one.en} {one.zh}" for one in found.reasons)


def test_a_sound_challenger_passes_and_every_check_is_told(good: Bundle) -> None:
    found = verdict(good, JUDGED, background(LEARNT, JUDGED), champion=good)
    assert found.passed, found.reasons
    assert found.left_out == ()
    told = orjson.loads(orjson.dumps(found.as_dict()))
    codes = [one["code"] for one in told["checks"]]
    assert len(codes) == len(set(codes)) >= 15
    for one in told["checks"]:
        assert one["passed"] is True
        assert one["figure"] is not None
        assert one["least"] is not None or one["most"] is not None
        assert one["words"]["zh"]
        assert one["words"]["en"]
    assert orjson.loads(orjson.dumps(Thresholds().as_dict()))["impact_ratio"] == 0.8


def test_a_sound_challenger_of_few_events_passes() -> None:
    passed = 0
    for seed in range(20):
        learnt, judged = year(100 + seed), year(200 + seed, rows=400)
        found = verdict(trained(learnt), judged, background(learnt, judged))
        beyond = {"discrimination", "calibration-mean", "calibration-error"} & set(failed(found))
        passed += not (set(failed(found)) - beyond)
    assert passed >= 19


def test_what_could_not_be_asked_is_said(good: Bundle) -> None:
    found = verdict(replace(good, metrics={}), JUDGED, Background())
    assert found.passed
    assert len(found.left_out) == 6
    assert not Verdict(()).passed


def leaky_year(base: Year, echo: float, *, known_before: bool) -> Year:
    """A year whose last feature echoes the outcome itself, perhaps only from shortly before it on."""
    rng = np.random.default_rng(5)
    X, earlier = base.X.copy(), base.month_earlier.copy()
    X[:, 3] = echo * base.outcome + rng.normal(size=len(X))
    earlier[:, 3] = X[:, 3] if known_before else rng.normal(size=len(X))
    return Year(X, base.outcome, earlier)


def test_a_feature_that_tells_the_outcome_alone_is_a_leak() -> None:
    learnt, judged = (leaky_year(one, 4.0, known_before=True) for one in (LEARNT, JUDGED))
    found = verdict(trained(learnt), judged, background(learnt, judged))
    assert failed(found) == ["leakage-single-feature"]
    assert "delays" in reason(found)
    assert "疑似泄漏" in reason(found)


def test_a_feature_that_knows_only_when_it_is_too_late_is_a_leak() -> None:
    learnt, judged = (leaky_year(one, 1.6, known_before=False) for one in (LEARNT, JUDGED))
    found = verdict(trained(learnt), judged, background(learnt, judged))
    assert failed(found) == ["leakage-embargo"]
    assert "month older" in reason(found)
    assert "delays" in reason(found)


def test_learning_rows_that_knew_more_than_later_ones_can_are_a_leak() -> None:
    learnt = leaky_year(LEARNT, 2.0, known_before=True)
    found = verdict(trained(learnt), JUDGED, background(learnt, JUDGED))
    assert "leakage-learning-gap" in failed(found)
    assert "cross-fitted" in reason(found)


def test_rows_that_the_visibility_rule_does_not_give_are_a_leak(good: Bundle) -> None:
    some = np.arange(0, 4_000, 20)
    honest = JUDGED.X[some].copy()
    honest[3, 1] = np.nan
    found = verdict(good, JUDGED, background(LEARNT, JUDGED, rebuilt=Rebuilt(some, honest)))
    assert failed(found) == ["leakage-visibility"]
    assert "harvest" in reason(found)
    gaps = JUDGED.X.copy()
    gaps[:, 2] = np.nan
    same = Year(gaps, JUDGED.outcome, JUDGED.month_earlier)
    kept = verdict(good, same, background(LEARNT, same))
    assert "leakage-visibility" not in failed(kept)


def test_a_registered_figure_that_honest_rows_do_not_give_is_a_leak(good: Bundle) -> None:
    found = verdict(good, JUDGED, background(LEARNT, JUDGED, claimed_auc=0.95))
    assert failed(found) == ["leakage-claim"]
    assert "registered with AUC 0.950" in reason(found)
    assert "leakage-claim" not in failed(verdict(good, JUDGED, background(LEARNT, JUDGED, claimed_auc=0.8)))


@pytest.mark.parametrize(
    ("calibrator", "code"),
    [
        (AffineCalibrator(1.0, 1.5), "calibration-mean"),
        (AffineCalibrator(2.2, 3.2), "calibration-by-grade"),
        (AffineCalibrator(0.25, -2.1), "calibration-error"),
    ],
)
def test_a_miscalibrated_challenger_is_refused(good: Bundle, calibrator: AffineCalibrator, code: str) -> None:
    found = verdict(replace(good, calibrator=calibrator), JUDGED, background(LEARNT, JUDGED))
    assert code in failed(found)
    assert not {one for one in failed(found) if not one.startswith("calibration")}
    assert ("ECE" if code == "calibration-error" else "observed") in reason(found)


class WrongWay:
    """An explainer under which one feature counts the wrong way round."""

    def __init__(self, inner: Any, column: int) -> None:
        self.inner, self.column = inner, column

    def explain(self, X: Any) -> Any:
        _, contributions, base = self.inner.explain(X)
        contributions[:, self.column] *= -0.3
        return base + contributions.sum(axis=1), contributions, base


def test_a_non_monotone_challenger_is_refused(good: Bundle) -> None:
    bent = replace(good, explainer=WrongWay(good.explainer, 2))  # type: ignore[arg-type]
    found = verdict(bent, JUDGED, background(LEARNT, JUDGED))
    assert "monotone" in failed(found)
    assert "age_of_file" in reason(found)


def test_an_unfair_challenger_is_refused_unless_outcomes_bear_it_out(good: Bundle) -> None:
    rng = np.random.default_rng(7)
    group = rng.integers(0, 2, 4_000)
    X = JUDGED.X.copy()
    X[group == 1, 0] += 1.2  # what the model holds against women, without their defaulting more
    judged = Year(X, JUDGED.outcome, X)
    found = verdict(good, judged, background(LEARNT, judged, protected=(sexes(group),)), champion=good)
    assert "fairness-head_sex_female" in failed(found)
    assert "unfair" in reason(found)
    assert "women" in reason(found)
    worse = -2.6 + 0.9 * X[:, 0] - 0.6 * X[:, 1] - 0.3 * X[:, 2] + 0.5 * X[:, 3]
    borne = (rng.random(4_000) < 1 / (1 + np.exp(-worse))).astype(float)
    kept = verdict(good, Year(X, borne, X), background(LEARNT, judged, protected=(sexes(group),)))
    assert not [one for one in failed(kept) if one.startswith("fairness")]


def test_chance_alone_makes_nobody_unfair(good: Bundle) -> None:
    for seed in range(20):
        judged = year(300 + seed, rows=300)
        group = np.random.default_rng(seed).random(300) < 0.2
        around = Background(protected=(sexes(group),))
        assert not [one for one in failed(verdict(good, judged, around)) if one.startswith("fairness")]


def test_a_challenger_fairer_than_none_but_less_fair_than_the_champion_is_refused(good: Bundle) -> None:
    group = np.random.default_rng(7).integers(0, 2, 4_000)
    X = JUDGED.X.copy()
    X[group == 1, 0] += 0.75
    judged = Year(X, JUDGED.outcome, X)
    blind = trained(Year(np.column_stack([np.zeros(4_000), LEARNT.X[:, 1:]]), LEARNT.outcome, LEARNT.X))
    found = verdict(good, judged, background(LEARNT, judged, protected=(sexes(group),)), champion=blind)
    assert "fairness-head_sex_female-against-champion" in failed(found)


def test_a_protected_feature_is_refused_by_name(good: Bundle) -> None:
    codes = (*CODES[:3], "head_birth_year")
    found = verdict(replace(good, codes=codes), JUDGED, background(LEARNT, JUDGED))
    assert "permitted-features" in failed(found)
    assert "head_birth_year" in reason(found)


def test_a_drifted_challenger_is_refused() -> None:
    old = year(11, shift=-1.0)
    challenger = trained(old)
    found = verdict(challenger, JUDGED, background(old, JUDGED, learning=Learning(old.X, old.outcome)))
    assert {"drift-scores", "drift-features"} <= set(failed(found))
    assert "drifted" in reason(found)
    assert "漂移" in reason(found)


def test_a_feature_that_tells_the_same_in_other_numbers_has_not_drifted() -> None:
    """Shares of eleven months become shares of twelve: no value is the same, and nothing has happened."""
    rng = np.random.default_rng(3)
    late = rng.binomial(11, 0.15, 8_000)
    X = np.column_stack([rng.normal(size=8_000), rng.normal(size=8_000), rng.normal(size=8_000), late / 11])
    outcome = (rng.random(8_000) < 1 / (1 + np.exp(3.5 - 0.8 * X[:, 0] - 4 * X[:, 3]))).astype(float)
    later = X.copy()
    later[:, 3] = late / 12
    learnt, judged = Year(X[::2], outcome[::2], X[::2]), Year(later[1::2], outcome[1::2], later[1::2])
    found = verdict(trained(learnt), judged, background(learnt, judged))
    assert not [one for one in failed(found) if one.startswith("drift")]


def test_words_that_are_missing_are_named(good: Bundle) -> None:
    dumb = replace(good, words={code: words for code, words in good.words.items() if code != "debt"})
    found = verdict(dumb, JUDGED, background(LEARNT, JUDGED))
    assert failed(found) == ["reasons-in-words"]
    assert "debt" in reason(found)


def test_cross_fitting_is_what_it_says() -> None:
    whole = Scorecard(DIRECTIONS).fit(LEARNT.X, LEARNT.outcome).predict_proba(LEARNT.X)[:, 1]
    assert np.abs(crossed(LEARNT) - whole).mean() < 0.05


class Watcher:
    """Stands for an early-warning model: distress within 3, 6 and 12 months from the first feature alone."""

    codes = CODES
    segment = "farmer"

    def __init__(self, factors: tuple[float, float, float]) -> None:
        self.factors = factors

    def distress(self, X: Any) -> Any:
        whole = 1 / (1 + np.exp(3.0 - 1.2 * np.nan_to_num(X[:, 0])))
        return np.column_stack([factor * whole for factor in self.factors])


def test_an_early_warning_model_is_asked_too() -> None:
    rng = np.random.default_rng(6)
    within = rng.random(4_000) < Watcher((0.25, 0.5, 1.0)).distress(JUDGED.X)[:, 2]
    months = np.where(within, rng.integers(1, 13, 4_000), np.nan).astype(float)
    months[:50] = 0.0  # in distress already: not asked about
    around = background(LEARNT, JUDGED)

    def refused(factors: tuple[float, float, float], known: Background) -> list[str]:
        bundle: Any = Watcher(factors)
        return failed(judge_warning(bundle, None, JUDGED.X, months, None, DIRECTIONS, background=known))

    assert refused((0.25, 0.5, 1.0), around) == []
    assert "horizon-order" in refused((0.25, 0.5, 0.4), around)
    assert "calibration-mean-3m" in refused((0.9, 0.95, 1.0), around)
    stale = replace(around, month_earlier=rng.normal(size=JUDGED.X.shape))
    assert refused((0.25, 0.5, 1.0), stale) == ["leakage-embargo"]
    moved = replace(around, learning=Learning(year(9, shift=-1.5).X, LEARNT.outcome))
    assert refused((0.25, 0.5, 1.0), moved) == ["drift-scores"]
