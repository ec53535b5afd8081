"""The run of ``huixin bench replay`` in short: every score replays bit for bit, and every flipped bit is found."""

from __future__ import annotations

from pathlib import Path

from benchmarks.replay import replayed
from records.base import RecordBase
from records.settings import Settings
from tests.copying import copied


def test_scores_of_three_versions_replay_whatever_befell_the_records(
    trained_settings: Settings, tmp_path: Path
) -> None:
    base = RecordBase.open(copied(trained_settings, tmp_path / "home"))
    figures = replayed(base, scores=18, flips=60, seed=4)
    assert (figures["replayed"], figures["equal"], figures["model_versions"]) == (18, 18, 3)
    assert figures["unreadable_behind"] >= 1
    assert min(figures["records"].values()) >= 3
    assert (figures["found"], figures["missed"]) == (60, [])
