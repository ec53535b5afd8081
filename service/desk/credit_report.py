"""A credit report of a subject, as plain data: rating, grades given, file, objections, who looked."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any

from records.database_desk import ObjectionRow
from records.plain import plain
from records.subject_file import SubjectFile
from records.words import Language, Text
from scoring.rating import Rating
from service.desk import words


@dataclass(frozen=True)
class GradeGiven:
    """A grade that was given before, the last one of a day (Asia/Shanghai)."""

    as_of: date
    grade: str
    score: float
    model_version: str


@dataclass(frozen=True)
class Look:
    """Somebody looked at the subject; ``who`` is told to the subject and to regulators only."""

    at: datetime
    role: Text
    who: str | None
    what: Text
    purpose: Text | None


@dataclass(frozen=True)
class Objection:
    """An objection as it stood when the report was made."""

    objection_id: str
    item: str
    item_words: Text
    record_id: str
    lodged_at: datetime
    due_on: date
    reason: str
    state: Text
    answered_at: datetime | None
    answer: str | None
    remedy: Text | None


@dataclass(frozen=True)
class CreditReport:
    """What a report says. ``rating`` is None where the subject is not rated: ``unrated`` says why."""

    report_id: str
    made_at: datetime
    as_of: datetime
    purpose: str
    language: Language | None
    rating: Rating | None
    unrated: Text | None
    grades: tuple[GradeGiven, ...]
    file: SubjectFile
    objections: tuple[Objection, ...]
    looks: tuple[Look, ...]
    looks_total: int

    def as_dict(self, language: Language | None = None) -> dict[str, Any]:
        """JSON-ready; texts in ``language``, or in both as {"zh", "en"}."""
        made: dict[str, Any] = {
            "report_id": self.report_id,
            "subject_id": self.file.subject.subject_id,
            "subject": asdict(self.file.subject),
            "made_at": self.made_at,
            "as_of": self.as_of,
            "purpose": self.purpose,
            "model": None
            if self.rating is None
            else {"name": self.rating.model_name, "version": self.rating.model_version},
            "unrated": self.unrated,
            "grades": [asdict(one) for one in self.grades],
            "objections": [asdict(one) for one in self.objections],
            "looks": [asdict(one) for one in self.looks],
            "looks_total": self.looks_total,
            "statements": {
                "sources": words.SOURCES_STATEMENT,
                "how_to_object": words.HOW_TO_OBJECT,
                "retention": words.RETENTION,
            },
        }
        found = plain(made, language)
        assert isinstance(found, dict)  # noqa: S101
        rating = None if self.rating is None else self.rating.as_dict(language)
        return {**found, "rating": rating, "file": self.file.as_dict(language)}


def objection(row: ObjectionRow, item_words: Text, moment: datetime) -> Objection:
    """An objection as it stood at ``moment``."""
    answered = row.answered_at is not None and row.answered_at <= moment
    return Objection(
        objection_id=row.objection_id,
        item=row.item,
        item_words=item_words,
        record_id=row.record_id,
        lodged_at=row.lodged_at,
        due_on=row.due_on,
        reason=row.reason,
        state=words.STATE_WORDS[row.state if answered else "open"],
        answered_at=row.answered_at if answered else None,
        answer=row.answer if answered else None,
        remedy=words.REMEDY_WORDS.get(row.remedy or "") if answered else None,
    )
