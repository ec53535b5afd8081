"""What the catalogue says of a source, an item and a field, and how its files are read."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path
from typing import Literal

import pyarrow as pa
from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from records.errors import CatalogueError, UnknownItem
from records.words import Text

SubjectKind = Literal["enterprise", "farmer", "individual", "institution", "organisation", "government"]
FieldType = Literal["text", "integer", "decimal", "money", "date", "boolean", "code", "subject"]

ARROW_TYPES: dict[FieldType, pa.DataType] = {
    "text": pa.string(),
    "integer": pa.int64(),
    "decimal": pa.decimal128(18, 4),
    "money": pa.decimal128(18, 2),
    "date": pa.date32(),
    "boolean": pa.bool_(),
    "code": pa.string(),
    "subject": pa.string(),
}

# Columns that every stored record has, whatever its item.
RECORD_FIELDS: tuple[pa.Field, ...] = (
    pa.field("record_id", pa.string(), nullable=False),
    pa.field("subject_id", pa.string(), nullable=False),
    pa.field("subject_kind", pa.string(), nullable=False),
    pa.field("occurred_on", pa.date32(), nullable=False),
    pa.field("recorded_at", pa.timestamp("us"), nullable=False),
    pa.field("supersedes", pa.string()),
)


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    zh: str
    en: str

    @property
    def words(self) -> Text:
        return Text(self.zh, self.en)


class Field(_Entry):
    """One typed field of an item.

    ``codes`` maps each accepted code to ``"Chinese|English"``; ``minimum`` and ``maximum`` are inclusive;
    a ``subject`` field holds an identity number in the batch and a subject id in the base;
    only a date with ``future = true`` may lie after the day of receipt.
    """

    type: FieldType
    required: bool = False
    codes: dict[str, str] | None = None
    minimum: float | None = None
    maximum: float | None = None
    future: bool = False

    @model_validator(mode="after")
    def _codes_belong_to_code_fields(self) -> Field:
        if (self.type == "code") != bool(self.codes):
            raise ValueError("a field of type 'code' has a code list, and no other field has one")
        if self.codes and any(words.count("|") != 1 for words in self.codes.values()):
            raise ValueError('each code reads "Chinese|English"')
        return self

    @property
    def arrow_type(self) -> pa.DataType:
        return ARROW_TYPES[self.type]

    def code_words(self, code: str) -> Text:
        """The words of one of this field's codes."""
        zh, en = (self.codes or {})[code].split("|")
        return Text(zh, en)


class Item(_Entry):
    """One kind of record. ``source`` is filled from the file that declares it."""

    code: str
    source: str = ""
    subject_kinds: tuple[SubjectKind, ...]
    polarity: Literal["positive", "adverse", "neutral"]
    frequency: str
    deadline_days: int
    disclosure: Literal["public", "government", "authorised"]
    legal_basis: str
    retention_years: int | None = None
    conduct_ends: str | None = None
    fields: dict[str, Field]

    @model_validator(mode="after")
    def _retention_is_complete(self) -> Item:
        if (self.retention_years is None) != (self.conduct_ends is None):
            raise ValueError("retention_years and conduct_ends go together")
        if self.conduct_ends not in (None, "occurred_on", *self.fields):
            raise ValueError(f"conduct_ends names no field: {self.conduct_ends}")
        return self

    @property
    def table(self) -> str:
        """The item's table name in an engine: ``tax.filing`` is ``tax_filing``."""
        return self.code.replace(".", "_")

    @property
    def arrow_schema(self) -> pa.Schema:
        """Schema of the item's stored records, in column order."""
        own = [pa.field(name, field.arrow_type) for name, field in self.fields.items()]
        return pa.schema([*RECORD_FIELDS, *own])


class Source(_Entry):
    """An agency that reports, with the items it may report."""

    code: str
    items: tuple[Item, ...]


class Catalogue:
    """All sources and items, by code."""

    def __init__(self, sources: tuple[Source, ...]) -> None:
        self.sources = {source.code: source for source in sources}
        self.items = {item.code: item for source in sources for item in source.items}
        if len(self.items) != sum(len(source.items) for source in sources):
            raise CatalogueError(Text("同一目录项声明了两次", "an item is declared twice"))

    @classmethod
    def load(cls, folder: Path | None = None) -> Catalogue:
        """Read every ``*.toml`` of ``folder`` (default: the catalogue that Huixin ships)."""
        return _read(folder or Path(__file__).parent)

    def item(self, code: str) -> Item:
        """Raises ``UnknownItem`` with the accepted codes."""
        if code not in self.items:
            accepted = ", ".join(sorted(self.items))
            raise UnknownItem(
                Text(
                    f"目录中没有“{code}”；可用：{accepted}", f"no item '{code}' in the catalogue; accepted: {accepted}"
                )
            )
        return self.items[code]

    def for_kind(self, kind: SubjectKind) -> list[Item]:
        return [item for item in self.items.values() if kind in item.subject_kinds]


@cache
def _read(folder: Path) -> Catalogue:
    return Catalogue(tuple(_read_source(path) for path in sorted(folder.glob("*.toml"))))


def _read_source(path: Path) -> Source:
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
        for item in content.get("items", []):
            item["source"] = content.get("code")
        return Source.model_validate(content)
    except (tomllib.TOMLDecodeError, ValidationError) as error:
        raise CatalogueError(Text(f"{path.name}：{error}", f"{path.name}: {error}")) from error
