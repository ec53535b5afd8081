"""Signed receipts: a source can prove to anyone, without asking us, that its batch was taken in.

A receipt is a JSON Web Signature (RFC 7515, compact) with EdDSA over Ed25519 (RFC 8037); the public key is a JWK Set
(RFC 7517), its ``kid`` the thumbprint of RFC 7638. The private key is made at first use, in ``home/secrets``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from records.exchange.errors import BadReceipt
from records.exchange.made_once import made_once
from records.receipt import Receipt
from records.settings import Settings
from records.words import Text

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

ALGORITHM = "EdDSA"
TYPE = "huixin-receipt+jwt"
ISSUER = "huixin"


class ReceiptSigner:
    """Signs with the installation's receipt key."""

    def __init__(self, settings: Settings) -> None:
        self._path = settings.home / "secrets" / "receipt.key"

    def signed(self, receipt: Receipt) -> dict[str, Any]:
        """``receipt``: what is said, and ``jws``: the same, signed. Never a path of this machine."""
        import jwt

        key = self._key()
        said = said_by(receipt)
        headers = {"kid": _public(key)["kid"], "typ": TYPE}
        return {"receipt": said, "jws": jwt.encode(said, key, algorithm=ALGORITHM, headers=headers)}

    def key_set(self) -> dict[str, Any]:
        """The public key, as a JWK Set."""
        return {"keys": [_public(self._key())]}

    def _key(self) -> Ed25519PrivateKey:
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
        from cryptography.hazmat.primitives.serialization import load_pem_private_key

        key = load_pem_private_key(made_once(self._path, _new_key), None)
        assert isinstance(key, Ed25519PrivateKey)  # noqa: S101  (we made it)
        return key


def said_by(receipt: Receipt) -> dict[str, Any]:
    """What a receipt tells its source; ``rejects`` is the name of the reject file, where some rows were refused."""
    stored = receipt.as_dict()
    kept = (
        "batch_id",
        "item",
        "source",
        "version",
        "sha256",
        "received_at",
        "accepted_at",
        "rows_read",
        "rows_accepted",
        "rows_rejected",
    )
    return {
        "iss": ISSUER,
        **{name: stored[name] for name in kept},
        "batch_key": own_key(receipt.batch_key),
        "rejects": f"{receipt.batch_id}.csv" if receipt.rejects else None,
    }


def own_key(batch_key: str | None) -> str | None:
    """A batch key as its source gave it: ``push:tax:2025-10`` is ``2025-10``."""
    if batch_key is not None and batch_key.startswith("push:"):
        return batch_key.split(":", 2)[2]
    return batch_key


def verify(content: bytes, key_set: dict[str, Any]) -> dict[str, Any]:
    """What a signed receipt says. Raises ``BadReceipt`` where it is not signed by a key of ``key_set``, or was changed.

    ``content``: the JSON with ``jws`` that the service gives, or the compact JWS alone.
    """
    import jwt

    compact, told = _opened(content)
    try:
        kid = jwt.get_unverified_header(compact).get("kid")
        keys = {key.key_id: key for key in jwt.PyJWKSet.from_dict(key_set).keys}
        if kid not in keys:
            raise BadReceipt(
                Text("回执由另一密钥签发", "the receipt was signed with a key that is not in this key set")
            )
        said: dict[str, Any] = jwt.decode(compact, keys[kid].key, algorithms=[ALGORITHM], issuer=ISSUER)
    except (jwt.PyJWTError, ValueError, TypeError, AttributeError) as error:
        raise BadReceipt(Text("签名不符：回执被改动或不完整", "the signature does not fit: changed or cut")) from error
    if told is not None and told != said:
        raise BadReceipt(Text("明文与签名内容不一致", "the readable part differs from what was signed"))
    return said


def _opened(content: bytes) -> tuple[str, Any]:
    """The compact JWS, and the readable receipt beside it where there is one."""
    try:
        opened = orjson.loads(content)
    except orjson.JSONDecodeError:
        return content.decode(errors="replace").strip(), None
    if not isinstance(opened, dict) or not isinstance(opened.get("jws"), str):
        raise BadReceipt(Text("不是回执：没有 jws", "not a receipt: there is no jws in it"))
    return opened["jws"], opened.get("receipt")


def _new_key() -> bytes:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    return Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _public(key: Ed25519PrivateKey) -> dict[str, Any]:
    from base64 import urlsafe_b64encode
    from hashlib import sha256

    from jwt.algorithms import OKPAlgorithm

    public = OKPAlgorithm.to_jwk(key.public_key(), as_dict=True)
    needed = {name: public[name] for name in ("crv", "kty", "x")}
    thumbprint = sha256(orjson.dumps(needed, option=orjson.OPT_SORT_KEYS)).digest()
    return {**needed, "kid": urlsafe_b64encode(thumbprint).rstrip(b"=").decode(), "use": "sig", "alg": ALGORITHM}
