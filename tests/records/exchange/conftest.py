"""An exchange over an empty base, and rows to send."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sqlalchemy.orm import Session

from county.numbers import enterprise_numbers
from records.base import RecordBase
from records.exchange.hub import Exchange

HEADER = "record_id,subject_kind,subject_number,occurred_on,kwh,bill,days_late"
Entries = list[tuple[str, str, dict[str, Any]]]


def usage(name: str, rows: int, bad: tuple[int, ...] = ()) -> bytes:
    """A CSV of ``power.usage``; the rows in ``bad`` have a number with a wrong check character."""
    numbers = [str(number) for number in enterprise_numbers(np.arange(rows) % 900)]
    for row in bad:
        numbers[row] = numbers[row][:-1] + ("0" if numbers[row][-1] != "0" else "1")
    lines = [f"{name}-{row},enterprise,{number},2025-01-31,12.5,7.75,0" for row, number in enumerate(numbers)]
    return "\n".join([HEADER, *lines, ""]).encode()


def kept(base: RecordBase, query: str = "SELECT count(*) FROM power_usage") -> Any:
    rows = base.connection(("power.usage",)).con.execute(query).fetchall()
    return rows[0][0] if len(rows) == 1 and len(rows[0]) == 1 else rows


@pytest.fixture
def entries() -> Entries:
    """What was entered into the trail."""
    return []


@pytest.fixture
def exchange(base: RecordBase, entries: Entries) -> Exchange:
    def enter(_: Session, actor: str, action: str, payload: dict[str, Any]) -> None:
        entries.append((actor, action, payload))

    return Exchange(base, enter)
