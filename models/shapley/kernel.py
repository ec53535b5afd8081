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

from models.shapley.layout import ALWAYS, CATEGORICAL, NAN_LEFT, NAN_RIGHT, NEVER, NUMERIC, ZERO, ZERO_LEFT

BLOCK = 64
ROW_BY_ROW_BELOW = 12
"""Fewer rows than this are explained one at a time: a block costs the same however few rows are in it."""

NO_WORD = np.uint32(0xFFFFFFFF)
"""The word of a value that is no category: it is in no set."""

_INTEGERS = types.Array(types.int32, 1, "C")
_LAYOUT = types.Array(types.int64, 2, "C")
_FLOATS = types.Array(types.float64, 1, "C")
_FLOAT_ROWS = types.Array(types.float64, 2, "C")
_WORDS = types.Array(types.uint32, 1, "C")
_CODES = types.Array(types.uint16, 1, "C")


def _compiled(signature: Any = None) -> Callable[[Callable[..., Any]], Any]:
    """``numba.njit`` with its cache on where a folder for it can be written, off where none can."""

    def decorate(function: Callable[..., Any]) -> Any:
        if signature is None:
            return numba.njit(function, nogil=True)
        try:
            return numba.njit(signature, cache=True, nogil=True)(function)
        except Exception:  # a cache that can be neither written nor read must not stop a score
            return numba.njit(signature, nogil=True)(function)

    return decorate


@_compiled()
def _category(value):  # type: ignore[no-untyped-def]
    """Word and bit of a categorical value; negative, missing and too large values are no category."""
    if value > -1.0 and value < 2147483648.0:
        category = np.uint32(value)
        return category >> np.uint32(5), category & np.uint32(31)
    return NO_WORD, np.uint32(0)


@_compiled()
def _rank(value, thresholds, start, stop):  # type: ignore[no-untyped-def]
    """Number of the thresholds that lie below ``value``."""
    first = start
    left = stop - start
    while left > 0:
        half = (left + 1) >> 1
        if thresholds[np.uint64(first + half - 1)] < value:
            first += half
        left -= half
    return first - start


@_compiled()
def _numeric_code(rank, kind, is_nan, is_zero):  # type: ignore[no-untyped-def]
    if kind != NUMERIC and (is_nan or (is_zero and kind < NAN_RIGHT)):
        return np.uint16(ALWAYS) if kind in (ZERO_LEFT, NAN_LEFT) else np.uint16(NEVER)
    return np.uint16(rank + 1)


@_compiled()
def _read_row(row, columns, thresholds, words, codes):  # type: ignore[no-untyped-def]
    """The answer codes [c] of one row."""
    previous = -1
    numeric = False
    is_nan = is_zero = False
    rank = np.int64(0)
    word = bit = np.uint32(0)
    for column in range(columns.shape[0]):
        feature, kind, start, stop = columns[column]
        if feature != previous or numeric != (kind != CATEGORICAL):
            previous = feature
            numeric = kind != CATEGORICAL
            value = row[feature]
            if numeric:
                is_nan = np.isnan(value)
                is_zero = abs(value) <= ZERO
                rank = _rank(0.0 if is_nan or is_zero else value, thresholds, start, stop)
            else:
                word, bit = _category(value)
        if numeric:
            codes[column] = _numeric_code(rank, kind, is_nan, is_zero)
        else:
            place = start + np.int64(word)
            inside = place < stop and (words[place] >> bit) & np.uint32(1)
            codes[column] = np.uint16(ALWAYS) if inside else np.uint16(NEVER)


@_compiled()
def _read_block(rows, columns, thresholds, words, codes):  # type: ignore[no-untyped-def]
    """The answer codes [c, BLOCK] of at most BLOCK rows, feature by feature so that the compiler uses vectors."""
    values = np.zeros(BLOCK)
    is_nan = np.zeros(BLOCK, np.bool_)
    is_zero = np.zeros(BLOCK, np.bool_)
    ranks = np.zeros(BLOCK, np.uint32)
    word = np.zeros(BLOCK, np.uint32)
    bit = np.zeros(BLOCK, np.uint32)
    previous = -1
    numeric = False
    for column in range(columns.shape[0]):
        feature, kind, start, stop = columns[column]
        if feature != previous or numeric != (kind != CATEGORICAL):
            previous = feature
            numeric = kind != CATEGORICAL
            for i in range(rows.shape[0]):
                values[i] = rows[i, feature]
            if numeric:
                for i in range(BLOCK):
                    is_nan[i] = np.isnan(values[i])
                    is_zero[i] = abs(values[i]) <= ZERO
                    values[i] = 0.0 if is_nan[i] or is_zero[i] else values[i]
                _rank_block(values, thresholds, start, stop, ranks)
            else:
                for i in range(BLOCK):
                    word[i], bit[i] = _category(values[i])
        if numeric:
            for i in range(BLOCK):
                codes[column, i] = _numeric_code(ranks[i], kind, is_nan[i], is_zero[i])
        else:
            for i in range(BLOCK):
                codes[column, i] = np.uint16(NEVER)
            for place in range(start, stop):
                members = words[place]
                this_word = np.uint32(place - start)
                for i in range(BLOCK):
                    inside = (word[i] == this_word) & (((members >> bit[i]) & np.uint32(1)) != 0)
                    codes[column, i] = np.uint16(ALWAYS) if inside else codes[column, i]


