"""Do the PDs of grades come true? Tests per grade and of the whole scale, order and concentration."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np
import numpy.typing as npt

from models.grades import GRADES, MasterScale
from models.validation.figures import jeffreys
from models.validation.one_factor import default_counts

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Colour = Literal["green", "yellow", "red"]
# The zones of BCBS 1996, Supervisory framework for the use of backtesting.
YELLOW, RED = 0.95, 0.9999
FEW_ROWS = 20
LARGEST_SHARE = 0.35
ENOUGH_EXPECTED, DRAWS = 5.0, 20_000


@dataclass(frozen=True)
class GradeTest:
    """One grade against what came of it.

    ``share``: of all rows; ``low`` to ``high``: 95% Jeffreys interval of the observed rate; ``inside``: the mean PD
    lies in it. ``jeffreys`` and ``binomial``: probability that the PD is no underestimate (small: it is one);
    ``colour`` by independent defaults, ``colour_correlated`` by defaults of the given asset correlation. ``few``: under
    20 rows.
    """

    grade: str
    rows: int
    share: float
    mean_pd: float | None
    defaults: int
    observed: float | None
    low: float
    high: float
    inside: bool
    jeffreys: float | None
    binomial: float | None
    colour: Colour | None
    colour_correlated: Colour | None
    few: bool


@dataclass(frozen=True)
class Inversion:
    """A grade whose observed rate lies above the next worse one's; ``p``: chance of as much where they are equal."""

    better: str
    worse: str
    p: float


@dataclass(frozen=True)
class ScaleCheck:
    """Whether a scale orders and spreads a portfolio.

    ``inversions``: neighbouring grades in the wrong order; ``monotone``: none of them beyond chance at 5%, with as
    many comparisons as there are (Holm 1979). ``largest``: grade with most rows and its share, at most 35%.
    ``herfindahl``: sum of squared shares; ``concentration``: the same from 0 (even) to 1 (one grade), as the ECB asks.
    """

    inversions: tuple[Inversion, ...]
    monotone: bool
    largest: str
    largest_share: float
    balanced: bool
    herfindahl: float
    concentration: float


@dataclass(frozen=True)
class Backtest:
    """All tests of a scale on a sample; ``inside``: grades whose mean PD lies in the interval, of those ``used``."""

    grades: tuple[GradeTest, ...]
    total: GradeTest
    used: int
    inside: int
    hosmer_lemeshow: float
    hosmer_lemeshow_p: float
    correlation: float
    scale: ScaleCheck


def backtest(outcome: Floats, pd: Floats, scale: MasterScale, correlation: float = 0.04) -> Backtest:
    """Test the PDs [n] of every grade of ``scale`` against the outcomes [n].

    ``correlation``: asset correlation of the second traffic light; 0.04 is Basel's for revolving retail, 0.15 for
    mortgages (CRR Art. 154), so few defaults are excused by a bad year.
    """
    positions = scale.positions(pd)
    tests = tuple(
        _tested(grade, outcome[positions == at], pd[positions == at], len(pd), correlation)
        for at, grade in enumerate(GRADES)
    )
    used = [one for one in tests if one.rows]
    statistic, p = hosmer_lemeshow(
        np.array([one.defaults for one in used]),
        np.array([one.rows for one in used]),
        np.array([one.mean_pd for one in used]),
    )
    return Backtest(
        tests,
        _tested("all", outcome, pd, len(pd), correlation),
        len(used),
        sum(one.inside for one in used),
        statistic,
        p,
        correlation,
        check_scale([one.rows for one in tests], [one.defaults for one in tests]),
    )


def jeffreys_p(defaults: float, rows: float, pd: float) -> float:
    """Posterior probability that the true rate is at most ``pd``: small where the PD is too low.

    ECB, Instructions for reporting the validation results of internal models, 2019, 2.5.3.1.
    """
    from scipy.stats import beta

    return float(beta.cdf(pd, defaults + 0.5, rows - defaults + 0.5))


def binomial_p(defaults: float, rows: float, pd: float) -> float:
    """Probability of as many defaults or more, were ``pd`` true and defaults independent; one-sided."""
    from scipy.stats import binom

    return float(binom.sf(defaults - 1, rows, pd))


