"""One pass over records for all as-ofs: each record is added where it enters and taken off where it leaves.

A record is visible at an unbroken range of a subject's as-ofs, and counts for a window at an unbroken range of those.
So counts and sums of all as-ofs are running sums over what enters and what leaves; whole numbers and fen are added, so
that every order gives the same. Extremes and latest values are kept as-of by as-of. Everything here is arrays of whole
numbers: days since 1970, months since year 0, instants in microseconds, money in its smallest unit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

Integers = npt.NDArray[np.int64]
AT_ONCE = 4_096  # as-ofs whose numbers stay in the cache
EXACT = 1 << 53
NEVER_US, NEVER_DAY = np.iinfo(np.int64).max, np.iinfo(np.int32).max
WORD = 63  # conditions in a word of bits
COUNT, SUM, MAX, MIN, LATEST, MONTHS, DISTINCT = range(7)
KINDS = {"count": COUNT, "sum": SUM, "max": MAX, "min": MIN, "latest": LATEST, "months": MONTHS, "distinct": DISTINCT}
FIRST_DAY, LAST_DAY = -140_000, 2_932_896  # of the calendar tables: 1586 to 9999
MONTH_OF_DAY = (
    np.arange(FIRST_DAY, LAST_DAY + 1, dtype="datetime64[D]").astype("datetime64[M]").astype(np.int64) + 1970 * 12 + 1
).astype(np.int32)


class Records(NamedTuple):
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


class Questions(NamedTuple):
    """As-ofs by subject, ascending: those of subject s lie from ``start[s]`` to ``start[s + 1]``."""

    start: Integers
    instant: Integers
    day: npt.NDArray[np.int32]
    month: npt.NDArray[np.int32]

    @property
    def asked(self) -> int:
        """How many as-ofs there are."""
        return len(self.instant)


class Reaches(NamedTuple):
    """Windows, one a row: ages in months (``oldest`` -1: no end), and which columns of days bound it (-1: none)."""

    youngest: npt.NDArray[np.int32]
    oldest: npt.NDArray[np.int32]
    begins: npt.NDArray[np.int32]
    ends: npt.NDArray[np.int32]


class Slots(NamedTuple):
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
    shape = (questions.asked, len(slots.kind))
    numbers = np.zeros(shape, np.int64)
    members = np.zeros(shape, np.int32)
    days = np.full(shape if (slots.kind == LATEST).any() else (0, 0), np.iinfo(np.int32).min, np.int32)
    tied = np.zeros(days.shape, np.bool_)
    _add(records, questions, reaches, slots, MONTH_OF_DAY, 0, len(records.subject), 0, numbers, members, days, tied)
    _run_on(questions.start, slots.kind, 0, len(questions.start) - 1, 0, numbers, members)
    undecided = np.asarray(tied.any(axis=1)) if tied.size else np.zeros(questions.asked, np.bool_)
    found = Measured(np.ascontiguousarray(numbers.T), np.ascontiguousarray(members.T), undecided)
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
    records: Any,
    questions: Any,
    reaches: Any,
    slots: Any,
    month_of_day: Any,
    first_record: int,
    last_record: int,
    base: int,
    numbers: Any,
    members: Any,
    days: Any,
    tied: Any,
) -> None:
    """Add some of the records; row 0 of the last four is the as-of ``base``."""
    subject, recorded, gone, occurred, expires, begins, ends, bits, values = records
    start, instant, day, month = questions
    youngest, oldest, reach_begins, reach_ends = reaches
    first, kind, bit, value_of = slots
    for i in range(first_record, last_record):
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
                    members[a - base, k] += 1
                    if b < last:
                        members[b - base, k] -= 1
                    if what == SUM:
                        number = values[value_of[k], i]
                        numbers[a - base, k] += number
                        if b < last:
                            numbers[b - base, k] -= number
                elif what == DISTINCT:
                    continue
                elif what == MONTHS:
                    for t in range(a - base, b - base):  # one bit an age in months
                        numbers[t, k] |= 1 << (month[base + t] - born)
                else:
                    number = values[value_of[k], i]
                    for t in range(a - base, b - base):
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
def _run_on(start: Any, kind: Any, first: int, last: int, base: int, numbers: Any, members: Any) -> None:
    """What entered and what left, to what is there: counts and sums by running on, months by counting their bits."""
    for s in range(first, last):
        for t in range(start[s] - base, start[s + 1] - base):
            later = t > start[s] - base
            for k in range(len(kind)):
                if kind[k] <= SUM:
                    if later:
                        members[t, k] += members[t - 1, k]
                        numbers[t, k] += numbers[t - 1, k]
                elif kind[k] == MONTHS:
                    left, count = numbers[t, k], 0
                    while left:
                        left &= left - 1
                        count += 1
                    numbers[t, k] = count
    for t in range(start[last] - base):
        for k in range(len(kind)):
            if kind[k] == COUNT:
                numbers[t, k] = members[t, k]


class Columns(NamedTuple):
    """Features that are one slot each: which, where it is known (``present``), and whether it can be without a value.

    ``shift``: 1 where the slot is taken from the as-of's day, 2 from its month. ``unit``: what a whole number is
    divided by. ``column``: the row of the table that the feature is written to.
    """

    slot: npt.NDArray[np.int64]
    present: npt.NDArray[np.int64]
    can_be_none: npt.NDArray[np.bool_]
    shift: npt.NDArray[np.int64]
    unit: npt.NDArray[np.float64]
    column: npt.NDArray[np.int64]


def swept_to(
    records: Records,
    questions: Questions,
    reaches: Reaches,
    slots: Slots,
    columns: Columns,
    rows: Integers,
    table: npt.NDArray[np.float64],
) -> npt.NDArray[np.bool_] | None:
    """Write ``columns`` of all questions to their ``rows`` of ``table`` [columns, rows], NaN where missing.

    ``records`` lie by subject. Some subjects are done at a time, so that what is added to stays in the cache. Returns
    which questions are not decided, or ``None`` where a number has no exact float64: then nothing can be relied upon.
    """
    tied = np.zeros(questions.asked, np.bool_)
    latest = bool((slots.kind == LATEST).any())
    done = _sweep_to(records, questions, reaches, slots, columns, MONTH_OF_DAY, rows, table, latest, tied, EXACT)
    return tied if done else None


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _sweep_to(
    records: Any,
    questions: Any,
    reaches: Any,
    slots: Any,
    columns: Any,
    month_of_day: Any,
    rows: Any,
    table: Any,
    latest: bool,
    tied_questions: Any,
    exact: int,
) -> bool:
    subject, start = records.subject, questions.start
    subjects, slot_count = len(start) - 1, len(slots.kind)
    most = AT_ONCE
    for s in range(subjects):
        most = max(most, start[s + 1] - start[s])
    numbers, members = np.zeros((most, slot_count), np.int64), np.zeros((most, slot_count), np.int32)
    days = np.zeros((most if latest else 0, slot_count), np.int32)
    tied = np.zeros((most if latest else 0, slot_count), np.bool_)
    first, record = 0, 0
    while first < subjects:
        last, base = first + 1, start[first]
        while last < subjects and start[last + 1] - base <= most:
            last += 1
        count = start[last] - base
        numbers[:count] = 0
        members[:count] = 0
        tied[:count] = False
        next_record = record
        while next_record < len(subject) and subject[next_record] < last:
            next_record += 1
        _add(records, questions, reaches, slots, month_of_day, record, next_record, base, numbers, members, days, tied)
        _run_on(start, slots.kind, first, last, base, numbers, members)
        if not _write(questions, columns, rows, base, count, numbers, members, table, exact):
            return False
        if latest:
            for t in range(count):
                tied_questions[base + t] = tied[t].any()
        first, record = last, next_record
    return True


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _write(
    questions: Any,
    columns: Any,
    rows: Any,
    base: int,
    count: int,
    numbers: Any,
    members: Any,
    table: Any,
    exact: int,
) -> bool:
    for d in range(len(columns.slot)):
        k, present, can_be_none = columns.slot[d], columns.present[d], columns.can_be_none[d]
        shift, unit, column = columns.shift[d], columns.unit[d], columns.column[d]
        for t in range(count):
            if members[t, present] == 0 or (can_be_none and members[t, k] == 0):
                table[column, rows[base + t]] = np.nan
                continue
            number = numbers[t, k]
            if shift == 1:
                number = questions.day[base + t] - number
            elif shift == 2:
                number = questions.month[base + t] - number
            if number >= exact or number <= -exact:
                return False
            table[column, rows[base + t]] = number / unit
    return True


def _distinct(records: Records, questions: Questions, reaches: Reaches, slots: Slots, slot: int) -> Integers:
    """How many different values the slot's records have, at each as-of."""
    reach = int(np.searchsorted(slots.first, slot, "right")) - 1
    bit, values = int(slots.bit[slot]), records.values[slots.value[slot]]
    word = records.bits[bit // WORD] >> np.uint64(bit % WORD)
    chosen = np.flatnonzero(word & np.uint64(1))
    order = chosen[np.lexsort((values[chosen], records.subject[chosen]))]
    found = np.zeros(questions.asked, np.int64)
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
        np.full(questions.asked, -1, np.int64),
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
