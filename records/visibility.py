"""In which stretches of time a record can be seen, from what befell it; and which disputes are open."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import groupby
from typing import Literal

import pyarrow as pa
from sqlalchemy import select
from sqlalchemy.orm import Session

from records.database import LifecycleRow
from records.tables import VISIBILITY_SCHEMA

Action = Literal[
    "withdraw", "dispute", "dispute_upheld", "dispute_dismissed", "repair", "seal", "restore", "erase", "expire"
]
HIDES: frozenset[Action] = frozenset({"withdraw", "dispute_upheld", "repair", "seal"})
GONE: frozenset[Action] = frozenset({"erase", "expire"})


def seen(session: Session) -> pa.Table:
    """The stretches in which each record that was ever hidden can be seen (``VISIBILITY_SCHEMA``)."""
    actions = sorted(HIDES | GONE | {"restore"})
    events = session.scalars(
        select(LifecycleRow)
        .where(LifecycleRow.action.in_(actions))
        .order_by(LifecycleRow.item, LifecycleRow.record_id, LifecycleRow.recorded_at)
    )
    rows = []
    for (item, record_id), befell in groupby(events, key=lambda event: (event.item, event.record_id)):
        for seen_from, seen_until in stretches(befell):
            rows.append({"item": item, "record_id": record_id, "seen_from": seen_from, "seen_until": seen_until})
    return pa.Table.from_pylist(rows, VISIBILITY_SCHEMA)


def stretches(events: Iterable[LifecycleRow]) -> list[tuple[datetime | None, datetime | None]]:
    """From the events of one record, in order: (from, until) of each stretch in which it can be seen; null is open."""
    found: list[tuple[datetime | None, datetime | None]] = []
    shown, since = True, None
    for event in events:
        if event.action in HIDES | GONE and shown:
            found.append((since, event.recorded_at))
            shown = False
        elif event.action == "restore" and not shown:
            shown, since = True, event.recorded_at
    return [*found, (since, None)] if shown else found


def hidden(events: Sequence[LifecycleRow], as_of: datetime) -> bool:
    """Whether a record is out of sight at ``as_of``, from its events in order."""
    by_then = [event for event in events if event.recorded_at <= as_of]
    return stretches(by_then)[-1][1] is not None if by_then else False


def dispute(events: Sequence[LifecycleRow], as_of: datetime) -> LifecycleRow | None:
    """The dispute that is open at ``as_of``, from a record's events in order."""
    found = None
    for event in events:
        if event.recorded_at <= as_of and event.action.startswith("dispute"):
            found = event if event.action == "dispute" else None
    return found
