"""A rating is exact, explained, replayable and honest about what is not known."""

from __future__ import annotations

import math
import subprocess
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from county.numbers import enterprise_numbers
from features.dictionary import registered
from features.online import OnlineFeatures
from features.pipeline import FeaturePipeline
from models.bundle import Bundle
from models.calibration import AffineCalibrator
from records.base import RecordBase
from records.errors import BadMoment, ModelNotTrained, UnknownSubject
from records.moment import end_of_day, now
from records.settings import Settings
from records.words import Text
from scoring.audit import record, verify
from scoring.batch import score_all
from scoring.rating import Rater, UnknownScore
from scoring.reasons import value_in_words
from scoring.scorer import ReasonsDoNotAddUp, Scorer
from scoring.signals import BadRules, fired, rules


class Linear:
    """An explainer whose shares are weights x values."""

    def __init__(self, weights: Any, lost: float = 0.0) -> None:
        self.weights = np.array(weights)
        self.lost = lost

    def explain(self, X: Any) -> Any:
        shares = X * self.weights
        return shares.sum(axis=1) - 3.0 + self.lost, shares, -3.0

    def to_arrays(self) -> Any:
        return {}


def bundle_of(weights: Any, slope: float = 1.0, intercept: float = 0.0, lost: float = 0.0) -> Bundle:
    codes = tuple(f"f{number}" for number in range(len(weights)))
    return Bundle("enterprise", "boosted", codes, Linear(weights, lost), AffineCalibrator(slope, intercept))


@settings(max_examples=100, deadline=None)
@given(
    weights=st.lists(st.floats(-20, 20), min_size=1, max_size=8),
    slope=st.floats(0.05, 3),
    intercept=st.floats(-5, 5),
    seed=st.integers(0, 1000),
)
def test_base_reasons_and_clipping_always_make_the_score(
    weights: list[float], slope: float, intercept: float, seed: int
) -> None:
    X = np.random.default_rng(seed).normal(size=(20, len(weights)))
    scores = Scorer(bundle_of(weights, slope, intercept)).score(X)
    whole = scores.base_points + scores.points.sum(axis=1) + scores.clip_points
    assert np.abs(whole - scores.score).max() <= 1e-6
    assert scores.score.min() >= 300
    assert scores.score.max() <= 900
    clipped = np.abs(scores.clip_points) > 1e-9
    assert np.isin(scores.score[clipped], [300.0, 900.0]).all()


def test_a_score_that_cannot_be_explained_is_not_given() -> None:
    with pytest.raises(ReasonsDoNotAddUp):
        Scorer(bundle_of([1.0, 2.0], lost=0.01)).score(np.ones((1, 2)))


@pytest.fixture(scope="module")
def rater(trained_base: RecordBase) -> Rater:
    return Rater(trained_base)


@pytest.fixture(scope="module")
def someone(trained_base: RecordBase) -> str:
    return str(trained_base.subjects("enterprise")["subject_id"][3].as_py())


def test_a_rating_says_everything_in_both_languages(rater: Rater, someone: str, last_day: date) -> None:
    rating = rater.rate(someone, last_day)
    total = rating.base_points + sum(reason.points for reason in rating.reasons) + rating.clip_points
    assert total == pytest.approx(rating.score, abs=1e-6)
    assert rating.grade in ("AAA", "AA", "A", "BBB", "BB", "B", "CCC", "CC", "C")
    assert [abs(reason.points) for reason in rating.reasons] == sorted(
        (abs(r.points) for r in rating.reasons), reverse=True
    )
    assert list(rating.distress.values()) == sorted(rating.distress.values())
    for reason in rating.reasons:
        assert reason.words.zh
        assert reason.words.en
        assert reason.value_words.zh
    assert any(reason.evidence for reason in rating.reasons)
    both, english = rating.as_dict(), rating.as_dict("en")
    assert set(both["reasons"][0]["words"]) == {"zh", "en"}
    assert isinstance(english["reasons"][0]["words"], str)
    orjson.dumps(both)


