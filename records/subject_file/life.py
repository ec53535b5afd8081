"""What befell the records of a subject by the as-of: corrections, objections, erasures."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from records.as_of import VISIBLE
from records.catalogue import Item
from records.database import LifecycleRow
from records.lifecycle import ACTION_WORDS
from records.protected import PROTECTED_FIELDS
from records.subject_file.model import Dispute, FieldChange, Gap, Step
from records.subject_file.question import NEWEST, Question
from records.subject_file.refs import Names
from records.subject_file.values import said
from records.visibility import GONE, dispute, hidden
from records.words import Text

CORRECTED = Text("更正", "Corrected")
MOST_DISPUTES = 500


class Life:
    """The steps of a subject's records that the base knew at the as-of of ``question``."""

    def __init__(self, question: Question) -> None:
        self.question = question

    @cached_property
    def events(self) -> dict[tuple[str, str], list[LifecycleRow]]:
        """By item code and record id, in order; of the subject and of those whose files it carries on."""
        found: dict[tuple[str, str], list[LifecycleRow]] = {}
        for row in self._all:
            if row.recorded_at <= self.question.as_of:
                found.setdefault((row.item, row.record_id), []).append(row)
        return found

    def dispute(self, item: Item, record_id: str) -> Dispute | None:
        """The objection to a record that is open."""
        row = dispute(self.events.get((item.code, record_id), []), self.question.as_of)
        return (
            None if row is None else Dispute(item.code, item.words, record_id, row.recorded_at, self._told(row.reason))
        )

    def disputes(self) -> tuple[Dispute, ...]:
        """The open objections to records that the file may show, the oldest first."""
        by_item: dict[str, list[str]] = {}
        for code, record_id in self.events:
            by_item.setdefault(code, []).append(record_id)
        found = []
        for item in self.question.items:
            ids = [one for one in by_item.get(item.code, []) if self.dispute(item, one)]
            if not ids:
                continue
            query = (
                f"SELECT record_id FROM {item.table} WHERE subject_id = $subject AND {VISIBLE} "
                f"AND record_id IN (SELECT unnest($ids)) ORDER BY {NEWEST} LIMIT {MOST_DISPUTES}"
            )
            shown = [row["record_id"] for row in self.question.ask(query, ids=ids)]
            found += [made for one in shown if (made := self.dispute(item, one))]
        return tuple(sorted(found, key=lambda one: (one.since, one.item, one.record_id)))

    def gaps(self) -> tuple[Gap, ...]:
        """What the law ordered to erase, by item and day.

        Records that went when their retention ended had been out of sight already; they are a gap only in a file as of
        before, where they would have been seen.
        """
        found: dict[tuple[str, Any, str], list[LifecycleRow]] = {}
        items = {item.code: item for item in self.question.declared}
        for row in self._all:
            told = row.action == "erase" or (row.action == "expire" and row.recorded_at > self.question.as_of)
            if told and row.item in items:
                found.setdefault((row.item, row.recorded_at, row.legal_basis), []).append(row)
        return tuple(
            Gap(code, items[code].words, at, len(rows), basis) for (code, at, basis), rows in sorted(found.items())
        )

    def histories(self, item: Item, rows: Iterable[Mapping[str, Any]], names: Names) -> dict[str, tuple[Step, ...]]:
        """By record id: the corrections that led to each of ``rows`` and what else befell it, the first step first."""
        known = {row["record_id"]: row for row in rows}
        shown = list(known)
        wanted = {row["supersedes"] for row in known.values()} - {None, *known}
        while wanted:
            earlier = self._earlier(item, sorted(wanted))
            known |= earlier
            wanted = {row["supersedes"] for row in earlier.values()} - {None, *known}
        return {one: tuple(sorted(self._steps(item, one, known, names), key=lambda step: step.at)) for one in shown}

    def _steps(self, item: Item, record_id: str, known: Mapping[str, Mapping[str, Any]], names: Names) -> list[Step]:
        steps = [self._step(event) for event in self.events.get((item.code, record_id), []) if event.action not in GONE]
        row = known[record_id]
        while row["supersedes"] is not None:
            before = known.get(row["supersedes"])
            changes = () if before is None else _changes(item, before, row, names)
            steps.append(Step(row["recorded_at"], CORRECTED, record_id=row["supersedes"], changes=changes))
            if before is None:
                break
            row = before
        return steps

    def _step(self, event: LifecycleRow) -> Step:
        words = ACTION_WORDS[event.action]  # type: ignore[index]  # the column holds an action
        return Step(event.recorded_at, words, self._told(event.reason), event.legal_basis)

    def _told(self, reason: str) -> str | None:
        """Reasons are for those who may see the whole file: they may tell of others."""
        return None if self.question.view == "public" else reason

    def _earlier(self, item: Item, record_ids: list[str]) -> dict[str, dict[str, Any]]:
        """Corrected records that the base knew at the as-of."""
        query = (
            f"SELECT * FROM {item.table} WHERE subject_id = $subject AND record_id IN (SELECT unnest($ids)) "
            "AND recorded_at <= $as_of"
        )
        rows = {row["record_id"]: row for row in self.question.ask(query, ids=record_ids)}
        return {one: row for one, row in rows.items() if not self._hidden(item, one)}

    def _hidden(self, item: Item, record_id: str) -> bool:
        return hidden(self.events.get((item.code, record_id), []), self.question.as_of)

    @cached_property
    def _all(self) -> list[LifecycleRow]:
        query = (
            select(LifecycleRow)
            .where(LifecycleRow.subject_id.in_(self.question.everyone))
            .order_by(LifecycleRow.recorded_at, LifecycleRow.event_id)
        )
        with Session(self.question.engine, expire_on_commit=False) as session:
            return list(session.scalars(query))


def _changes(item: Item, before: Mapping[str, Any], after: Mapping[str, Any], names: Names) -> tuple[FieldChange, ...]:
    found = [
        FieldChange(name, field.words, said(field, before[name], names), said(field, after[name], names))
        for name, field in item.fields.items()
        if before[name] != after[name] and name not in PROTECTED_FIELDS
    ]
    if before["occurred_on"] != after["occurred_on"]:
        days = (Text(day, day) for day in (str(before["occurred_on"]), str(after["occurred_on"])))
        found.append(FieldChange("occurred_on", Text("发生日期", "Day on which it happened"), *days))
    return tuple(found)
