"""What a source wrote, cast to what the catalogue stores; what does not fit becomes null and is refused later."""

from __future__ import annotations

import polars as pl

from records.catalogue import Field
from records.words import Text

STORED_TYPES: dict[str, pl.DataType] = {
    "text": pl.String(),
    "code": pl.String(),
    "subject": pl.String(),
    "integer": pl.Int64(),
    "money": pl.Decimal(18, 2),
    "decimal": pl.Decimal(18, 4),
    "date": pl.Date(),
    "boolean": pl.Boolean(),
}


def stripped(frame: pl.DataFrame) -> pl.DataFrame:
    """Texts without blanks around them; what is then empty is null."""
    texts = [name for name, kind in frame.schema.items() if kind == pl.String]
    return frame.with_columns(pl.col(texts).str.strip_chars()).with_columns(
        pl.when(pl.col(name) != "").then(pl.col(name)).alias(name) for name in texts
    )


def as_stored(dtype: pl.DataType, name: str, field: Field) -> pl.Expr:
    """Column ``name`` (texts stripped) in the stored type of ``field``; null where the value does not fit."""
    column = pl.col(name)
    if dtype != pl.String and not _can_hold(dtype, field):
        return pl.repeat(None, pl.len(), dtype=STORED_TYPES[field.type]).alias(name)
    match field.type:
        case "text" | "code" | "subject":
            return column.cast(pl.String, strict=False)
        case "integer":
            if dtype == pl.String:
                return column.str.to_integer(strict=False)
            whole = column.cast(pl.Int64, strict=False)
            return pl.when(whole == column).then(whole).alias(name)
        case "money" | "decimal":
            return _exact(dtype, column, 2 if field.type == "money" else 4).alias(name)
        case "date":
            return _day(dtype, column)
        case "boolean":
            if dtype == pl.String:
                return column.str.to_lowercase().replace_strict(
                    {"true": True, "1": True, "false": False, "0": False}, default=None, return_dtype=pl.Boolean
                )
            return column.cast(pl.Boolean, strict=False)


def _exact(dtype: pl.DataType, column: pl.Expr, scale: int) -> pl.Expr:
    """A decimal number that says no more than ``scale`` places: zeros may follow, other digits may not."""
    if dtype == pl.String:
        plain = column.str.contains(rf"^[+-]?[0-9]{{1,15}}(?:\.[0-9]{{1,{scale}}}0*)?$")
        return pl.when(plain).then(column.cast(pl.Decimal(18, scale), strict=False))
    number = column.cast(pl.Decimal(38, scale + 6), strict=False)
    exact = number.cast(pl.Decimal(18, scale), strict=False)
    return pl.when(column.is_not_null() & (exact == number)).then(exact)


def _can_hold(dtype: pl.DataType, field: Field) -> bool:
    """Whether a Parquet column of ``dtype`` can be meant as ``field``: an integer is no date, a list no text."""
    if dtype == pl.Null:
        return True
    match field.type:
        case "integer" | "money" | "decimal":
            return dtype.is_numeric()
        case "date":
            return dtype == pl.Date or isinstance(dtype, pl.Datetime)
        case "boolean":
            return dtype == pl.Boolean
        case _:
            return dtype.is_integer() or isinstance(dtype, pl.Categorical | pl.Enum | pl.Datetime)


def _day(dtype: pl.DataType, column: pl.Expr) -> pl.Expr:
    """Days as they stand; an instant with a zone is its day in Shanghai, one without must be a midnight."""
    if dtype == pl.String:
        return column.str.to_date("%Y-%m-%d", strict=False)
    if isinstance(dtype, pl.Datetime) and dtype.time_zone:
        return column.dt.convert_time_zone("Asia/Shanghai").dt.date()
    day = column.cast(pl.Date, strict=False)
    return pl.when(day.cast(pl.Datetime("us")) == column).then(day) if isinstance(dtype, pl.Datetime) else day


def instants(column: pl.Series) -> pl.Series:
    """``recorded_at`` as UTC instants without a zone; null where it cannot be read."""
    text = column.str.replace(" ", "T", literal=True).str.strip_suffix("Z")
    return text.str.to_datetime("%Y-%m-%dT%H:%M:%S%.f", time_unit="us", strict=False)


def shanghai_days(moments: pl.Series) -> pl.Series:
    return moments.dt.offset_by("8h").dt.date()


def wrong_type(field: Field) -> Text:
    accepted = {
        "integer": Text("整数", "a whole number"),
        "money": Text("金额，至多两位小数", "an amount with at most two decimals"),
        "decimal": Text("数，至多四位小数", "a number with at most four decimals"),
        "date": Text("日期，如 2025-12-31", "a date such as 2025-12-31"),
        "boolean": Text("true 或 false", "true or false"),
    }.get(field.type, Text("文本", "text"))
    return Text(f"类型不符：应为{accepted.zh}", f"wrong type: {accepted.en} is accepted")
