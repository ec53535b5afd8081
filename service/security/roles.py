"""What each role may do, and whom it may ask about."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, get_args

from records.errors import NotAllowed
from records.identity import NATURAL_PERSONS
from records.words import Text

Role = Literal["platform", "bank", "agency", "analyst", "regulator", "subject", "public"]
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
    "consent",
    "consents",
    "looks",
    "promote",
    "approvals",
    "apply",
]
Purpose = Literal["loan_application", "loan_monitoring", "review", "demonstration"]
ROLES: tuple[Role, ...] = get_args(Role)
ACTIONS: tuple[Action, ...] = get_args(Action)
PURPOSES: tuple[Purpose, ...] = get_args(Purpose)

# Which kinds of subject each role may have scored; who may read stored scores, replay them, see models and items.
SCORED_KINDS: dict[Role, frozenset[str]] = {
    "platform": frozenset({"enterprise"}),
    "bank": frozenset({"enterprise", "farmer"}),
    "agency": frozenset(),
    "analyst": frozenset(),
    "regulator": frozenset(),
    "subject": frozenset(),
    "public": frozenset(),
}
# Whose files each role may open; a subject that is only named by others counts as a person.
FILE_KINDS: dict[Role, frozenset[str]] = {
    "platform": frozenset({"enterprise", "institution", "organisation", "government"}),
    "bank": frozenset({"enterprise", "farmer", "individual", "institution", "organisation", "government"}),
    "agency": frozenset(),
    "analyst": frozenset(),
    "regulator": frozenset({"enterprise", "farmer", "individual", "institution", "organisation", "government"}),
    "subject": frozenset({"enterprise", "farmer", "individual", "institution", "organisation", "government"}),
    "public": frozenset({"enterprise", "institution", "organisation", "government"}),
}
ALLOWED: dict[Action, frozenset[Role]] = {
    "score": frozenset({"platform", "bank"}),
    "read": frozenset({"platform", "bank", "regulator"}),
    "replay": frozenset({"regulator"}),
    "list": frozenset({"platform", "bank", "agency", "analyst", "regulator"}),
    "monitor": frozenset({"analyst", "regulator"}),
    "push": frozenset({"agency"}),
    "receipts": frozenset({"agency", "regulator"}),
    "assess": frozenset({"agency", "regulator"}),
    "file": frozenset({"platform", "bank", "regulator", "subject", "public"}),
    "report": frozenset({"platform", "bank", "regulator", "subject"}),
    "object": frozenset({"platform", "bank", "agency", "subject"}),
    "answer": frozenset({"agency"}),
    "cases": frozenset({"platform", "bank", "agency", "regulator", "subject"}),
    "repair": frozenset({"platform", "bank", "agency", "subject"}),
    "propose": frozenset({"agency"}),
    "approve": frozenset({"regulator"}),
    "erase": frozenset({"regulator"}),
    "watch": frozenset({"platform", "bank"}),
    "warnings": frozenset({"platform", "bank", "regulator"}),
    "webhooks": frozenset({"platform", "bank"}),
    "consent": frozenset({"platform", "bank", "subject"}),
    "consents": frozenset({"platform", "bank", "regulator", "subject"}),
    "looks": frozenset({"subject"}),
    "promote": frozenset({"analyst"}),
    "approvals": frozenset({"analyst", "regulator"}),
    "apply": frozenset({"platform"}),
}


@dataclass(frozen=True)
class Client:
    """A known client, as requests see it.

    ``subject_id``: whom a client of the role subject is. ``scopes``: actions that this request may ask for, None all of
    the role. ``certificate``: SHA-256 of the one that it must show, base64url. ``per_second``, ``per_day``: own limits.
    """

    client_id: str
    name: str
    role: Role
    created_at: datetime
    revoked_at: datetime | None
    source: str | None = None
    subject_id: str | None = None
    scopes: frozenset[str] | None = None
    certificate: str | None = None
    per_second: float | None = None
    per_day: int | None = None

    def may(self, action: Action) -> bool:
        """Whether the role may, and the scopes of this client and its token hold it."""
        return self.role in ALLOWED[action] and (self.scopes is None or action in self.scopes)


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
    if client.role == "subject" and client.subject_id is None:
        raise NotAllowed(Text("此密钥未绑定主体", "this key is bound to no subject; ask the operator"))
    if not client.may(action):
        raise NotAllowed(
            Text(
                f"此密钥或令牌的 scope 不含 {action}",
                f"the scope of this key or token does not hold {action}",
            )
        )


def allow_own(client: Client, subject_id: str) -> None:
    """Raises ``NotAllowed`` where a client of the role subject asks about another one."""
    if client.role == "subject" and client.subject_id != subject_id:
        raise NotAllowed(Text("只能查询本人", "a subject may ask about itself only"))


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
    if client.role not in ("regulator", "subject") and asked & NATURAL_PERSONS and not authorisation:
        raise NotAllowed(
            Text(
                "查阅个人档案须有本人书面授权：请在 authorisation 中给出授权书编号（征信业管理条例第十八条）",
                "opening a person's file needs that person's written authorisation: give its reference as "
                "authorisation (Regulation on the credit reporting industry, Art. 18)",
            )
        )
