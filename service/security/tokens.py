"""Access tokens: OAuth 2 client credentials (RFC 6749, 4.4), as signed JWTs (RFC 9068, RFC 8725)."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, ClassVar

import jwt
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from records.database import ClientRow
from records.errors import HuixinError, NotAuthenticated
from records.settings import Settings
from records.words import Text
from service.security.clients import client_from
from service.security.roles import ACTIONS, Client
from service.security.token_keys import TokenKeys

ALGORITHM = "EdDSA"
TYPE = "at+jwt"
CLAIMS = ["iss", "aud", "sub", "iat", "nbf", "exp", "jti", "scope"]
LEEWAY_SECONDS = 5
LONGEST = 4096


class BadScope(HuixinError):
    code: ClassVar[str] = "invalid_scope"
    status: ClassVar[int] = 400
    title: ClassVar[Text] = Text("scope 有误", "Bad scope")


@dataclass(frozen=True)
class Token:
    """A token as it is given out: ``seconds`` that it lasts, and its ``scope``."""

    value: str
    seconds: int
    scope: str
    token_id: str


class Tokens:
    """Gives tokens out and reads them. No token is stored: whether its client may still ask is looked up each time."""

    def __init__(self, engine: Engine, settings: Settings) -> None:
        self.engine = engine
        self.settings = settings.access
        self.keys = TokenKeys(settings)

    def issue(self, client: Client, scope: str | None = None, certificate: str | None = None) -> Token:
        """A token of ``client`` for the actions of ``scope`` (separated by spaces), default all that it may do.

        Bound to ``certificate`` where one was shown (RFC 8705). Raises ``BadScope``.
        """
        held = [action for action in ACTIONS if client.may(action)]
        asked = held if scope is None or not scope.strip() else scope.split()
        if any(one not in held for one in asked):
            accepted = " ".join(held)
            raise BadScope(Text(f"可用的 scope：{accepted}", f"scopes that this client has: {accepted}"))
        key, moment, token_id = self.keys.signing(), time.time(), secrets.token_hex(16)
        given = " ".join(sorted(set(asked)))
        claims: dict[str, Any] = {
            "iss": self.settings.issuer,
            "aud": self.settings.audience,
            "sub": client.client_id,
            "client_id": client.client_id,
            "iat": moment,
            "nbf": moment,
            "exp": moment + self.settings.token_seconds,
            "jti": token_id,
            "scope": given,
        }
        if certificate is not None:
            claims["cnf"] = {"x5t#S256": certificate}
        value = jwt.encode(claims, key.private, ALGORITHM, {"kid": key.kid, "typ": TYPE})
        return Token(value, self.settings.token_seconds, given, token_id)

    def read(self, token: str, certificate: str | None = None) -> Client:
        """The client of a token, narrowed to its scopes. Raises ``NotAuthenticated`` without saying what was wrong."""
        claims = self._claims(token)
        bound = claims.get("cnf")
        if bound is not None and (certificate is None or bound != {"x5t#S256": certificate}):
            raise refused()
        with Session(self.engine) as session:
            row = session.get(ClientRow, claims["sub"])
        if row is None or row.revoked_at is not None:
            raise refused()
        if row.tokens_from is not None and _instant(claims["iat"]) < row.tokens_from:
            raise refused()
        client = client_from(row)
        asked = frozenset(claims["scope"].split())
        return replace(client, scopes=asked if client.scopes is None else asked & client.scopes)

    def _claims(self, token: str) -> dict[str, Any]:
        """The claims of a token that this installation signed for itself and that is valid now."""
        try:
            if len(token) > LONGEST:
                raise refused()
            header = jwt.get_unverified_header(token)
            key = self.keys.verifying(str(header.get("kid")))
            if key is None or header.get("typ") != TYPE:
                raise refused()
            claims: dict[str, Any] = jwt.decode(
                token,
                key.public,
                algorithms=[ALGORITHM],
                audience=self.settings.audience,
                issuer=self.settings.issuer,
                leeway=LEEWAY_SECONDS,
                options={"require": CLAIMS},
            )
        except (jwt.PyJWTError, ValueError, TypeError) as error:
            raise refused() from error
        if not all(isinstance(claims[name], str) for name in ("sub", "scope", "jti")):
            raise refused()
        return claims


def refused() -> NotAuthenticated:
    return NotAuthenticated(
        Text(
            "令牌无效或已过期：请向 POST /v1/oauth/token 重新领取",
            "the token is not valid, or no longer: ask POST /v1/oauth/token for a new one",
        )
    )


def _instant(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None)
