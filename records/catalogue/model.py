"""What the catalogue says of a source, an item and a field, and how its files are read."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa
from pydantic import BaseModel, ConfigDict, ValidationError, field_validator, model_validator

from records.catalogue.kinds import (
    Disclosure,
    Frequency,
    KeyGroup,
    Polarity,
    SubjectKind,
    Use,
)
from records.errors import CatalogueError, UnknownItem, UnknownVersion
from records.words import Text

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
RESERVED = frozenset(
    {field.name for field in RECORD_FIELDS} | {"subject_number", "row", "as_of", "superseded_at", "expires_on"}
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
    ``since`` and ``until``: first and last version of the item that has the field.
    ``agrees_with``: ``item.code.field`` of the item that is authoritative for the same fact.
    """

    type: FieldType
    required: bool = False
    codes: dict[str, str] | None = None
    minimum: float | None = None
    maximum: float | None = None
    future: bool = False
    since: int = 1
    until: int | None = None
    agrees_with: str | None = None

    @model_validator(mode="after")
    def _codes_belong_to_code_fields(self) -> Field:
        if (self.type == "code") != bool(self.codes):
            raise ValueError("a field of type 'code' has a code list, and no other field has one")
        if self.codes and any(words.count("|") != 1 for words in self.codes.values()):
            raise ValueError('each code reads "Chinese|English"')
        if self.until is not None and self.until < self.since:
            raise ValueError("a field ends (until) before it begins (since)")
        return self

    @property
    def arrow_type(self) -> pa.DataType:
        return ARROW_TYPES[self.type]

    def code_words(self, code: str) -> Text:
        """The words of one of this field's codes."""
        zh, en = (self.codes or {})[code].split("|")
        return Text(zh, en)


class Change(_Entry):
    """What a version of an item changed, and from which day sources may send it."""

    version: int
    on: date


class Link(BaseModel):
    """The record links its subject with the one in field ``other``.

    ``role``: code field that says in which role; or ``role_is``: the role that every record of the item means.
    ``borne_by``: who has the role, such as the person whose office it is, or the shareholder whom an enterprise names.
    ``until``: date field with the last day; empty while the link lasts. It begins with ``occurred_on``.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    other: str
    role: str | None = None
    role_is: str | None = None
    borne_by: Literal["subject", "other"] = "subject"
    until: str | None = None


class Succession(BaseModel):
    """The subject carries on the file of the one in field ``predecessor``.

    ``when``: only where each named code field has one of the codes (a split, say, carries nothing on).
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    predecessor: str
    when: dict[str, tuple[str, ...]] = {}


