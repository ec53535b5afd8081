"""Rows that are refused: which, in which field, why; the value's form is told, the value never kept."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from records.number_checks import SUSPECT
from records.words import Text

REJECTION_COLUMNS = {
    "row": pl.Int64,
    "record_id": pl.String,
    "field": pl.String,
    "value_class": pl.String,
    "zh": pl.String,
    "en": pl.String,
}
UNREADABLE = Text("行的列数不符，或不是一个平铺的 JSON 对象", "wrong number of columns, or no flat JSON object")
TOLD_OF_AN_ID = 200


class Findings:
    """Rows of a chunk found wrong so far; the first reason for each field of a row counts."""

    def __init__(self, raw: pl.DataFrame, record_ids: pl.Series, rows: NDArray[np.int64]) -> None:
        self.raw = raw
        self.bad = np.zeros(raw.height, np.bool_)
        self._record_ids = record_ids
        self._rows = rows
        self._by_field: dict[str, NDArray[np.bool_]] = {}
        self._found: list[pl.DataFrame] = []

    def add(self, name: str, wrong: pl.Series | NDArray[np.bool_], reason: Text) -> None:
        """Refuse the rows that are ``wrong`` (null counts as right) in column ``name``."""
        if not wrong.any():
            return
        mask = wrong.fill_null(False).to_numpy() if isinstance(wrong, pl.Series) else wrong
        seen = self._by_field.setdefault(name, np.zeros(self.raw.height, np.bool_))
        places = np.flatnonzero(mask & ~seen)
        seen |= mask
        self.bad |= mask
        if len(places):
            values = value_classes(self.raw[name][places])
            self._found.append(_rejected(self._rows[places], self._record_ids[places], name, values, reason))

    def rejections(self) -> pl.DataFrame:
        """``REJECTION_COLUMNS``, by row."""
        return by_row(self._found)


def rejected_rows(rows: NDArray[np.int64], record_ids: pl.Series, field: str, form: str, reason: Text) -> pl.DataFrame:
    """``REJECTION_COLUMNS``: the same reason for all ``rows``; ``form`` says what their value looks like."""
    return _rejected(rows, record_ids, field, pl.repeat(form, len(rows), eager=True), reason)


def unreadable_rows(rows: list[int]) -> pl.DataFrame:
    """``REJECTION_COLUMNS`` of rows that could not be split into columns."""
    if not rows:
        return pl.DataFrame(schema=REJECTION_COLUMNS)
    nothing = pl.Series([None], dtype=pl.String).new_from_index(0, len(rows))
    return rejected_rows(np.array(rows, np.int64), nothing, "", "unreadable row", UNREADABLE)


def by_row(found: list[pl.DataFrame]) -> pl.DataFrame:
    if not found:
        return pl.DataFrame(schema=REJECTION_COLUMNS)
    return pl.concat(found).sort("row", maintain_order=True)


def append_lines(path: Path, rejections: pl.DataFrame) -> None:
    """Add ``rejections`` to a file of JSON lines: row, record_id, field, value_class, reason in both languages."""
    shown = rejections.select("row", "record_id", "field", "value_class", reason=pl.struct("zh", "en"))
    with path.open("ab") as file:
        shown.write_ndjson(file)


def value_classes(values: pl.Series) -> pl.Series:
    """The form of each value in words, without the value: such as ``text of 18 digits and letters``."""
    if values.dtype != pl.String:
        some = values.drop_nulls()
        form = type(some[0]).__name__ if len(some) else "empty"
        return pl.Series(["empty", form])[values.is_not_null().cast(pl.UInt32)]
    text = pl.col("v")
    kinds = [
        pl.when(text.str.contains(pattern)).then(pl.lit(word))
        for word, pattern in (
            ("digits", r"\p{Nd}"),
            ("letters", r"\p{L}"),
            ("other characters", r"[^\p{L}\p{N}]"),
        )
    ]
    described = pl.format(
        "text of {} {}", text.str.len_chars(), pl.concat_str(kinds, separator=" and ", ignore_nulls=True)
    )
    empty = pl.when(text.is_null()).then(pl.lit("empty")).when(text == "").then(pl.lit("empty text"))
    return values.to_frame("v").select(empty.otherwise(described).alias("form"))["form"]


def _rejected(
    rows: NDArray[np.int64], record_ids: pl.Series, field: str, values: pl.Series, reason: Text
) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "row": pl.Series(rows, dtype=pl.Int64),
            "record_id": _told(record_ids),
            "field": pl.repeat(field, len(rows), dtype=pl.String, eager=True),
            "value_class": values.cast(pl.String),
            "zh": pl.repeat(reason.zh, len(rows), dtype=pl.String, eager=True),
            "en": pl.repeat(reason.en, len(rows), dtype=pl.String, eager=True),
        }
    )


def _told(record_ids: pl.Series) -> pl.Series:
    """Record ids as told back to the source; what looks like an identity number is masked."""
    record_id = pl.col("id").str.head(TOLD_OF_AN_ID)
    stars = record_id.str.slice(2, record_id.str.len_chars() - 4).str.replace_all(r"(?s).", "*")
    masked = pl.concat_str(record_id.str.head(2), stars, record_id.str.tail(2))
    told = pl.when(record_id.str.contains(SUSPECT)).then(masked).otherwise(record_id)
    return record_ids.to_frame("id").select(told.alias("id"))["id"]
