"""Upper bounds of PDs where defaults are few or none: the most prudent estimate of Pluto and Tasche."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from models.validation.one_factor import conditional_pd, default_counts
from records.errors import HuixinError
from records.words import Text

Floats = npt.NDArray[np.float64]
FEW_DEFAULTS = 20
PATHS = 20_000


class BadPortfolio(HuixinError):
    code: ClassVar[str] = "bad-portfolio"
    status: ClassVar[int] = 422
    title: ClassVar[Text] = Text("组合数据有误", "Bad portfolio")


@dataclass(frozen=True)
class UpperBounds:
    """Most prudent PDs by grade, the best first.

    ``bounds`` [grades] never fall from a grade to a worse one; ``scaled``: the same, scaled so that the portfolio's
    mean is its observed rate (NaN where nobody defaulted).
    """

    bounds: tuple[float, ...]
    scaled: tuple[float, ...]
    confidence: float
    correlation: float
    periods: int


def is_low_default(defaults: float) -> bool:
    """Whether a portfolio has too few defaults for rates by grade to mean much."""
    return defaults < FEW_DEFAULTS


def upper_bounds(
    rows: Sequence[int],
    defaults: Sequence[int],
    *,
    confidence: float = 0.9,
    correlation: float = 0.0,
    periods: int = 1,
    persistence: float = 0.3,
    seed: int = 20260101,
) -> UpperBounds:
    """Upper confidence bounds of one-year PDs from rows and defaults by grade, the best first.

    The ordering of grades is the only thing assumed: the bound of a grade comes from the defaults in it and in all
    worse ones (Pluto & Tasche 2005, Estimating probabilities of default for low default portfolios). Without
    ``correlation`` it is Clopper-Pearson's; with it, defaults share a factor (``one_factor``). With ``periods`` above
    one, ``rows`` were known at the start and ``defaults`` came in so many years, whose factors correlate by
    ``persistence`` to the power of their distance. Raises ``BadPortfolio``.
    """
    counted, events = np.asarray(rows, np.int64), np.asarray(defaults, np.int64)
    _check(counted, events, confidence, correlation, periods, persistence)
    factors = _paths(periods, persistence, seed) if periods > 1 else None
    pooled_rows, pooled_events = np.cumsum(counted[::-1])[::-1], np.cumsum(events[::-1])[::-1]
    bounds = [
        _bound(int(d), int(n), confidence, correlation, factors)
        for n, d in zip(pooled_rows, pooled_events, strict=True)
    ]
    rising = np.maximum.accumulate(np.array(bounds))
    mean, observed = float((counted * rising).sum() / counted.sum()), float(events.sum() / counted.sum()) / periods
    scaled = rising * (observed / mean) if events.sum() else np.full(len(rising), np.nan)
    return UpperBounds(tuple(rising.tolist()), tuple(scaled.tolist()), confidence, correlation, periods)


def _bound(defaults: int, rows: int, confidence: float, correlation: float, factors: Floats | None) -> float:
    """The PD at which at most ``defaults`` of ``rows`` have a probability of 1 - ``confidence``."""
    from scipy.optimize import brentq
    from scipy.stats import beta, binom

    if defaults >= rows:
        return 1.0
    if correlation <= 0 and factors is None:
        return float(beta.ppf(confidence, defaults + 1, rows - defaults))

    def excess(pd: float) -> float:
        if factors is None:
            return default_counts(defaults, rows, pd, correlation) - (1 - confidence)
        surviving = np.prod(1 - conditional_pd(pd, correlation, factors), axis=1)
        return float(binom.cdf(defaults, rows, 1 - surviving).mean()) - (1 - confidence)

    return float(brentq(excess, 1e-12, 1 - 1e-9, xtol=1e-10))


def _paths(periods: int, persistence: float, seed: int) -> Floats:
    """Systematic factors of so many years, [paths, years]: the same draws, and their mirror images, for every PD."""
    distance = np.abs(np.subtract.outer(np.arange(periods), np.arange(periods)))
    root = np.linalg.cholesky(persistence**distance)
    drawn = np.random.default_rng(seed).standard_normal((PATHS // 2, periods)) @ root.T
    return np.concatenate([drawn, -drawn])


def _check(
    rows: npt.NDArray[np.int64],
    defaults: npt.NDArray[np.int64],
    confidence: float,
    correlation: float,
    periods: int,
    persistence: float,
) -> None:
    if len(rows) != len(defaults) or not rows.sum() or (defaults < 0).any() or (defaults > rows).any():
        raise BadPortfolio(
            Text(
                "每等级需有户数与违约数，违约数不多于户数，且至少一户",
                "rows and defaults are needed for every grade, no more defaults than rows, and at least one row",
            )
        )
    if not (0 < confidence < 1 and 0 <= correlation < 1 and periods >= 1 and 0 <= persistence < 1):
        raise BadPortfolio(
            Text(
                f"置信水平 {confidence}、相关系数 {correlation}、持续系数 {persistence} 应在 0 与 1 之间，"
                f"年数 {periods} 至少为 1",
                f"confidence {confidence}, correlation {correlation} and persistence {persistence} lie between "
                f"0 and 1; periods {periods} are at least 1",
            )
        )
