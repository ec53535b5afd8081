"""What a sweep is given and what it gives: arrays of whole numbers.

Days since 1970, months since year 0, instants in microseconds (UTC), money in its smallest unit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Integers = npt.NDArray[np.int64]
NEVER_US, NEVER_DAY = np.iinfo(np.int64).max, np.iinfo(np.int32).max
WORD = 63  # conditions in a word of bits
EXACT = 1 << 53  # whole numbers below it are float64 exactly
COUNT, SUM, MAX, MIN, LATEST, MONTHS, DISTINCT = range(7)
KINDS = {"count": COUNT, "sum": SUM, "max": MAX, "min": MIN, "latest": LATEST, "months": MONTHS, "distinct": DISTINCT}


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
