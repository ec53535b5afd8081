"""Log-odds to points: PD, score, grade and each feature's exact share of the score."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from models.bundle import Bundle
from models.grades import POINTS_PER_LOG_ODDS, clipped, pd_of, unclipped_score
from records.errors import HuixinError
from records.words import Text

Floats = npt.NDArray[np.float64]
TOLERANCE = 1e-6


class ReasonsDoNotAddUp(HuixinError):
    code: ClassVar[str] = "reasons-do-not-add-up"
    status: ClassVar[int] = 500
    title: ClassVar[Text] = Text("理由合计与评分不符", "Reasons do not add up to the score")


@dataclass(slots=True)
class Scores:
    """Scores of n rows: ``base_points + points.sum(axis=1) + clip_points == score`` within 1e-6, checked.

    ``pd`` [n], ``score`` [n], ``grade`` (n names), ``points`` [n, features], ``base_points``, ``clip_points`` [n].
    """

    pd: Floats
    score: Floats
    grade: list[str]
    points: Floats
    base_points: float
    clip_points: Floats

    @property
    def largest_gap(self) -> float:
        """How far reasons miss the score at most."""
        if not len(self.score):
            return 0.0
        told = self.base_points + np.add.reduce(self.points, axis=1) + self.clip_points
        return float(np.maximum.reduce(np.abs(told - self.score)))


class Scorer:
    """Scores rows with one bundle. Stateless after construction, safe between threads."""

    def __init__(self, bundle: Bundle) -> None:
        self.bundle = bundle

    def score(self, X: Floats) -> Scores:
        """Score ``X`` [n, features]. Raises ``ReasonsDoNotAddUp`` rather than give a score that it cannot explain."""
        log_odds, contributions, base = self.bundle.explain(X)
        pd = pd_of(log_odds)
        whole = unclipped_score(log_odds)
        given = clipped(whole)
        scores = Scores(
            pd=pd,
            score=given,
            grade=self.bundle.scale.grades(pd),
            points=-POINTS_PER_LOG_ODDS * contributions,
            base_points=float(unclipped_score(np.array(base))),
            clip_points=given - whole,
        )
        if not scores.largest_gap <= TOLERANCE:
            gap = f"{scores.largest_gap:.1e}"
            raise ReasonsDoNotAddUp(Text(f"最大相差 {gap} 分", f"they miss it by {gap} points"))
        return scores
