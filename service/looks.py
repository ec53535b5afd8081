"""Looking at what is stored of a subject: who may, and the entry that each look leaves in the audit trail."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from fastapi import Query, Request
from sqlalchemy import select
from sqlalchemy.orm import Session

from records.database import SubjectRow
from records.errors import HuixinError, UnknownSubject
from records.identity import SUBJECT_ID
from records.words import Text
from scoring.audit import record
from service.references import NO_NUMBER
from service.security import Action, Client, allow, allow_file

Authorisation = Annotated[
    str | None,
    Query(
        min_length=1,
        max_length=100,
        description="本人书面授权编号，查询自然人时必填（监管机构除外） / reference of the person's authorisation, "
        "needed for persons, except by regulators",
    ),
    NO_NUMBER,
]


class NotASubjectId(HuixinError):
    code: ClassVar[str] = "not-a-subject-id"
    status: ClassVar[int] = 422
    title: ClassVar[Text] = Text("网址中只接受主体编号", "Only subject ids are accepted in an address")


def subject_id_only(given: str) -> str:
    """``given``, where it is a subject id. Raises ``NotASubjectId``, without saying what was given."""
    if SUBJECT_ID.fullmatch(given):
        return given
    raise NotASubjectId(
        Text(
            "此处只接受主体编号（32 位十六进制）。证照号码不得出现在网址中：网址会留在日志与浏览记录里；"
            "请以 POST /v1/scores 的请求体提交号码，回答中含主体编号",
            "a subject id (32 hexadecimal characters) is accepted here. Identity numbers never stand in an address, "
            "which logs and histories keep: send the number in the body of POST /v1/scores; its answer holds the "
            "subject id",
        )
    )


def look(
    request: Request,
    client: Client,
    action: Action,
    subject_id: str,
    authorisation: str | None,
    kind: str | None = None,
    **noted: Any,
) -> None:
    """Enters a look at ``subject_id`` (of ``kind``, default: all it is known as) into the audit trail.

    Raises ``NotAllowed`` where the client may not look, ``UnknownSubject``; refusals are entered too.
    """
    engine = request.app.state.base.engine
    try:
        allow(client, action)
        with Session(engine) as session:
            known = session.scalars(select(SubjectRow.kind).where(SubjectRow.subject_id == subject_id)).all()
        allow_file(client, {kind} if kind else set(known), authorisation)
        if not known and kind is None:
            raise UnknownSubject(Text("信用库中没有此主体", "no such subject in the base"))
        kinds = {kind} if kind else set(known)
        request.app.state.consents.check(client, subject_id, kinds, None, authorisation)
    except HuixinError as error:
        record(engine, client.client_id, f"{action}.refused", payload={"reason": error.code, **noted})
        raise
    payload = {"authorisation": authorisation, **noted}
    record(engine, client.client_id, action, subject_id=subject_id, payload=payload)
