"""What a field of a record says, in words."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from records.catalogue import Field, Item
from records.plain import plain
from records.protected import PROTECTED_FIELDS
from records.subject_file.model import FieldValue
from records.subject_file.refs import Names
from records.words import Text

NOTHING = Text("未填", "not stated")


def field_values(item: Item, row: Mapping[str, Any], names: Names) -> tuple[FieldValue, ...]:
    """The fields of a record that say something; protected attributes are for fairness audits alone."""
    return tuple(
        FieldValue(name, field.words, plain(row[name]), said(field, row[name], names))
        for name, field in item.fields.items()
        if row[name] is not None and name not in PROTECTED_FIELDS
    )


def named(item: Item, rows: Iterable[Mapping[str, Any]]) -> set[str]:
    """The subjects that fields of ``rows`` name."""
    fields = [name for name, field in item.fields.items() if field.type == "subject"]
    return {row[name] for row in rows for name in fields if row[name] is not None}


def said(field: Field, value: Any, names: Names) -> Text:
    """A value of ``field`` in both languages; a subject by its name or mask."""
    if value is None:
        return NOTHING
    if isinstance(value, bool):
        return Text("是", "yes") if value else Text("否", "no")
    if field.type == "code" and value in (field.codes or {}):
        return field.code_words(value)
    if field.type == "subject":
        return Text(names.said(value), names.said(value))
    if field.type == "money":
        return Text(f"{value:,.2f} 元", f"CNY {value:,.2f}")
    if isinstance(value, Decimal):
        words = f"{value:,f}"
        words = words.rstrip("0").rstrip(".") if "." in words else words
        return Text(words, words)
    if isinstance(value, date):
        return Text(value.isoformat(), value.isoformat())
    return Text(str(value), str(value))


def alike(one: Any, other: Any) -> bool:
    """Whether two sources claim the same; spaces, case and the width of characters make no difference."""
    if isinstance(one, str) and isinstance(other, str):
        return _bare(one) == _bare(other)
    return bool(one == other)


def _bare(text: str) -> str:
    return "".join(unicodedata.normalize("NFKC", text).casefold().split())
