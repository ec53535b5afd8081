"""Records of many subjects that have nothing to do with each other, so that an engine need be asked only once."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any

import pyarrow as pa
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from records.catalogue import Catalogue, Field, Item
from records.moment import end_of_day
from tests.features.test_no_leakage import AS_OF, measured, records

ITEMS = Catalogue.load().items
FIRST, LAST = date(2022, 1, 1), date(2025, 12, 31)
MOMENTS = (AS_OF, end_of_day(date(2024, 2, 29)), datetime(2025, 3, 15, 15, 59, 59, 999_999))
Row = dict[str, Any]


@dataclass
class ManyRecords:
    """Rows by item; the (subject_id, as_of) to ask for; and pairs of subjects of whom only the future differs."""

    rows: dict[str, list[Row]] = field(default_factory=dict)
    asked: list[tuple[str, datetime]] = field(default_factory=list)
    pairs: list[tuple[str, str]] = field(default_factory=list)

    def spine(self) -> pa.Table:
        subjects, moments = zip(*self.asked, strict=True)
        return pa.table({"subject_id": subjects, "as_of": pa.array(moments, pa.timestamp("us"))})

    def add(self, code: str, subject: str, kind: str, number: int, row: Row) -> Row:
        """Keep ``row`` as the record ``number`` of the example of ``subject``, who is called 's' in it."""
        names = {one: subject if one == "s" else f"{subject}-{one}" for one in ("s", "a", "b")}
        others = [name for name, one in ITEMS[code].fields.items() if one.type == "subject"]
        kept = {"subject_id": "s", **row, "record_id": f"{subject}-{number:05}", "subject_kind": kind}
        kept |= {name: names.get(kept[name], kept[name]) for name in ("subject_id", *others) if name in kept}
        self.rows.setdefault(code, []).append(kept)
        return kept

    def add_futures(self, segment: str, examples: int) -> None:
        """Pairs of subjects with the same past: the second has records learnt later, one of them a correction."""
        for example, (known, later, corrected) in enumerate(_futures(segment, examples)):
            before, after = f"{segment}-{example}-before", f"{segment}-{example}-after"
            for subject in (before, after):
                kept = [self.add(code, subject, segment, number, row) for number, (code, row) in enumerate(known)]
            for number, (code, row) in enumerate(later, len(known)):
                self.add(code, after, segment, number, row)
            kept[corrected]["superseded_at"] = AS_OF + timedelta(days=1)
            self.pairs.append((before, after))
            self.asked += [(before, AS_OF), (after, AS_OF)]

    def add_histories(self, segment: str, subjects: int, records_an_item: int, seed: int) -> None:
        """Subjects with a history in every item that their features read, linked with each other, at several as-ofs."""
        random = Random(f"{segment}{seed}")
        names = [f"{segment}-{number}" for number in range(subjects)]
        about = measured(segment).values()
        for size, subject in enumerate(names):
            wanted = [item for item in about for _ in range(random.randint(1, records_an_item))]
            for number, item in enumerate(wanted):
                self.add(item.code, subject, segment, number, _random_row(random, item, names, 10 ** (5 + 3 * size)))
            self.asked += [(subject, moment) for moment in MOMENTS]


def _futures(segment: str, examples: int) -> list[tuple[list[Any], list[Any], int]]:
    found = []

    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(data=st.data())
    def draw(data: st.DataObject) -> None:
        known, later = data.draw(records(segment, later=False)), data.draw(records(segment, later=True))
        found.append((known, later, data.draw(st.integers(0, len(known) - 1))))

    draw()
    return found


def _random_row(random: Random, item: Item, subjects: list[str], largest: int) -> Row:
    happened = FIRST + timedelta(days=random.randint(0, (LAST - FIRST).days))
    learnt = datetime(happened.year, happened.month, happened.day) + timedelta(seconds=random.uniform(0, 5e6))
    row = {name: _random_value(random, one, subjects, largest) for name, one in item.fields.items()}
    row |= {"occurred_on": happened, "recorded_at": learnt}
    if random.random() < 0.1:
        row["superseded_at"] = learnt + timedelta(days=random.randint(0, 400))
    if random.random() < 0.1:
        row["expires_on"] = happened + timedelta(days=random.randint(0, 800))
    return row


def _random_value(random: Random, one: Field, subjects: list[str], largest: int) -> Any:
    if not one.required and random.random() < 0.2:
        return None
    if one.codes:
        return random.choice(sorted(one.codes))
    match one.type:
        case "money":
            return Decimal(random.randint(-largest if one.minimum is None else 0, largest)) / 100
        case "decimal":
            return Decimal(random.randint(0, largest)) / 10_000
        case "integer":
            return random.randint(int(one.minimum or 0), int(one.maximum or 400))
        case "boolean":
            return random.random() < 0.5
        case "date":
            return FIRST + timedelta(days=random.randint(0, 2_000))
        case "subject":
            return random.choice(subjects)
        case _:
            return random.choice(["甲", "乙", "丙", "a", "B", "é"])
