"""What the catalogue accepts as values: required, of a code list, within a range; judged by Pandera.

One pass over the columns tells whether any value of a chunk fails. Only where one does is Pandera asked which: its
checks run one by one, and a batch that is in order needs none of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from records.catalogue import Field
from records.words import Text

ID_LENGTH = 200


class Rule(NamedTuple):
    """What a column must be: inclusive bounds, accepted values, most characters; null only where not ``required``."""

    required: bool
    accepted: tuple[str, ...] | None = None
    minimum: float | None = None
    maximum: float | None = None
    longest: int | None = None


class Rules:
    """The rules of one item's columns: ``fields`` and the columns that every batch has."""

    def __init__(self, subject_kinds: tuple[str, ...], fields: Mapping[str, Field]) -> None:
        self._rules = {
            "record_id": Rule(True, longest=ID_LENGTH),
            "subject_number": Rule(True),
            "subject_kind": Rule(True, accepted=subject_kinds),
            "occurred_on": Rule(True),
        } | {
            name: Rule(field.required, tuple(field.codes) if field.codes else None, field.minimum, field.maximum)
            for name, field in fields.items()
        }

    def failures(self, typed: pl.DataFrame) -> Iterator[tuple[str, NDArray[np.bool_], Text]]:
        """Column, failing rows and reason of each rule that some row of ``typed`` breaks."""
        if not typed.select(pl.any_horizontal(_breaks(name, rule).any() for name, rule in self._rules.items())).item():
            return
        import pandera.polars as pandera

        try:
            self._schema.validate(typed, lazy=True)
        except pandera.errors.SchemaErrors as error:
            cases = error.failure_cases.filter(pl.col("index").is_not_null())
            for (name, check), rows in cases.group_by("column", "check", maintain_order=True):
                wrong = np.zeros(typed.height, np.bool_)
                wrong[rows["index"].to_numpy()] = True
                yield str(name), wrong, self._refusal(str(name), str(check))

    @cached_property
    def _schema(self) -> Any:
        import pandera.polars as pandera

        columns = {}
        for name, rule in self._rules.items():
            checks = []
            if rule.accepted is not None:
                checks.append(pandera.Check.isin(list(rule.accepted)))
            if rule.minimum is not None:
                checks.append(pandera.Check.ge(rule.minimum))
            if rule.maximum is not None:
                checks.append(pandera.Check.le(rule.maximum))
            if rule.longest is not None:
                checks.append(pandera.Check.str_length(1, rule.longest))
            columns[name] = pandera.Column(nullable=not rule.required, checks=checks)
        return pandera.DataFrameSchema(columns)

    def _refusal(self, name: str, check: str) -> Text:
        """Words for a failed Pandera check of column ``name``."""
        rule = self._rules[name]
        if check == "not_nullable":
            return Text("必填项为空", "a required value is empty")
        if rule.longest is not None:
            return Text(
                f"编号应为 1 至 {rule.longest} 个字符", f"a record id of 1 to {rule.longest} characters is accepted"
            )
        if rule.accepted is not None:
            accepted = ", ".join(rule.accepted)
            if name == "subject_kind":
                return Text(f"此目录项的主体类别限：{accepted}", f"subject kinds accepted for this item: {accepted}")
            return Text(f"代码不在代码表内；可用：{accepted}", f"not in the code list; accepted: {accepted}")
        low = "-∞" if rule.minimum is None else rule.minimum
        high = "∞" if rule.maximum is None else rule.maximum
        return Text(f"超出范围；可用：{low} .. {high}", f"out of range; accepted: {low} .. {high}")


def _breaks(name: str, rule: Rule) -> pl.Expr:
    """Which rows break ``rule``."""
    value, broken = pl.col(name), [pl.lit(False)]
    if rule.required:
        broken.append(value.is_null())
    if rule.accepted is not None:
        broken.append(~value.is_in(list(rule.accepted)))
    if rule.minimum is not None:
        broken.append(value < rule.minimum)
    if rule.maximum is not None:
        broken.append(value > rule.maximum)
    if rule.longest is not None:
        broken.append(~value.str.len_chars().is_between(1, rule.longest))
    return pl.any_horizontal(broken).fill_null(False)
