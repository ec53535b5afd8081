"""One fact, claimed differently: by two sources, or by two live records of one item."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from records.as_of import VISIBLE
from records.catalogue import Field, Item
from records.subject_file.model import Claim, Contradiction
from records.subject_file.question import NEWEST, Question, listed
from records.subject_file.refs import Names
from records.subject_file.values import alike, said

MOST = 20
MOST_VERSIONS = 50


def contradictions(question: Question, names: Names) -> tuple[Contradiction, ...]:
    """Facts that the sources claim differently, and facts that one item states twice and not alike."""
    return (*_between_sources(question, names), *_within_items(question, names))


def _between_sources(question: Question, names: Names) -> Iterable[Contradiction]:
    """Fields that have to agree with that of an authoritative item and do not, all claims of a fact together."""
    claims: dict[tuple[str, str], list[tuple[Item, str]]] = {}
    for item in question.items:
        for name, field in item.fields.items():
            if (found := question.catalogue.authority(field)) is not None and found[0] in question.items:
                claims.setdefault((found[0].code, found[1]), []).append((item, name))
    for (code, name), others in claims.items():
        authority = question.catalogue.items[code]
        if made := _against(question, names, authority, name, others):
            yield made


def _against(
    question: Question, names: Names, authority: Item, name: str, others: list[tuple[Item, str]]
) -> Contradiction | None:
    field = authority.fields[name]
    versions = [row for row in _newest(question, authority, MOST_VERSIONS) if row[name] is not None]
    if not versions:
        return None
    differing = []
    for item, own in others:
        row = next(iter(_newest(question, item, 1)), None)
        if row is None or row[own] is None:
            continue
        if not alike(row[own], _in_force(item, row, versions)[name]):
            differing.append(_claim(question, names, item, own, row, authoritative=False))
    if not differing:
        return None
    return Contradiction(
        field.words, (_claim(question, names, authority, name, versions[0], authoritative=True), *differing)
    )


def _in_force(item: Item, row: Mapping[str, Any], versions: list[dict[str, Any]]) -> dict[str, Any]:
    """The authoritative statement that a claim is measured by: a register's entry by the present one, a report by that
    of its day."""
    if item.frequency == "on change":
        return versions[0]
    return next((one for one in versions if one["occurred_on"] <= row["occurred_on"]), versions[-1])


def _within_items(question: Question, names: Names) -> Iterable[Contradiction]:
    """Live records of an item that are alike in their natural key, but not in what they state."""
    for item in question.items:
        if not item.natural_key:
            continue
        key = listed(item.natural_key)
        query = (
            f"SELECT {key}, list(record_id) AS ids FROM {item.table} WHERE subject_id = $subject AND {VISIBLE} "
            f"{_own_only(question, item)} GROUP BY {key} "
            f"HAVING count(DISTINCT record_id) > 1 ORDER BY {key} LIMIT {MOST}"
        )
        for found in question.ask(query, members=list(question.members)):
            query = (
                f"SELECT * FROM {item.table} WHERE subject_id = $subject AND {VISIBLE} "
                f"AND record_id IN (SELECT unnest($ids)) ORDER BY {NEWEST}"
            )
            yield from _differences(question, names, item, question.ask(query, ids=found["ids"]))


def _own_only(question: Question, item: Item) -> str:
    """A successor and its predecessor may both have reported a period: that is no contradiction."""
    if not question.members or not item.inherited:
        return ""
    return f"AND record_id NOT IN (SELECT record_id FROM {item.table} WHERE subject_id IN (SELECT unnest($members)))"


def _differences(question: Question, names: Names, item: Item, rows: list[dict[str, Any]]) -> Iterable[Contradiction]:
    for name, field in item.fields.items():
        if name in item.natural_key or all(alike(row[name], rows[0][name]) for row in rows[1:]):
            continue
        yield Contradiction(
            field.words, tuple(_claim(question, names, item, name, row, authoritative=False) for row in rows)
        )


def _newest(question: Question, item: Item, most: int) -> list[dict[str, Any]]:
    query = f"SELECT * FROM {item.table} WHERE subject_id = $subject AND {VISIBLE} ORDER BY {NEWEST} LIMIT $most"
    return question.ask(query, most=most)


def _claim(
    question: Question, names: Names, item: Item, name: str, row: Mapping[str, Any], *, authoritative: bool
) -> Claim:
    field: Field = item.fields[name]
    return Claim(
        item=item.code,
        source_words=question.catalogue.sources[item.source].words,
        field_words=field.words,
        record_id=row["record_id"],
        occurred_on=row["occurred_on"],
        recorded_at=row["recorded_at"],
        said=said(field, row[name], names),
        authoritative=authoritative,
    )
