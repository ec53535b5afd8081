"""Who may ask what: clients and their keys, roles, purposes, and the subject's authorisation."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Literal, get_args

from sqlalchemy import Engine, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from records.catalogue import Catalogue
from records.database import ClientRow, writing
from records.errors import HuixinError, NotAllowed, NotAuthenticated
from records.identity import NATURAL_PERSONS
from records.moment import now
from records.words import Text
from scoring.audit import enter

Role = Literal["platform", "bank", "agency", "analyst", "regulator"]
Action = Literal[
    "score",
    "read",
    "replay",
    "list",
    "monitor",
    "push",
    "receipts",
    "assess",
    "file",
    "report",
    "object",
    "answer",
    "cases",
    "repair",
    "propose",
    "approve",
    "erase",
    "watch",
    "warnings",
    "webhooks",
]
Purpose = Literal["loan_application", "loan_monitoring", "review", "demonstration"]
ROLES: tuple[Role, ...] = get_args(Role)

# Which kinds of subject each role may have scored; who may read stored scores, replay them, see models and items.
SCORED_KINDS: dict[Role, frozenset[str]] = {
    "platform": frozenset({"enterprise"}),
    "bank": frozenset({"enterprise", "farmer"}),
    "agency": frozenset(),
    "analyst": frozenset(),
    "regulator": frozenset(),
}
# Whose files each role may open; a subject that is only named by others counts as a person.
FILE_KINDS: dict[Role, frozenset[str]] = {
    "platform": frozenset({"enterprise", "institution", "organisation", "government"}),
    "bank": frozenset({"enterprise", "farmer", "individual", "institution", "organisation", "government"}),
    "agency": frozenset(),
    "analyst": frozenset(),
    "regulator": frozenset({"enterprise", "farmer", "individual", "institution", "organisation", "government"}),
}
ALLOWED: dict[Action, frozenset[Role]] = {
    "score": frozenset({"platform", "bank"}),
    "read": frozenset({"platform", "bank", "regulator"}),
    "replay": frozenset({"regulator"}),
    "list": frozenset(ROLES),
    "monitor": frozenset({"analyst", "regulator"}),
    "push": frozenset({"agency"}),
    "receipts": frozenset({"agency", "regulator"}),
    "assess": frozenset({"agency", "regulator"}),
    "file": frozenset({"platform", "bank", "regulator"}),
    "report": frozenset({"platform", "bank", "regulator"}),
    "object": frozenset({"platform", "bank", "agency"}),
    "answer": frozenset({"agency"}),
    "cases": frozenset({"platform", "bank", "agency", "regulator"}),
    "repair": frozenset({"platform", "bank", "agency"}),
    "propose": frozenset({"agency"}),
    "approve": frozenset({"regulator"}),
    "erase": frozenset({"regulator"}),
    "watch": frozenset({"platform", "bank"}),
    "warnings": frozenset({"platform", "bank", "regulator"}),
    "webhooks": frozenset({"platform", "bank"}),
}


class BadClient(HuixinError):
    code: ClassVar[str] = "bad-client"
    status: ClassVar[int] = 422
    title: ClassVar[Text] = Text("调用方有误", "Bad client")


@dataclass(frozen=True)
class Client:
    """A known client, as requests see it."""

    client_id: str
    name: str
    role: Role
    created_at: datetime
    revoked_at: datetime | None
    source: str | None = None


class Clients:
    """The clients of the service. Keys are 256 random bits; the database holds their SHA-256 only."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def add(self, name: str, role: str, source: str | None = None) -> str:
        """Add a client; returns its key, which is not kept and cannot be shown again. Raises ``BadClient``.

        ``source``: the source of the catalogue that an agency's client sends for.
        """
        if role not in ROLES:
            accepted = ", ".join(ROLES)
            raise BadClient(
                Text(f"没有角色 {role[:20]}；可用：{accepted}", f"no role {role[:20]}; accepted: {accepted}")
            )
        if source is not None and role != "agency":
            raise BadClient(Text("只有 agency 角色属于某一来源", "only an agency's client has a source"))
        if not 1 <= len(name.strip()) <= 120:
            raise BadClient(Text("名称应为 1 至 120 个字符", "a name of 1 to 120 characters is accepted"))
        prefix, secret = secrets.token_hex(6), secrets.token_urlsafe(32)
        key = f"hx_{prefix}_{secret}"
        row = ClientRow(
            client_id=f"c-{secrets.token_hex(6)}",
            name=name.strip(),
            role=role,
            source=source,
            key_prefix=prefix,
            key_hash=_hash(key),
            created_at=now(),
        )
        try:
            with writing(self.engine) as session:
                session.add(row)
                session.flush()
                payload = {"client": row.client_id, "role": role, "source": source}
                enter(session, "command line", "client.add", payload=payload)
        except IntegrityError as error:
            raise BadClient(Text("此名称已被使用", "this name is taken")) from error
        return key

    def revoke(self, client_id: str) -> None:
        """Revoke a client's key at once. Raises ``BadClient`` for an unknown one."""
        with writing(self.engine) as session:
            row = session.get(ClientRow, client_id)
            if row is None:
                raise BadClient(Text("没有此调用方", "no such client"))
            row.revoked_at = row.revoked_at or now()
            enter(session, "command line", "client.revoke", payload={"client": client_id})

    def list(self) -> list[Client]:
        with Session(self.engine) as session:
            return [_client(row) for row in session.scalars(select(ClientRow).order_by(ClientRow.created_at))]

    def authenticate(self, key: str | None) -> Client:
        """The client of ``key``. Raises ``NotAuthenticated`` without saying what was wrong."""
        parts = (key or "").split("_", 2)
        if len(parts) == 3 and parts[0] == "hx" and len(parts[1]) == 12:
            with Session(self.engine) as session:
                row = session.scalars(select(ClientRow).where(ClientRow.key_prefix == parts[1])).first()
                if row is not None and hmac.compare_digest(row.key_hash, _hash(str(key))) and row.revoked_at is None:
                    return _client(row)
        raise NotAuthenticated(
            Text("请在 X-API-Key 请求头中给出有效密钥", "a valid key in the header X-API-Key is needed")
        )


