"""The inner loops: rows become answer codes, codes become table rows, table rows are added.

Everything compiled stands in this one file, since Numba's cache looks at one file only. There are comparisons and
additions, no products, and each row's additions come in the order of the units: so the bits of a result depend
neither on the block nor on the thread nor on the processor that computed it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba
import numpy as np
from numba import types

BLOCK = 64
ROW_BY_ROW_BELOW = 12
"""Fewer rows than this are explained one at a time: a block costs the same however few rows are in it."""

NUMERIC, ZERO_RIGHT, ZERO_LEFT, NAN_RIGHT, NAN_LEFT, CATEGORICAL = range(6)
ALWAYS, NEVER = 0, 65535
"""Codes that are at most, and above, the rank of every split."""

ZERO = float(np.float32(1e-35))
"""LightGBM's kZeroThreshold: values at most this far from 0 are 0."""

_INTS = types.Array(types.int64, 1, "C")
_TABLE_OF_INTS = types.Array(types.int64, 2, "C")
_FLOATS = types.Array(types.float64, 1, "C")
_WORDS = types.Array(types.uint32, 1, "C")
_CODES = types.Array(types.uint16, 1, "C")
_ROWS = types.Array(types.float64, 2, "C")


def _compiled(signature: Any = None, **options: Any) -> Callable[[Callable[..., Any]], Any]:
    """``numba.njit`` with its cache on where a folder for it can be written, off where none can."""

    def decorate(function: Callable[..., Any]) -> Any:
        arguments = () if signature is None else (signature,)
        try:
            return numba.njit(*arguments, cache=signature is not None, nogil=True, **options)(function)
        except (RuntimeError, OSError):
            return numba.njit(*arguments, nogil=True, **options)(function)

    return decorate


@_compiled(inline="always")
def _rank_code(value, kind, thresholds, start, stop):  # type: ignore[no-untyped-def]
    if abs(value) <= ZERO:
        value = 0.0
        if kind == ZERO_LEFT:
            return ALWAYS
        if kind == ZERO_RIGHT:
            return NEVER
    elif value != value:
        if kind == NAN_LEFT or kind == ZERO_LEFT:
            return ALWAYS
        if kind == NAN_RIGHT or kind == ZERO_RIGHT:
            return NEVER
        value = 0.0
    first = start
    left = stop - start
    while left > 0:
        half = (left + 1) >> 1
        first += half if thresholds[first + half - 1] < value else 0
        left -= half
    return first - start + 1


@_compiled(inline="always")
def _set_code(value, words, start, stop):  # type: ignore[no-untyped-def]
    if not (value > -1.0 and value < 2147483648.0):
        return NEVER
    category = int(value)
    word = start + (category >> 5)
    if word < stop and (words[word] >> np.uint32(category & 31)) & np.uint32(1):
        return ALWAYS
    return NEVER


@_compiled(inline="always")
def _code(value, column, columns, thresholds, words):  # type: ignore[no-untyped-def]
    kind = columns[column, 1]
    if kind == CATEGORICAL:
        return _set_code(value, words, columns[column, 2], columns[column, 3])
    return _rank_code(value, kind, thresholds, columns[column, 2], columns[column, 3])


@_compiled(
    types.void(
        _ROWS, _TABLE_OF_INTS, _FLOATS, _WORDS, _TABLE_OF_INTS, _INTS, _CODES, _INTS, _FLOATS, _FLOATS, _ROWS
    )
)
def explain_rows(  # type: ignore[no-untyped-def]
    rows, columns, thresholds, words, units, split_column, split_rank, share_feature, table, margin, contributions
):
    """Fill ``margin`` [n] and ``contributions`` [n, f] for ``rows`` [n, f]."""
    count, features = contributions.shape
    start = 0
    if count >= ROW_BY_ROW_BELOW:
        codes = np.zeros((columns.shape[0], BLOCK), np.uint16)
        sums = np.empty((features + 1, BLOCK))
        offsets = np.empty(BLOCK, np.uint32)
        while count - start >= ROW_BY_ROW_BELOW:
            stop = min(count, start + BLOCK)
            for column in range(columns.shape[0]):
                feature = columns[column, 0]
                for row in range(start, stop):
                    codes[column, row - start] = _code(rows[row, feature], column, columns, thresholds, words)
            sums[:] = 0.0
            for unit in range(units.shape[0]):
                step = np.uint32(units[unit, 3] - units[unit, 2])
                offsets[:] = 0
                for split in range(units[unit, 0], units[unit, 1]):
                    column = split_column[split]
                    rank = split_rank[split]
                    for i in range(BLOCK):
                        offsets[i] += step if codes[column, i] <= rank else np.uint32(0)
                    step = step << np.uint32(1)
                entry = units[unit, 4]
                for share in range(units[unit, 2], units[unit, 3]):
                    feature = share_feature[share]
                    for i in range(BLOCK):
                        sums[feature, i] += table[entry + np.int64(offsets[i])]
                    entry += 1
            for row in range(start, stop):
                for feature in range(features):
                    contributions[row, feature] = sums[feature, row - start]
                margin[row] = sums[features, row - start]
            start = stop
    if start < count:
        row_codes = np.empty(columns.shape[0], np.uint16)
        row_sums = np.empty(features + 1)
        for row in range(start, count):
            for column in range(columns.shape[0]):
                row_codes[column] = _code(rows[row, columns[column, 0]], column, columns, thresholds, words)
            row_sums[:] = 0.0
            for unit in range(units.shape[0]):
                step = units[unit, 3] - units[unit, 2]
                entry = units[unit, 4]
                for split in range(units[unit, 0], units[unit, 1]):
                    entry += step if row_codes[split_column[split]] <= split_rank[split] else 0
                    step = step << 1
                for share in range(units[unit, 2], units[unit, 3]):
                    row_sums[share_feature[share]] += table[entry]
                    entry += 1
            for feature in range(features):
                contributions[row, feature] = row_sums[feature]
            margin[row] = row_sums[features]
