"""The clients of the service: their keys, kept as hashes, how keys are replaced, and whose a key is."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar

from sqlalchemy import Engine, or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from records.catalogue import Catalogue
from records.database import ClientRow, NamedSubjectRow, SubjectRow, writing
from records.errors import HuixinError, NotAuthenticated
from records.moment import now
from records.words import Text
from scoring.audit import enter
from service.security.roles import ACTIONS, ALLOWED, ROLES, Client, Role

CERTIFICATE = re.compile(r"[A-Za-z0-9_-]{43}")
GRACE_MOST = timedelta(days=90)


class BadClient(HuixinError):
    code: ClassVar[str] = "bad-client"
    status: ClassVar[int] = 422
    title: ClassVar[Text] = Text("调用方有误", "Bad client")


@dataclass(frozen=True)
class Bounds:
    """What a client is narrowed to, beside its role; each field as in ``Client``."""

    subject_id: str | None = None
    scopes: Iterable[str] | None = None
    certificate: str | None = None
    per_second: float | None = None
    per_day: int | None = None


class Clients:
    """The clients of the service. Keys are 256 random bits; the database holds their SHA-256 only."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def add(self, name: str, role: str, source: str | None = None, bounds: Bounds | None = None) -> str:
        """Add a client; returns its key, which is not kept and cannot be shown again. Raises ``BadClient``.

        ``source``: the source of the catalogue that an agency's client sends for.
        """
        bounds = bounds or Bounds()
        known = _known_role(role)
        if source is not None and role != "agency":
            raise BadClient(Text("只有 agency 角色属于某一来源", "only an agency's client has a source"))
        if not 1 <= len(name.strip()) <= 120:
            raise BadClient(Text("名称应为 1 至 120 个字符", "a name of 1 to 120 characters is accepted"))
        scopes = _check(known, bounds)
        prefix, key = _new_key()
        row = ClientRow(
            client_id=f"c-{secrets.token_hex(6)}",
            name=name.strip(),
            role=role,
            source=source,
            key_prefix=prefix,
            key_hash=_hash(key),
            created_at=now(),
            subject_id=bounds.subject_id,
            scopes=scopes,
            certificate=bounds.certificate,
            per_second=bounds.per_second,
            per_day=bounds.per_day,
        )
        try:
            with writing(self.engine) as session:
                if bounds.subject_id is not None and not _is_subject(session, bounds.subject_id):
                    raise BadClient(Text("没有此主体", "no such subject; give a subject id"))
                session.add(row)
                session.flush()
                payload = {"client": row.client_id, "role": role, "source": source, "scopes": scopes}
                enter(session, "command line", "client.add", subject_id=bounds.subject_id, payload=payload)
        except IntegrityError as error:
            raise BadClient(Text("此名称已被使用", "this name is taken")) from error
        return key

    def rotate(self, client_id: str, grace: timedelta = timedelta(days=7)) -> str:
        """A new key; the present one still opens for ``grace``. Without grace, tokens given out so far are void too.

        Raises ``BadClient`` for an unknown or revoked client, or a grace of more than 90 days.
        """
        if not timedelta(0) <= grace <= GRACE_MOST:
            raise BadClient(Text("宽限期为 0 至 90 天", "a grace of 0 to 90 days is accepted"))
        prefix, key = _new_key()
        with writing(self.engine) as session:
            row = session.get(ClientRow, client_id)
            if row is None or row.revoked_at is not None:
                raise BadClient(Text("没有此调用方，或已吊销", "no such client, or it is revoked"))
            moment = now()
            if grace:
                row.former_prefix, row.former_hash, row.former_until = row.key_prefix, row.key_hash, moment + grace
            else:
                row.former_prefix = row.former_hash = row.former_until = None
                row.tokens_from = moment
            row.key_prefix, row.key_hash = prefix, _hash(key)
            payload = {"client": client_id, "grace_seconds": grace.total_seconds()}
            enter(session, "command line", "client.rotate", payload=payload)
        return key

    def revoke(self, client_id: str) -> None:
        """Revoke a client's keys and tokens at once. Raises ``BadClient`` for an unknown one."""
        with writing(self.engine) as session:
            row = session.get(ClientRow, client_id)
            if row is None:
                raise BadClient(Text("没有此调用方", "no such client"))
            row.revoked_at = row.revoked_at or now()
            enter(session, "command line", "client.revoke", payload={"client": client_id})

    def list(self) -> list[Client]:
        with Session(self.engine) as session:
            return [client_from(row) for row in session.scalars(select(ClientRow).order_by(ClientRow.created_at))]

    def authenticate(self, key: str | None) -> Client:
        """The client of ``key``. Raises ``NotAuthenticated`` without saying what was wrong."""
        parts = (key or "").split("_", 2)
        if len(parts) == 3 and parts[0] == "hx" and len(parts[1]) == 12:
            given = _hash(str(key))
            with Session(self.engine) as session:
                known = or_(ClientRow.key_prefix == parts[1], ClientRow.former_prefix == parts[1])
                for row in session.scalars(select(ClientRow).where(known)):
                    if row.revoked_at is None and _fits(row, given):
                        return client_from(row)
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


