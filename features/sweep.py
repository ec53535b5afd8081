"""One pass over records for all as-ofs: each record is added where it enters and taken off where it leaves.

A record is visible at an unbroken range of a subject's as-ofs, and counts for a window at an unbroken range of those.
So counts and sums of all as-ofs are running sums over what enters and what leaves; whole numbers and fen are added, so
that every order gives the same. Extremes and latest values are kept as-of by as-of."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from features.sweep_arrays import (
    DISTINCT,
    EXACT,
    LATEST,
    WORD,
    Columns,
    Integers,
    Measured,
    Questions,
    Reaches,
    Records,
    Slots,
)
from features.sweep_kernels import add, count_distinct, run_on, sweep_to


def swept(records: Records, questions: Questions, reaches: Reaches, slots: Slots) -> Measured:
    """All ``slots`` at all as-ofs. Sums that leave 64 bits are the caller's to prevent."""
    shape = (questions.asked, len(slots.kind))
    numbers = np.zeros(shape, np.int64)
    members = np.zeros(shape, np.int32)
    days = np.full(shape if (slots.kind == LATEST).any() else (0, 0), np.iinfo(np.int32).min, np.int32)
    tied = np.zeros(days.shape, np.bool_)
    add(records, questions, reaches, slots, 0, len(records.subject), 0, numbers, members, days, tied)
    run_on(questions.start, slots.kind, 0, len(questions.start) - 1, 0, numbers, members)
    undecided = np.asarray(tied.any(axis=1)) if tied.size else np.zeros(questions.asked, np.bool_)
    found = Measured(np.ascontiguousarray(numbers.T), np.ascontiguousarray(members.T), undecided)
    for slot in np.flatnonzero(slots.kind == DISTINCT):
        found.numbers[slot] = _distinct(records, questions, reaches, slots, int(slot))
    return found


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
    done = sweep_to(records, questions, reaches, slots, columns, rows, table, latest, tied, EXACT)
    return tied if done else None


def _distinct(records: Records, questions: Questions, reaches: Reaches, slots: Slots, slot: int) -> Integers:
    """How many different values the slot's records have, at each as-of."""
    reach = int(np.searchsorted(slots.first, slot, "right")) - 1
    bit, values = int(slots.bit[slot]), records.values[slots.value[slot]]
    word = records.bits[bit // WORD] >> np.uint64(bit % WORD)
    chosen = np.flatnonzero(word & np.uint64(1))
    order = chosen[np.lexsort((values[chosen], records.subject[chosen]))]
    found = np.zeros(questions.asked, np.int64)
    unseen = np.full(questions.asked, -1, np.int64)
    count_distinct(order, records, values, questions, reaches, reach, unseen, found)
    return found