class Item(_Entry):
    """One kind of record. ``source`` is filled from the file that declares it.

    ``deadline_days``: days after the end of the period, or after the event, within which a record is due.
    ``retention_years`` and ``conduct_ends``: adverse records expire so long after the day in that field
    (Regulation on the credit reporting industry, Art. 16). ``repair_after_months``: credit repair is possible so many
    months after it, none where it is not (信用修复管理办法; before 2026-04-01 NDRC order 58 of 2023).
    ``natural_key``: fields that, with the subject, identify the fact; two live records alike in them contradict.
    ``inherited``: whether who carries on a subject's file carries on its records of this item; not so where they are
    about the body itself, such as its registration.
    """

    code: str
    source: str = ""
    version: int = 1
    changes: tuple[Change, ...] = ()
    subject_kinds: tuple[SubjectKind, ...]
    polarity: Polarity
    frequency: Frequency
    deadline_days: int
    disclosure: Disclosure
    uses: tuple[Use, ...] = ("rating", "warning", "report", "supervision", "statistics")
    legal_basis: str
    retention_years: int | None = None
    conduct_ends: str | None = None
    repair_after_months: int | None = None
    natural_key: tuple[str, ...] = ()
    inherited: bool = True
    link: Link | None = None
    succession: Succession | None = None
    ended_when: dict[str, tuple[str, ...]] = {}
    key_group: KeyGroup | None = None
    fields: dict[str, Field]

    @field_validator("code")
    @classmethod
    def _code_is_a_table_name(cls, code: str) -> str:
        if not all(part.isidentifier() and part.islower() and part.isascii() for part in code.split(".")):
            raise ValueError("an item code is lower-case words joined by dots, such as tax.filing")
        return code

    @model_validator(mode="after")
    def _is_consistent(self) -> Item:
        if (self.retention_years is None) != (self.conduct_ends is None):
            raise ValueError("retention_years and conduct_ends go together")
        if self.conduct_ends not in (None, "occurred_on") and self._type_of(self.conduct_ends) != "date":
            raise ValueError(f"conduct_ends names no date field: {self.conduct_ends}")
        if taken := RESERVED & set(self.fields):
            raise ValueError(f"field names that every record has already: {', '.join(sorted(taken))}")
        if not all(name.isidentifier() and name.isascii() for name in self.fields):
            raise ValueError("a field name is letters, digits and underscores")
        if unknown := [name for name in self.natural_key if name not in self.fields]:
            raise ValueError(f"natural_key names no field: {', '.join(unknown)}")
        if self.repair_after_months is not None and self.polarity != "adverse":
            raise ValueError("repair_after_months belongs to adverse items")
        return self

    @model_validator(mode="after")
    def _versions_are_told(self) -> Item:
        if sorted(change.version for change in self.changes) != list(range(2, self.version + 1)):
            raise ValueError(f"changes must tell of each version from 2 to {self.version}, once")
        for name, field in self.fields.items():
            if not 1 <= field.since <= self.version or (field.until is not None and field.until >= self.version):
                raise ValueError(f"field {name}: since and until lie among the versions 1 to {self.version}")
        return self

    @model_validator(mode="after")
    def _links_name_fields(self) -> Item:
        if self.link is not None:
            if (self.link.role is None) == (self.link.role_is is None):
                raise ValueError("a link has either role or role_is")
            self._needs(self.link.other, "subject", "link.other")
            self._needs(self.link.role, "code", "link.role")
            self._needs(self.link.until, "date", "link.until")
        if self.succession is not None:
            self._needs(self.succession.predecessor, "subject", "succession.predecessor")
            self._has_codes(self.succession.when, "succession.when")
        self._has_codes(self.ended_when, "ended_when")
        return self

    def _type_of(self, name: str | None) -> str | None:
        return self.fields[name].type if name in self.fields else None

    def _needs(self, name: str | None, kind: FieldType, where: str) -> None:
        if name is not None and self._type_of(name) != kind:
            raise ValueError(f"{where} names no field of type {kind}: {name}")

    def _has_codes(self, when: Mapping[str, tuple[str, ...]], where: str) -> None:
        for name, codes in when.items():
            self._needs(name, "code", where)
            if strangers := set(codes) - set(self.fields[name].codes or {}):
                raise ValueError(f"{where}: no such codes of {name}: {', '.join(sorted(strangers))}")

    @property
    def table(self) -> str:
        """The item's table name in an engine: ``tax.filing`` is ``tax_filing``."""
        return self.code.replace(".", "_")

    @property
    def arrow_schema(self) -> pa.Schema:
        """Schema of the item's stored records, in column order: the fields of every version."""
        own = [pa.field(name, field.arrow_type) for name, field in self.fields.items()]
        return pa.schema([*RECORD_FIELDS, *own])

    def fields_at(self, version: int | None = None) -> dict[str, Field]:
        """The fields that a batch of ``version`` (default: the current one) may have. Raises ``UnknownVersion``."""
        asked = self.version if version is None else version
        if not 1 <= asked <= self.version:
            raise UnknownVersion(
                Text(
                    f"{self.code} 没有版本 {asked}；可用：1 至 {self.version}",
                    f"{self.code} has no version {asked}; accepted: 1 to {self.version}",
                )
            )
        return {
            name: field
            for name, field in self.fields.items()
            if field.since <= asked and (field.until is None or asked <= field.until)
        }

    def declaration(self) -> dict[str, Any]:
        """What decides which batches are accepted and how they are read; words are left out.

        A change of it needs a new version (``records.versions``).
        """
        left_out = {"zh", "en", "agrees_with"}
        return {
            "code": self.code,
            "version": self.version,
            "subject_kinds": sorted(self.subject_kinds),
            "fields": {
                name: {
                    **field.model_dump(mode="json", exclude=left_out | {"codes"}),
                    "codes": sorted(field.codes or {}),
                }
                for name, field in self.fields.items()
            },
        }