def test_a_rating_from_kept_features_is_the_one_from_records(
    rater: Rater, someone: str, trained_base: RecordBase, monkeypatch: pytest.MonkeyPatch
) -> None:
    computed = rater.rate(someone)
    OnlineFeatures(trained_base, computed.segment).refresh()
    with monkeypatch.context() as patched:
        patched.delattr(FeaturePipeline, "one")
        kept = rater.rate(someone)
    assert [(one.feature, one.points) for one in kept.reasons] == [
        (one.feature, one.points) for one in computed.reasons
    ]
    assert (kept.score, kept.pd) == (computed.score, computed.pd)


def test_a_stored_score_replays_bit_for_bit(rater: Rater, trained_base: RecordBase, last_day: date) -> None:
    for segment in ("enterprise", "farmer"):
        for subject in trained_base.subjects(segment)["subject_id"].to_pylist()[:8]:
            rating = rater.rate(subject, last_day)
            found = rater.replay(rating.score_id)
            assert found.equal, found.detail
            assert rater.stored(rating.score_id)["score"] == rating.score
    with pytest.raises(UnknownScore):
        rater.replay("s-nothing")


def test_a_tampered_score_does_not_replay(rater: Rater, someone: str, trained_base: RecordBase, last_day: date) -> None:
    rating = rater.rate(someone, last_day)
    with trained_base.engine.begin() as connection:
        connection.execute(text("UPDATE scores SET score = score + 1e-9 WHERE score_id = :id"), {"id": rating.score_id})
    assert not rater.replay(rating.score_id).equal


def test_batch_and_single_scores_are_the_same_bits(
    rater: Rater, trained_base: RecordBase, last_day: date, tmp_path: Path
) -> None:
    made = score_all(trained_base, "farmer", end_of_day(last_day), tmp_path / "f.parquet")
    assert made.largest_gap <= 1e-6
    table = pl.read_parquet(made.path)
    assert table.height == made.subjects > 1_000
    points = [name for name in table.columns if name.startswith("points_")]
    whole = table["base_points"] + table.select(pl.sum_horizontal(points)).to_series() + table["clip_points"]
    assert (whole - table["score"]).abs().max() <= 1e-6
    for row in table.head(5).iter_rows(named=True):
        rating = rater.rate(row["subject_id"], last_day)
        assert rating.score.hex() == row["score"].hex()
        assert rating.distress[12].hex() == row["distress_12m"].hex()


def test_before_the_first_record_the_score_has_low_confidence(rater: Rater, someone: str) -> None:
    rating = rater.rate(someone, "1999-12-31")
    assert rating.confidence == "low"
    assert any("no usable record" in note.en for note in rating.notes)
    assert math.isfinite(rating.score)


def test_a_thin_file_is_scored_with_low_confidence(trained_settings: Settings, tmp_path: Path) -> None:
    home = tmp_path / "copy"
    # In a process of its own: closing a file of SQLite's in this one would drop the locks of its open connections.
    subprocess.run(["cp", "-r", str(trained_settings.home), str(home)], check=True)
    base = RecordBase.open(Settings(home=home, mlflow_uri=trained_settings.tracking_uri))
    number = str(enterprise_numbers(np.array([987_654]))[0])
    batch = tmp_path / "one.csv"
    header = "record_id,subject_number,occurred_on,name,industry,district,status"
    batch.write_text(f"{header}\nthin-1,{number},2025-01-02,新企业,C,东城区,active\n", encoding="utf-8")
    base.append(batch, "market.registration")
    rating = Rater(base).rate(number)
    assert rating.confidence == "low"
    assert rating.notes[0].zh
    assert number not in str(rating.as_dict())


def test_questions_that_cannot_be_answered(rater: Rater, someone: str, base: RecordBase, tmp_path: Path) -> None:
    with pytest.raises(UnknownSubject):
        rater.rate("0" * 32)
    with pytest.raises(BadMoment, match="future"):
        rater.rate(someone, now() + timedelta(days=2))
    with pytest.raises(BadMoment):
        rater.rate(someone, "last week")
    number = str(enterprise_numbers(np.array([5]))[0])
    batch = tmp_path / "one.csv"
    batch.write_text(f"record_id,subject_number,occurred_on,amount\na,{number},2025-01-02,5\n")
    base.append(batch, "tax.arrears")
    with pytest.raises(ModelNotTrained):
        Rater(base).rate(number)


