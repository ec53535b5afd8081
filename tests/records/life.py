"""What the tests of the life of records share: a small base of known facts, and the rule of what an as-of shows."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from county.numbers import enterprise_numbers
from records.base import Receipt, RecordBase
from records.lifecycle import Order
from records.moment import now, shanghai_day

FIRMS = [str(number) for number in enterprise_numbers(np.arange(8))]
ORDER = Order("市信用中心 credit centre", "复核 review", "征信业管理条例第二十五条", "信异〔2026〕1号")
RULE = (
    "recorded_at <= $as_of AND (superseded_at IS NULL OR superseded_at > $as_of) "
    "AND (expires_on IS NULL OR expires_on > $day) AND occurred_on <= $day"
)


def arrears(record_id: str, firm: int = 0, **changed: Any) -> dict[str, Any]:
    """A row of ``tax.arrears``."""
    row = {"record_id": record_id, "subject_number": FIRMS[firm], "occurred_on": "2024-03-01", "amount": "100"}
    return {**row, **changed}


def send(base: RecordBase, folder: Path, item: str, *rows: dict[str, Any], **options: Any) -> Receipt:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{len(list(folder.iterdir()))}.jsonl"
    path.write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    return base.append(path, item, **options)


def shown(
    base: RecordBase, item: str = "tax.arrears", as_of: datetime | None = None, connection: Any = None
) -> dict[str, list[str]]:
    """Record ids by subject that the base shows at ``as_of`` (default: now)."""
    moment = as_of or now()
    table = base.catalogue.item(item).table
    rows = (connection or base.connection((item,))).con.execute(
        f"SELECT subject_id, list(record_id ORDER BY record_id) FROM {table} WHERE {RULE} GROUP BY 1 ORDER BY 1",
        {"as_of": moment, "day": shanghai_day(moment)},
    )
    return dict(rows.fetchall())


def ids(base: RecordBase, item: str = "tax.arrears", as_of: datetime | None = None) -> list[str]:
    """All record ids that the base shows at ``as_of``."""
    return sorted(one for records in shown(base, item, as_of).values() for one in records)
