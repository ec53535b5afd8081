"""One pass over records for all as-ofs: each record is added where it enters and taken off where it leaves.

A record is visible at an unbroken range of a subject's as-ofs, and counts for a window at an unbroken range of those.
So counts and sums of all as-ofs are running sums over what enters and what leaves; whole numbers and fen are added, so
that every order gives the same. Extremes and latest values are kept as-of by as-of. Everything here is arrays of whole
numbers: days since 1970, months since year 0, instants in microseconds, money in its smallest unit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

Integers = npt.NDArray[np.int64]
NEVER_US, NEVER_DAY = np.iinfo(np.int64).max, np.iinfo(np.int32).max
WORD = 63  # conditions in a word of bits
COUNT, SUM, MAX, MIN, LATEST, MONTHS, DISTINCT = range(7)
KINDS = {"count": COUNT, "sum": SUM, "max": MAX, "min": MIN, "latest": LATEST, "months": MONTHS, "distinct": DISTINCT}
FIRST_DAY, LAST_DAY = -140_000, 2_932_896  # of the calendar tables: 1586 to 9999
MONTH_OF_DAY = (
    np.arange(FIRST_DAY, LAST_DAY + 1, dtype="datetime64[D]").astype("datetime64[M]").astype(np.int64) + 1970 * 12 + 1
).astype(np.int32)


@dataclass(frozen=True)
class Records:
    """Records of one item, in any order: ``subject`` numbers the subjects of the questions from 0.

    ``gone`` and ``expires``: NEVER_US and NEVER_DAY where there is no such moment. ``begins``, ``ends`` [columns, rows]
    days; ``bits`` [words, rows] which conditions each record meets; ``values`` [columns, rows].
    """

    subject: npt.NDArray[np.int32]
    recorded: Integers
    gone: Integers
    occurred: npt.NDArray[np.int32]
    expires: npt.NDArray[np.int32]
    begins: npt.NDArray[np.int32]
    ends: npt.NDArray[np.int32]
    bits: npt.NDArray[np.uint64]
    values: Integers


@dataclass(frozen=True)
class Questions:
    """As-ofs by subject, ascending: those of subject s lie from ``start[s]`` to ``start[s + 1]``."""

    start: Integers
    instant: Integers
    day: npt.NDArray[np.int32]
    month: npt.NDArray[np.int32]

    @property
    def count(self) -> int:
        return len(self.instant)


@dataclass(frozen=True)
class Reaches:
    """Windows, one a row: ages in months (``oldest`` -1: no end), and which columns of days bound it (-1: none)."""

    youngest: npt.NDArray[np.int32]
    oldest: npt.NDArray[np.int32]
    begins: npt.NDArray[np.int32]
    ends: npt.NDArray[np.int32]


@dataclass(frozen=True)
class Slots:
    """What is measured, ordered by reach; those of reach r lie from ``first[r]`` to ``first[r + 1]``.

    ``kind``; ``bit``: the condition (-1: every record); ``value``: the column of values (-1: none).
    """

    first: npt.NDArray[np.int32]
    kind: npt.NDArray[np.int32]
    bit: npt.NDArray[np.int32]
    value: npt.NDArray[np.int32]


@dataclass(frozen=True)
class Measured:
    """Whole numbers [slots, as-ofs] and how many records stand behind each; ``tied`` [as-ofs]: a latest value is not
    decided by its day, so that these questions have to be asked in another way."""

    numbers: Integers
    members: npt.NDArray[np.int32]
    tied: npt.NDArray[np.bool_]


def swept(records: Records, questions: Questions, reaches: Reaches, slots: Slots) -> Measured:
    """All ``slots`` at all as-ofs. Sums that leave 64 bits are the caller's to prevent."""
    shape = (questions.count, len(slots.kind))
    numbers = np.zeros(shape, np.int64)
    members = np.zeros(shape, np.int32)
    days = np.full(shape if (slots.kind == LATEST).any() else (0, 0), np.iinfo(np.int32).min, np.int32)
    tied = np.zeros(days.shape, np.bool_)
    _add(
        records.subject, records.recorded, records.gone, records.occurred, records.expires,
        records.begins, records.ends, records.bits, records.values,
        questions.start, questions.instant, questions.day, questions.month,
        reaches.youngest, reaches.oldest, reaches.begins, reaches.ends,
        slots.first, slots.kind, slots.bit, slots.value,
        MONTH_OF_DAY, numbers, members, days, tied,
    )  # fmt: skip
    by_slot = np.empty(shape[::-1], np.int64), np.empty(shape[::-1], np.int32)
    _run(questions.start, slots.kind, numbers, members, *by_slot)
    undecided = np.asarray(tied.any(axis=1)) if tied.size else np.zeros(questions.count, np.bool_)
    found = Measured(*by_slot, undecided)
    for slot in np.flatnonzero(slots.kind == DISTINCT):
        found.numbers[slot] = _distinct(records, questions, reaches, slots, int(slot))
    return found


