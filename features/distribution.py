"""The distribution of a feature's present values in a few bars and quantiles, never of so few that one can be told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from features.bins import Floats

Scale = Literal["values", "linear", "log"]
LEAST_SHOWN = 20
MOST_VALUES, BARS = 12, 24
LOG_SPREAD = 50.0
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
TAILS = (0.01, 0.99)


@dataclass(frozen=True)
class Bar:
    """Share of all subjects whose value lies from ``low`` to ``high``; one value where both are alike."""

    low: float
    high: float
    share: float


@dataclass(frozen=True)
class Distribution:
    """Of the present and finite values: quantiles at 5, 25, 50, 75 and 95 per cent, mean, how many differ, bars.

    ``scale``: a bar for each of at most a dozen values; else equal bars on a linear or a log axis between the 1st and
    the 99th percentile, the outermost with the tails. Where many share one value (``spike``), it is not in the bars
    but stands for itself with its share.
    """

    quantiles: tuple[float, ...]
    mean: float
    distinct: int
    scale: Scale
    bars: tuple[Bar, ...]
    spike: Bar | None


def distribution(values: Floats) -> Distribution | None:
    """The distribution of ``values`` [subjects], NaN where missing; None of fewer than 20 present ones."""
    present = values[np.isfinite(values)]
    if len(present) < LEAST_SHOWN:
        return None
    found, counts = np.unique(present, return_counts=True)
    quantiles = tuple(np.quantile(present, QUANTILES).tolist())
    mean = float(present.mean())
    if len(found) <= MOST_VALUES:
        bars = [Bar(value, value, count / len(values)) for value, count in zip(found.tolist(), counts, strict=True)]
        return Distribution(quantiles, mean, len(found), "values", tuple(bars), None)
    spike, rest = None, present
    if counts.max() >= len(present) / 4:
        value = float(found[counts.argmax()])
        spike, rest = Bar(value, value, float(counts.max() / len(values))), present[present != value]
    scale, edges = _edges(rest)
    heights = np.histogram(np.clip(rest, edges[0], edges[-1]), edges)[0] / len(values)
    bars = [Bar(*bar) for bar in zip(edges.tolist(), edges[1:].tolist(), heights.tolist(), strict=False)]
    return Distribution(quantiles, mean, len(found), scale, tuple(bars), spike)


def _edges(values: Floats) -> tuple[Scale, Floats]:
    low, high = np.quantile(values, TAILS)
    if high <= low:
        low, high = values.min(), values.max()
    if low > 0 and high / low > LOG_SPREAD:
        return "log", np.geomspace(low, high, BARS + 1)
    return "linear", np.linspace(low, high, BARS + 1)
