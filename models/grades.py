"""From PD to points and to a grade: the scale that every model of Huixin shares."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import log
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from records.errors import HuixinError
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


class UnbalancedScale(HuixinError):
    code: ClassVar[str] = "unbalanced-scale"
    status: ClassVar[int] = 422
    title: ClassVar[Text] = Text("主标尺无法均衡", "The master scale cannot be balanced")


def unclipped_score(log_odds_of_default: Floats) -> Floats:
    """Points before clipping: 600 at odds of 30:1 good to bad, 20 points double the odds (Siddiqi 2006)."""
    return BASE_SCORE - POINTS_PER_LOG_ODDS * (log_odds_of_default + log(BASE_ODDS))


def clipped(score: Floats) -> Floats:
    """The score as given: 300 to 900."""
    return np.minimum(np.maximum(score, LOWEST), HIGHEST)


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

    @cached_property
    def _bounds(self) -> Floats:
        return np.array(self.upper)

    def positions(self, pd: Floats) -> npt.NDArray[np.int64]:
        """Position in ``GRADES`` of each PD."""
        return self._bounds.searchsorted(pd, side="right")

    def grades(self, pd: Floats) -> list[str]:
        return [GRADES[position] for position in self.positions(pd)]

    def range(self, grade: str) -> tuple[float, float]:
        """Lower and upper PD of a grade."""
        bounds = (0.0, *self.upper, 1.0)
        position = GRADES.index(grade)
        return bounds[position], bounds[position + 1]

    def balanced(self, pd: Floats, most: float = 0.35) -> MasterScale:
        """The nearest scale on which no grade holds more than ``most`` of these PDs [n].

        The cumulative shares at the bounds move as little as they can (least squares); bounds that need not move do
        not. Raises ``UnbalancedScale`` where so many subjects share one PD that no bounds can do it.
        """
        from scipy.optimize import LinearConstraint, minimize

        ordered = np.sort(pd)
        wanted = np.searchsorted(ordered, self.upper, side="left") / len(ordered)
        shares = np.diff(np.concatenate([[0.0], wanted, [1.0]]))
        if shares.max() <= most:
            return self
        steps = np.eye(len(GRADES), len(GRADES) - 1) - np.eye(len(GRADES), len(GRADES) - 1, -1)
        first = np.append(np.zeros(len(GRADES) - 1), 1.0)  # a grade's share: ``steps @ cumulative + first``
        found = minimize(  # type: ignore[call-overload]
            lambda inside: float(((inside - wanted) ** 2).sum()),
            np.linspace(0, 1, len(GRADES) + 1)[1:-1],
            jac=lambda inside: 2 * (inside - wanted),
            constraints=LinearConstraint(steps, -first, most - first),
            method="SLSQP",
            options={"ftol": 1e-12, "maxiter": 500},
        )
        bounds = []
        for bound, share, before in zip(self.upper, found.x, wanted, strict=True):
            moved = float(ordered[min(int(np.ceil(share * len(ordered) - 1e-9)), len(ordered) - 1)])
            bounds.append(bound if abs(share - before) < 5e-4 else moved)
        made = [max(bounds[0], 1e-9)]
        for bound in bounds[1:]:
            made.append(max(bound, float(np.nextafter(made[-1], 1))))
        scale = MasterScale(tuple(made))
        largest = np.bincount(scale.positions(pd), minlength=len(GRADES)).max() / len(pd)
        if largest > most + 1 / len(pd):
            raise UnbalancedScale(
                Text(
                    f"相同 PD 的主体过多，任何分界都会使一个等级占 {largest:.1%}，多于 {most:.0%}",
                    f"so many subjects share one PD that any bounds leave {largest:.1%} in one grade, above {most:.0%}",
                )
            )
        return scale
