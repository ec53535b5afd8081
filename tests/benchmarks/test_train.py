"""The benchmark of a retraining, in small: every stage is timed, and both scorecards are judged on the same rows."""

from __future__ import annotations

import numpy as np

from benchmarks.train import run
from benchmarks.train.rows import JUDGED, LEARNT, World
from models.training import STAGES


def test_a_small_retraining_is_timed_stage_by_stage() -> None:
    figures = run(subjects=800, features=7, tune=0.02)
    assert set(figures["stages"]) == set(STAGES)
    assert figures["tuned"]["trials"] >= 1
    assert figures["seconds"] == sum(one["seconds"] for one in figures["stages"].values())
    assert figures["peak_rss_mb"] > 100
    assert set(figures["models"]) == {"boosted", "scorecard"}
    assert figures["scorecard_ratio"] > 0
    for one in (*figures["models"].values(), figures["scorecard"]["huixin"]):
        assert 0.5 < one["auc"] < 1
    assert 0 < figures["scorecard"]["optbinning"]["auc"] < 1, "a rival may rank by chance on so few rows"


def test_the_table_is_like_a_real_one_and_the_same_each_time() -> None:
    world = World.of(30, 1)
    table, again = (world.table(4_000, LEARNT, draw=1) for _ in range(2))
    assert table.fingerprint == again.fingerprint
    assert abs(table.outcome.mean() - 0.04) < 0.012
    assert len(np.unique(table.as_of)) == len(LEARNT)
    assert len(np.unique(table.subject)) == 4_000
    assert sum(direction != 0 for direction in world.directions) == 20
    missing = np.isnan(table.X).mean(axis=0)
    assert missing.min() == 0
    assert 0.05 < missing.max() < 1
    later = world.table(4_000, (JUDGED,), draw=2)
    assert later.as_of.min() > table.as_of.max()
