"""The installation's identity keys, the present one first: kept in a file or given by the environment."""

from __future__ import annotations

import hmac
import os
import secrets
from collections.abc import Iterator, Sequence
from hashlib import sha256
from pathlib import Path

from records.errors import BadSettings
from records.settings import Settings
from records.words import Text

SHORTEST = 16
BLOCK = 64


class KeyRing:
    """Keys of the subject ids, newest first. The first one is used, the former ones are only tried."""

    def __init__(self, keys: tuple[bytes, ...]) -> None:
        if not keys or any(len(key) < SHORTEST for key in keys):
            raise BadSettings(
                Text(
                    f"标识密钥过短：至少 {SHORTEST} 字节",
                    f"the identity key is too short: at least {SHORTEST} bytes are accepted",
                )
            )
        if len(set(keys)) != len(keys):
            raise BadSettings(Text("同一标识密钥给出了两次", "the same identity key is given twice"))
        self.keys = keys

    @classmethod
    def from_settings(cls, settings: Settings) -> KeyRing:
        """The keys of ``HUIXIN_IDENTITY_KEY`` and ``..._KEYS_FORMER``, or those kept under the home folder."""
        if settings.identity_key is None:
            return cls(_kept(key_file(settings)))
        former = tuple(key.get_secret_value().encode() for key in settings.identity_keys_former)
        return cls((settings.identity_key.get_secret_value().encode(), *former))

    @property
    def fingerprints(self) -> tuple[str, ...]:
        """A public name of each key, from which the key cannot be found."""
        return tuple(hmac.digest(key, b"huixin identity key", "sha256").hex()[:16] for key in self.keys)

    def hashes(self, scheme: str, number: str) -> list[str]:
        """HMAC-SHA256 under each key, first 128 bits, 32 hexadecimal characters."""
        return self.hashes_of(scheme, [number])[0]

    def hashes_of(self, scheme: str, numbers: Sequence[str]) -> list[list[str]]:
        """The same of many numbers, in order."""
        under = [list(_hashes(key, scheme, numbers)) for key in self.keys]
        return [list(hashes) for hashes in zip(*under, strict=True)]

    def mac(self, text: str) -> str:
        """A code that only this installation can make, under the present key; 24 hexadecimal characters."""
        return _mac(self.keys[0], text)

    def made(self, text: str, code: str) -> bool:
        """Whether ``code`` was made for ``text`` under one of the keys."""
        return any(hmac.compare_digest(_mac(key, text), code) for key in self.keys)


def key_file(settings: Settings) -> Path:
    """Where the keys are kept: one a line, hexadecimal, the present one first."""
    return settings.home / "secrets" / "identity.key"


def prepend_key(settings: Settings) -> None:
    """Make a new key and put it before the kept ones. Raises ``BadSettings`` where the environment gives the keys."""
    if settings.identity_key is not None:
        raise BadSettings(
            Text(
                "密钥由环境变量给出：请将 HUIXIN_IDENTITY_KEY 改为新密钥，并把旧密钥列入 HUIXIN_IDENTITY_KEYS_FORMER",
                "the keys come from the environment: set HUIXIN_IDENTITY_KEY to the new one and list the old one in "
                "HUIXIN_IDENTITY_KEYS_FORMER",
            )
        )
    path = key_file(settings)
    _kept(path)
    _replace(path, f"{secrets.token_hex(32)}\n{path.read_text().strip()}\n")


def drop_former_keys(settings: Settings) -> None:
    """Destroy all kept keys but the present one."""
    path = key_file(settings)
    if settings.identity_key is None:
        _replace(path, f"{path.read_text().split()[0]}\n")


def _hashes(key: bytes, scheme: str, numbers: Sequence[str]) -> Iterator[str]:
    """HMAC (RFC 2104) from the two states that the key leads to: three times as fast as from the key each time."""
    block = (sha256(key).digest() if len(key) > BLOCK else key).ljust(BLOCK, b"\0")
    inner = sha256(bytes(byte ^ 0x36 for byte in block) + f"{scheme}:".encode())
    outer = sha256(bytes(byte ^ 0x5C for byte in block))
    for number in numbers:
        first, second = inner.copy(), outer.copy()
        first.update(number.encode())
        second.update(first.digest())
        yield second.hexdigest()[:32]


def _mac(key: bytes, text: str) -> str:
    return hmac.new(key, b"huixin sealed:" + text.encode(), sha256).hexdigest()[:24]


def _kept(path: Path) -> tuple[bytes, ...]:
    """The keys kept at ``path``; of two processes that make the first at once, one wins and both use it."""
    if not path.exists():
        attempt = written(path, secrets.token_hex(32) + "\n")
        try:
            os.link(attempt, path)
        except FileExistsError:
            pass
        finally:
            attempt.unlink()
    try:
        return tuple(bytes.fromhex(line) for line in path.read_text().split())
    except ValueError as error:
        raise BadSettings(
            Text(f"{path} 不是十六进制密钥文件", f"{path} does not hold keys in hexadecimal, one a line")
        ) from error


def _replace(path: Path, content: str) -> None:
    written(path, content).replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def written(path: Path, content: str) -> Path:
    """A new file beside ``path``, readable by its owner only and on disk; to be linked or moved into its place."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    attempt = path.with_name(f"{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    descriptor = os.open(attempt, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    return attempt
