"""The inner loops of a sweep. All of them stand in this file, since Numba's cache looks at one file only."""

from __future__ import annotations

from typing import Any

import numpy as np

from features.native import native
from features.sweep_arrays import COUNT, DISTINCT, LATEST, MAX, MONTHS, SUM, WORD

AT_ONCE = 4_096  # as-ofs whose numbers stay in the cache


@native
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


@native
def month_of(day: int) -> int:
    """Months since year 0 (January of year 0 is 1) of a day since 1970, in the proleptic Gregorian calendar.

    Source: Hinnant, chrono-Compatible Low-Level Date Algorithms (civil_from_days).
    """
    shifted = int(day) + 719_468
    era = shifted // 146_097
    of_era = shifted - era * 146_097
    year = (of_era - of_era // 1_460 + of_era // 36_524 - of_era // 146_096) // 365
    of_year = of_era - (365 * year + year // 4 - year // 100)
    march_based = (5 * of_year + 2) // 153
    return (year + era * 400) * 12 + march_based + 3


@native
def _seen(
    instant: Any, day: Any, first: int, last: int, recorded: int, occurred: int, gone: int, expires: int
) -> tuple[int, int]:
    """The as-ofs from ``first`` to ``last`` at which a record is visible: the first, and past the last.

    Takes its numbers one by one: a tuple of arrays handed to a function has each array counted, record by record.
    """
    low = _first_not_before(instant, first, last, recorded)
    low = _first_not_before(day, low, last, occurred)
    high = _first_not_before(instant, low, last, gone)
    return low, _first_not_before(day, low, high, expires)


@native
def add(
    records: Any,
    questions: Any,
    reaches: Any,
    slots: Any,
    first_record: int,
    last_record: int,
    base: int,
    numbers: Any,
    members: Any,
    days: Any,
    tied: Any,
) -> None:
    """Add some of the records; row 0 of the last four is the as-of ``base``."""
    start, instant, day, month = questions.start, questions.instant, questions.day, questions.month
    youngest, oldest, begins_of, ends_of = reaches.youngest, reaches.oldest, reaches.begins, reaches.ends
    first, kind, bit, value_of = slots
    subject, recorded, gone = records.subject, records.recorded, records.gone
    occurred, expires, begins, ends = records.occurred, records.expires, records.begins, records.ends
    bits, values = records.bits, records.values
    for i in range(first_record, last_record):
        s = subject[i]
        last = start[s + 1]
        low, high = _seen(instant, day, start[s], last, recorded[i], occurred[i], gone[i], expires[i])
        if low >= high:
            continue
        born = month_of(occurred[i])
        for r in range(len(youngest)):
            a, b = low, high
            if youngest[r] > 0:
                a = _first_not_before(month, a, b, born + youngest[r])
            if oldest[r] >= 0:
                b = _first_not_before(month, a, b, born + oldest[r] + 1)
            if begins_of[r] >= 0:
                a = _first_not_before(day, a, b, begins[begins_of[r], i])
            if ends_of[r] >= 0:
                b = _first_not_before(day, a, b, ends[ends_of[r], i])
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


@native
def run_on(start: Any, kind: Any, first: int, last: int, base: int, numbers: Any, members: Any) -> None:
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


@native
def sweep_to(
    records: Any,
    questions: Any,
    reaches: Any,
    slots: Any,
    columns: Any,
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
        add(records, questions, reaches, slots, record, next_record, base, numbers, members, days, tied)
        run_on(start, slots.kind, first, last, base, numbers, members)
        if not _write(questions, columns, rows, base, count, numbers, members, table, exact):
            return False
        if latest:
            for t in range(count):
                tied_questions[base + t] = tied[t].any()
        first, record = last, next_record
    return True


@native
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


@native
def count_distinct(
    order: Any, records: Any, values: Any, questions: Any, reaches: Any, r: int, counted: Any, found: Any
) -> None:
    """Count to ``found`` [as-ofs] the different ``values`` of the records in ``order``: by subject, then by value.

    ``counted`` [as-ofs]: -1 at first.
    """
    start, instant, day, month = questions.start, questions.instant, questions.day, questions.month
    youngest, oldest, begins_of, ends_of = reaches.youngest[r], reaches.oldest[r], reaches.begins[r], reaches.ends[r]
    subject, recorded, gone = records.subject, records.recorded, records.gone
    occurred, expires, begins, ends = records.occurred, records.expires, records.begins, records.ends
    number = -1
    for place in range(len(order)):
        i = order[place]
        s = subject[i]
        if place == 0 or s != subject[order[place - 1]] or values[i] != values[order[place - 1]]:
            number += 1
        a, b = _seen(instant, day, start[s], start[s + 1], recorded[i], occurred[i], gone[i], expires[i])
        if a >= b:
            continue
        born = month_of(occurred[i])
        if youngest > 0:
            a = _first_not_before(month, a, b, born + youngest)
        if oldest >= 0:
            b = _first_not_before(month, a, b, born + oldest + 1)
        if begins_of >= 0:
            a = _first_not_before(day, a, b, begins[begins_of, i])
        if ends_of >= 0:
            b = _first_not_before(day, a, b, ends[ends_of, i])
        for t in range(a, b):
            if counted[t] != number:
                counted[t] = number
                found[t] += 1