def hosmer_lemeshow(defaults: npt.NDArray[np.number], rows: npt.NDArray[np.number], pd: Floats) -> tuple[float, float]:
    """Statistic and p-value over groups of given PD (Hosmer & Lemeshow 1980), as Tasche (2006) uses it on grades.

    The PDs are not fitted to these outcomes, so there are as many degrees of freedom as groups. Where a group expects
    under five defaults (or non-defaults), the p-value comes from 20,000 draws instead of the chi-square distribution.
    """
    from scipy.stats import chi2

    counted, size, p = (np.asarray(one, np.float64) for one in (defaults, rows, pd))
    variance = size * p * (1 - p)
    kept = variance > 0
    if not kept.any():
        return 0.0, 1.0
    counted, size, p, variance = counted[kept], size[kept], p[kept], variance[kept]
    statistic = float(((counted - size * p) ** 2 / variance).sum())
    if (size * np.minimum(p, 1 - p)).min() >= ENOUGH_EXPECTED:
        return statistic, float(chi2.sf(statistic, len(p)))
    drawn = np.random.default_rng(0).binomial(size.astype(np.int64), p, (DRAWS, len(p)))
    as_much = (((drawn - size * p) ** 2 / variance).sum(axis=1) >= statistic - 1e-9).sum()
    return statistic, float((as_much + 1) / (DRAWS + 1))


def traffic_light(defaults: int, rows: int, pd: float, correlation: float = 0.0) -> Colour:
    """Yellow where so many defaults, or more, come in under 5% of years were ``pd`` true; red in under 0.01%.

    Tasche (2003, A traffic lights approach to PD validation), on one-factor defaults where ``correlation`` is above
    zero. Counted so, no defaults are always green, however few the rows.
    """
    level = float(default_counts(defaults - 1, rows, pd, correlation)) if defaults else 0.0
    return "red" if level >= RED else "yellow" if level >= YELLOW else "green"


def check_scale(rows: Sequence[int], defaults: Sequence[int]) -> ScaleCheck:
    """Order and spread of a scale, from rows and defaults of its grades, the best first."""
    from scipy.stats import fisher_exact

    counted, events = np.asarray(rows, np.int64), np.asarray(defaults, np.int64)
    used = np.flatnonzero(counted)
    found, compared = [], max(len(used) - 1, 1)
    for better, worse in pairwise(used):
        if events[better] / counted[better] > events[worse] / counted[worse]:
            table = np.array([[events[at], counted[at] - events[at]] for at in (better, worse)])
            p = float(fisher_exact(table, alternative="greater").pvalue)
            found.append(Inversion(GRADES[better], GRADES[worse], p))
    shares = counted / max(counted.sum(), 1)
    largest = int(shares.argmax())
    return ScaleCheck(
        tuple(found),
        min((one.p for one in found), default=1.0) * compared > 0.05,
        GRADES[largest],
        float(shares[largest]),
        bool(shares[largest] <= LARGEST_SHARE),
        herfindahl(shares),
        concentration(shares),
    )


def herfindahl(shares: Floats) -> float:
    """Sum of squared shares: 1 where all lie in one grade, 1/K where K grades share evenly."""
    return float((np.asarray(shares, np.float64) ** 2).sum())


def concentration(shares: Floats) -> float:
    """Herfindahl index from 0 (even) to 1 (one grade): 1 + ln(sum of squares) / ln K (ECB 2019, 2.5.5.3)."""
    return float(1 + np.log(herfindahl(shares)) / np.log(len(shares)))


def _tested(grade: str, outcome: Floats, pd: Floats, everyone: int, correlation: float) -> GradeTest:
    rows, defaults = len(outcome), int(outcome.sum())
    if not rows:
        return GradeTest(grade, 0, 0.0, None, 0, None, 0.0, 1.0, False, None, None, None, None, True)
    low, high = jeffreys(defaults, rows)
    mean = float(pd.mean())
    return GradeTest(
        grade,
        rows,
        rows / everyone,
        mean,
        defaults,
        defaults / rows,
        low,
        high,
        low <= mean <= high,
        jeffreys_p(defaults, rows, mean),
        binomial_p(defaults, rows, mean),
        traffic_light(defaults, rows, mean),
        traffic_light(defaults, rows, mean, correlation),
        rows < FEW_ROWS,
    )
