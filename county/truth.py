"""What only the county knows: the probabilities of default and of distress that follow from the hidden process."""

from __future__ import annotations

import numpy as np

from county.plan import Nature
from county.process import (
    DEFAULTED,
    PAYING,
    STOPPED,
    STOPPED_TWO,
    Floats,
    History,
    early_enforcement_rate,
    stopping_probability,
)

GRID_STATIC, GRID_DYNAMIC, REACH = 31, 61, 5.0
DISTRESS_HORIZONS = (3, 6, 12)


def true_pd(nature: Nature, history: History, horizon: int = 12) -> Floats:
    """Probability [n, months] of default within ``horizon`` months given the whole state at each month end.

    Exact up to the grid (backward recursion with Gauss-Hermite quadrature); contagion that is still to come is left
    out. 1 where the subject is in default.
    """
    grid = _Grid(nature)
    layers = np.zeros((3, GRID_STATIC, GRID_DYNAMIC))
    for _ in range(horizon):
        following = np.stack([grid.ahead(layer) for layer in layers])
        paying = grid.stops * following[STOPPED] + (1 - grid.stops) * following[PAYING]
        stopped = nature.cure * following[PAYING] + (1 - nature.cure) * following[STOPPED_TWO]
        last = nature.cure * following[PAYING] + (1 - nature.cure)
        layers = np.stack([paying @ grid.weights, stopped @ grid.weights, last @ grid.weights])
    found = grid.between(layers, history, np.minimum(history.status, STOPPED_TWO))
    return np.where(history.status == DEFAULTED, 1.0, found)


def true_distress(nature: Nature, history: History) -> Floats:
    """Probability [n, months, 3] that distress begins within 3, 6 and 12 months, of a borrower who pays at month end.

    Distress begins with the first missed payment (31 days past due at the month end) or with an enforcement case,
    whichever is first. Exact like ``true_pd``; 1 where the subject does not pay at that month end: distress is there.
    """
    grid = _Grid(nature)
    enforced = 1 - np.exp(-early_enforcement_rate(grid.health))
    spared = (1 - grid.stops) * (1 - enforced)
    layer, layers = np.ones((GRID_STATIC, GRID_DYNAMIC)), []
    for month in range(1, DISTRESS_HORIZONS[-1] + 1):
        layer = (spared * grid.ahead(layer)) @ grid.weights
        if month in DISTRESS_HORIZONS:
            layers.append(1 - layer)
    found = [grid.between(np.stack([one]), history, np.zeros_like(history.status)) for one in layers]
    return np.where((history.status == PAYING)[:, :, None], np.stack(found, axis=2), 1.0)


class _Grid:
    """The state on a grid (static part by dynamic part) and where it may be a month later.

    ``health``, ``stops`` [static, dynamic, nodes]: health a month later and the probability to stop paying then;
    ``weights`` [nodes] of the quadrature.
    """

    def __init__(self, nature: Nature) -> None:
        self.statics = np.linspace(-REACH * nature.static_sd, REACH * nature.static_sd, GRID_STATIC)
        self.dynamics = np.linspace(-REACH * nature.dynamic_sd, REACH * nature.dynamic_sd, GRID_DYNAMIC)
        nodes, weights = np.polynomial.hermite_e.hermegauss(21)
        self.weights = weights / weights.sum()
        innovation = nature.dynamic_sd * np.sqrt(1 - nature.persistence**2)
        self._later = nature.persistence * self.dynamics[:, None] + innovation * nodes
        self.health = self.statics[:, None, None] + self._later
        self.stops = stopping_probability(nature, self.health)

    def ahead(self, layer: Floats) -> Floats:
        """``layer`` [static, dynamic] where the state may be a month later, [static, dynamic, nodes]."""
        return np.stack([np.interp(self._later, self.dynamics, row) for row in layer])

    def between(
        self, layers: Floats, history: History, layer: np.ndarray[tuple[int, ...], np.dtype[np.int64]]
    ) -> Floats:
        """Probabilities [n, months] at the true states, from those of ``layers`` [., static, dynamic] in log-odds."""
        u = np.clip(_place(history.static[:, None], self.statics), 0, len(self.statics) - 1.001)
        v = np.clip(_place(history.dynamic, self.dynamics), 0, len(self.dynamics) - 1.001)
        i, j = u.astype(np.int64), v.astype(np.int64)
        a, b = u - i, v - j
        held = np.clip(layers, 1e-9, 1 - 1e-9)
        logits = np.log(held / (1 - held))
        found = (
            (1 - a) * (1 - b) * logits[layer, i, j]
            + a * (1 - b) * logits[layer, i + 1, j]
            + (1 - a) * b * logits[layer, i, j + 1]
            + a * b * logits[layer, i + 1, j + 1]
        )
        return np.asarray(1 / (1 + np.exp(-found)))


def _place(values: Floats, points: Floats) -> Floats:
    return np.asarray((values - points[0]) / (points[1] - points[0]))
