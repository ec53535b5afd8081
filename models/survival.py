"""The likelihood of what was seen of each row, month by month: proportional odds in discrete time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
MONTHS = 12
NEVER = -40.0  # log-odds of what has not begun
LENGTHS = (3, 3, 6)  # months in which the base odds grow evenly
LOOSENESS = 0.3


@dataclass(frozen=True)
class Seen:
    """What became of n rows: followed for some whole months, at the end of which an event did or did not happen.

    The odds of an event by the end of month t are ``base[t - 1] x exp(index)`` (proportional odds: Bennett 1983): what
    sets two subjects apart fades as time goes by, as it does where the weak recover and the strong weaken.
    ``event`` [n] is 1 or 0; ``before``, ``by`` [n]: log base odds at the end of the month before the last one
    followed, and at its end; ``weight`` [n].
    """

    event: Floats
    before: Floats
    by: Floats
    weight: Floats

    @classmethod
    def of(cls, months_to_event: Floats, followed: Floats, base: Floats, weight: Floats) -> Seen:
        """``months_to_event`` [n], NaN where none; ``followed`` [n] >= 1; ``base`` [12] odds."""
        event, last = last_months(months_to_event, followed)
        levels = np.concatenate([[NEVER], np.log(base)])
        return cls(event, np.where(event > 0, levels[last - 1], NEVER), levels[last], weight)

    def where(self, chosen: npt.NDArray[np.bool_]) -> Seen:
        return Seen(self.event[chosen], self.before[chosen], self.by[chosen], self.weight[chosen])

    def loss(self, index: Floats) -> float:
        """Negative log-likelihood, less what does not depend on ``index`` [n]."""
        survived = np.logaddexp(0.0, index + self.by)
        happened = np.logaddexp(0.0, index + self.before) - index
        return float(self.weight @ (survived + self.event * happened))

    def slopes(self, index: Floats) -> tuple[Floats, Floats]:
        """First and second derivative of the loss by each row's index, [n] each; the second is above zero."""
        by, before = _logistic(index + self.by), _logistic(index + self.before)
        first = by + self.event * (before - 1)
        second = by * (1 - by) + self.event * before * (1 - before)
        return self.weight * first, self.weight * np.maximum(second, 1e-9)


def last_months(months_to_event: Floats, followed: Floats) -> tuple[Floats, npt.NDArray[np.int64]]:
    """Whether the event was seen [n], and the last month that tells something [n]: the event's, or the last followed.

    Raises ValueError for a row that was followed for less than a month or more than 12.
    """
    if len(followed) and not (followed.min() >= 1 and followed.max() <= MONTHS):
        raise ValueError(
            f"rows are followed for 1 to {MONTHS} whole months, not {followed.min():g} to {followed.max():g}"
        )
    months = np.maximum(np.nan_to_num(months_to_event, nan=np.inf), 1)
    event = months <= followed
    return event.astype(np.float64), np.where(event, months, followed).astype(np.int64)


def life_table(months_to_event: Floats, followed: Floats, weight: Floats) -> Floats:
    """Odds [12] of an event by the end of each month, of all rows together (Kaplan & Meier 1958); they rise."""
    event, last = last_months(months_to_event, followed)
    survivors, odds = 1.0, np.empty(MONTHS)
    for month in range(1, MONTHS + 1):
        asked = float(weight[last >= month].sum())
        happened = float((weight * event)[last == month].sum())
        survivors *= 1 - (happened + 0.05) / (asked + 1.0)
        odds[month - 1] = (1 - survivors) / survivors
    return odds


def levels_of(
    index: Floats, months_to_event: Floats, followed: Floats, weight: Floats, copies: float = 1.0
) -> tuple[float, Floats]:
    """Slope above zero on ``index`` [n], and base odds [12], of most posterior probability.

    ``index`` must not come from rows that its model was fitted on; ``copies``: weight of the rows of a subject, which
    are near copies of each other. Within months 1 to 3, 4 to 6 and 7 to 12 the base odds grow evenly. Where little was
    seen, the slope stays near 1 and the odds grow on as they did before (standard deviations 0.3 of the logarithms).
    """
    from scipy.optimize import minimize

    event, last = last_months(months_to_event, followed)
    start = life_table(months_to_event, followed, weight)
    steps = np.log(np.maximum(np.diff([0.0, start[2], start[5], start[11]]) / LENGTHS, 1e-9))

    def odds_of(growth: Floats) -> Floats:
        return np.asarray(np.cumsum(np.repeat(np.exp(growth), LENGTHS)))

    def loss(parameters: Floats) -> float:
        base = odds_of(parameters[1:])
        seen = Seen.of(months_to_event, followed, base, weight)
        grown = np.diff(np.concatenate([[0.0], base]))[last - 1]
        told = seen.loss(np.exp(parameters[0]) * index) - float((weight * event) @ np.log(grown))
        surprise = np.concatenate([parameters[:1], np.diff(parameters[1:])]) / LOOSENESS
        return told / copies + 0.5 * float(surprise @ surprise)

    found = minimize(loss, np.concatenate([[0.0], steps]), method="L-BFGS-B", bounds=[(-3.0, 1.0), *[(-30.0, 5.0)] * 3])
    return float(np.exp(found.x[0])), odds_of(found.x[1:])


def _logistic(values: Floats) -> Floats:
    from scipy.special import expit

    return np.asarray(expit(values))
