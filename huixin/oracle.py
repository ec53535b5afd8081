"""Models of a synthetic county against the true PD that only the county knows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl

from features.pipeline import FeaturePipeline
from models.bundle import Bundle
from models.grades import MasterScale
from models.registry import CHALLENGER, CHAMPION, Registry, model_name
from models.training_table import training_table
from records.base import RecordBase

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Validation:
    """The out-of-time slice of a segment: outcomes, the PDs of both models, and the truth, all [n]; both scales."""

    as_of: date
    outcome: Floats
    pd: Floats
    scorecard_pd: Floats
    true_pd: Floats
    scale: MasterScale
    scorecard_scale: MasterScale


def validate(base: RecordBase, segment: str, truth: Path) -> Validation:
    """Score the out-of-time slice with the registered models and put the true PD beside."""
    registry = Registry(base.settings)
    boosted, scorecard = _pair(registry, segment)
    as_of = boosted.validated_as_of
    assert as_of is not None  # noqa: S101
    connection = base.connection()
    rows = training_table(connection, FeaturePipeline(connection, segment), [as_of])
    known = pl.read_parquet(truth).filter((pl.col("month_end") == as_of) & (pl.col("subject_kind") == segment))
    pd_of = dict(zip(known["subject_id"].to_list(), known["pd_12m"].to_list(), strict=True))
    true_pd = np.array([pd_of.get(subject, np.nan) for subject in rows.subject.tolist()])
    seen = ~np.isnan(true_pd)
    return Validation(
        as_of=as_of,
        outcome=rows.outcome[seen],
        pd=boosted.pd(rows.X[seen]),
        scorecard_pd=scorecard.pd(rows.X[seen]),
        true_pd=true_pd[seen],
        scale=boosted.scale,
        scorecard_scale=scorecard.scale,
    )


def _pair(registry: Registry, segment: str) -> tuple[Bundle, Bundle]:
    """The newest boosted model and scorecard of a segment."""
    newest: dict[str, Bundle] = {}
    for one in registry.versions():
        marked = CHAMPION in one.aliases or CHALLENGER in one.aliases
        if one.name == model_name(segment) and marked and one.family not in newest:
            newest[one.family] = registry.bundle(one.name, one.version)
    champion = registry.champion(segment)[0]
    return newest.get("boosted", champion), newest.get("scorecard", champion)
