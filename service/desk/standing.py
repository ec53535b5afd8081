"""Who may speak for a subject, and which cases a client may see."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import ColumnElement, or_, true

from records.database import SubjectRow
from records.database_desk import LawfulStepRow, ObjectionRow
from records.errors import NotAllowed
from records.words import Text
from service.desk.errors import BadCase
from service.security import Client, allow_file


def own_subject(client: Client) -> str | None:
    """The subject that a client of the role subject is; None for everybody else."""
    found: str | None = getattr(client, "subject_id", None)
    return found if str(client.role) == "subject" else None


def may_speak(client: Client, subject: SubjectRow, authorisation: str | None) -> None:
    """Raises ``NotAllowed`` where ``client`` may not bring a case of this subject.

    Subjects bring their own; others bring it in the subject's name, with its authorisation.
    """
    if str(client.role) == "subject":
        if own_subject(client) != subject.subject_id:
            raise NotAllowed(Text("只能就本人的记录提出", "a subject may bring cases about its own records only"))
        return
    if not authorisation:
        raise NotAllowed(
            Text(
                "代主体提出须有其书面委托：请在 authorisation 中给出委托书编号",
                "whoever asks in a subject's name needs its written authorisation: give its reference as authorisation",
            )
        )
    if client.role != "agency":
        allow_file(client, (subject.kind,), authorisation)


def seen_by(client: Client, table: type[ObjectionRow] | type[LawfulStepRow]) -> ColumnElement[bool]:
    """Which rows of ``table`` a client may see: regulators all, an agency those about its records, others their own."""
    if client.role == "regulator":
        return true()
    seen = [table.client_id == client.client_id]
    if (subject_id := own_subject(client)) is not None:
        seen.append(table.subject_id == subject_id)
    if client.role == "agency" and client.source is not None:
        seen.append(table.source == client.source)
    return or_(*seen)


def of_source(client: Client, source: str) -> None:
    """Raises ``NotAllowed`` where ``client`` is not the agency that reported the record."""
    if client.role != "agency" or client.source != source:
        raise NotAllowed(
            Text("只有报送该记录的单位可以办理", "only the agency that reported the record may deal with this")
        )


def about(facts: Mapping[str, Mapping[str, Any]], subject_id: str) -> None:
    """Raises ``BadCase`` where a record is not about the subject; says no more of whose it is."""
    if strangers := [one for one, fact in facts.items() if fact["subject_id"] != subject_id]:
        listed = ", ".join(strangers[:5])
        raise BadCase(Text(f"记录 {listed} 不是该主体的记录", f"record {listed} is not a record of this subject"))
