"""Rows of a batch against the catalogue: typed, checked, identified; what fails is told apart with its reason."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

import polars as pl

from records.casting import as_stored, instants, shanghai_days, wrong_type
from records.catalogue import Field, Item
from records.errors import BadBatch, BadIdentifier
from records.identity import (
    POSSIBLE_NUMBER,
    PSEUDONYM,
    Identity,
    check_number,
    holds_number,
    mask,
    scheme_of,
    wrong_number,
)
from records.moment import shanghai_day
from records.reading import Chunk
from records.rejections import Findings, Rejection
from records.words import Text

ALWAYS = ("record_id", "subject_number", "occurred_on")
IDENTITY_LENGTH = 64


@dataclass(frozen=True)
class Accepted:
    """Rows that passed, as they will be stored, with ``row`` (number in the file) and the subjects they are about."""

    frame: pl.DataFrame
    subjects: dict[tuple[str, str], str]
    rejections: list[Rejection]


class BatchValidator:
    """Checks chunks of one batch of ``item``, received at ``received_at`` (UTC)."""

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
        self.identity = identity
        self.received_at = received_at
        self.history = history
        self.pseudonyms = pseudonyms
        self._ids: dict[tuple[str, str], tuple[str, str] | None] = {}

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
            raise BadBatch(
                Text(
                    f"{self.item.code}：未知列 {', '.join(unknown)}；可用：{accepted}",
                    f"{self.item.code}: unknown columns {', '.join(unknown)}; accepted: {accepted}",
                )
            )

    def check(self, chunk: Chunk) -> Accepted:
        """Split a chunk into stored rows and rejections; every row of the chunk is in exactly one of them."""
        rejections = [
            Rejection(
                row,
                None,
                "",
                "unreadable row",
                Text("行的列数不符，或不是一个平铺的 JSON 对象", "wrong number of columns, or no flat JSON object"),
            )
            for row in chunk.unreadable
        ]
        if chunk.frame.is_empty():
            return Accepted(pl.DataFrame(), {}, rejections)
        raw = self._completed(chunk.frame)
        typed = raw.select(
            *(as_stored(raw.schema[name], name, kind) for name, kind in self._types.items()),
        )
        found = Findings(raw, typed["record_id"], chunk)
        self._check_types(raw, typed, found)
        self._check_values(typed, found)
        self._check_privacy(typed, found)
        self._check_moments(typed, found)
        frame, subjects = self._identified(typed, found)
        bad = found.bad
        kept = frame.with_columns(row=pl.Series(chunk.row)).filter(~pl.Series(bad))
        used = set(kept["subject_id"].to_list())
        return Accepted(
            kept.select("row", *self.item.arrow_schema.names),
            {pair: masked for pair, masked in subjects.items() if pair[0] in used},
            sorted(rejections + found.rejections, key=lambda rejection: rejection.row),
        )

    @cached_property
    def _types(self) -> dict[str, Field]:
        """Every batch column with the field type that its text is read by."""
        text = Field(zh="", en="", type="text")
        day = Field(zh="发生日期", en="Occurred on", type="date", required=True)
        own = dict(self.item.fields)
        return {
            "record_id": text,
            "subject_number": text,
            "subject_kind": text,
            "occurred_on": day,
            "recorded_at": text,
            "supersedes": text,
            **own,
        }

    @cached_property
    def _schema(self) -> Any:
        """The item as a Pandera schema: required values, code lists, ranges."""
        import pandera.polars as pandera

        columns: dict[str, Any] = {
            "record_id": pandera.Column(nullable=False, checks=pandera.Check.str_length(1, 200)),
            "subject_number": pandera.Column(nullable=False),
            "subject_kind": pandera.Column(nullable=False, checks=pandera.Check.isin(self.item.subject_kinds)),
            "occurred_on": pandera.Column(nullable=False),
        }
        for name, field in self.item.fields.items():
            checks = []
            if field.codes:
                checks.append(pandera.Check.isin(list(field.codes)))
            if field.minimum is not None:
                checks.append(pandera.Check.ge(field.minimum))
            if field.maximum is not None:
                checks.append(pandera.Check.le(field.maximum))
            required = field.required and name in self.fields
            columns[name] = pandera.Column(nullable=not required, checks=checks)
        return pandera.DataFrameSchema(columns)

    def _completed(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Optional columns that the source left out, as empty ones; instants with a zone, as UTC."""
        for name in self._types:
            if name not in frame.columns:
                default = self.item.subject_kinds[0] if name == "subject_kind" else None
                frame = frame.with_columns(pl.lit(default, pl.String).alias(name))
        moments = frame.schema["recorded_at"]
        if isinstance(moments, pl.Datetime) and moments.time_zone:
            frame = frame.with_columns(pl.col("recorded_at").dt.convert_time_zone("UTC").dt.replace_time_zone(None))
        return frame

    def _check_types(self, raw: pl.DataFrame, typed: pl.DataFrame, found: Findings) -> None:
        for name, field in self._types.items():
            wrong = raw[name].is_not_null() & typed[name].is_null()
            if wrong.any() and raw.schema[name] == pl.String:
                wrong = wrong & (raw[name].str.strip_chars() != "")
            found.add(name, wrong, wrong_type(field))

    def _check_values(self, typed: pl.DataFrame, found: Findings) -> None:
        import pandera.polars as pandera

        try:
            self._schema.validate(typed, lazy=True)
        except pandera.errors.SchemaErrors as error:
            cases = error.failure_cases.filter(pl.col("index").is_not_null())
            for (name, check), rows in cases.group_by("column", "check", maintain_order=True):
                wrong = pl.Series(range(typed.height)).is_in(rows["index"].to_list())
                already = found.raised_for(str(name))
                found.add(str(name), wrong & ~already, self._refusal(str(name), str(check)))

    def _check_privacy(self, typed: pl.DataFrame, found: Findings) -> None:
        """No identity number reaches the base inside a record id or a free text, where it would be kept in clear."""
        texts = ["record_id", "supersedes", *(n for n, field in self.item.fields.items() if field.type == "text")]
        reason = Text(
            "不得在此填写身份号码：只能填在 subject_number",
            "holds an identity number, which is accepted in subject_number only",
        )
        for name in texts:
            suspected = typed[name].str.contains(POSSIBLE_NUMBER).fill_null(False)
            if suspected.any():
                held = [index for index in suspected.arg_true() if holds_number(typed[name][index])]
                found.add(name, pl.Series(range(typed.height)).is_in(held), reason)

    def _check_moments(self, typed: pl.DataFrame, found: Findings) -> None:
        today = shanghai_day(self.received_at)
        future = Text(f"日期晚于收到之日 {today}", f"a date after the day of receipt, {today}")
        days = ["occurred_on", *(n for n, f in self.item.fields.items() if f.type == "date" and not f.future)]
        for name in days:
            found.add(name, (typed[name] > today).fill_null(False), future)
        if not self.history:
            return
        moments = instants(typed["recorded_at"])
        found.add(
            "recorded_at",
            moments.is_null(),
            Text("应为 UTC 时刻，如 2025-01-31T08:00:00", "a UTC instant is accepted, such as 2025-01-31T08:00:00"),
        )
        late = (moments > self.received_at).fill_null(False)
        found.add("recorded_at", late, Text("记录时刻在未来", "recorded in the future"))
        early = shanghai_days(moments) < typed["occurred_on"]
        found.add("recorded_at", early.fill_null(False), Text("记录时刻早于发生日期", "recorded before it happened"))

    def _identified(self, typed: pl.DataFrame, found: Findings) -> tuple[pl.DataFrame, dict[tuple[str, str], str]]:
        """Identity numbers to subject ids, in the subject column and in every ``subject`` field."""
        moments = instants(typed["recorded_at"]) if self.history else pl.Series([None], dtype=pl.Datetime("us"))
        known = self._subjects(typed)
        wrong = (
            known["subject_id"].is_null()
            & typed["subject_number"].is_not_null()
            & typed["subject_kind"].is_in(self.item.subject_kinds)
        )
        for kind in self.item.subject_kinds:
            found.add("subject_number", wrong & (typed["subject_kind"] == kind), self._wrong_identity(kind))
        stored = typed.with_columns(
            recorded_at=moments.new_from_index(0, typed.height) if not self.history else moments
        )
        stored = stored.with_columns(known["subject_id"])
        for name, field in self.item.fields.items():
            if field.type == "subject":
                ids = self._references(typed[name])
                found.add(name, ids.is_null() & typed[name].is_not_null(), self._wrong_identity("individual"))
                stored = stored.with_columns(ids)
        named = known.filter(pl.col("subject_id").is_not_null()).unique(["subject_id", "subject_kind"])
        return stored, {(row[0], row[1]): row[2] for row in named.select("subject_id", "subject_kind", "masked").rows()}

    def _subjects(self, typed: pl.DataFrame) -> pl.DataFrame:
        """Subject id and masked number of every row; each distinct number is checked once."""
        columns = ["subject_kind", "subject_number"]
        distinct = typed.select(columns).unique()
        pairs = [self._identify(kind, number) or (None, None) for kind, number in distinct.rows()]
        known = distinct.with_columns(
            subject_id=pl.Series([pair[0] for pair in pairs], dtype=pl.String),
            masked=pl.Series([pair[1] for pair in pairs], dtype=pl.String),
        )
        return typed.select(columns).join(known, on=columns, how="left", nulls_equal=True, maintain_order="left")

    def _references(self, numbers: pl.Series) -> pl.Series:
        """Persons or bodies named in a field, as subject ids: whichever scheme accepts the number."""
        distinct = numbers.unique().to_frame()
        pairs = [
            self._identify("enterprise", number) or self._identify("individual", number) or (None, None)
            for number in distinct[numbers.name].to_list()
        ]
        known = distinct.with_columns(found=pl.Series([pair[0] for pair in pairs], dtype=pl.String))
        joined = numbers.to_frame().join(known, on=numbers.name, how="left", nulls_equal=True, maintain_order="left")
        return joined["found"].alias(numbers.name)

    def _identify(self, kind: str | None, number: str | None) -> tuple[str, str] | None:
        """Subject id and masked number, or ``None``; each distinct number is checked once."""
        if number is None or kind is None or len(number) > IDENTITY_LENGTH:
            return None
        scheme = f"pseudonym:{self.pseudonyms}" if self.pseudonyms else scheme_of(kind)
        if (scheme, number) not in self._ids:
            self._ids[scheme, number] = self._identify_new(scheme, kind, number)
        return self._ids[scheme, number]

    def _identify_new(self, scheme: str, kind: str, number: str) -> tuple[str, str] | None:
        if self.pseudonyms:
            return (self.identity.subject_id(scheme, number), number) if PSEUDONYM.fullmatch(number) else None
        try:
            normal = check_number(kind, number)
        except BadIdentifier:
            return None
        return self.identity.subject_id(scheme, normal), mask(normal)

    def _wrong_identity(self, kind: str) -> Text:
        if self.pseudonyms:
            return Text(
                "代号应为 1 至 64 个字母、数字或 . _ -", "a pseudonym of 1 to 64 letters, digits or . _ - is accepted"
            )
        return wrong_number(kind)

    def _refusal(self, name: str, check: str) -> Text:
        """Words for a failed Pandera check of column ``name``."""
        if check == "not_nullable":
            return Text("必填项为空", "a required value is empty")
        if name == "subject_kind":
            accepted = ", ".join(self.item.subject_kinds)
            return Text(f"此目录项的主体类别限：{accepted}", f"subject kinds accepted for this item: {accepted}")
        if name == "record_id":
            return Text("编号应为 1 至 200 个字符", "a record id of 1 to 200 characters is accepted")
        field = self.item.fields[name]
        if field.codes:
            accepted = ", ".join(field.codes)
            return Text(f"代码不在代码表内；可用：{accepted}", f"not in the code list; accepted: {accepted}")
        low = "-∞" if field.minimum is None else field.minimum
        high = "∞" if field.maximum is None else field.maximum
        bounds = f"{low} .. {high}"
        return Text(f"超出范围；可用：{bounds}", f"out of range; accepted: {bounds}")
