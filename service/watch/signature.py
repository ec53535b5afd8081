"""Secrets of webhooks and the signatures made with them.

``Huixin-Signature: t=<unix seconds>,v1=<hex>``, where v1 is HMAC-SHA256 under the webhook's secret of ``t``, a full
stop and the body. While a secret is being replaced there are two v1, one under each. Secrets are derived, so that the
database holds none: whoever reads it cannot sign.
"""

from __future__ import annotations

import hmac
import secrets
from datetime import datetime
from hashlib import sha256

from records.database_watch import WebhookRow
from records.exchange.made_once import made_once
from records.moment import now
from records.settings import Settings

HEADER = "Huixin-Signature"


class Signer:
    """Derives secrets and signs bodies. Safe between threads."""

    def __init__(self, settings: Settings) -> None:
        given = settings.watch.webhook_key
        path = settings.home / "secrets" / "webhook.key"
        self._master = given.get_secret_value().encode() if given else made_once(path, _new_key)

    def secret(self, webhook_id: str, salt: str) -> str:
        """``whsec_`` and 64 hexadecimal characters."""
        return "whsec_" + hmac.digest(self._master, f"huixin webhook {webhook_id} {salt}".encode(), "sha256").hex()

    def header(self, webhook: WebhookRow, body: bytes, at: datetime | None = None) -> str:
        """The signature's header, of ``at`` (UTC; default: now)."""
        moment = at or now()
        seconds = int((moment - datetime(1970, 1, 1)).total_seconds())
        salts = [webhook.salt]
        if webhook.former_salt and webhook.former_until and moment < webhook.former_until:
            salts.append(webhook.former_salt)
        signed = [sign(self.secret(webhook.webhook_id, salt), seconds, body) for salt in salts]
        return ",".join([f"t={seconds}", *(f"v1={one}" for one in signed)])


def sign(secret: str, seconds: int, body: bytes) -> str:
    return hmac.new(secret.encode(), str(seconds).encode() + b"." + body, sha256).hexdigest()


def new_salt() -> str:
    return secrets.token_hex(16)


def _new_key() -> bytes:
    return secrets.token_hex(32).encode()
