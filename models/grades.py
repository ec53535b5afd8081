"""From PD to points and to a grade: the scale that every model of Huixin shares."""

from __future__ import annotations

from dataclasses import dataclass
from math import log

import numpy as np
import numpy.typing as npt

from records.words import Text

Floats = npt.NDArray[np.float64]

BASE_SCORE, BASE_ODDS, POINTS_TO_DOUBLE = 600.0, 30.0, 20.0
LOWEST, HIGHEST = 300.0, 900.0
POINTS_PER_LOG_ODDS = POINTS_TO_DOUBLE / log(2)

GRADES = ("AAA", "AA", "A", "BBB", "BB", "B", "CCC", "CC", "C")
GRADE_WORDS = {
    "AAA": Text("信用极好，违约风险极低", "highest credit, lowest risk of default"),
    "AA": Text("信用优良，违约风险很低", "excellent credit, very low risk"),
    "A": Text("信用良好，违约风险较低", "good credit, low risk"),
    "BBB": Text("信用一般偏好，违约风险偏低", "fair credit, moderate to low risk"),
    "BB": Text("信用一般，违约风险中等", "average credit, moderate risk"),
    "B": Text("信用偏弱，违约风险较高", "weak credit, raised risk"),
    "CCC": Text("信用较差，违约风险高", "poor credit, high risk"),
    "CC": Text("信用很差，违约风险很高", "very poor credit, very high risk"),
    "C": Text("信用极差，违约或临近违约", "in default or close to it"),
}


def unclipped_score(log_odds_of_default: Floats) -> Floats:
    """Points before clipping: 600 at odds of 30:1 good to bad, 20 points double the odds (Siddiqi 2006)."""
    return BASE_SCORE - POINTS_PER_LOG_ODDS * (log_odds_of_default + log(BASE_ODDS))


def clipped(score: Floats) -> Floats:
    """The score as given: 300 to 900."""
    return np.clip(score, LOWEST, HIGHEST)


def pd_of(log_odds_of_default: Floats) -> Floats:
    """Probability of default within 12 months."""
    return np.asarray(1 / (1 + np.exp(-log_odds_of_default)), np.float64)


@dataclass(frozen=True)
class MasterScale:
    """Nine grades of GB/T 22116-2008 cut on PD; ``upper`` is the exclusive upper PD of every grade but C."""

    upper: tuple[float, ...] = (0.0025, 0.005, 0.01, 0.02, 0.04, 0.08, 0.16, 0.32)

    def __post_init__(self) -> None:
        if len(self.upper) != len(GRADES) - 1 or list(self.upper) != sorted(set(self.upper)):
            raise ValueError("a master scale has eight rising PD bounds")

    def positions(self, pd: Floats) -> npt.NDArray[np.int64]:
        """Position in ``GRADES`` of each PD."""
        return np.searchsorted(self.upper, pd, side="right")

    def grades(self, pd: Floats) -> list[str]:
        return [GRADES[position] for position in self.positions(pd)]

    def range(self, grade: str) -> tuple[float, float]:
        """Lower and upper PD of a grade."""
        bounds = (0.0, *self.upper, 1.0)
        position = GRADES.index(grade)
        return bounds[position], bounds[position + 1]
