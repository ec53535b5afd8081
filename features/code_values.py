"""Code values that features rest on: which are new, which no longer come, and how far their shares moved."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np

from features.bins import chance, stability
from features.checks import fields_read
from features.definition import AnyFeature
from features.drift import FALSE_ALARMS, LEVELS, Level, graded
from features.lineage import measured_behind
from records.as_of import VISIBLE, moments
from records.catalogue import Catalogue
from records.moment import add_months, end_of_day
from records.protected import PROTECTED_FIELDS

MONTHS = 12
Values = dict[str, tuple[int, int]]


@dataclass(frozen=True)
class CodeDrift:
    """A code field of an item: records by value before and now.

    ``new`` and ``vanished``: values that came on one side only, more often than chance would leave them out there;
    ``unseen``: values that came now for the first time, however rarely.
    """

    item: str
    field: str
    values: Values
    index: float
    chance: float
    new: tuple[str, ...]
    vanished: tuple[str, ...]
    unseen: tuple[str, ...]

    @property
    def level(self) -> Level:
        moved = graded(self.index, self.chance)
        return max(moved, "moderate", key=LEVELS.index) if self.new or self.vanished else moved


def code_drift(
    connection: Any, segment: str, features: Sequence[AnyFeature], reference: date, current: date
) -> tuple[CodeDrift, ...]:
    """Each code field that ``features`` read, in the twelve months up to ``reference`` and after it, the worst first.

    The months after the reference are those up to ``current``, at most the last twelve; each side as known by its end.
    Protected fields are left out.
    """
    found: list[tuple[str, str, Values]] = []
    for item, fields in _fields(features).items():
        old = _counted(connection, segment, item, fields, add_months(reference, -MONTHS), reference)
        new = _counted(connection, segment, item, fields, max(reference, add_months(current, -MONTHS)), current)
        for field in fields:
            values = sorted(old[field].keys() | new[field].keys())
            if values:
                counts = {value: (old[field].get(value, 0), new[field].get(value, 0)) for value in values}
                found.append((item, field, counts))
    tested = sum(len(values) for *_, values in found)
    made = [compared_codes(item, field, values, tested) for item, field, values in found]
    return tuple(sorted(made, key=lambda one: (-LEVELS.index(one.level), -one.index, one.item, one.field)))


def compared_codes(item: str, field: str, values: Values, tested: int = 1) -> CodeDrift:
    """Drift of one field from its records by value (before, now); ``tested``: values of all fields looked at."""
    old, new = (np.array([pair[side] for pair in values.values()], np.int64) for side in (0, 1))
    level = 1 - FALSE_ALARMS / max(1, tested)
    share = new.sum() / max(1, old.sum() + new.sum())
    return CodeDrift(
        item,
        field,
        values,
        stability(old, new),
        chance(old, new, level),
        tuple(one for one, (a, b) in values.items() if not a and b and share**b < 1 - level),
        tuple(one for one, (a, b) in values.items() if a and not b and (1 - share) ** a < 1 - level),
        tuple(one for one, (a, b) in values.items() if not a and b),
    )


def _fields(features: Iterable[AnyFeature]) -> dict[str, tuple[str, ...]]:
    """By item: the code fields that the features read of their own subjects' records."""
    items, read = Catalogue.load().items, dict[str, set[str]]()
    for feature in {one.code: one for each in features for one in measured_behind(each)}.values():
        if feature.via is not None:
            continue
        item = items[feature.item]
        coded = {name for name, one in item.fields.items() if one.type == "code"} - PROTECTED_FIELDS
        if names := coded & fields_read(feature, item):
            read.setdefault(feature.item, set()).update(names)
    return {item: tuple(sorted(names)) for item, names in sorted(read.items())}


def _counted(
    connection: Any, segment: str, item: str, fields: tuple[str, ...], after: date, until: date
) -> dict[str, dict[str, int]]:
    """By field and value: records that happened after the one day and until the other, as known at its end."""
    columns = ", ".join(f'"{name}"' for name in fields)
    each = " UNION ALL ".join(
        f'SELECT \'{name}\', "{name}", count(*) FROM seen WHERE "{name}" IS NOT NULL GROUP BY 2' for name in fields
    )
    query = (
        f"WITH seen AS MATERIALIZED (SELECT {columns} FROM {Catalogue.load().item(item).table} WHERE {VISIBLE} "
        f"AND subject_kind = $segment AND occurred_on > $after) {each}"
    )
    asked = {**moments(end_of_day(until)), "segment": segment, "after": after}
    found: dict[str, dict[str, int]] = {name: {} for name in fields}
    with connection.con.cursor() as cursor:
        for name, value, records in cursor.execute(query, asked).fetchall():
            found[name][value] = records
    return found
