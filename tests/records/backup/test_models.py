"""Models come back with the records: a score of the destroyed installation replays in the new one, bit for bit."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from datetime import date
from pathlib import Path

from records.backup import back_up, restore
from records.base import RecordBase
from records.settings import Settings
from scoring.rating import Rater


def test_a_score_replays_bit_for_bit_after_a_move(trained_base: RecordBase, last_day: date, tmp_path: Path) -> None:
    subject = str(trained_base.subjects("farmer")["subject_id"][3].as_py())
    rating = Rater(trained_base).rate(subject, last_day)
    back_up(trained_base.settings, trained_base.engine, tmp_path / "backup")
    there = Settings(home=tmp_path / "there")
    restore(there, tmp_path / "backup")
    with closing(sqlite3.connect(there.home / "mlflow.db")) as registry:
        said = "\n".join(registry.iterdump())
    assert str(there.artifact_folder) in said
    assert str(trained_base.settings.artifact_folder) not in said
    rater = Rater(RecordBase.open(there))
    found = rater.replay(rating.score_id)
    assert found.equal, found.detail
    assert rater.rate(subject, last_day).score.hex() == rating.score.hex()


def test_artifacts_are_found_where_they_lie_now(base: RecordBase, tmp_path: Path) -> None:
    import mlflow

    settings = base.settings
    client = mlflow.MlflowClient(settings.tracking_uri, settings.tracking_uri)
    experiment = client.create_experiment("huixin", settings.artifact_folder.as_uri())
    run = client.create_run(experiment)
    client.log_text(run.info.run_id, "weights", "bundle/weights.txt")
    client.create_registered_model("huixin-farmer")
    client.create_model_version("huixin-farmer", f"{run.info.artifact_uri}/bundle", run.info.run_id)
    back_up(settings, base.engine, tmp_path / "backup")
    base.engine.dispose()
    shutil.rmtree(settings.home)
    there = Settings(home=tmp_path / "there")
    restore(there, tmp_path / "backup")
    moved = mlflow.MlflowClient(there.tracking_uri, there.tracking_uri)
    assert moved.get_run(run.info.run_id).info.artifact_uri.startswith(there.artifact_folder.as_uri())
    local = mlflow.artifacts.download_artifacts(
        artifact_uri=moved.get_model_version("huixin-farmer", "1").source, tracking_uri=there.tracking_uri
    )
    assert (Path(local) / "weights.txt").read_text() == "weights"
