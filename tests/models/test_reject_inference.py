"""Refused applicants: what can be inferred, and that it is said where nothing can."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from sklearn.linear_model import LogisticRegression
from typer.testing import CliRunner

from features.spine import recorded_span
from models import widening
from models.boosted import MonotoneBoosted
from models.bundle import Bundle
from models.decisions import BadDecisions, Decided, decided, read_decisions, recorded_decisions, with_refused
from models.reject_inference import TooFewDecisions, parcelled, reweighted
from models.scorecard import Scorecard
from models.training_table import TrainingTable
from models.validation.card import model_card
from models.validation.report import validation_report
from models.widening import notes
from tests.models.validating import DIRECTIONS, JUDGED, bundle, rows


@pytest.fixture(scope="module")
def applicants() -> dict[str, Any]:
    """Lenders refuse by the second feature, which bends the effect of the first: the accepted mislead a plain model."""
    rng = np.random.default_rng(4)
    X = rng.normal(size=(12_000, 2))
    log_odds = -2.2 + np.where(X[:, 0] > 0, 1.4, 0.2) * X[:, 0] + 0.4 * X[:, 1]
    outcome = (rng.random(12_000) < 1 / (1 + np.exp(-log_odds))).astype(float)
    accepted = rng.random(12_000) < 1 / (1 + np.exp(2.2 * X[:, 0] + 0.5))
    return {"X": X, "outcome": outcome, "accepted": accepted}


def log_loss(model: Any, X: Any, outcome: Any) -> float:
    p = np.clip(model.predict_proba(X)[:, 1], 1e-9, 1 - 1e-9)
    return float(-np.mean(outcome * np.log(p) + (1 - outcome) * np.log1p(-p)))


def test_weights_let_the_accepted_speak_for_the_refused(applicants: dict[str, Any]) -> None:
    X, y, taken = applicants["X"], applicants["outcome"], applicants["accepted"]
    found = reweighted(X[taken], y[taken], X[~taken])
    assert found.weight.sum() == pytest.approx(len(X))
    assert found.effective_rows < taken.sum()
    assert 0.7 < found.acceptance_auc < 0.95
    plain = LogisticRegression().fit(X[taken], y[taken])
    weighted = LogisticRegression().fit(found.X, found.outcome, sample_weight=found.weight)
    assert log_loss(weighted, X, y) < log_loss(plain, X, y) - 0.002
    rows, outcomes, origin = found.as_rows()
    assert len(rows) == pytest.approx(len(X), abs=1)
    assert outcomes.mean() == pytest.approx(np.average(found.outcome, weights=found.weight), abs=0.005)
    assert (rows == found.X[origin]).all()


def test_acceptance_may_be_learnt_at_the_door_and_used_on_later_rows(applicants: dict[str, Any]) -> None:
    X, y, taken = applicants["X"], applicants["outcome"], applicants["accepted"]
    half = np.arange(len(X)) < 6_000
    found = reweighted(X[taken & half], y[taken & half], X[~taken & ~half], accepted_X=X[taken & ~half])
    assert found.weight.sum() == pytest.approx((taken & half).sum() / taken[~half].mean(), rel=1e-6)
    riskier = X[taken & half][:, 0] > 0.5
    assert found.weight[riskier].mean() > 2 * found.weight[~riskier].mean()


def test_parcelled_applicants_count_as_what_they_may_be(applicants: dict[str, Any]) -> None:
    X, y, taken = applicants["X"], applicants["outcome"], applicants["accepted"]
    pd = LogisticRegression().fit(X[taken], y[taken]).predict_proba(X[~taken])[:, 1]
    found = parcelled(X[taken], y[taken], X[~taken], pd, worse=2.0)
    assert found.weight[found.guessed].sum() == pytest.approx((~taken).sum())
    assert (found.weight[~found.guessed] == 1).all()
    guessed = np.average(found.outcome[found.guessed], weights=found.weight[found.guessed])
    assert pd.mean() < guessed < 2 * pd.mean()
    odds = found.weight[taken.sum() : taken.sum() + 5] / found.weight[-(~taken).sum() :][:5]
    assert odds == pytest.approx(2 * pd[:5] / (1 - pd[:5]))
    everyone = np.vstack([X[taken], X[~taken]])
    assert (everyone[found.source] == found.X).all()
    with pytest.raises(ValueError, match="worse"):
        parcelled(X[taken], y[taken], X[~taken], pd, worse=0.5)


def test_training_rows_are_widened_by_the_refused(applicants: dict[str, Any]) -> None:
    X, y, taken = applicants["X"], applicants["outcome"], applicants["accepted"]
    names, moments = np.arange(len(X)).astype(str), np.full(len(X), np.datetime64("2024-12-31", "us"))
    training = TrainingTable(X[taken], y[taken], names[taken], moments[taken], np.full(taken.sum(), np.nan))
    found = Decided(names, moments, X, taken, np.where(taken, y, np.nan))
    wider, made = with_refused(training, found, "reweight")
    assert len(wider.outcome) == pytest.approx(len(X), abs=1)
    assert set(wider.subject) <= set(names[taken])
    assert not made.guessed.any()
    parcelled_too, made = with_refused(training, found, "parcel", refused_pd=np.full((~taken).sum(), 0.2))
    joined = np.isin(parcelled_too.subject, names[~taken])
    assert joined.sum() == pytest.approx((~taken).sum(), abs=2)
    assert (parcelled_too.X[joined] == X[parcelled_too.subject[joined].astype(int)]).all()
    assert parcelled_too.outcome[joined].mean() == pytest.approx(0.3 / 1.1, abs=0.02)


def test_where_nobody_alike_was_accepted_it_is_said() -> None:
    rng = np.random.default_rng(1)
    accepted, refused = rng.normal(-3, 1, (900, 2)), rng.normal(3, 1, (900, 2))
    found = reweighted(accepted, (rng.random(900) < 0.1).astype(float), refused)
    assert found.without_overlap > 0.9
    assert found.acceptance_auc > 0.99
    assert "随机放行" in found.limits.zh
    assert "at random" in found.limits.en


def test_too_few_decisions_are_told() -> None:
    with pytest.raises(TooFewDecisions, match="at least 100"):
        reweighted(np.zeros((500, 2)), np.zeros(500), np.zeros((20, 2)))


def test_decisions_come_from_records_or_from_a_file(trained_base: Any, last_day: date, tmp_path: Path) -> None:
    from features.pipeline import FeaturePipeline

    connection = trained_base.connection()
    found = recorded_decisions(connection, "farmer", date(last_day.year - 2, 1, 1), date(last_day.year - 2, 12, 31))
    assert found.height > 100
    assert 0.1 < found["accepted"].mean() < 0.99
    some = found.sample(60, seed=1)
    pipeline = FeaturePipeline(connection, "farmer")
    rows = decided(pipeline, some)
    assert rows.X.shape == (60, len(pipeline.codes))
    assert np.isnan(rows.outcome[~rows.accepted]).all()
    assert not np.isnan(rows.outcome[rows.accepted]).all()
    path = tmp_path / "decisions.csv"
    pl.DataFrame(
        {
            "subject": [*some["subject_id"][:3], "0" * 32],
            "decided_on": ["2024-03-01"] * 4,
            "decision": ["approved", "refused", "reduced", "approved"],
        }
    ).write_csv(path)
    read = read_decisions(trained_base, "farmer", path)
    assert read["accepted"].to_list() == [True, False, True]
    path.write_text("subject,decided_on,decision\nx,2024-03-01,perhaps\n")
    with pytest.raises(BadDecisions, match="perhaps"):
        read_decisions(trained_base, "farmer", path)
    path.write_text("subject,decided_on\nx,2024-03-01\n")
    with pytest.raises(BadDecisions, match="decision"):
        read_decisions(trained_base, "farmer", path)


class Reached(Exception):
    """Training came to fit its first model, on these rows; far enough."""


@pytest.mark.parametrize("method", ["reweight", "parcel"])
def test_training_takes_the_refused_in_when_asked(
    method: str, trained_base: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from huixin.cli import app

    def learn(self: MonotoneBoosted, X: Any, y: Any, groups: Any = None) -> None:
        raise Reached(X)

    def widened(plain: TrainingTable, *given: Any, **more: Any) -> Any:
        made.append((plain, *with_refused(plain, *given, **more)))
        return made[-1][1:]

    made: list[Any] = []
    monkeypatch.setattr(MonotoneBoosted, "fit", learn)
    monkeypatch.setattr(widening, "with_refused", widened)
    monkeypatch.setenv("HUIXIN_HOME", str(trained_base.settings.home))
    connection = trained_base.connection()
    known = recorded_decisions(connection, "farmer", *recorded_span(connection, "farmer"))
    again = known.with_columns(pl.col("decided_on").dt.offset_by("9d"))
    refused = pl.int_range(pl.len()) % 2 > 0
    said = pl.when(refused).then(pl.lit("refused")).otherwise(pl.lit("approved"))
    listed = pl.concat([known, again]).select("decided_on", subject="subject_id", decision=said)
    listed.write_csv(tmp_path / "platform.csv")
    asked = ["train", "--segment", "farmer", "--rejects", method, "--decisions", str(tmp_path / "platform.csv")]
    done = CliRunner().invoke(app, asked)
    assert isinstance(done.exception, Reached), done.output
    plain, wide, inferred = made[0]
    assert done.exception.args[0] is wide.X
    assert len(wide.outcome) > len(plain.outcome)
    assert inferred.method == method
    assert wide.as_of.max() == plain.as_of.max()
    joined = ~np.isin(wide.as_of, plain.as_of)
    assert joined.any() == (method == "parcel")


def test_the_card_and_the_kept_model_say_what_was_inferred(applicants: dict[str, Any], tmp_path: Path) -> None:
    X, y, taken = applicants["X"], applicants["outcome"], applicants["accepted"]
    names, moments = np.arange(len(X)).astype(str), np.full(len(X), np.datetime64("2024-12-31", "us"))
    found = Decided(names, moments, X, taken, np.where(taken, y, np.nan))
    said = notes(found, reweighted(X[taken], y[taken], X[~taken]))
    judged = rows(3_000, JUDGED, 3)
    card = model_card(validation_report(bundle(inferred=said), judged, DIRECTIONS))
    for language in ("zh", "en"):
        assert said[0].in_language(language) in card.markdown(language)
    assert "拒绝推断" in card.markdown("zh")
    assert "nobody knows them" in card.markdown("en")
    plain = model_card(validation_report(bundle(), judged, DIRECTIONS))
    assert "Reject inference" not in plain.markdown("en")
    explainer = Scorecard((1, 1)).fit(X[:2_000], y[:2_000]).explainer_
    Bundle("farmer", "scorecard", ("a", "b"), explainer, inferred=said).save(tmp_path / "kept")
    assert Bundle.load(tmp_path / "kept").inferred == said


def test_a_file_of_decisions_needs_a_method(tmp_path: Path) -> None:
    from huixin.cli import app

    path = tmp_path / "d.csv"
    path.write_text("subject,decided_on,decision\n")
    done = CliRunner().invoke(app, ["train", "--decisions", str(path)])
    assert done.exit_code == 2
    assert "--rejects" in done.output
