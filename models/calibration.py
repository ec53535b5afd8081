"""Margins to probabilities: affine on the log-odds, so that the score stays linear in the margin."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from records.errors import HuixinError
from records.words import Text

Floats = npt.NDArray[np.float64]
LEAST_SLOPE = 0.05
# For margins of a model fitted to log-odds. Tried with 12 to 320 events to calibrate on: a wider prior gives few events
# their way, a narrower one costs where they are many.
SLOPE_SPREAD = 0.15
# CRR Art. 160(1) as of 2025 (Basel III): no PD that capital or prices rest on lies below 0.05%.
PD_FLOOR = 0.0005
ENOUGH_YEARS = 5  # CRR Art. 180(1)(h): the years that a long-run average rests on at least
MOST_SHIFT = float(np.log(3))


class UnsoundAnchor(HuixinError):
    code: ClassVar[str] = "unsound-anchor"
    status: ClassVar[int] = 422
    title: ClassVar[Text] = Text("长期平均违约率不可用", "Unsound long-run average")


@dataclass(frozen=True)
class AffineCalibrator:
    """log-odds of default = slope x margin + intercept (Platt 1999; Cox 1958), slope above zero."""

    slope: float = 1.0
    intercept: float = 0.0

    def log_odds(self, margin: Floats) -> Floats:
        return self.slope * margin + self.intercept

    @classmethod
    def fit(cls, margin: Floats, outcome: Floats, steps: int = 100, *, spread: float | None = None) -> AffineCalibrator:
        """Maximum likelihood by Newton's method, with Platt's smoothed targets so that few events do not run away.

        ``margin`` [n] must not come from rows that the model was fitted on. ``spread``: how far from 1 the slope is
        thought to lie before any data are seen (standard deviation of a normal prior): margins of a model that was
        fitted to log-odds need little stretching, so where events are few the slope stays near 1, and where they are
        many the prior has no say; None: no such belief. A slope that is not above zero (a model that does not rank)
        is held at 0.05.
        """
        events = float(outcome.sum())
        high, low = (events + 1) / (events + 2), 1 / (len(outcome) - events + 2)
        target = np.where(outcome > 0, high, low)
        design = np.column_stack([margin, np.ones_like(margin)])
        weights = np.array([1.0, 0.0])
        held = np.diag([0.0 if spread is None else spread**-2, 0.0])
        for _ in range(steps):
            p = 1 / (1 + np.exp(-np.clip(design @ weights, -40, 40)))
            gradient = design.T @ (target - p) - held @ (weights - np.array([1.0, 0.0]))
            curvature = (design * (p * (1 - p))[:, None]).T @ design + held + 1e-9 * np.eye(2)
            step = np.linalg.solve(curvature, gradient)
            weights = weights + np.clip(step, -2, 2)
            if np.abs(step).max() < 1e-10:
                break
        slope = max(float(weights[0]), LEAST_SLOPE)
        intercept = float(weights[1]) if slope == weights[0] else _intercept(margin * slope, target.mean())
        return cls(slope, intercept)

    def anchored(self, margin: Floats, tendency: float, *, most_shift: float = MOST_SHIFT) -> AffineCalibrator:
        """The same calibrator with the intercept at which the mean PD over ``margin`` [n] is ``tendency``.

        The slope, so the ranking and each reason's share relative to the others, stay; every score moves by the same
        points. That is the adjustment by prior odds of Elkan (2001) and Saerens et al. (2002), for a portfolio that
        goes on as it is and a default rate that does not. Raises ``UnsoundAnchor`` for a ``tendency`` that is no rate
        between 0 and 0.5, for no rows, and for a shift above ``most_shift`` (default: odds times three): such a gap
        says that the model or the portfolio changed, which an intercept does not mend.
        """
        if not 0 < tendency < 0.5 or not len(margin):
            raise UnsoundAnchor(
                Text(
                    f"长期平均违约率为 {tendency:.4g}、样本 {len(margin)} 行；应在 0 与 0.5 之间且样本非空",
                    f"a long-run rate of {tendency:.4g} on {len(margin)} rows; between 0 and 0.5 is accepted, and at "
                    "least one row",
                )
            )
        before = float((1 / (1 + np.exp(-self.log_odds(margin)))).mean())
        intercept = _intercept(margin * self.slope, tendency)
        shift = intercept - self.intercept
        if abs(shift) > most_shift:
            raise UnsoundAnchor(
                Text(
                    f"平均 PD 为 {before:.2%}，锚定到 {tendency:.2%} 需把对数赔率移动 {shift:+.2f}，"
                    f"超过 {most_shift:.2f}；请先查明模型或总体为何不同",
                    f"from a mean PD of {before:.2%} to {tendency:.2%} the log-odds would move by {shift:+.2f}, beyond "
                    f"{most_shift:.2f}; find out first why model or portfolio differ so",
                )
            )
        return AffineCalibrator(self.slope, intercept)


@dataclass(frozen=True)
class LongRunAverage:
    """The central tendency: the mean of the default rates at as-ofs that are a year apart, so each year counts once.

    ``rate``; ``rates`` by as-of; ``low``, ``high``: 95% interval of the mean, from the spread between the years where
    there are three or more, else Jeffreys' of all rows. ``enough``: five years or more (CRR Art. 180).
    """

    rate: float
    low: float
    high: float
    rates: dict[str, float]
    enough: bool


def long_run_average(outcome: Floats, as_of: npt.NDArray[np.datetime64], days_apart: int = 360) -> LongRunAverage:
    """From outcomes [n] at their as-ofs [n]: going back from the latest, the as-ofs that are a year apart at least.

    Rates of overlapping years are no further evidence (EBA/GL/2017/16, 78-80), so they are left out. A simple mean over
    years, not over rows: a year with many new subjects counts no more than another (CRR Art. 180(1)(a)).
    """
    from scipy.stats import t

    from models.validation.figures import jeffreys

    chosen: list[Any] = []
    for moment in np.unique(as_of)[::-1]:
        if not chosen or (chosen[-1] - moment) / np.timedelta64(1, "D") >= days_apart:
            chosen.append(moment)
    rates = {str(moment.astype("datetime64[D]")): float(outcome[as_of == moment].mean()) for moment in chosen[::-1]}
    years = np.array(list(rates.values()))
    rate = float(years.mean())
    if len(years) < 3:
        used = np.isin(as_of, chosen)
        low, high = jeffreys(float(outcome[used].sum()), int(used.sum()))
    else:
        apart = float(t.ppf(0.975, len(years) - 1) * years.std(ddof=1) / np.sqrt(len(years)))
        low, high = max(rate - apart, 0.0), min(rate + apart, 1.0)
    return LongRunAverage(rate, low, high, rates, len(years) >= ENOUGH_YEARS)


def floored(pd: Floats, floor: float = PD_FLOOR) -> Floats:
    """PDs for capital and prices: none below ``floor``. Scores and reasons keep to the PD as it is, or they would not
    add up."""
    return np.maximum(pd, floor)


def _intercept(shifted: Floats, mean: float) -> float:
    """The intercept that makes the mean probability equal ``mean``."""
    low, high = -60.0, 60.0
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (middle, high) if np.mean(1 / (1 + np.exp(-(shifted + middle)))) < mean else (low, middle)
    return (low + high) / 2
