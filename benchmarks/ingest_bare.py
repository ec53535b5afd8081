"""The competitor: one Polars query that reads a CSV file, casts, checks and writes Parquet, and nothing else.

It checks what the catalogue declares: types, required values, code lists, ranges, days that have come, and the check
characters of identity numbers (by the column). It does not make subject ids, look for
identity numbers in texts, sort, find duplicates, keep reasons or make anything durable.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path

import polars as pl

from records.catalogue import Field, Item
from records.identity import scheme_of
from records.number_checks import normal_numbers

PLAIN = {"money": r"^[+-]?[0-9]{1,15}(?:\.[0-9]{1,2}0*)?$", "decimal": r"^[+-]?[0-9]{1,15}(?:\.[0-9]{1,4}0*)?$"}


def read_check_write(item: Item, source: Path, target: Path) -> int:
    """Rows written of those in ``source``."""
    kinds = item.subject_kinds
    lazy = pl.scan_csv(source, infer_schema=False)
    columns = lazy.collect_schema().names()
    typed = [_typed(name, field) for name, field in item.fields.items() if name in columns]
    day = pl.col("occurred_on").str.to_date("%Y-%m-%d", strict=False)
    right = pl.col("record_id").str.len_chars().is_between(1, 200) & (day <= date.today())
    if "subject_kind" in columns:
        right &= pl.col("subject_kind").is_in(kinds)
    for name, field in item.fields.items():
        if name in columns:
            right &= _right(name, field)
    for scheme in sorted({scheme_of(kind) for kind in kinds}):
        of_scheme = [kind for kind in kinds if scheme_of(kind) == scheme]
        valid = _valid_number("subject_number", scheme)
        right &= valid if len(kinds) == 1 else valid | ~pl.col("subject_kind").is_in(of_scheme)
    for name, field in item.fields.items():
        if field.type == "subject" and name in columns:
            named = _valid_number(name, "uscc", "ric")
            right &= named if field.required else named | pl.col(name).is_null()
    lazy.filter(right).with_columns(*typed, day).sink_parquet(target, compression="zstd")
    return int(pl.scan_parquet(target).select(pl.len()).collect().item())


def _valid_number(name: str, *schemes: str) -> pl.Expr:
    def check(numbers: pl.Series) -> pl.Series:
        found = [normal_numbers(scheme, numbers).is_not_null() for scheme in schemes]
        return found[0] if len(found) == 1 else found[0] | found[1]

    return pl.col(name).map_batches(check, return_dtype=pl.Boolean, is_elementwise=True)


def _typed(name: str, field: Field) -> pl.Expr:
    column = pl.col(name)
    match field.type:
        case "integer":
            return column.str.to_integer(strict=False)
        case "money" | "decimal":
            return column.cast(pl.Decimal(18, 2 if field.type == "money" else 4), strict=False)
        case "date":
            return column.str.to_date("%Y-%m-%d", strict=False)
        case "boolean":
            return column.replace_strict({"true": True, "false": False}, default=None, return_dtype=pl.Boolean)
        case _:
            return column


def _right(name: str, field: Field) -> pl.Expr:
    text, typed = pl.col(name), _typed(name, field)
    right = typed.is_not_null()
    if field.type in PLAIN:
        right &= text.str.contains(PLAIN[field.type])
    if field.codes:
        right &= text.is_in(list(field.codes))
    if field.type == "date" and not field.future:
        right &= typed <= date.today()
    if field.minimum is not None:
        right &= typed >= field.minimum
    if field.maximum is not None:
        right &= typed <= field.maximum
    return right if field.required else right | text.is_null()
