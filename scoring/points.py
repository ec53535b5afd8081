"""Contributions to columns of points: the inner loop of scoring many."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit, types

Floats = npt.NDArray[np.float64]

_SIGNATURE = types.float64(
    types.Array(types.float64, 2, "C"),
    types.float64,
    types.float64,
    types.Array(types.float64, 1, "C"),
    types.Array(types.float64, 2, "A"),
    types.Array(types.int32, 2, "A"),
    types.Array(types.float64, 2, "A"),
)


def _compiled(function: Any) -> Any:
    """With Numba's cache on where a folder for it can be written, off where none can."""
    try:
        return njit(_SIGNATURE, cache=True, nogil=True)(function)
    except Exception:  # a cache that can be neither written nor read must not stop a score
        return njit(_SIGNATURE, nogil=True)(function)


@_compiled
def fill_points(contributions, points_a_unit, base_points, target, points, top, top_points):  # type: ignore[no-untyped-def]
    """Fill ``points`` [features, n] from ``contributions`` [n, features], and each row's weightiest features.

    ``top`` [n, k] and ``top_points`` [n, k] have the features of the largest absolute points, the first feature
    first where they are equal. Returns how far ``base_points`` and the points of any row miss its ``target`` [n].
    """
    rows, features = contributions.shape
    most = top.shape[1]
    gap = 0.0
    for row in range(rows):
        total = base_points
        for place in range(most):
            top[row, place] = -1
        for feature in range(features):
            share = points_a_unit * contributions[row, feature]
            points[feature, row] = share
            total += share
            weight = abs(share)
            place = most
            while place > 0 and (top[row, place - 1] < 0 or abs(top_points[row, place - 1]) < weight):
                if place < most:
                    top[row, place] = top[row, place - 1]
                    top_points[row, place] = top_points[row, place - 1]
                place -= 1
            if place < most:
                top[row, place] = feature
                top_points[row, place] = share
        missed = abs(total - target[row])
        if not missed <= gap:
            gap = missed
    return gap
