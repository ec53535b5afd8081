"""One question for a subject's file: who, as of when, in which view; and how the base is asked."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Engine

from records.as_of import moments
from records.catalogue import Catalogue, Item, SubjectKind, Use
from records.moment import shanghai_day
from records.subject_file.model import SHOWN, View

NEWEST = "occurred_on DESC, recorded_at DESC, record_id DESC"


@dataclass(frozen=True)
class Question:
    """``stored``: the items that have records at all; ``members``: the subjects whose files this one carries on.

    ``held``: the items that have visible records of this subject, once they are counted.
    """

    cursor: Any
    engine: Engine
    catalogue: Catalogue
    stored: frozenset[str]
    subject_id: str
    kinds: tuple[SubjectKind, ...]
    members: tuple[str, ...]
    as_of: datetime
    view: View
    use: Use
    limit: int
    held: frozenset[str] | None = None

    @property
    def day(self) -> date:
        return shanghai_day(self.as_of)

    @property
    def everyone(self) -> list[str]:
        """The subject and those whose files it carries on."""
        return [self.subject_id, *self.members]

    def shows(self, item: Item) -> bool:
        """Whether the view and the use let records of ``item`` be shown."""
        return item.disclosure in SHOWN[self.view] and self.use in item.uses

    @property
    def declared(self) -> list[Item]:
        """The items about such a subject that may be shown, whether there are records or not."""
        found = [
            item
            for item in self.catalogue.items.values()
            if self.shows(item) and set(item.subject_kinds) & {*self.kinds}
        ]
        return sorted(found, key=lambda item: (item.source, item.code))

    @property
    def items(self) -> list[Item]:
        """Those of ``declared`` that the base holds records of; of this subject, once they are counted."""
        among = self.stored if self.held is None else self.held
        return [item for item in self.declared if item.code in among]

    def ask(self, query: str, **values: Any) -> list[dict[str, Any]]:
        """Rows of ``query``, which may use $as_of, $as_of_day, $subject and ``values``."""
        known = {**moments(self.as_of), "subject": self.subject_id, **values}
        used = {name: value for name, value in known.items() if f"${name}" in query}
        result = self.cursor.execute(query, used)
        names = [column[0] for column in result.description]
        return [dict(zip(names, row, strict=True)) for row in result.fetchall()]


def listed(names: Iterable[str]) -> str:
    """Column names of a declared item, quoted."""
    return ", ".join(f'"{name}"' for name in names)
