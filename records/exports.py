"""Tables written for people: CSV that a spreadsheet opens without running anything in it."""

from __future__ import annotations

import csv
import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from records.cells import FORMULA, PLAIN_NUMBER


def safe_cell(value: object) -> str:
    """The text of a cell, guarded as ``records.cells`` says; none is an empty cell."""
    text = "" if value is None else str(value)
    return f"'{text}" if re.match(FORMULA, text) and not re.match(PLAIN_NUMBER, text) else text


def write_csv(path: Path, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> Path:
    """Write a table as CSV (RFC 4180, UTF-8 with a byte order mark so that Excel reads Chinese); returns ``path``.

    The file appears whole or not at all.
    """
    partial = path.with_name(f".{path.name}.part")
    with partial.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file, lineterminator="\r\n")
        writer.writerow([safe_cell(name) for name in columns])
        for row in rows:
            writer.writerow([safe_cell(value) for value in row])
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)
    return path
