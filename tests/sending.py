"""Files as a source would send them."""

from __future__ import annotations

import numpy as np

from county.numbers import enterprise_numbers

HEADER = "record_id,subject_kind,subject_number,occurred_on,kwh,bill,days_late"


def usage(name: str, rows: int, bad: tuple[int, ...] = ()) -> bytes:
    """A CSV of ``power.usage``; the rows in ``bad`` have a number with a wrong check character."""
    numbers = [str(number) for number in enterprise_numbers(np.arange(rows) % 900)]
    for row in bad:
        numbers[row] = numbers[row][:-1] + ("0" if numbers[row][-1] != "0" else "1")
    lines = [f"{name}-{row},enterprise,{number},2025-01-31,12.5,7.75,0" for row, number in enumerate(numbers)]
    return "\n".join([HEADER, *lines, ""]).encode()