def test_ratings_are_given_while_no_warning_model_serves(
    trained_base: RecordBase, someone: str, last_day: date, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rater = Rater(trained_base)
    monkeypatch.setattr(rater, "_warning_version", lambda segment: None)
    rating = rater.rate(someone, last_day)
    assert rating.distress == {}
    assert any("no early-warning model" in note.en for note in rating.notes)
    assert rater.warnings("enterprise", end_of_day(last_day), 3)


def test_current_warnings_leave_out_those_in_default(rater: Rater, last_day: date) -> None:
    found = rater.warnings("enterprise", end_of_day(last_day), 10)
    assert found
    assert all(one.signal.code not in ("default.current", "court.dishonest") for one in found)
    ranks = [("red", "orange", "yellow", "blue").index(one.signal.severity) for one in found]
    assert ranks == sorted(ranks)


def test_signals_follow_their_declared_rules() -> None:
    features = dict.fromkeys(registered(), math.nan)
    assert fired("enterprise", features) == []
    features |= {"loan_dpd_now": 65.0, "tax_arrears_open": 10.0, "dishonest_now": 0.0}
    assert [rule.code for rule in fired("enterprise", features)] == ["loan.overdue_60", "tax.arrears"]
    assert [rule.code for rule in fired("farmer", features)] == ["loan.overdue_60"]


def test_rules_with_an_unknown_feature_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "rules.toml"
    path.write_text(
        '[[rules]]\ncode="x"\nsegments=["farmer"]\nseverity="red"\nzh="x"\nen="x"\nwhen=[["no_such", ">", 1]]\n'
        '[model]\ncode="m"\nhorizon=6\nzh="x"\nen="x"\nlevels=[]\n'
    )
    with pytest.raises(BadRules, match="no_such"):
        rules(path)


@pytest.mark.parametrize(
    ("unit", "value", "zh", "en"),
    [
        ("CNY", 123_456.0, "12.3 万元", "CNY 123,456"),
        ("share", 0.256, "25.6%", "25.6%"),
        ("days", 3.0, "3 天", "3 days"),
        ("flag", 1.0, "是", "yes"),
        ("CNY", math.nan, "无记录", "no record"),
    ],
)
def test_values_are_said_as_people_say_them(unit: Any, value: float, zh: str, en: str) -> None:
    from dataclasses import replace

    feature = replace(registered()["tax_arrears_open"], unit=unit)
    assert value_in_words(feature, value) == Text(zh, en)


def tampered(base: RecordBase, statement: str) -> list[str]:
    for number in range(6):
        record(base.engine, f"actor{number}", "look", payload={"n": number})
    assert verify(base.engine).sound
    with base.engine.begin() as connection:
        connection.execute(text(statement))
    report = verify(base.engine)
    assert not report.sound
    return [fault.en for fault in report.faults]


@pytest.mark.parametrize(
    ("statement", "says"),
    [
        ("UPDATE audit SET actor = 'other' WHERE seq = 3", "entry 3 was changed"),
        ("DELETE FROM audit WHERE seq = 2", "entry 2 is missing"),
        ("DELETE FROM audit WHERE seq = 6", "should end with entry 6"),
        ("UPDATE audit SET payload = '{}' WHERE seq = 6", "entry 6 was changed"),
        ("UPDATE audit SET seq = CASE seq WHEN 2 THEN 90 ELSE seq END", "missing"),
    ],
)
def test_any_change_of_the_trail_is_found(base: RecordBase, statement: str, says: str) -> None:
    assert any(says in fault for fault in tampered(base, statement))


def test_an_instant_as_of_is_honoured(rater: Rater, someone: str) -> None:
    moment = datetime(2025, 3, 4, 5, 6, 7)
    assert rater.rate(someone, moment).as_of == moment
