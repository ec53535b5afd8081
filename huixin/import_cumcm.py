"""Real small enterprises from their invoices: read, studied by cross-validation, rated, reported."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from records.settings import Settings

Progress = Callable[[int], None]


@dataclass(frozen=True)
class CumcmResult:
    """What the import found and made.

    ``auc``: mean over 50 test folds, with its ``standard_error`` and bootstrap ``interval`` over enterprises;
    ``spearman``, ``kendall``: of out-of-fold risk and the bank's own grades, which no model saw.
    """

    auc: float
    standard_error: float
    interval: tuple[float, float]
    spearman: float
    kendall: float
    rated: int
    ratings: Path
    ratings_csv: Path
    report: Path


def import_cumcm(folder: Path, settings: Settings, progress: Progress | None = None) -> CumcmResult:
    """Import the data set in ``folder`` into the base of ``settings`` and rate all its enterprises.

    Writes ``cumcm-report.html``, ``ratings.parquet`` and ``ratings.csv`` in the home folder. ``progress`` counts
    cross-validation folds of all methods. Raises ``BadStudyData``; then nothing was written.
    """
    from huixin.cumcm.base import fill, study_table
    from huixin.cumcm.ratings import rate, write_ratings
    from huixin.cumcm.reader import read_cumcm
    from huixin.cumcm.report import study_report
    from huixin.cumcm.study import compare, rank_correlation
    from service.pages.render import cumcm_page

    data = read_cumcm(folder)
    base = fill(data, settings)
    table = study_table(base, data)
    found = compare(table, progress)
    ours = found["huixin"]
    grades = data.enterprises["bank_grade"].drop_nulls().to_list()
    correlation = rank_correlation(ours.mean_margin, grades)
    rated = rate(table, data, ours)
    parquet, csv = write_ratings(rated, settings.home)
    report = settings.home / "cumcm-report.html"
    report.write_text(cumcm_page(study_report(data, table, found, rated, correlation)), encoding="utf-8")
    return CumcmResult(
        auc=ours.auc,
        standard_error=ours.standard_error,
        interval=ours.interval(),
        spearman=correlation[0],
        kendall=correlation[1],
        rated=len(rated.rows),
        ratings=parquet,
        ratings_csv=csv,
        report=report,
    )