@njit(nogil=True, cache=True, inline="always")  # type: ignore[untyped-decorator]
def _first_not_before(sorted_values: Any, low: int, high: int, value: int) -> int:
    """The first place from ``low`` to ``high`` whose value is not below ``value``."""
    if high - low <= 4:
        while low < high and sorted_values[low] < value:
            low += 1
        return low
    while low < high:
        middle = (low + high) >> 1
        if sorted_values[middle] < value:
            low = middle + 1
        else:
            high = middle
    return low


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _add(
    subject: Any,
    recorded: Any,
    gone: Any,
    occurred: Any,
    expires: Any,
    begins: Any,
    ends: Any,
    bits: Any,
    values: Any,
    start: Any,
    instant: Any,
    day: Any,
    month: Any,
    youngest: Any,
    oldest: Any,
    reach_begins: Any,
    reach_ends: Any,
    first: Any,
    kind: Any,
    bit: Any,
    value_of: Any,
    month_of_day: Any,
    numbers: Any,
    members: Any,
    days: Any,
    tied: Any,
) -> None:
    for i in range(len(subject)):
        s = subject[i]
        last = start[s + 1]
        low = _first_not_before(instant, start[s], last, recorded[i])
        low = _first_not_before(day, low, last, occurred[i])
        high = _first_not_before(instant, low, last, gone[i])
        high = _first_not_before(day, low, high, expires[i])
        if low >= high:
            continue
        born = month_of_day[occurred[i] - FIRST_DAY]
        for r in range(len(youngest)):
            a, b = low, high
            if youngest[r] > 0:
                a = _first_not_before(month, a, b, born + youngest[r])
            if oldest[r] >= 0:
                b = _first_not_before(month, a, b, born + oldest[r] + 1)
            if reach_begins[r] >= 0:
                a = _first_not_before(day, a, b, begins[reach_begins[r], i])
            if reach_ends[r] >= 0:
                b = _first_not_before(day, a, b, ends[reach_ends[r], i])
            if a >= b:
                continue
            for k in range(first[r], first[r + 1]):
                j = bit[k]
                if j >= 0 and not (bits[j // WORD, i] >> np.uint64(j % WORD)) & np.uint64(1):
                    continue
                what = kind[k]
                if what <= SUM:
                    members[a, k] += 1
                    if b < last:
                        members[b, k] -= 1
                    if what == SUM:
                        number = values[value_of[k], i]
                        numbers[a, k] += number
                        if b < last:
                            numbers[b, k] -= number
                elif what == DISTINCT:
                    continue
                elif what == MONTHS:
                    for t in range(a, b):  # one bit an age in months
                        numbers[t, k] |= 1 << (month[t] - born)
                else:
                    number = values[value_of[k], i]
                    for t in range(a, b):
                        if what == LATEST:
                            if occurred[i] > days[t, k] or members[t, k] == 0:
                                days[t, k] = occurred[i]
                                numbers[t, k] = number
                                tied[t, k] = False
                            elif occurred[i] == days[t, k] and numbers[t, k] != number:
                                tied[t, k] = True
                        elif members[t, k] == 0 or (number > numbers[t, k]) == (what == MAX):
                            numbers[t, k] = number
                        members[t, k] += 1


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _run(start: Any, kind: Any, numbers: Any, members: Any, numbers_by_slot: Any, members_by_slot: Any) -> None:
    """What entered and what left, to what is there: counts and sums by running on, months by counting their bits."""
    for s in range(len(start) - 1):
        for t in range(start[s], start[s + 1]):
            for k in range(len(kind)):
                if kind[k] <= SUM and t > start[s]:
                    members[t, k] += members[t - 1, k]
                    numbers[t, k] += numbers[t - 1, k]
                number = numbers[t, k]
                if kind[k] == COUNT:
                    number = members[t, k]
                elif kind[k] == MONTHS:
                    left, number = number, 0
                    while left:
                        left &= left - 1
                        number += 1
                numbers_by_slot[k, t] = number
                members_by_slot[k, t] = members[t, k]


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def carried(
    numbers: Any,
    members: Any,
    present: Any,
    can_be_none: bool,
    shift: Any,
    unit: float,
    exact: int,
    rows: Any,
    column: Any,
) -> bool:
    """Write ``numbers`` (less than ``shift``, where it is not empty) in whole units to ``rows`` of ``column``.

    NaN where nothing is present, or ``can_be_none`` and there are no members. False, and nothing can be relied upon,
    where a number is not below ``exact``.
    """
    for t in range(len(numbers)):
        if present[t] == 0 or (can_be_none and members[t] == 0):
            column[rows[t]] = np.nan
            continue
        number = numbers[t]
        if len(shift):
            number = shift[t] - number
        if number >= exact or number <= -exact:
            return False
        column[rows[t]] = number / unit
    return True


def _distinct(records: Records, questions: Questions, reaches: Reaches, slots: Slots, slot: int) -> Integers:
    """How many different values the slot's records have, at each as-of."""
    reach = int(np.searchsorted(slots.first, slot, "right")) - 1
    bit, values = int(slots.bit[slot]), records.values[slots.value[slot]]
    word = records.bits[bit // WORD] >> np.uint64(bit % WORD)
    chosen = np.flatnonzero(word & np.uint64(1))
    order = chosen[np.lexsort((values[chosen], records.subject[chosen]))]
    found = np.zeros(questions.count, np.int64)
    _count_distinct(
        order,
        records.subject,
        records.recorded,
        records.gone,
        records.occurred,
        records.expires,
        _row(records.begins, reaches.begins[reach]),
        _row(records.ends, reaches.ends[reach]),
        values,
        questions.start,
        questions.instant,
        questions.day,
        questions.month,
        reaches.youngest[reach],
        reaches.oldest[reach],
        MONTH_OF_DAY,
        np.full(questions.count, -1, np.int64),
        found,
    )
    return found


def _row(columns: npt.NDArray[np.int32], which: int) -> npt.NDArray[np.int32]:
    return columns[which] if which >= 0 else np.empty(0, np.int32)


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _count_distinct(
    order: Any,
    subject: Any,
    recorded: Any,
    gone: Any,
    occurred: Any,
    expires: Any,
    begins: Any,
    ends: Any,
    values: Any,
    start: Any,
    instant: Any,
    day: Any,
    month: Any,
    youngest: Any,
    oldest: Any,
    month_of_day: Any,
    counted: Any,
    found: Any,
) -> None:
    value_number = -1
    for place in range(len(order)):
        i = order[place]
        if place == 0 or subject[i] != subject[order[place - 1]] or values[i] != values[order[place - 1]]:
            value_number += 1
        last = start[subject[i] + 1]
        a = _first_not_before(instant, start[subject[i]], last, recorded[i])
        a = _first_not_before(day, a, last, occurred[i])
        b = _first_not_before(instant, a, last, gone[i])
        b = _first_not_before(day, a, b, expires[i])
        if a >= b:
            continue
        born = month_of_day[occurred[i] - FIRST_DAY]
        a = _first_not_before(month, a, b, born + youngest)
        if oldest >= 0:
            b = _first_not_before(month, a, b, born + oldest + 1)
        if len(begins):
            a = _first_not_before(day, a, b, begins[i])
        if len(ends):
            b = _first_not_before(day, a, b, ends[i])
        for t in range(a, b):
            if counted[t] != value_number:
                counted[t] = value_number
                found[t] += 1
