"""Does it happen as often as the challenger says: on the whole, along the scale, and in each grade?"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from models.gate.thresholds import Thresholds
from models.gate.verdict import Check
from models.grades import GRADES, MasterScale
from models.validation import chance_ece, ece, jeffreys
from models.validation.one_factor import default_counts
from records.words import Text

Floats = npt.NDArray[np.float64]
ERROR = Text("校准误差", "calibration error")
MEAN = Text("平均 PD 与实际违约率", "mean PD and observed rate")
BY_GRADE = Text("各等级 PD 与实际违约率", "PD and observed rate by grade")
FEWEST_IN_GRADE = 10


def calibration(outcome: Floats, pd: Floats, limits: Thresholds) -> list[Check]:
    """The error along the scale, and the mean."""
    return [_error(outcome, pd, limits), _mean(outcome, pd, limits)]


def calibration_by_grade(outcome: Floats, pd: Floats, scale: MasterScale, limits: Thresholds) -> list[Check]:
    """Whether the mean PD of each grade lies in the Jeffreys interval of its observed rate (ECB 2019, 2.5.3.1).

    A grade counts as missed only where it also misses the rate by a factor that matters (with a million rows every
    interval is narrower than any model is right), and by more than a good or bad year explains.
    """
    positions = scale.positions(pd)
    missed, compared = [], 0
    for position, grade in enumerate(GRADES):
        inside = positions == position
        rows, defaults = int(inside.sum()), float(outcome[inside].sum())
        if rows < FEWEST_IN_GRADE:
            continue
        compared += 1
        mean = float(pd[inside].mean())
        low, high = jeffreys(defaults, rows, limits.grade_level)
        factor = mean / max(defaults / rows, 1e-12)
        far = not low <= mean <= high and not 1 / limits.grade_ratio <= factor <= limits.grade_ratio
        if far and not _a_year_explains(defaults, rows, mean, limits.grade_level, limits):
            missed.append(f"{grade} ({mean:.2%} / {defaults / rows:.2%})")
    listed = ", ".join(missed)
    passed = len(missed) <= limits.grades_missed_most
    said = Text(
        f"{compared} 个等级中 {len(missed)} 个不符" + (f"：{listed}" if missed else ""),
        f"{len(missed)} of {compared} grades missed" + (f": {listed}" if missed else ""),
    )
    if not passed:
        said = Text(
            f"等级校准：{said.zh}（平均 PD / 实际违约率）", f"calibration by grade: {said.en} (mean PD / observed)"
        )
    most = limits.grades_missed_most
    return [Check("calibration-by-grade", BY_GRADE, passed, said, float(len(missed)), most=float(most))]


def ahead(checks: list[Check], months: int) -> list[Check]:
    """The same checks of a probability within so many months."""
    return [
        replace(
            one,
            code=f"{one.code}-{months}m",
            found=Text(f"{months} 个月：{one.found.zh}", f"{months} months: {one.found.en}"),
        )
        for one in checks
    ]


def _error(outcome: Floats, pd: Floats, limits: Thresholds) -> Check:
    error, accepted = ece(outcome, pd), limits.maximum_ece + chance_ece(pd)
    passed = bool(error <= accepted)
    sign = "≤" if passed else ">"
    said = Text(
        f"校准误差 ECE {error:.3f} {sign} {accepted:.3f}", f"calibration: ECE {error:.3f} {sign} {accepted:.3f}"
    )
    return Check("calibration-error", ERROR, passed, said, error, most=accepted)


def _mean(outcome: Floats, pd: Floats, limits: Thresholds) -> Check:
    mean, ratio = float(pd.mean()), float(pd.mean() / max(outcome.mean(), 1e-9))
    low, high = limits.pd_ratio
    defaults, rows = float(outcome.sum()), len(outcome)
    least, most = jeffreys(defaults, rows)
    passed = bool(
        low <= ratio <= high
        or least <= mean <= most
        or _a_year_explains(defaults, rows, mean, limits.year_level, limits)
    )
    said = Text(
        f"平均 PD 为实际违约率的 {ratio:.2f} 倍，应在 {low} 至 {high} 之间",
        f"mean PD is {ratio:.2f} times the observed rate; {low} to {high} is accepted",
    )
    return Check("calibration-mean", MEAN, passed, said, ratio, low, high)


def _a_year_explains(defaults: float, rows: int, pd: float, level: float, limits: Thresholds) -> bool:
    """Whether as few or as many defaults are within what one year brings, were ``pd`` right in the long run.

    Defaults of a year share its weather and its markets (one factor, Vasicek 2002): they spread far wider than those of
    independent subjects, and PDs are of the long run.
    """
    tail = (1 - level) / 2
    correlation = limits.asset_correlation
    at_most = default_counts(int(defaults), rows, pd, correlation)
    at_least = 1 - default_counts(int(defaults) - 1, rows, pd, correlation) if defaults else 1.0
    return min(at_most, at_least) >= tail
