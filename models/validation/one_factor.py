"""Counts of defaults that share one systematic factor (Vasicek 2002), as far as tests of PDs need them."""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
NODES = 96


def conditional_pd(pd: Floats | float, correlation: float, factor: Floats) -> Floats:
    """PD in a year whose systematic factor (standard normal, low is bad) is known."""
    from scipy.stats import norm

    threshold = norm.ppf(pd)
    return np.asarray(norm.cdf((threshold - np.sqrt(correlation) * factor) / np.sqrt(1 - correlation)), np.float64)


def default_counts(defaults: int, rows: int, pd: float, correlation: float = 0.0) -> float:
    """Probability of at most ``defaults`` among ``rows`` of the same PD; binomial where ``correlation`` is zero."""
    from scipy.stats import binom

    if correlation <= 0:
        return float(binom.cdf(defaults, rows, pd))
    factor, weight = _quadrature()
    return float((weight * binom.cdf(defaults, rows, conditional_pd(pd, correlation, factor))).sum())


@cache
def _quadrature() -> tuple[Floats, Floats]:
    """Nodes and weights that integrate over a standard normal: Gauss-Legendre on -8 to 8, as integrands are steep."""
    from scipy.stats import norm

    nodes, weights = np.polynomial.legendre.leggauss(NODES)
    factor = 8.0 * nodes
    weight = 8.0 * weights * norm.pdf(factor)
    return factor, weight / weight.sum()