@_compiled()
def _rank_block(values, thresholds, start, stop, ranks):  # type: ignore[no-untyped-def]
    for i in range(BLOCK):
        ranks[i] = np.uint32(0)
    left = stop - start
    while left > 0:
        half = (left + 1) >> 1
        probe = np.uint64(start + half - 1)
        for i in range(BLOCK):
            below = thresholds[probe + np.uint64(ranks[i])] < values[i]
            ranks[i] += np.uint32(half) if below else np.uint32(0)
        left -= half


@_compiled()
def _add_row(  # type: ignore[no-untyped-def]
    codes, units, split_column, split_rank, split_step, share_feature, share_unit, share_entry, table, sums
):
    """Flat and without branches: a lone row's answers cannot be foreseen, and each wrong guess costs a dozen steps."""
    total = np.int64(0)
    reached = np.empty(split_column.shape[0] + 1, np.int64)
    for split in range(split_column.shape[0]):
        reached[split] = total
        left = codes[np.uint64(split_column[split])] <= split_rank[split]
        total += np.int64(split_step[split]) & -np.int64(left)
    reached[split_column.shape[0]] = total
    offsets = np.empty(units.shape[0], np.int64)
    for unit in range(units.shape[0]):
        offsets[unit] = reached[np.uint64(units[unit, 1])] - reached[np.uint64(units[unit, 0])]
    for share in range(share_feature.shape[0]):
        entry = np.int64(share_entry[share]) + offsets[np.uint64(share_unit[share])]
        sums[np.uint64(share_feature[share])] += table[np.uint64(entry)]


@_compiled()
def _add_block(codes, units, split_column, split_rank, share_feature, table, sums):  # type: ignore[no-untyped-def]
    offsets = np.empty(BLOCK, np.uint32)
    for unit in range(units.shape[0]):
        first_split, last_split, first_share, last_share, start = units[unit]
        step = np.uint32(last_share - first_share)
        for i in range(BLOCK):
            offsets[i] = np.uint32(0)
        for split in range(first_split, last_split):
            column = np.uint64(split_column[split])
            rank = split_rank[split]
            for i in range(BLOCK):
                offsets[i] += step if codes[column, i] <= rank else np.uint32(0)
            step = step << np.uint32(1)
        entry = np.uint64(start)
        for share in range(first_share, last_share):
            feature = np.uint64(share_feature[share])
            for i in range(BLOCK):
                sums[feature, i] += table[entry + np.uint64(offsets[i])]
            entry += np.uint64(1)


@_compiled(
    types.void(
        *(_FLOAT_ROWS, _LAYOUT, _FLOATS, _WORDS, _LAYOUT, _INTEGERS, _CODES),
        *(_INTEGERS, _INTEGERS, _INTEGERS, _INTEGERS, _FLOATS, _FLOATS, _FLOAT_ROWS),
    )
)
def explain_rows(  # type: ignore[no-untyped-def]
    rows,
    columns,
    thresholds,
    words,
    units,
    split_column,
    split_rank,
    split_step,
    share_feature,
    share_unit,
    share_entry,
    table,
    margin,
    contributions,
):
    """Fill ``margin`` [n] and ``contributions`` [n, f] for ``rows`` [n, f]."""
    count, features = rows.shape
    start = 0
    if count >= ROW_BY_ROW_BELOW:
        codes = np.zeros((columns.shape[0], BLOCK), np.uint16)
        sums = np.empty((features + 1, BLOCK))
        while count - start >= ROW_BY_ROW_BELOW:
            stop = min(count, start + BLOCK)
            _read_block(rows[start:stop], columns, thresholds, words, codes)
            sums[:] = 0.0
            _add_block(codes, units, split_column, split_rank, share_feature, table, sums)
            for row in range(start, stop):
                for feature in range(features):
                    contributions[row, feature] = sums[feature, row - start]
                margin[row] = sums[features, row - start]
            start = stop
    if start < count:
        row_codes = np.empty(columns.shape[0], np.uint16)
        row_sums = np.empty(features + 1)
        for row in range(start, count):
            _read_row(rows[row], columns, thresholds, words, row_codes)
            row_sums[:] = 0.0
            _add_row(
                *(row_codes, units, split_column, split_rank, split_step),
                *(share_feature, share_unit, share_entry, table, row_sums),
            )
            contributions[row] = row_sums[:features]
            margin[row] = row_sums[features]
