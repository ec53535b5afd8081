"""Excel workbooks (.xlsx) to chunks of text columns: one sheet, its cells as a source would write them in CSV.

A formula counts by the value that was last computed. Days come as 2025-01-31, instants as 2025-01-31T08:00:00, numbers
without the noise of binary fractions. Excel keeps 15 digits of a number: an identity number that was typed as one has
lost its last digits, and its row is refused with that reason. The sheet is held in memory (at most 1,048,576 rows).
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from records.reading.chunk import Chunk, check_names, no_rows, refusal
from records.reading.limits import check_archive

SHEET_ROWS = 50_000
FIRST_INEXACT = 1e15
Cell = str | float | bool | date | datetime | time | timedelta


def sheet_chunks(path: Path) -> Iterator[Chunk]:
    """Chunks of 50,000 rows of the only visible sheet with content; rows without any cell are passed over."""
    import python_calamine

    check_archive(path)
    try:
        sheet = _only_sheet(path)
        rows = sheet.iter_rows()
    except python_calamine.CalamineError as error:
        raise refusal(path, "不是可读的 Excel 工作簿", "no Excel workbook that can be read") from error
    columns = _columns(path, next(rows, []))
    before, seen = 0, False
    while some := list(islice(rows, SHEET_ROWS)):
        chunk = _chunk(path, columns, some, before)
        before += len(some)
        if chunk.frame.height:
            seen = True
            yield chunk
    if not seen:
        raise no_rows(path)


def _only_sheet(path: Path) -> Any:
    import python_calamine

    workbook = python_calamine.CalamineWorkbook.from_path(path)
    shown = [
        sheet.name
        for sheet in workbook.sheets_metadata
        if sheet.typ == python_calamine.SheetTypeEnum.WorkSheet
        and sheet.visible == python_calamine.SheetVisibleEnum.Visible
    ]
    filled = [(name, sheet) for name in shown if (sheet := workbook.get_sheet_by_name(name)).end]
    if not filled:
        raise refusal(path, "没有内容的工作簿", "a workbook without content")
    if len(filled) > 1:
        listed = ", ".join(name[:40] for name, _ in filled[:20])
        raise refusal(
            path, f"多个工作表有内容：{listed}；请只留一个", f"several sheets have content: {listed}; leave one only"
        )
    return filled[0][1]


def _columns(path: Path, header: list[Cell]) -> list[str]:
    names = [_text(cell) or "" for cell in header]
    while names and not names[-1].strip():
        names.pop()
    return check_names(path, names)


def _chunk(path: Path, columns: list[str], rows: list[list[Cell]], before: int) -> Chunk:
    numbers = np.array(
        [place for place, row in enumerate(rows, before + 1) if any(cell != "" for cell in row)], np.int64
    )
    rows = [row for row in rows if any(cell != "" for cell in row)]
    beyond = [
        number for number, row in zip(numbers, rows, strict=True) if any(cell != "" for cell in row[len(columns) :])
    ]
    if beyond:
        raise refusal(
            path, f"第 {beyond[0]} 行有无列名的单元格", f"row {beyond[0]} has a cell in a column without a name"
        )
    texts, lost = {}, {}
    for place, name in enumerate(columns):
        cells = [row[place] for row in rows]
        texts[name] = pl.Series(name, [_text(cell) for cell in cells], dtype=pl.String)
        inexact = np.array([type(cell) is float and abs(cell) >= FIRST_INEXACT for cell in cells], np.bool_)
        if inexact.any():
            lost[name] = inexact
    return Chunk(pl.DataFrame(texts), numbers, lost_digits=lost)


def _text(cell: Cell) -> str | None:
    match cell:
        case str():
            return cell or None
        case bool():
            return "true" if cell else "false"
        case int() | float():
            return f"{cell:.0f}" if abs(cell) >= FIRST_INEXACT or cell == int(cell) else _plain(cell)
        case datetime():
            return cell.isoformat()
        case _:
            return str(cell)


def _plain(number: float) -> str:
    """The number to 15 significant digits, never with an exponent."""
    return np.format_float_positional(float(f"{number:.15g}"), trim="-")
