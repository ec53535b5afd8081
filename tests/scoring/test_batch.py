"""Scoring many: the bits of one at a time, whole files or none, the same on Spark."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from features.spine import spine
from records.base import RecordBase
from records.moment import end_of_day
from scoring.batch import columns_of, score_all, score_features, write_scores
from scoring.columns import BadFeatures, ScoreColumns
from scoring.rating import Rater
from scoring.scorer import Scorer


@pytest.fixture(scope="module")
def rater(trained_base: RecordBase) -> Rater:
    return Rater(trained_base)


@pytest.fixture(scope="module")
def features(rater: Rater, last_day: date) -> pa.Table:
    pipeline = rater.pipeline("enterprise")
    return pipeline.build(spine(pipeline.connection, "enterprise", [last_day]))


@pytest.fixture(scope="module")
def prepared(features: pa.Table, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The features as another program may have written them: null where missing."""
    path = tmp_path_factory.mktemp("prepared") / "features.parquet"
    gaps = [pc.if_else(pc.is_nan(features[code]), None, features[code]) for code in features.column_names[2:]]
    pq.write_table(pa.table([features["subject_id"], features["as_of"], *gaps], features.column_names), path)
    return path


@pytest.fixture(scope="module")
def columns(rater: Rater) -> ScoreColumns:
    return columns_of(rater, "enterprise")


def test_prepared_features_give_the_file_that_records_give(
    trained_base: RecordBase, columns: ScoreColumns, prepared: Path, last_day: date, tmp_path: Path
) -> None:
    told: list[int] = []
    from_records = score_all(trained_base, "enterprise", end_of_day(last_day), tmp_path / "records.parquet")
    from_file = score_features(columns, prepared, tmp_path / "file.parquet", progress=told.append)
    assert told[-1] == from_file.subjects == from_records.subjects > 1_000
    assert pq.read_table(from_file.path).equals(pq.read_table(from_records.path))


def test_every_row_has_the_bits_of_the_scorer(columns: ScoreColumns, features: pa.Table) -> None:
    made = columns.score(features)[0]
    codes = columns.rating.codes
    one = Scorer(columns.rating).score(np.column_stack([features[code].to_numpy() for code in codes]))
    for name, values in {"pd": one.pd, "score": one.score, "clip_points": one.clip_points}.items():
        assert made.column(name).to_numpy().tobytes() == values.tobytes()
    assert made.column("grade").to_pylist() == one.grade
    points = np.column_stack([made.column(f"points_{code}").to_numpy() for code in codes])
    assert points.tobytes() == np.ascontiguousarray(one.points).tobytes()
    weightiest = np.argsort(-np.abs(one.points), axis=1, kind="stable")[:, :3]
    assert made.column("top_reasons").to_pylist() == [[codes[at] for at in row] for row in weightiest]


def test_top_reasons_and_the_rest_add_up(rater: Rater, prepared: Path, tmp_path: Path) -> None:
    made = score_features(columns_of(rater, "enterprise", "top"), prepared, tmp_path / "top.parquet")
    table = pq.read_table(made.path)
    assert not any(name.startswith("points_") for name in table.column_names)
    top = np.array(table["top_points"].to_pylist()).sum(axis=1)
    rest = sum(table[name].to_numpy() for name in ("base_points", "clip_points", "other_points"))
    assert np.abs(top + rest - table["score"].to_numpy()).max() < 1e-6


def test_an_interrupted_run_leaves_what_was_there(columns: ScoreColumns, features: pa.Table, tmp_path: Path) -> None:
    path = tmp_path / "scores.parquet"
    path.write_bytes(b"the run before")

    def broken_off() -> Iterator[pa.Table]:
        for _ in range(5):
            yield features
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_scores(columns, broken_off(), path)
    assert path.read_bytes() == b"the run before"
    assert list(tmp_path.iterdir()) == [path]


def test_a_table_without_a_feature_is_refused_by_name(columns: ScoreColumns, prepared: Path, tmp_path: Path) -> None:
    gone = columns.codes[3]
    lacking = tmp_path / "lacking.parquet"
    pq.write_table(pq.read_table(prepared).drop_columns([gone]), lacking)
    with pytest.raises(BadFeatures, match=gone):
        score_features(columns, lacking, tmp_path / "scores.parquet")
    lacking.write_text("no Parquet")
    with pytest.raises(BadFeatures, match="no Parquet file"):
        score_features(columns, lacking, tmp_path / "scores.parquet")
    assert not (tmp_path / "scores.parquet").exists()


def test_no_subjects_give_a_file_without_rows(columns: ScoreColumns, tmp_path: Path) -> None:
    made = write_scores(columns, iter(()), tmp_path / "none.parquet")
    assert made.subjects == 0
    assert pq.read_schema(made.path).names == columns.schema.names


def test_executors_give_the_same_bits(columns: ScoreColumns, features: pa.Table, spark: Any) -> None:
    from scoring.spark import score_frame

    some = features.slice(0, 200)
    frame = spark.createDataFrame(some).repartition(2)
    made = score_frame(frame, columns).toArrow().sort_by("subject_id").cast(columns.schema)
    expected = pa.Table.from_batches([columns.score(some)[0]]).sort_by("subject_id")
    for name in expected.column_names:
        assert made[name].to_pylist() == expected[name].to_pylist() or np.array_equal(
            made[name].to_numpy(), expected[name].to_numpy(), equal_nan=True
        ), name
