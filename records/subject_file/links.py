"""Who is linked with a subject, in what role, from when to when: as both sides' records say it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from records.as_of import VISIBLE
from records.catalogue import Item
from records.catalogue.kinds import FREQUENCY_MONTHS
from records.plain import plain
from records.subject_file.model import Link, Successor
from records.subject_file.question import NEWEST, Question
from records.subject_file.refs import Names
from records.subject_file.values import said
from records.words import Text

# Roles that an item states for all its records; those of a code list have their words there.
ROLE_WORDS: Mapping[str, Text] = {
    "actual_controller": Text("实际控制人", "actual controller"),
    "branch": Text("分支机构", "branch"),
    "civil_servant": Text("公务员", "civil servant"),
    "employee": Text("从业人员", "employee"),
    "guarantor": Text("担保人", "guarantor"),
    "joint_guarantor": Text("联保人", "joint guarantor"),
    "legal_representative": Text("法定代表人", "legal representative"),
    "spouse": Text("配偶", "spouse"),
}
SHARE = "share_percent"
MOST = 200


@dataclass(frozen=True)
class Tie:
    """How records of an item tie their subject to another: by its link, or by a field of its registration."""

    item: Item
    other: str
    role: str | None
    role_is: str
    words: Text
    until: str | None
    borne_by_other: bool

    @property
    def role_sql(self) -> str:
        return f'coalesce("{self.role}", $role)' if self.role else "$role"

    def role_words(self, role: str) -> Text:
        if self.role and role in (self.item.fields[self.role].codes or {}):
            return self.item.fields[self.role].code_words(role)
        return ROLE_WORDS.get(role, self.words)


def links(question: Question, names: Names) -> list[Link]:
    """All links of the subject that the base knew at the as-of, those that last first."""
    rows = [
        {**row, "tie": tie, "bears": tie.borne_by_other if reverse else not tie.borne_by_other}
        for tie in _ties(question)
        for reverse in ((False, True) if tie.item in question.items else (True,))
        for row in _tied(question, tie, reverse=reverse)
    ]
    merged: dict[tuple[str, str, bool], list[dict[str, Any]]] = {}
    for row in rows:
        merged.setdefault((row["linked"], row["role"], row["bears"]), []).append(row)
    names.learn(row["linked"] for row in rows)
    made = [_link(question, names, found) for found in merged.values()]
    return sorted(made, key=lambda one: (not one.current, -one.since.toordinal(), one.role, one.other.subject_id))


def succession(question: Question, names: Names, *, forward: bool) -> tuple[Successor, ...]:
    """Whose files the subject carries on at the as-of (``forward``), or who carries on its file."""
    mine, theirs = ("subject_id", "member_id") if forward else ("member_id", "subject_id")
    query = (
        f"SELECT {theirs} AS other, since, until FROM succession WHERE {mine} = $subject "
        f"AND since <= $as_of AND (until IS NULL OR until > $as_of) ORDER BY since, {theirs}"
    )
    rows = question.ask(query)
    names.learn(row["other"] for row in rows)
    return tuple(Successor(names.of(row["other"]), row["since"], row["until"]) for row in rows)


def _ties(question: Question) -> Iterable[Tie]:
    """Every way in which a stored item that may be shown ties two subjects."""
    for item in question.catalogue.items.values():
        if item.code not in question.stored or not question.shows(item):
            continue
        if (link := item.link) is not None:
            words = item.fields[link.role].words if link.role else item.words
            stated = link.role_is or "member"
            yield Tie(item, link.other, link.role, stated, words, link.until, link.borne_by == "other")
        elif item.frequency == "on change" and item.succession is None:
            for name, field in item.fields.items():
                if field.type == "subject":
                    yield Tie(item, name, None, name, field.words, None, borne_by_other=True)


def _tied(question: Question, tie: Tie, *, reverse: bool) -> list[dict[str, Any]]:
    """The newest statement of each pair and role, of the records that the subject has or (``reverse``) that name it."""
    item = tie.item
    if reverse:
        about, linked = f'"{tie.other}" IN (SELECT unnest($everyone))', "subject_id"
        holders = f"subject_id IN (SELECT subject_id FROM {item.table} WHERE {about})"
    else:
        about, linked = f'"{tie.other}" IS NOT NULL', f'"{tie.other}"'
        holders = "subject_id = $subject"
    until = f'"{tie.until}"' if tie.until else "CAST(NULL AS DATE)"
    pair = f"PARTITION BY {linked}, role_"
    query = (
        f"WITH stated AS (SELECT *, {tie.role_sql} AS role_, {until} AS until_, {_stands(item)} AS stands_ "
        f"FROM {item.table} WHERE {holders} AND {VISIBLE}) "
        f"SELECT {linked} AS linked, role_ AS role, until_ AS until, stands_ AS stands, record_id, occurred_on, "
        f"coalesce(min(occurred_on) FILTER (until_ IS NULL) OVER ({pair}), occurred_on) AS since, "
        f"{_optional(item, SHARE)} AS share, {_amount(item)} AS amount "
        f"FROM stated WHERE {about} AND {linked} <> $subject "
        f"QUALIFY row_number() OVER ({pair} ORDER BY {NEWEST}) = 1 ORDER BY {NEWEST} LIMIT {MOST}"
    )
    return question.ask(query, role=tie.role_is, everyone=question.everyone)


def _stands(item: Item) -> str:
    """Whether a record still states its link: not overtaken by a newer one of the same register, not long silent.

    Overtaken: a newer record of the same natural key, or, where the item has no link of its own, any newer record.
    What is stated period by period lapses when two periods bring no statement.
    """
    months = FREQUENCY_MONTHS.get(item.frequency)
    lasts = f"occurred_on > $as_of_day - INTERVAL {2 * months} MONTH" if months else "true"
    if item.link is not None and not item.natural_key:
        return lasts
    register = "".join(f', "{name}"' for name in item.natural_key)
    first = f"first_value(record_id) OVER (PARTITION BY subject_id{register} ORDER BY {NEWEST})"
    return f"({lasts} AND record_id = {first})"


def _optional(item: Item, name: str) -> str:
    return f'"{name}"' if name in item.fields else "NULL"


def _amount(item: Item) -> str:
    money = [name for name, field in item.fields.items() if field.type == "money" and item.link is not None]
    return f'"{money[0]}"' if money else "NULL"


def _link(question: Question, names: Names, rows: list[dict[str, Any]]) -> Link:
    """One link from all the records that state it, the newest statement first."""
    rows = sorted(rows, key=lambda row: (row["occurred_on"], row["record_id"]), reverse=True)
    declared = [row for row in rows if row["tie"].item.link is not None] or rows
    lasting = [row for row in declared if row["stands"] and (row["until"] is None or row["until"] >= question.day)]
    told = (lasting or declared)[0]
    tie: Tie = told["tie"]
    return Link(
        other=names.of(told["linked"]),
        role=told["role"],
        words=tie.role_words(told["role"]),
        bears=told["bears"],
        since=min(row["since"] for row in (lasting or declared)),
        until=told["until"],
        current=bool(lasting),
        share_percent=None if told["share"] is None else said(tie.item.fields[SHARE], told["share"], names).en,
        amount=None if told["amount"] is None else str(plain(told["amount"])),
        stated_by=tuple((row["tie"].item.code, row["record_id"]) for row in rows),
    )
