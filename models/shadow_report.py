"""Champion and challenger on the same ratings: how far they agree, whom they would treat differently, who was right."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

from features.outcomes import label
from features.plain import plain
from features.spine import SPINE_SCHEMA
from models.auc_error import areas
from models.gate import Thresholds
from models.grades import GRADES
from models.validation import brier
from models.validation.stability import migration
from records.base import RecordBase

Floats = npt.NDArray[np.float64]
MOST_LISTED = 10
BOTH = "champion", "challenger"


@dataclass(frozen=True)
class Matured:
    """Ratings whose twelve months are complete: AUC and Brier of both, and the difference of AUC with its interval."""

    rows: int
    defaults: int
    champion_auc: float
    challenger_auc: float
    low: float
    high: float
    champion_brier: float
    challenger_brier: float


@dataclass(frozen=True)
class Apart:
    """A rating on which the two lie far apart."""

    score_id: str
    subject_id: str
    champion_score: float
    challenger_score: float
    champion_grade: str
    challenger_grade: str


@dataclass(frozen=True)
class ShadowReport:
    """Both models on the same rows.

    ``rank_correlation``: Spearman's; ``mean_scores`` and ``mean_pds`` of champion and challenger; ``grades`` [9, 9]:
    counts by the champion's grade (rows) and the challenger's (columns); ``only_champion``, ``only_challenger``: shares
    that one of them alone would favour (PD below the gate's approval bound). ``matured`` None where no outcome is
    complete, or one class is absent.
    """

    rows: int
    rank_correlation: float
    mean_scores: tuple[float, float]
    mean_pds: tuple[float, float]
    grades: tuple[tuple[int, ...], ...]
    same_grade: float
    within_one: float
    only_champion: float
    only_challenger: float
    furthest: tuple[Apart, ...]
    matured: Matured | None

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready; what is not a number is null."""
        found: dict[str, Any] = plain(self)
        return found


def shadow_report(base: RecordBase, segment: str, found: pl.DataFrame) -> ShadowReport:
    """What ``shadowed`` or ``beside`` found, in figures; outcomes as they are known now."""
    from scipy.stats import spearmanr

    old, new = (found[f"{who}_score"].to_numpy() for who in ("champion", "challenger"))
    pds = [found[f"{who}_pd"].to_numpy() for who in ("champion", "challenger")]
    places = [
        np.array([GRADES.index(one) for one in found[f"{who}_grade"]], np.int64) for who in ("champion", "challenger")
    ]
    moved = migration(*places)
    favoured = [pd < Thresholds().approval_pd for pd in pds]
    far = np.argsort(-np.abs(new - old), kind="stable")[:MOST_LISTED].tolist()
    wanted = [name for name in found.columns if name in Apart.__dataclass_fields__]
    return ShadowReport(
        found.height,
        float(spearmanr(old, new).statistic) if found.height > 1 else float("nan"),
        (float(old.mean()), float(new.mean())),
        (float(pds[0].mean()), float(pds[1].mean())),
        moved.counts,
        moved.stayed,
        moved.within_one,
        float((favoured[0] & ~favoured[1]).mean()),
        float((favoured[1] & ~favoured[0]).mean()),
        tuple(Apart(**one) for one in found[far].select(wanted).to_dicts()),
        _matured(base, segment, found, pds[0], pds[1]),
    )


def _matured(base: RecordBase, segment: str, found: pl.DataFrame, old: Floats, new: Floats) -> Matured | None:
    moments = pa.array(found["as_of"].to_list(), pa.timestamp("us"))
    asked = pa.table([pa.array(found["subject_id"].to_list(), pa.string()), moments], schema=SPINE_SCHEMA)
    known = label(base.connection(), asked, segment)
    outcome = known["outcome"].to_numpy()
    rows = known["eligible"].to_numpy(zero_copy_only=False) & ~np.isnan(outcome)
    y = outcome[rows]
    if not 0 < y.sum() < len(y):
        return None
    both = areas(y, new[rows], old[rows])
    difference, error = both.difference()
    return Matured(
        len(y),
        int(y.sum()),
        float(both.auc[1]),
        float(both.auc[0]),
        difference - 1.96 * error,
        difference + 1.96 * error,
        brier(y, old[rows]),
        brier(y, new[rows]),
    )
