"""Refused rows as the source sent them, to correct and send again; without any identity number in clear.

A valid number in its place becomes a sealed token, which the door takes in place of the number; a wrong one is left
blank for the source to fill in; any other cell that holds a number is blank too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import polars as pl

from records.cells import REJECT_COLUMNS, guarded
from records.number_checks import holding_numbers

BYTE_ORDER_MARK = b"\xef\xbb\xbf"
INSTANT = "%Y-%m-%dT%H:%M:%S%.6f"


def as_sent(sent: pl.DataFrame, typed: pl.DataFrame, sealed: Mapping[str, pl.Series]) -> pl.DataFrame:
    """The cells of ``sent`` as texts; ``typed`` holds what was understood, ``sealed`` the tokens by column."""
    cells = {
        name: sealed[name] if name in sealed else _texts(sent[name], typed[name] if name in typed.columns else None)
        for name in sent.columns
    }
    return pl.DataFrame(cells)


def with_reasons(rows: pl.Series, cells: pl.DataFrame, rejections: pl.DataFrame) -> pl.DataFrame:
    """``cells`` of ``rows`` with ``REJECT_COLUMNS``; rows that could not be read have these only."""
    told = rejections.group_by("row", maintain_order=True).agg(
        reject_field=pl.col("field").str.join("; "),
        reject_reason_zh=pl.col("zh").str.join("；"),
        reject_reason_en=pl.col("en").str.join("; "),
    )
    shown = told.join(cells.with_columns(row=rows), on="row", how="left", maintain_order="left")
    return shown.rename({"row": "reject_row"}).select(*cells.columns, *REJECT_COLUMNS)


def write_csv(pieces: Iterator[pl.DataFrame], path: Path) -> None:
    """One CSV file of ``pieces``: UTF-8 with a byte order mark, so that spreadsheet programs show Chinese."""
    with path.open("wb") as file:
        file.write(BYTE_ORDER_MARK)
        for number, piece in enumerate(pieces):
            guarded(piece).write_csv(file, include_header=number == 0)


def _texts(values: pl.Series, understood: pl.Series | None) -> pl.Series:
    """Cells as they can be sent again in a CSV file; null where they cannot, or hold an identity number."""
    kind = values.dtype
    if kind.is_nested() or kind in (pl.Binary, pl.Object, pl.Null):
        return pl.repeat(None, len(values), dtype=pl.String, eager=True).alias(values.name)
    if isinstance(kind, pl.Datetime):
        days = understood is not None and understood.dtype == pl.Date
        texts = values.dt.to_string(INSTANT)
        return (
            understood.cast(pl.String).zip_with(understood.is_not_null(), texts)
            if days and understood is not None
            else texts
        )
    texts = values.cast(pl.String, strict=False)
    held = holding_numbers(texts)
    return (
        texts.to_frame("text").select(pl.when(~held).then("text").alias(values.name))[values.name]
        if held.any()
        else texts
    )
