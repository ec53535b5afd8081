"""The feature benchmark on a handful of subjects: contenders agree, figures come by their keys."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from typer.testing import CliRunner

from benchmarks.features import polars_rival, run, sql
from benchmarks.features.child import contender, values
from benchmarks.features.measures import AMOUNTS, AS_OFS, COLUMNS
from benchmarks.features.records import Made, make, same_as_appended
from benchmarks.features.turns import Disagreement, compare
from huixin.cli import app

SUBJECTS = 150
SHAPES = [*(f"sql: {shape}" for shape in sql.SHAPES), *(f"polars: {shape}" for shape in polars_rival.SHAPES)]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    return make(tmp_path_factory.mktemp("bench") / "records", SUBJECTS)


def test_the_records_are_what_append_makes_of_them(tmp_path: Path) -> None:
    assert same_as_appended(tmp_path, SUBJECTS)


def test_records_are_late_uneven_and_sometimes_corrected(made: Made) -> None:
    rows = pl.concat([pl.read_parquet(made.file(item), columns=["subject_id", "supersedes"]) for item in AMOUNTS])
    counts = rows.group_by("subject_id").len()["len"]
    assert 0.8 * 50 * SUBJECTS < rows.height == made.rows < 1.2 * 50 * SUBJECTS
    assert int(counts.max() or 0) > 2 * float(counts.median() or 0)
    assert 0.001 < 1 - rows["supersedes"].null_count() / rows.height < 0.05


@pytest.mark.parametrize("name", [*SHAPES, "pandas", "polars in memory"])
def test_every_contender_gives_the_same_numbers(made: Made, name: str) -> None:
    as_ofs, ids, places = AS_OFS[-3:], made.subject_ids, np.arange(SUBJECTS)
    expected = np.stack([values(table, places) for table in contender("huixin")(made, ids, as_ofs)])
    found = np.stack([values(table, places) for table in contender(name)(made, ids, as_ofs)])
    compare("huixin", expected, name, found)
    assert expected.shape == (3, SUBJECTS, len(COLUMNS)) == (3, SUBJECTS, 52)
    assert np.isnan(expected).any()
    assert (expected > 0).any()


def test_a_number_that_differs_ends_the_run() -> None:
    right = np.array([[[1.0] * 52, [np.nan] * 52]])
    wrong = right.copy()
    wrong[0, 1, 3] = 0.0
    with pytest.raises(Disagreement, match=f"subject 1, {COLUMNS[3].code}"):
        compare("huixin", right, "other", wrong)


def test_figures_come_by_their_keys(tmp_path: Path) -> None:
    figures = run(SUBJECTS, ("sql", "feast"), (100,), repeats=1, folder=tmp_path)
    online = ("on_demand_p50_ms", "by_key_p50_ms", "incremental_share")
    assert figures["features"] == 52
    assert min(figures[key] for key in ("ratio_vs_sql", "many_as_of_ratio", "loop_ratio_sql", *online)) > 0
    assert set(figures["peak_rss_mb"]) == {"100"}
    assert figures["ratio_vs_polars"] is figures["ratio_vs_feast"] is None
    assert "--feast-python" in figures["why_null"]["ratio_vs_feast"]
    assert not list(tmp_path.iterdir())


def test_an_unknown_rival_is_told_with_those_that_are_accepted() -> None:
    told = CliRunner().invoke(app, ["bench", "features", "--rivals", "excel"])
    assert told.exit_code != 0
    assert "excel" in str(told.exception)
    assert "sql, polars, pandas, feast" in str(told.exception)
