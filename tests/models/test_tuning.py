"""A search for settings: it keeps to its time, to the usual settings where nothing is gained, and can be repeated."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from models.boosted import MonotoneBoosted, Size
from models.growing import Settings
from models.tuning import Tuned, log_trials, tune

ROWS, TRIALS = 600, 15


def made(risk: float) -> tuple[Any, Any, Any]:
    """Rows whose log-odds are higher by ``risk`` where three features are above zero, and subject to nothing else."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(ROWS, 4))
    log_odds = risk * (X[:, :3] > 0).all(axis=1) - 3
    return X, (rng.random(ROWS) < 1 / (1 + np.exp(-log_odds))).astype(float), np.arange(ROWS)


@pytest.fixture(scope="module")
def tuned() -> Tuned:
    return tune(*made(5.0), (0,) * 4, minutes=5, seed=1, threads=1, most_trials=TRIALS)


def test_on_noise_the_usual_settings_stay() -> None:
    found = tune(*made(0.0), (0,) * 4, minutes=5, seed=1, threads=1, most_trials=4)
    assert len(found.trials) == 4
    assert not found.changed
    assert (found.settings, found.max_depth) == (Settings(), 5)


def test_where_others_are_surely_better_they_are_taken_and_the_usual_ones_come_first(tuned: Tuned) -> None:
    first = tuned.trials[0]
    assert (first.settings, first.max_depth) == (Settings(), 5)
    assert tuned.changed
    assert tuned.gain > tuned.error > 0
    assert tuned.settings != Settings()


def test_the_budget_is_kept_in_the_middle_of_a_trial() -> None:
    heard: list[float] = []
    begun = time.monotonic()
    found = tune(*made(5.0), (0,) * 4, minutes=1 / 60, threads=1, told=heard.append)
    assert time.monotonic() - begun < 6  # one second, and what a slow machine needs to import and to stop
    assert heard == sorted(heard)
    assert not found.changed or found.gain > found.error


def test_too_few_events_to_hold_any_out_leave_the_usual_settings() -> None:
    X, _, groups = made(0.0)
    found = tune(X, (np.arange(ROWS) < 3).astype(float), groups, (0,) * 4, minutes=1, threads=1)
    assert not found.changed
    assert found.trials == ()


def test_what_was_settled_is_kept_and_gives_the_same_bits(tuned: Tuned) -> None:
    X, y, groups = made(5.0)
    first = MonotoneBoosted(max_depth=tuned.max_depth, settings=tuned.settings, threads=1).fit(X, y, groups=groups)
    kept = Size.from_dict(json.loads(json.dumps(first.size_.as_dict())))
    assert kept == first.size_
    assert replace(kept.settings, greedy_share=tuned.settings.greedy_share) == tuned.settings
    again = MonotoneBoosted(size=kept, threads=1).fit(X, y, groups=groups)
    assert again.margin(X).tobytes() == first.margin(X).tobytes()


def test_a_style_without_a_share_is_not_grown() -> None:
    X, y, groups = made(5.0)
    model = MonotoneBoosted(settings=Settings(greedy_share=1.0), threads=1).fit(X, y, groups=groups)
    assert model.size_.trees[1] == 0
    assert all("extra_trees: 0" in one.model_to_string() for one in model.boosters_)


def test_trials_are_runs_below_the_search(tuned: Tuned, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import mlflow

    monkeypatch.delenv("MLFLOW_EXPERIMENT_ID", raising=False)
    monkeypatch.setattr("mlflow.tracking.fluent._active_experiment_id", None)
    before = mlflow.get_tracking_uri()
    mlflow.set_tracking_uri(f"sqlite:///{tmp_path}/runs.db")
    try:
        with mlflow.start_run() as training:
            log_trials("enterprise", tuned)
        client = mlflow.MlflowClient()
        runs = client.search_runs([training.info.experiment_id])
        (search,) = [run for run in runs if run.data.tags.get("kind") == "tuning"]
        trials = [run for run in runs if run.data.tags.get("kind") == "trial"]
        assert search.data.tags["mlflow.parentRunId"] == training.info.run_id
        assert {run.data.tags["mlflow.parentRunId"] for run in trials} == {search.info.run_id}
        assert len(trials) == TRIALS
        assert "learning_rate" in trials[0].data.params
    finally:
        mlflow.set_tracking_uri(before)
