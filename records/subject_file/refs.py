"""Subjects as a file may name them: masked, by kind; bodies by the name that they are registered under."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import get_args

from sqlalchemy import select
from sqlalchemy.orm import Session

from records.as_of import VISIBLE
from records.catalogue import SubjectKind
from records.database import SubjectRow
from records.subject_file.model import SubjectRef
from records.subject_file.question import NEWEST, Question

KINDS: tuple[SubjectKind, ...] = get_args(SubjectKind)
# What tells who a subject is.
REGISTERS: Mapping[SubjectKind, str] = {
    "enterprise": "market.registration",
    "farmer": "village.household",
    "individual": "public_security.resident",
    "institution": "staffing.registration",
    "organisation": "civil_affairs.registration",
    "government": "staffing.government_body",
}
NAME = "name"
AT_ONCE = 5_000


class Names:
    """Looks subjects up for one question, many at once, each only once."""

    def __init__(self, question: Question) -> None:
        self.question = question
        self._known: dict[str, SubjectRef] = {}

    def of(self, subject_id: str) -> SubjectRef:
        """One that is only named by others' records has neither kinds nor a mask."""
        self.learn([subject_id])
        return self._known[subject_id]

    def said(self, subject_id: str) -> str:
        """The name of a body, the masked number of anybody else, or the beginning of the subject id."""
        ref = self.of(subject_id)
        return ref.name or ref.masked or f"{subject_id[:8]}…"

    def learn(self, subject_ids: Iterable[str]) -> None:
        """Look up all that are not known yet."""
        wanted = sorted(set(subject_ids) - self._known.keys())
        if not wanted:
            return
        found: dict[str, list[tuple[str, str]]] = {}
        with Session(self.question.engine) as session:
            for first in range(0, len(wanted), AT_ONCE):
                query = select(SubjectRow.subject_id, SubjectRow.kind, SubjectRow.masked).where(
                    SubjectRow.subject_id.in_(wanted[first : first + AT_ONCE])
                )
                for subject_id, kind, masked in session.execute(query):
                    found.setdefault(subject_id, []).append((kind, masked))
        names = _names(self.question, wanted)
        for subject_id in wanted:
            rows = found.get(subject_id, [])
            kinds = tuple(kind for kind in KINDS if kind in {one for one, _ in rows})
            self._known[subject_id] = SubjectRef(subject_id, kinds, rows[0][1] if rows else "", names.get(subject_id))


def _names(question: Question, subject_ids: list[str]) -> dict[str, str]:
    """The registered names of bodies, from registers that are public; those of persons are not told."""
    found: dict[str, str] = {}
    for code in REGISTERS.values():
        item = question.catalogue.items.get(code)
        if item is None or code not in question.stored or NAME not in item.fields or item.disclosure != "public":
            continue
        query = (
            f'SELECT subject_id, "{NAME}" AS name FROM {item.table} '
            f"WHERE subject_id IN (SELECT unnest($ids)) AND {VISIBLE} "
            f"QUALIFY row_number() OVER (PARTITION BY subject_id ORDER BY {NEWEST}) = 1"
        )
        found |= {row["subject_id"]: row["name"] for row in question.ask(query, ids=subject_ids)}
    return found
