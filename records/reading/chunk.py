"""Rows of a file as they pass from reading to checking."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl

from records.errors import BadBatch
from records.words import Text


@dataclass
class Chunk:
    """Some rows of a file.

    ``row`` numbers count data rows from 1; ``unreadable`` are rows that could not be split; ``lost_digits`` tells, by
    column, in which rows a spreadsheet program has rounded a long number; ``without_nul``: no text has a NUL.
    """

    frame: pl.DataFrame
    row: npt.NDArray[np.int64]
    unreadable: list[int] = field(default_factory=list)
    lost_digits: dict[str, npt.NDArray[np.bool_]] = field(default_factory=dict)
    without_nul: bool = False


def refusal(path: Path, zh: str, en: str) -> BadBatch:
    """The refusal of a whole file; only its name is told, never its folder."""
    return BadBatch(Text(f"{path.name}：{zh}", f"{path.name}: {en}"))


def no_rows(path: Path) -> BadBatch:
    return refusal(path, "只有表头，没有数据行", "a header and no rows")


def check_names(path: Path, columns: list[str]) -> list[str]:
    """The column names without blanks around them. Raises ``BadBatch`` where one is empty or given twice."""
    names = [name.removeprefix("\ufeff").strip() for name in columns]
    if not any(names):
        raise refusal(path, "首行没有列名", "no column names in the first line")
    if nameless := [str(place) for place, name in enumerate(names, 1) if not name]:
        listed = ", ".join(nameless[:20])
        raise refusal(path, f"第 {listed} 列没有列名", f"no name for column {listed}")
    if twice := sorted({name for name in names if names.count(name) > 1}):
        listed = ", ".join(twice[:20])
        raise refusal(path, f"重复的列：{listed}", f"columns given twice: {listed}")
    return names
