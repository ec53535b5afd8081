"""The records of a subject by item: counted by the engine, the newest of each item shown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from records.as_of import VISIBLE
from records.catalogue import Item
from records.catalogue.kinds import KEY_GROUP_WORDS
from records.subject_file.life import Life
from records.subject_file.model import FileRecord, ItemRecords, Membership, MonthCount
from records.subject_file.question import NEWEST, Question
from records.subject_file.refs import REGISTERS, Names
from records.subject_file.values import field_values, named

MOST_REGISTERED = 200


@dataclass(frozen=True)
class Count:
    """The visible records of an item: how many, over which days, by month, and when the last became known."""

    item: Item
    total: int
    first_on: date
    last_on: date
    latest: datetime
    months: Mapping[date, int]


def counts(question: Question) -> list[Count]:
    """Of each item that has visible records of the subject, in one query."""
    if not question.items:
        return []
    parts = " UNION ALL ".join(
        f"SELECT {number} AS number, CAST(date_trunc('month', occurred_on) AS DATE) AS month, count(*) AS records, "
        "min(occurred_on) AS first_on, max(occurred_on) AS last_on, max(recorded_at) AS latest "
        f"FROM {item.table} WHERE subject_id = $subject AND {VISIBLE} GROUP BY month"
        for number, item in enumerate(question.items)
    )
    rows: dict[int, list[dict[str, Any]]] = {}
    for row in question.ask(f"{parts} ORDER BY number, month"):
        rows.setdefault(row["number"], []).append(row)
    return [
        Count(
            question.items[number],
            sum(row["records"] for row in found),
            min(row["first_on"] for row in found),
            max(row["last_on"] for row in found),
            max(row["latest"] for row in found),
            {row["month"]: row["records"] for row in found},
        )
        for number, found in rows.items()
    ]


def item_records(question: Question, counted: Iterable[Count], life: Life, names: Names) -> tuple[ItemRecords, ...]:
    """The newest records of each item, at most ``question.limit``, with what befell them."""
    rows = {count.item.code: _newest(question, count.item, question.limit) for count in counted}
    names.learn({one for count in counted for one in named(count.item, rows[count.item.code])})
    made = []
    for count in counted:
        item, source = count.item, question.catalogue.sources[count.item.source]
        made.append(
            ItemRecords(
                item=item.code,
                words=item.words,
                source=source.code,
                source_words=source.words,
                polarity=item.polarity,
                disclosure=item.disclosure,
                legal_basis=item.legal_basis,
                total=count.total,
                first_on=count.first_on,
                last_on=count.last_on,
                records=_records(question, item, rows[item.code], life, names),
            )
        )
    return tuple(made)


def basics(question: Question, life: Life, names: Names) -> tuple[FileRecord, ...]:
    """The latest registration of each kind that the subject is of."""
    found: list[FileRecord] = []
    for item in (question.catalogue.items.get(REGISTERS[kind]) for kind in question.kinds):
        if item is not None and item in question.items:
            found += _records(question, item, _newest(question, item, 1), life, names)
    return tuple(found)


def _newest(question: Question, item: Item, most: int) -> list[dict[str, Any]]:
    query = f"SELECT * FROM {item.table} WHERE subject_id = $subject AND {VISIBLE} ORDER BY {NEWEST} LIMIT $most"
    return question.ask(query, most=most)


def _records(
    question: Question, item: Item, rows: list[dict[str, Any]], life: Life, names: Names
) -> tuple[FileRecord, ...]:
    """Rows of an item as the file shows them."""
    histories = life.histories(item, rows, names)
    origins = _origins(question, item, [row["record_id"] for row in rows])
    return tuple(
        FileRecord(
            item=item.code,
            record_id=row["record_id"],
            occurred_on=row["occurred_on"],
            recorded_at=row["recorded_at"],
            fields=field_values(item, row, names),
            expires_on=row["expires_on"],
            dispute=life.dispute(item, row["record_id"]),
            history=histories[row["record_id"]],
            reported_of=names.of(origins[row["record_id"]]) if row["record_id"] in origins else None,
        )
        for row in rows
    )


def key_groups(question: Question, names: Names) -> tuple[Membership, ...]:
    """The key groups that the person belongs to at the as-of: the newest entry of each register that has not ended."""
    found = []
    for item in question.items:
        if item.key_group is None or "individual" not in question.kinds:
            continue
        same = item.natural_key or ((item.link.other,) if item.link else ())
        entry = "".join(f', "{name}"' for name in same)
        ended = end_field(item)
        lasts = f'AND ("{ended}" IS NULL OR "{ended}" >= $as_of_day)' if ended else ""
        query = (
            f"SELECT * FROM (SELECT * FROM {item.table} WHERE subject_id = $subject AND {VISIBLE} "
            f"QUALIFY row_number() OVER (PARTITION BY subject_id{entry} ORDER BY {NEWEST}) = 1) "
            f"WHERE true {lasts} ORDER BY {NEWEST} LIMIT {MOST_REGISTERED}"
        )
        for row in question.ask(query):
            found.append(
                Membership(
                    group=item.key_group,
                    words=KEY_GROUP_WORDS[item.key_group],
                    item=item.code,
                    source_words=question.catalogue.sources[item.source].words,
                    record_id=row["record_id"],
                    since=row["occurred_on"],
                    lapsed_on=_lapsed(question, item, row),
                    fields=field_values(item, row, names),
                )
            )
    return tuple(found)


def months(counted: Iterable[Count]) -> tuple[MonthCount, ...]:
    """Records by month and polarity, the first month first."""
    summed: dict[tuple[date, Any], int] = {}
    for count in counted:
        for month, records in count.months.items():
            key = month, count.item.polarity
            summed[key] = summed.get(key, 0) + records
    return tuple(MonthCount(month, polarity, records) for (month, polarity), records in sorted(summed.items()))


def end_field(item: Item) -> str | None:
    """The date field that says when what an entry of a register states has ended."""
    if item.link is not None and item.link.until is not None:
        return item.link.until
    return "ended_on" if "ended_on" in item.fields else None


def _lapsed(question: Question, item: Item, row: Mapping[str, Any]) -> date | None:
    """The day on which the entry's validity ended, if it has."""
    ends = [row[name] for name, field in item.fields.items() if field.future and isinstance(row[name], date)]
    past = [day for day in ends if day < question.day]
    return min(past) if past else None


def _origins(question: Question, item: Item, record_ids: list[str]) -> dict[str, str]:
    """By record id: whose record it is, for those that came with the file of another."""
    if not question.members or not item.inherited or not record_ids:
        return {}
    query = (
        f"SELECT record_id, list(DISTINCT subject_id) AS holders FROM {item.table} "
        "WHERE subject_id IN (SELECT unnest($members)) AND record_id IN (SELECT unnest($ids)) GROUP BY record_id"
    )
    rows = question.ask(query, members=list(question.members), ids=record_ids)
    carried = "SELECT subject_id, member_id FROM succession WHERE subject_id IN (SELECT unnest($members))"
    pairs = {(row["subject_id"], row["member_id"]) for row in question.ask(carried, members=list(question.members))}
    return {row["record_id"]: _first(row["holders"], pairs) for row in rows}


def _first(holders: list[str], carried: set[tuple[str, str]]) -> str:
    """Of those that have a record, the one that has it from nobody else."""
    own = [one for one in holders if not any((one, other) in carried for other in holders)]
    return min(own or holders)
