"""Rows that are refused: which, in which field, why; the value's form is told, the value never kept."""

from __future__ import annotations

import re
from typing import NamedTuple

import polars as pl

from records.identity import POSSIBLE_NUMBER, mask
from records.reading import Chunk
from records.words import Text


class Rejection(NamedTuple):
    """Why a row was refused. ``value_class`` describes the value's form; the value itself is never kept."""

    row: int
    record_id: str | None
    field: str
    value_class: str
    reason: Text


class Findings:
    """Rows found wrong so far; the first reason for each field of a row counts."""

    def __init__(self, raw: pl.DataFrame, record_ids: pl.Series, chunk: Chunk) -> None:
        self.raw = raw
        self.record_ids = record_ids
        self.chunk = chunk
        self.bad = [False] * raw.height
        self.rejections: list[Rejection] = []
        self._by_field: dict[str, list[bool]] = {}

    def raised_for(self, name: str) -> pl.Series:
        return pl.Series(self._by_field.get(name, [False] * self.raw.height), dtype=pl.Boolean)

    def add(self, name: str, wrong: pl.Series, reason: Text) -> None:
        if not wrong.any():
            return
        seen = self._by_field.setdefault(name, [False] * self.raw.height)
        for index in wrong.arg_true().to_list():
            if not seen[index]:
                value = self.raw[name][index]
                row = int(self.chunk.row[index])
                self.rejections.append(Rejection(row, _short(self.record_ids[index]), name, value_class(value), reason))
            seen[index] = self.bad[index] = True


def value_class(value: object) -> str:
    """The form of a value in words, without the value: such as ``text of 18 digits and letters``."""
    if value is None:
        return "empty"
    if not isinstance(value, str):
        return type(value).__name__
    if len(value) == 0:
        return "empty text"
    kinds = [
        word
        for word, test in (("digits", str.isdecimal), ("letters", str.isalpha))
        if any(test(character) for character in value)
    ]
    if any(not character.isalnum() for character in value):
        kinds.append("other characters")
    return f"text of {len(value)} {' and '.join(kinds)}"


def _short(record_id: str | None) -> str | None:
    """Record ids as told back to the source; what looks like an identity number is masked."""
    if record_id is None:
        return None
    return mask(record_id[:200]) if re.search(POSSIBLE_NUMBER, record_id) else record_id[:200]