class Source(_Entry):
    """An agency that reports, with the items it may report."""

    code: str
    items: tuple[Item, ...]


class Catalogue:
    """All sources and items, by code."""

    def __init__(self, sources: tuple[Source, ...]) -> None:
        self.sources = {source.code: source for source in sources}
        self.items = {item.code: item for source in sources for item in source.items}
        if len(self.sources) != len(sources):
            raise CatalogueError(Text("同一来源声明了两次", "a source is declared twice"))
        if len(self.items) != sum(len(source.items) for source in sources):
            raise CatalogueError(Text("同一目录项声明了两次", "an item is declared twice"))
        if len({item.table for item in self.items.values()}) != len(self.items):
            raise CatalogueError(Text("两个目录项的表名相同", "two items have the same table name"))
        for item in self.items.values():
            for name, field in item.fields.items():
                self._check_agreement(item, name, field)

    @classmethod
    def load(cls, folder: Path | None = None, more: Path | None = None) -> Catalogue:
        """Read every ``*.toml`` of ``folder`` (default: the catalogue that Huixin ships) and of ``more``.

        ``more`` is the installation's own folder (``Settings.catalogue_folder``). Raises ``CatalogueError``.
        """
        if more is not None and not more.is_dir():
            raise CatalogueError(Text(f"没有目录文件夹 {more}", f"no catalogue folder {more}"))
        return _read(folder or Path(__file__).parent, more)

    def item(self, code: str) -> Item:
        """Raises ``UnknownItem`` with the accepted codes."""
        if code not in self.items:
            accepted = ", ".join(sorted(self.items))
            raise UnknownItem(
                Text(
                    f"目录中没有“{code[:80]}”；可用：{accepted}",
                    f"no item '{code[:80]}' in the catalogue; accepted: {accepted}",
                )
            )
        return self.items[code]

    def for_kind(self, kind: SubjectKind) -> list[Item]:
        return [item for item in self.items.values() if kind in item.subject_kinds]

    def authority(self, field: Field) -> tuple[Item, str] | None:
        """The item and the name of its field that ``field`` has to agree with."""
        if field.agrees_with is None:
            return None
        code, _, name = field.agrees_with.rpartition(".")
        return self.items[code], name

    def _check_agreement(self, item: Item, name: str, field: Field) -> None:
        if field.agrees_with is None:
            return
        code, _, other = field.agrees_with.rpartition(".")
        there: Mapping[str, Field] = self.items[code].fields if code in self.items else {}
        if other not in there or there[other].type != field.type:
            raise CatalogueError(
                Text(
                    f"{item.code}.{name}：agrees_with 所指 {field.agrees_with} 不存在或类型不同",
                    f"{item.code}.{name}: agrees_with names {field.agrees_with}, which is not there or of another type",
                )
            )


@cache
def _read(folder: Path, more: Path | None) -> Catalogue:
    paths = sorted(folder.glob("*.toml")) + (sorted(more.glob("*.toml")) if more else [])
    declared: dict[tuple[str, str], str] = {}
    sources = []
    for path in paths:
        source = _read_source(path)
        for kind, code in (("source", source.code), *(("item", item.code) for item in source.items)):
            if earlier := declared.get((kind, code)):
                raise _broken(path, Text(f"{code} 已在 {earlier} 中声明", f"{code} is declared in {earlier} already"))
            declared[kind, code] = path.name
        sources.append(source)
    return Catalogue(tuple(sources))


def _read_source(path: Path) -> Source:
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
        items = content.get("items", [])
        for item in items if isinstance(items, list) else []:
            if isinstance(item, dict):
                item["source"] = content.get("code")
        return Source.model_validate(content)
    except ValidationError as error:
        found = [f"{'.'.join(map(str, one['loc'])) or '-'}: {one['msg']}" for one in error.errors(include_url=False)]
        reason = "; ".join(found[:5])
        raise _broken(path, Text(reason, reason)) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        raise _broken(path, Text(str(error), str(error))) from error


def _broken(path: Path, reason: Text) -> CatalogueError:
    return CatalogueError(Text(f"{path.name}：{reason.zh}", f"{path.name}: {reason.en}"))
