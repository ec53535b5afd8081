"""What the tests of backups share: some batches, odd values, and everything that a database holds."""

from __future__ import annotations

import math
import shutil
import struct
from datetime import date, datetime
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import Float, insert, select, text, types

from county.numbers import enterprise_numbers
from records.backup.dump import stored_type
from records.base import RecordBase
from records.every_table import every_table

FLOATS = (0.1 + 0.2, -1e-9, 5e-324, math.pi * 1e300)
JSONS = ({"b": 1.0, "a": [None, "惠信", 2**60]}, None)
FIRMS = enterprise_numbers(np.arange(40))


def arrears(folder: Path, name: str, rows: int = 30) -> Path:
    lines = [f"{name}-{number},{FIRMS[number]},2025-01-02,{number}.5" for number in range(rows)]
    path = folder / f"{name}.csv"
    path.write_text("\n".join(["record_id,subject_number,occurred_on,amount", *lines, f"{name}-bad,x,2025-01-02,5"]))
    return path


def contents(base: RecordBase) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table; floats by their bits, JSON as its text."""
    found = {}
    with base.engine.connect() as connection:
        for table in every_table().sorted_tables:
            shown = [text(f"CAST({c.name} AS TEXT)") if isinstance(c.type, types.JSON) else c for c in table.columns]
            rows = connection.execute(select(*shown).select_from(table).order_by(*table.primary_key.columns)).all()
            found[table.name] = [tuple(struct.pack("d", v) if isinstance(v, float) else v for v in row) for row in rows]
    return found


def odd_values(base: RecordBase) -> None:
    """A row or two in every table, of values that are easily lost on the way."""
    samples: list[tuple[type[Any], tuple[Any, Any]]] = [
        (types.JSON, JSONS),
        (types.Boolean, (True, False)),
        (types.Integer, (7_001, 7_002)),
        (types.DateTime, (datetime(2024, 2, 29, 23, 59, 59, 999_999), datetime(1970, 1, 1))),
        (types.Date, (date(2024, 2, 29), date(1970, 1, 1))),
        (types.LargeBinary, (bytes(range(256)), b"")),
        (types.String, ("\\\t'\"", "零")),
    ]
    with base.engine.begin() as connection:
        for table in every_table().sorted_tables:
            if table.name.startswith("audit") or table.name == "identity_keys":
                continue
            for turn in (0, 1):
                row: dict[str, Any] = {}
                for number, column in enumerate(table.columns):
                    if column.foreign_keys:
                        row[column.name] = (
                            None
                            if column.nullable and turn
                            else connection.scalar(select(next(iter(column.foreign_keys)).column).limit(1))
                        )
                    elif column.nullable and turn and not isinstance(stored_type(column.type), types.JSON):
                        row[column.name] = None
                    elif isinstance(stored_type(column.type), Float):
                        row[column.name] = FLOATS[(2 * turn + number) % len(FLOATS)]
                    else:
                        kind = stored_type(column.type)
                        value: Any = next(v for k, v in samples if isinstance(kind, k))[turn]
                        row[column.name] = value[: kind.length] if isinstance(kind, types.String) else value
                connection.execute(insert(table), row)
        connection.execute(text("DELETE FROM batch_files WHERE item IN (:a, :b)"), {"a": "\\\t'\"", "b": "零"})


def destroy(base: RecordBase) -> None:
    base.engine.dispose()
    shutil.rmtree(base.settings.home)
