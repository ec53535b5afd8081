"""Rows of any catalogue item, made up from its declaration, in a stream: valid, in no order, check characters right."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from county.numbers import enterprise_numbers, farmer_numbers, officer_numbers
from records.catalogue import Field, Item
from records.identity import scheme_of

BLOCK = 250_000
ROWS_A_SUBJECT = 25
SUBJECTS_MOST = 400_000
DAYS = (date(2022, 1, 1), date(2025, 12, 31))
EMPTY = 0.1
WORDS = ("东城区", "惠民农机有限公司", "城关镇", "一般事项", "常规检查", "办公室", "north", "batch lot", "A-17", "备注")


def write_rows(item: Item, rows: int, path: Path, seed: int = 20260101) -> None:
    """``rows`` rows of ``item`` as CSV (UTF-8, LF) at ``path``."""
    with path.open("wb") as file:
        for number, block in enumerate(make_rows(item, rows, seed)):
            block.write_csv(file, include_header=number == 0)


def make_rows(item: Item, rows: int, seed: int = 20260101) -> Iterator[pl.DataFrame]:
    """Blocks of at most 250,000 rows, every column as text; about 25 rows a subject, in no order; unique record ids."""
    rng = np.random.default_rng(seed)
    subjects = min(max(rows // ROWS_A_SUBJECT, 100), SUBJECTS_MOST)
    numbers: dict[str, pl.Series] = {kind: _numbers(kind, subjects) for kind in item.subject_kinds}
    persons = pl.Series(officer_numbers(np.arange(min(subjects, 100_000))))
    for start in range(0, rows, BLOCK):
        index = np.arange(start, min(start + BLOCK, rows))
        kinds = rng.integers(0, len(item.subject_kinds), len(index))
        columns: dict[str, pl.Series] = {"record_id": _record_ids(index)}
        if len(item.subject_kinds) > 1:
            columns["subject_kind"] = pl.Series(item.subject_kinds)[kinds]
        columns["subject_number"] = _of_kinds(item, kinds, numbers, rng.integers(0, subjects, len(index)))
        columns["occurred_on"] = _days(rng, len(index))
        for name, field in item.fields_at().items():
            made = _values(field, rng, len(index), persons)
            columns[name] = made if field.required else _with_gaps(made, rng)
        yield pl.DataFrame(columns)


def _numbers(kind: str, count: int) -> pl.Series:
    make = farmer_numbers if scheme_of(kind) == "ric" else enterprise_numbers
    return pl.concat([pl.Series(make(part)) for part in np.array_split(np.arange(count), count // BLOCK + 1)])


def _of_kinds(item: Item, kinds: NDArray[np.int64], numbers: dict[str, pl.Series], who: NDArray[np.int64]) -> pl.Series:
    found = np.empty(len(who), object)
    for place, kind in enumerate(item.subject_kinds):
        chosen = kinds == place
        found[chosen] = numbers[kind][who[chosen]].to_numpy()
    return pl.Series(found, dtype=pl.String)


def _record_ids(index: NDArray[np.int64]) -> pl.Series:
    """Unique and in no order, such as ``r-9e3779b97f4a7c15``: odd multiples permute the 64-bit numbers."""
    scattered = (index.astype(np.uint64) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
    return pl.Series([f"r-{number:016x}" for number in scattered.tolist()])


def _values(field: Field, rng: np.random.Generator, count: int, persons: pl.Series) -> pl.Series:
    low = 0 if field.minimum is None else field.minimum
    high = min(low + 1_000_000, 2e9) if field.maximum is None else field.maximum
    match field.type:
        case "text":
            words = pl.Series(WORDS)[rng.integers(0, len(WORDS), count)]
            return words + pl.Series(rng.integers(0, 5_000, count)).cast(pl.String)
        case "code":
            codes = list(field.codes or {})
            return pl.Series(codes)[rng.integers(0, len(codes), count)]
        case "subject":
            return persons[rng.integers(0, len(persons), count)]
        case "integer":
            return pl.Series(rng.integers(int(np.ceil(low)), int(high) + 1, count)).cast(pl.String)
        case "money" | "decimal":
            hundredths = rng.integers(int(np.ceil(low * 100)), int(high * 100) + 1, count)
            return (pl.Series(hundredths) / 100).cast(pl.Decimal(18, 2)).cast(pl.String)
        case "date":
            return _days(rng, count)
        case "boolean":
            return pl.Series(["true", "false"])[rng.integers(0, 2, count)]


def _days(rng: np.random.Generator, count: int) -> pl.Series:
    first, last = (day.toordinal() - date(1970, 1, 1).toordinal() for day in DAYS)
    return pl.Series(rng.integers(first, last + 1, count).astype(np.int32)).cast(pl.Date).cast(pl.String)


def _with_gaps(values: pl.Series, rng: np.random.Generator) -> pl.Series:
    gaps = pl.Series(rng.random(len(values)) < EMPTY)
    return values.to_frame("value").select(pl.when(~gaps).then("value"))["value"]
