from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from huixin.cumcm import study
from huixin.cumcm.reader import BadStudyData, read_cumcm
from huixin.import_cumcm import CumcmResult, import_cumcm
from records.base import RecordBase
from records.errors import HuixinError
from records.settings import Settings


@pytest.fixture(scope="module")
def imported(made_up: Callable[[Path], Path], tmp_path_factory: pytest.TempPathFactory) -> tuple[CumcmResult, Settings]:
    folder = tmp_path_factory.mktemp("import")
    settings = Settings(home=folder / "home", database_url=None)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(study, "REPEATS", 1)
        seen: list[int] = []
        result = import_cumcm(made_up(folder / "cumcm"), settings, progress=seen.append)
    assert seen == list(range(1, 21))
    return result, settings


def test_every_enterprise_is_rated_with_reasons_that_are_said(imported: tuple[CumcmResult, Settings]) -> None:
    result, _ = imported
    ratings = pl.read_parquet(result.ratings)

    assert result.rated == ratings.height == 18
    assert ratings["pd"].is_between(0, 1).all()
    assert ratings["score"].is_between(300, 900).all()
    assert ratings["pd_out_of_fold"].null_count() == 3
    assert (ratings["reasons_en"].str.contains("points")).all()
    assert pl.read_csv(result.ratings_csv).height == 18


def test_finds_what_was_put_in(imported: tuple[CumcmResult, Settings]) -> None:
    result, _ = imported
    assert result.auc > 0.9
    assert result.interval[0] <= result.auc <= result.interval[1]
    assert result.spearman > 0.5


def test_the_report_holds_the_figures(imported: tuple[CumcmResult, Settings]) -> None:
    result, _ = imported
    page = result.report.read_text()
    assert f"{result.auc:.3f}" in page
    assert "E18" in page
    assert "E7公司" not in page


def test_importing_again_adds_nothing(imported: tuple[CumcmResult, Settings]) -> None:
    from huixin.cumcm.base import fill

    result, settings = imported
    before = len(RecordBase.open(settings).batches())
    fill(read_cumcm(settings.home.parent / "cumcm"), settings)
    assert len(RecordBase.open(settings).batches()) == before
    assert result.report.exists()


def test_too_few_defaults_are_told() -> None:
    outcome = np.array([1.0] * 4 + [0.0] * 20)
    with pytest.raises(BadStudyData, match="4 defaulted and 20 not"):
        list(study.splits(outcome))


def test_does_not_mix_with_other_records(data_set: Path, tmp_path: Path) -> None:
    from huixin.cumcm.base import fill

    settings = Settings(home=tmp_path / "home", database_url=None)
    base = RecordBase.open(settings)
    data = read_cumcm(data_set)
    data.registrations.write_parquet(tmp_path / "registrations.parquet")
    base.append(tmp_path / "registrations.parquet", "market.registration", history=True, pseudonyms="another")
    with pytest.raises(HuixinError, match="holds other records"):
        fill(data, settings)


def test_out_of_fold_rows_are_never_learnt_from() -> None:
    """A model that only remembers its rows knows nothing about the others."""

    class Memory:
        def fit(self, X: np.ndarray, y: np.ndarray) -> Memory:
            self.seen = {row.tobytes(): label for row, label in zip(X, y, strict=True)}
            return self

        def margin(self, X: np.ndarray) -> np.ndarray:
            return np.array([self.seen.get(row.tobytes(), 0.5) for row in X])

    rng = np.random.default_rng(0)
    X, outcome = rng.normal(size=(60, 2)), (np.arange(60) % 4 == 0).astype(float)
    found = study.out_of_fold(Memory, X, outcome)
    assert found.auc == 0.5
    assert (found.margins == 0.5).all()
