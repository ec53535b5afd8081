"""Rows of a batch against the catalogue: typed, checked, identified; what fails is told apart with its reason."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property

import polars as pl

from records.casting import STORED_TYPES, as_stored, instants, shanghai_days, stripped, wrong_type
from records.catalogue import Field, Item
from records.errors import BadBatch
from records.identifying import TO_SEAL, Identifier
from records.identity import Identity, wrong_number
from records.moment import shanghai_day
from records.number_checks import holding_numbers
from records.reading import Chunk
from records.reject_rows import as_sent, with_reasons
from records.rejections import Findings, by_row, unreadable_rows
from records.rules import Rules
from records.words import Text

ALWAYS = ("record_id", "subject_number", "occurred_on")
CLOCK_SKEW = timedelta(minutes=5)
TEXT = Field(zh="", en="", type="text")
DAY = Field(zh="发生日期", en="Occurred on", type="date", required=True)

NOBODY = pl.Series([], dtype=pl.String)
LOST_DIGITS = Text(
    "以数值格式存储的长号码，Excel 只保留 15 位，末位已丢失；请将该列设为文本后重新填写",
    "a long number kept as a number: Excel keeps 15 digits and the last ones are lost; format the column as text and "
    "fill it in again",
)


@dataclass(frozen=True)
class Accepted:
    """A chunk, told apart.

    ``frame``: rows that passed, as they will be stored, with ``row`` (number in the file), ``masked`` (the subject's
    number, masked) and ``prefix`` (of its id) before. ``named``: ids of the subjects that their fields name.
    ``rejections``: why the others were refused (``rejections.REJECTION_COLUMNS``), by row; ``rejected``: those rows as
    they were sent (``reject_rows.with_reasons``); ``refused``: how many they are.
    """

    frame: pl.DataFrame
    named: pl.Series
    rejections: pl.DataFrame
    rejected: pl.DataFrame
    refused: int


class BatchValidator:
    """Checks chunks of one batch of ``item`` in ``version`` (default: the present), received at ``received_at`` (UTC).

    Raises ``UnknownVersion`` for a version that the item never had.
    """

    def __init__(
        self,
        item: Item,
        identity: Identity,
        received_at: datetime,
        *,
        history: bool,
        pseudonyms: str | None,
        version: int | None = None,
    ) -> None:
        self.item = item
        self.version = version or item.version
        self.fields = item.fields_at(version)
        self._rules = Rules(item.subject_kinds, self.fields)
        self.identifier = Identifier(item, identity, pseudonyms)
        self.received_at = received_at
        self.history = history
        self.pseudonyms = pseudonyms

    def check_columns(self, columns: Iterable[str]) -> None:
        """Raises ``BadBatch`` where a needed column is missing or a column is not known."""
        found = set(columns)
        needed = {*ALWAYS, *(name for name, field in self.fields.items() if field.required)}
        if len(self.item.subject_kinds) > 1:
            needed.add("subject_kind")
        if missing := sorted(needed - found):
            raise BadBatch(
                Text(
                    f"{self.item.code}：缺少列 {', '.join(missing)}",
                    f"{self.item.code}: missing columns {', '.join(missing)}",
                )
            )
        self.check_known(found)
        if ("recorded_at" in found) != self.history:
            raise BadBatch(
                Text(
                    "recorded_at 列只在历史装载（--history）时给出，且历史装载必须给出",
                    "a recorded_at column is given in a historical load (--history), and only there",
                )
            )

    def check_known(self, columns: Iterable[str]) -> None:
        """Raises ``BadBatch`` where a column is not known. JSON lines may bring one late in the file."""
        known = {*ALWAYS, "subject_kind", "supersedes", "recorded_at", *self.fields}
        if unknown := sorted(set(columns) - known):
            accepted = ", ".join(sorted(known))
            told = ", ".join(name[:80] for name in unknown[:20])
            raise BadBatch(
                Text(
                    f"{self.item.code}：未知列 {told}；可用：{accepted}",
                    f"{self.item.code}: unknown columns {told}; accepted: {accepted}",
                )
            )

    def check(self, chunk: Chunk) -> Accepted:
        """Split a chunk into stored rows and rejections; every row of the chunk is in exactly one of them."""
        unreadable = unreadable_rows(chunk.unreadable)
        if chunk.frame.is_empty():
            nothing = with_reasons(pl.Series([], dtype=pl.Int64), chunk.frame, unreadable)
            return Accepted(pl.DataFrame(), NOBODY, unreadable, nothing, len(chunk.unreadable))
        raw = self._completed(_without_lost(stripped(chunk.frame), chunk))
        typed = raw.select(as_stored(raw.schema[name], name, field) for name, field in self._types.items())
        found = Findings(chunk.frame, typed["record_id"], chunk.row)
        for name in chunk.lost_digits.keys() & self._types.keys():
            found.add(name, chunk.lost_digits[name], LOST_DIGITS)
        self._check_types(raw, typed, found)
        for failure in self._rules.failures(typed):
            found.add(*failure)
        self._check_texts(typed, found, chunk.without_nul)
        stored = self._stamped(typed, found)
        subjects = self._identified(typed, found)
        stored = stored.with_columns(
            *subjects["subject_number"].get_columns(),
            *(known["subject_id"].alias(name) for name, known in subjects.items() if name != "subject_number"),
            row=pl.Series(chunk.row),
        )
        kept = stored.select("row", "masked", "prefix", *self.item.arrow_schema.names)
        bad = pl.Series(found.bad)
        if not found.bad.any() and not chunk.unreadable:
            return Accepted(kept, self._named(subjects, ~bad), unreadable, pl.DataFrame(), 0)
        rejections = by_row([unreadable, found.rejections()])
        cells = as_sent(chunk.frame.filter(bad), typed.filter(bad), self._sealed(typed.filter(bad), subjects))
        rejected = with_reasons(pl.Series(chunk.row).filter(bad), cells, rejections)
        kept = kept.filter(~bad)
        return Accepted(kept, self._named(subjects, ~bad), rejections, rejected, rejected.height)

    @cached_property
    def _types(self) -> dict[str, Field]:
        """Every batch column with the field type that its text is read by."""
        return {
            "record_id": TEXT,
            "subject_number": TEXT,
            "subject_kind": TEXT,
            "occurred_on": DAY,
            "recorded_at": TEXT,
            "supersedes": TEXT,
            **self.fields,
        }

    def _completed(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Optional columns that the source left out, as empty ones; instants with a zone, as UTC."""
        absent = [name for name in self._types if name not in frame.columns]
        defaults = {name: self.item.subject_kinds[0] if name == "subject_kind" else None for name in absent}
        frame = frame.with_columns(pl.lit(value, pl.String).alias(name) for name, value in defaults.items())
        moments = frame.schema["recorded_at"]
        if isinstance(moments, pl.Datetime) and moments.time_zone:
            frame = frame.with_columns(pl.col("recorded_at").dt.convert_time_zone("UTC").dt.replace_time_zone(None))
        return frame

    def _check_types(self, raw: pl.DataFrame, typed: pl.DataFrame, found: Findings) -> None:
        for name, field in self._types.items():
            if raw[name].null_count() != typed[name].null_count():
                found.add(name, raw[name].is_not_null() & typed[name].is_null(), wrong_type(field))

    def _check_texts(self, typed: pl.DataFrame, found: Findings, without_nul: bool) -> None:
        """No identity number reaches the base inside a record id or a free text, where it would be kept in clear."""
        held = Text(
            "不得在此填写身份号码：只能填在 subject_number",
            "holds an identity number, which is accepted in subject_number only",
        )
        nul = Text("含有空字符（NUL）", "holds a NUL character")
        for name in ("record_id", "supersedes", *(n for n, field in self.fields.items() if field.type == "text")):
            if typed[name].null_count() < typed.height:
                found.add(name, holding_numbers(typed[name]), held)
                if not without_nul:
                    found.add(name, typed[name].str.contains("\0", literal=True), nul)

    def _stamped(self, typed: pl.DataFrame, found: Findings) -> pl.DataFrame:
        """The rows in the item's columns, with ``recorded_at`` as an instant; days and instants must have come.

        A source's clock may be ahead: a ``recorded_at`` up to five minutes after the receipt counts as the receipt.
        """
        today = shanghai_day(self.received_at)
        future = Text(f"日期晚于收到之日 {today}", f"a date after the day of receipt, {today}")
        days = ["occurred_on", *(n for n, f in self.fields.items() if f.type == "date" and not f.future)]
        for name in days:
            found.add(name, typed[name] > today, future)
        gone = {name: field for name, field in self.item.fields.items() if name not in self.fields}
        typed = typed.with_columns(pl.lit(None, STORED_TYPES[field.type]).alias(name) for name, field in gone.items())
        if not self.history:
            return typed.with_columns(pl.lit(None, pl.Datetime("us")).alias("recorded_at"))
        moments = instants(typed["recorded_at"])
        found.add(
            "recorded_at",
            moments.is_null(),
            Text("应为 UTC 时刻，如 2025-01-31T08:00:00", "a UTC instant is accepted, such as 2025-01-31T08:00:00"),
        )
        found.add(
            "recorded_at", moments > self.received_at + CLOCK_SKEW, Text("记录时刻在未来", "recorded in the future")
        )
        early = shanghai_days(moments) < typed["occurred_on"]
        found.add("recorded_at", early, Text("记录时刻早于发生日期", "recorded before it happened"))
        return typed.with_columns(moments.alias("recorded_at").clip(upper_bound=self.received_at))

    def _identified(self, typed: pl.DataFrame, found: Findings) -> dict[str, pl.DataFrame]:
        """What is known of the subject column and of every ``subject`` field, by column."""
        subjects = self.identifier.subjects(typed["subject_kind"], typed["subject_number"])
        wrong = subjects["subject_id"].is_null() & typed["subject_number"].is_not_null()
        if wrong.any():
            for kind in self.item.subject_kinds:
                found.add("subject_number", wrong & (typed["subject_kind"] == kind), self._wrong_identity(kind))
        known = {"subject_number": subjects}
        for name, field in self.fields.items():
            if field.type == "subject":
                known[name] = self.identifier.references(typed[name])
                missing = known[name]["subject_id"].is_null() & typed[name].is_not_null()
                found.add(name, missing, self._wrong_reference())
        return known

    def _sealed(self, typed: pl.DataFrame, columns: Iterable[str]) -> dict[str, pl.Series]:
        """Tokens in place of the numbers of refused rows, by column."""
        whole = {name: self.identifier.references(typed[name], TO_SEAL) for name in columns if name != "subject_number"}
        whole["subject_number"] = self.identifier.subjects(typed["subject_kind"], typed["subject_number"], TO_SEAL)
        return {name: self.identifier.sealed(known) for name, known in whole.items()}

    def _named(self, subjects: dict[str, pl.DataFrame], good: pl.Series) -> pl.Series:
        others = [known.filter(good) for name, known in subjects.items() if name != "subject_number"]
        return pl.concat([NOBODY, *(self.identifier.newly_named(known) for known in others)])

    def _wrong_reference(self) -> Text:
        body, person = self._wrong_identity("enterprise"), self._wrong_identity("individual")
        return body if body == person else Text(f"{person.zh}；或{body.zh}", f"{person.en}; or {body.en}")

    def _wrong_identity(self, kind: str) -> Text:
        if self.pseudonyms:
            return Text(
                "代号应为 1 至 64 个字母、数字或 . _ -", "a pseudonym of 1 to 64 letters, digits or . _ - is accepted"
            )
        return wrong_number(kind)


def _without_lost(frame: pl.DataFrame, chunk: Chunk) -> pl.DataFrame:
    """Rounded numbers as empty cells: one could by chance be the valid number of somebody else."""
    return frame.with_columns(
        pl.when(~pl.Series(lost)).then(pl.col(name)).alias(name) for name, lost in chunk.lost_digits.items()
    )
