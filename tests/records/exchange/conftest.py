"""An exchange over an empty base, and rows to send."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy.orm import Session

from records.base import RecordBase
from records.exchange.hub import Exchange

Entries = list[tuple[str, str, dict[str, Any]]]


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
