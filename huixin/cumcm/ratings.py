"""Every enterprise rated: PD, score, grade and reasons; out-of-fold for those that the model learnt from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl

from huixin.cumcm.base import StudyTable
from huixin.cumcm.reader import StudyData
from huixin.cumcm.study import SEED, OutOfFold, cross_fitted_calibrator, huixin_model
from models.bundle import Bundle, code_version
from models.grades import clipped, pd_of, unclipped_score
from scoring.reasons import Reason, reason
from scoring.scorer import Scorer, Scores

Floats = npt.NDArray[np.float64]
TOP_REASONS = 4


@dataclass(frozen=True)
class RatedEnterprise:
    """One enterprise: rated by the model of all enterprises with a record, and out of fold where it is one of them."""

    code: str
    subject_id: str
    name: str
    bank_grade: str | None
    defaulted: bool | None
    pd: float
    score: float
    grade: str
    pd_out_of_fold: float | None
    score_out_of_fold: float | None
    reasons: tuple[Reason, ...]


@dataclass(frozen=True)
class Rated:
    """All ratings in the order of the data set, and the mean absolute points of each feature, [features]."""

    bundle: Bundle
    rows: tuple[RatedEnterprise, ...]
    weight: Floats


def rate(table: StudyTable, data: StudyData, found: OutOfFold) -> Rated:
    """Fit on every enterprise with a record, calibrate on the margins found out of fold, rate all."""
    known = table.known
    model = huixin_model(table.directions).fit(table.X[known], table.outcome[known])
    bundle = Bundle(
        segment="enterprise",
        family="scorecard",
        codes=table.codes,
        explainer=model.explainer_,
        calibrator=cross_fitted_calibrator(found),
        trained_as_ofs=(data.as_of_day,),
        out_of_time=False,
        data_fingerprint=table.fingerprint,
        code_version=code_version(),
        seed=SEED,
    )
    scores = Scorer(bundle).score(table.X)
    log_odds = np.full(len(known), np.nan)
    log_odds[known] = bundle.calibrator.log_odds(found.mean_margin)
    rows = tuple(
        _row(table, number, firm, scores, float(log_odds[number]))
        for number, firm in enumerate(data.enterprises.iter_rows(named=True))
    )
    return Rated(bundle, rows, np.abs(scores.points).mean(axis=0))


def write_ratings(rated: Rated, folder: Path) -> tuple[Path, Path]:
    """``ratings.parquet`` and ``ratings.csv`` (reasons in both languages); returns their paths."""
    table = pl.DataFrame(
        [
            {
                "code": row.code,
                "subject_id": row.subject_id,
                "name": row.name,
                "pd": row.pd,
                "score": row.score,
                "grade": row.grade,
                "pd_out_of_fold": row.pd_out_of_fold,
                "score_out_of_fold": row.score_out_of_fold,
                "bank_grade": row.bank_grade,
                "defaulted": row.defaulted,
                "reasons_zh": "；".join(said(one)[0] for one in row.reasons),
                "reasons_en": "; ".join(said(one)[1] for one in row.reasons),
            }
            for row in rated.rows
        ],
        infer_schema_length=None,
    )
    parquet, csv = folder / "ratings.parquet", folder / "ratings.csv"
    table.write_parquet(parquet)
    table.write_csv(csv, include_bom=True)
    return parquet, csv


def said(one: Reason) -> tuple[str, str]:
    """A reason with its value and points, in Chinese and in English."""
    points = f"{one.points:+.0f}"
    return (
        f"{one.words.zh} {one.value_words.zh}（{points} 分）",
        f"{one.words.en}: {one.value_words.en} ({points} points)",
    )


def _row(
    table: StudyTable, number: int, firm: dict[str, str | float | None], scores: Scores, log_odds: float
) -> RatedEnterprise:
    points = scores.points[number]
    order = np.argsort(-np.abs(points), kind="stable")[:TOP_REASONS]
    in_study = not np.isnan(log_odds)
    defaulted = firm["defaulted"]
    grade = firm["bank_grade"]
    return RatedEnterprise(
        code=str(firm["code"]),
        subject_id=table.subject_ids[number],
        name=str(firm["name"]),
        bank_grade=None if grade is None else str(grade),
        defaulted=None if defaulted is None else bool(defaulted),
        pd=float(scores.pd[number]),
        score=float(scores.score[number]),
        grade=scores.grade[number],
        pd_out_of_fold=float(pd_of(np.array(log_odds))) if in_study else None,
        score_out_of_fold=float(clipped(unclipped_score(np.array(log_odds)))) if in_study else None,
        reasons=tuple(
            reason(table.features[column], float(table.X[number, column]), float(points[column]), ())
            for column in order
            if points[column]
        ),
    )
