"""The Ed25519 keys that sign tokens: kept in a file or given by the environment, the present one first."""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from hashlib import sha256

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from records.errors import BadSettings
from records.keyring import written
from records.moment import now
from records.settings import Settings
from records.words import Text


@dataclass(frozen=True)
class TokenKey:
    """A signing key; ``retired_at`` of a former one, where it is known."""

    seed: bytes
    retired_at: datetime | None = None

    @cached_property
    def private(self) -> Ed25519PrivateKey:
        return Ed25519PrivateKey.from_private_bytes(self.seed)

    @cached_property
    def public(self) -> Ed25519PublicKey:
        return self.private.public_key()

    @cached_property
    def kid(self) -> str:
        return sha256(self.public.public_bytes_raw()).hexdigest()[:16]


class TokenKeys:
    """The keys of one installation. A key that another process has rotated in is found by looking again."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.path = settings.home / "secrets" / "token.keys"
        self._read = -1
        self._keys: tuple[TokenKey, ...] = ()

    def signing(self) -> TokenKey:
        """The present key."""
        return self._present()[0]

    def verifying(self, kid: str) -> TokenKey | None:
        """The key of this name, unless none of its tokens can still be valid."""
        since = now() - timedelta(seconds=self.settings.access.token_seconds + 60)
        for key in self._present():
            if key.kid == kid and (key.retired_at is None or key.retired_at > since):
                return key
        return None

    def rotate(self) -> str:
        """Make a new key, which signs from now on; the former ones are kept while their tokens last.

        Returns the new key's name. Raises ``BadSettings`` where the environment gives the keys.
        """
        if self.settings.access.token_key is not None:
            raise BadSettings(
                Text(
                    "密钥由环境变量给出：请更换 HUIXIN_ACCESS_TOKEN_KEY，旧密钥列入 HUIXIN_ACCESS_TOKEN_KEYS_FORMER",
                    "the key comes from the environment: change HUIXIN_ACCESS_TOKEN_KEY and list the old one in "
                    "HUIXIN_ACCESS_TOKEN_KEYS_FORMER",
                )
            )
        moment = now()
        former = [TokenKey(key.seed, key.retired_at or moment) for key in self._present()]
        kept = [key for key in former if self.verifying(key.kid)]
        new = TokenKey(secrets.token_bytes(32))
        written(self.path, "".join(map(_line, [new, *kept]))).replace(self.path)
        return new.kid

    def _present(self) -> tuple[TokenKey, ...]:
        given = self.settings.access.token_key
        if given is not None:
            if not self._keys:
                former = self.settings.access.token_keys_former
                self._keys = tuple(TokenKey(_seed(one.get_secret_value())) for one in (given, *former))
            return self._keys
        if not self.path.exists():
            attempt = written(self.path, _line(TokenKey(secrets.token_bytes(32))))
            try:
                os.link(attempt, self.path)
            except FileExistsError:
                pass
            finally:
                attempt.unlink()
        changed = self.path.stat().st_mtime_ns
        if changed != self._read:
            self._keys = tuple(map(_key, self.path.read_text().splitlines()))
            self._read = changed
        return self._keys


def _key(line: str) -> TokenKey:
    seed, _, retired = line.partition(" ")
    return TokenKey(_seed(seed), datetime.fromisoformat(retired) if retired else None)


def _line(key: TokenKey) -> str:
    return f"{key.seed.hex()}{f' {key.retired_at.isoformat()}' if key.retired_at else ''}\n"


def _seed(text: str) -> bytes:
    try:
        seed = bytes.fromhex(text)
    except ValueError:
        seed = b""
    if len(seed) != 32:
        raise BadSettings(
            Text("令牌密钥应为 32 字节的十六进制", "a key for tokens is 32 bytes in hexadecimal (64 characters)")
        )
    return seed