def client_from(row: ClientRow) -> Client:
    role: Role = row.role  # type: ignore[assignment]
    return Client(
        row.client_id,
        row.name,
        role,
        row.created_at,
        row.revoked_at,
        row.source,
        row.subject_id,
        None if row.scopes is None else frozenset(row.scopes),
        row.certificate,
        row.per_second,
        row.per_day,
    )


def _known_role(role: str) -> Role:
    if role not in ROLES:
        accepted = ", ".join(ROLES)
        raise BadClient(Text(f"没有角色 {role[:20]}；可用：{accepted}", f"no role {role[:20]}; accepted: {accepted}"))
    return role


def _check(role: Role, bounds: Bounds) -> list[str] | None:
    """The scopes, sorted. Raises ``BadClient``."""
    if role != "subject" and bounds.subject_id is not None:
        raise BadClient(Text("只有 subject 角色绑定主体", "only a client of the role subject is bound to a subject"))
    if bounds.certificate is not None and not CERTIFICATE.fullmatch(bounds.certificate):
        raise BadClient(Text("证书摘要为 43 个字符", "the SHA-256 of a certificate in base64url has 43 characters"))
    if (bounds.per_second is not None and not 0 < bounds.per_second <= 1e6) or (
        bounds.per_day is not None and not 0 < bounds.per_day <= 2**31 - 1
    ):
        raise BadClient(Text("限额须为正数", "limits are positive numbers"))
    if bounds.scopes is None:
        return None
    scopes = sorted(set(bounds.scopes))
    may = [action for action in ACTIONS if role in ALLOWED[action]]
    if unknown := [one for one in scopes if one not in may]:
        listed, accepted = ", ".join(unknown)[:80], ", ".join(may)
        raise BadClient(
            Text(f"角色 {role} 没有 {listed}；可用：{accepted}", f"{role} has no {listed}; accepted: {accepted}")
        )
    return scopes


def _is_subject(session: Session, subject_id: str) -> bool:
    known = session.scalars(select(SubjectRow).where(SubjectRow.subject_id == subject_id)).first()
    return known is not None or session.get(NamedSubjectRow, subject_id) is not None


def _fits(row: ClientRow, given: str) -> bool:
    """Whether a key of this hash opens: the present one, or the former one within its grace; in constant time."""
    present = hmac.compare_digest(row.key_hash, given)
    former = hmac.compare_digest(row.former_hash or "", given)
    return present or (former and row.former_until is not None and now() < row.former_until)


def _new_key() -> tuple[str, str]:
    prefix = secrets.token_hex(6)
    return prefix, f"hx_{prefix}_{secrets.token_urlsafe(32)}"


def _hash(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()
