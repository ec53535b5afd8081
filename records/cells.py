"""Cells of the CSV files that are given out: a spreadsheet program must not take a text for a formula.

A text that begins with = + - @, a tab or a line end gets an apostrophe before it, plain numbers do not; a text that
already has apostrophes before such a character gets one more, so that taking one off always gives back what was there.
"""

from __future__ import annotations

import polars as pl

REJECT_COLUMNS = ("reject_row", "reject_field", "reject_reason_zh", "reject_reason_en")
FORMULA = r"^'*[=+\-@＝＋－＠\t\r\n]"
GUARDED = r"^'+[=+\-@＝＋－＠\t\r\n]"
PLAIN_NUMBER = r"^[+-]?[0-9]+(?:\.[0-9]+)?$"


def guarded(frame: pl.DataFrame) -> pl.DataFrame:
    """``frame`` as it may be written to a CSV file that someone opens in a spreadsheet program."""
    return frame.with_columns(
        pl.when(pl.col(name).str.contains(FORMULA) & ~pl.col(name).str.contains(PLAIN_NUMBER))
        .then(pl.lit("'") + pl.col(name))
        .otherwise(pl.col(name))
        .alias(name)
        for name in _texts(frame)
    )


def unguarded(frame: pl.DataFrame) -> pl.DataFrame:
    """What was there before ``guarded``."""
    return frame.with_columns(
        pl.when(pl.col(name).str.contains(GUARDED)).then(pl.col(name).str.slice(1)).otherwise(pl.col(name)).alias(name)
        for name in _texts(frame)
    )


def _texts(frame: pl.DataFrame) -> list[str]:
    return [name for name, kind in frame.schema.items() if kind == pl.String]