def check_source(catalogue: Catalogue, source: str | None) -> None:
    """Raises ``BadClient`` for a source that the catalogue does not know."""
    if source is not None and source not in catalogue.sources:
        accepted = ", ".join(sorted(catalogue.sources))
        raise BadClient(
            Text(f"没有来源 {source[:40]}；可用：{accepted}", f"no source {source[:40]}; accepted: {accepted}")
        )


def allow(client: Client, action: Action) -> None:
    """Raises ``NotAllowed`` where the client's role may not do this."""
    if client.role not in ALLOWED[action]:
        accepted = ", ".join(sorted(ALLOWED[action]))
        raise NotAllowed(
            Text(
                f"角色 {client.role} 无此权限；可用角色：{accepted}",
                f"the role {client.role} may not; roles that may: {accepted}",
            )
        )


def allow_subject(client: Client, kind: str, authorisation: str | None) -> None:
    """Raises ``NotAllowed`` for a kind that the role may not score, or a person whose authorisation is missing.

    Regulation on the credit reporting industry, Art. 18: whoever asks about a person needs that person's written
    authorisation and an agreed purpose.
    """
    if kind not in SCORED_KINDS[client.role]:
        raise NotAllowed(
            Text(
                f"角色 {client.role} 不得查询 {kind} 类主体",
                f"the role {client.role} may not ask about a subject of kind {kind}",
            )
        )
    if kind in NATURAL_PERSONS and not authorisation:
        raise NotAllowed(
            Text(
                "查询个人信用须有本人书面授权：请在 authorisation 中给出授权书编号（征信业管理条例第十八条）",
                "asking about a person needs that person's written authorisation: give its reference as authorisation "
                "(Regulation on the credit reporting industry, Art. 18)",
            )
        )


def allow_file(client: Client, kinds: Iterable[str], authorisation: str | None) -> None:
    """Raises ``NotAllowed`` for a kind whose files the role may not open, or a person whose authorisation is missing.

    Regulators act by law (Regulation on the credit reporting industry, Art. 33); everybody else needs the person's
    authorisation (Art. 18).
    """
    asked = set(kinds) or {"individual"}
    if barred := sorted(asked - FILE_KINDS[client.role]):
        listed = ", ".join(barred)
        raise NotAllowed(
            Text(
                f"角色 {client.role} 不得查阅 {listed} 类主体的档案",
                f"the role {client.role} may not open files of the kind {listed}",
            )
        )
    if client.role != "regulator" and asked & NATURAL_PERSONS and not authorisation:
        raise NotAllowed(
            Text(
                "查阅个人档案须有本人书面授权：请在 authorisation 中给出授权书编号（征信业管理条例第十八条）",
                "opening a person's file needs that person's written authorisation: give its reference as "
                "authorisation (Regulation on the credit reporting industry, Art. 18)",
            )
        )


def _hash(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


def _client(row: ClientRow) -> Client:
    role: Role = row.role  # type: ignore[assignment]
    return Client(row.client_id, row.name, role, row.created_at, row.revoked_at, row.source)
