"""Two agencies declared in files of their own, an office and a bank, and rows as they send them."""

from __future__ import annotations

import csv
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np

from county.numbers import enterprise_numbers
from records.base import Receipt, RecordBase

ALPHA = """
code = "alpha"
zh = "甲局"
en = "Alpha office"

[[items]]
code = "alpha.month"
zh = "月报"
en = "Monthly figures"
subject_kinds = ["enterprise"]
polarity = "neutral"
frequency = "monthly"
deadline_days = 10
disclosure = "authorised"
legal_basis = "目录"
natural_key = ["period"]
[items.fields]
period = { type = "date", zh = "所属期", en = "Period", required = true }
amount = { type = "money", zh = "金额", en = "Amount", required = true, minimum = 0 }
remark = { type = "text", zh = "说明", en = "Remark" }

[[items]]
code = "alpha.event"
zh = "事件"
en = "Event"
subject_kinds = ["enterprise"]
polarity = "adverse"
frequency = "on event"
deadline_days = 5
disclosure = "public"
legal_basis = "目录"
retention_years = 5
conduct_ends = "occurred_on"
[items.fields]
amount = { type = "money", zh = "金额", en = "Amount", required = true, minimum = 0 }

[[items]]
code = "alpha.body"
zh = "登记"
en = "Registration"
subject_kinds = ["enterprise"]
polarity = "neutral"
frequency = "on change"
deadline_days = 5
disclosure = "public"
legal_basis = "目录"
ended_when = { status = ["closed"] }
[items.fields]
name = { type = "text", zh = "名称", en = "Name", required = true }
[items.fields.status]
type = "code"
zh = "状态"
en = "Status"
required = true
codes = { open = "存续|Open", closed = "注销|Closed" }
"""
BETA = """
code = "beta"
zh = "乙行"
en = "Beta bank"

[[items]]
code = "beta.account"
zh = "账户"
en = "Account"
subject_kinds = ["enterprise"]
polarity = "neutral"
frequency = "on change"
deadline_days = 5
disclosure = "authorised"
legal_basis = "目录"
[items.fields]
name = { type = "text", zh = "户名", en = "Name", required = true, agrees_with = "alpha.body.name" }
"""
FIRMS = [str(number) for number in enterprise_numbers(np.arange(40))]
Send = Callable[..., Receipt]


def declare(folder: Path) -> Path:
    """The installation's own catalogue files in ``folder``."""
    folder.mkdir()
    (folder / "alpha.toml").write_text(ALPHA, encoding="utf-8")
    (folder / "beta.toml").write_text(BETA, encoding="utf-8")
    return folder


def sender(base: RecordBase, door: Path) -> Send:
    """Sends rows of an item; a row is about ``firm`` (a number) unless it names a ``subject_number``."""
    door.mkdir()
    files = count()

    def sent(item: str, *rows: dict[str, Any], history: bool = False) -> Receipt:
        given = [{"subject_number": FIRMS[row.pop("firm", 0)], **row} for row in map(dict, rows)]
        path = door / f"{next(files)}.csv"
        columns = list(dict.fromkeys(name for row in given for name in row))
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, columns)
            writer.writeheader()
            writer.writerows(given)
        return base.append(path, item, history=history)

    return sent


def month_row(firm: int, period: str, recorded: str | None = None, **more: Any) -> dict[str, Any]:
    """A row of ``alpha.month``; ``recorded`` is a day, for historical loads."""
    row = {"record_id": f"m-{firm}-{period}", "firm": firm, "occurred_on": period, "period": period, "amount": 5}
    if recorded:
        row["recorded_at"] = f"{recorded}T04:00:00"
    return {**row, **more}
