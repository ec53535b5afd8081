"""Who a record is about: identity numbers are checked at the door and leave it as keyed hashes."""

from __future__ import annotations

import hmac
import os
import re
import secrets
from hashlib import sha256
from pathlib import Path

from records.errors import BadIdentifier, BadSettings
from records.settings import Settings
from records.words import Text

SUBJECT_ID = re.compile(r"[0-9a-f]{32}")
PSEUDONYM = re.compile(r"[A-Za-z0-9_.-]{1,64}")
POSSIBLE_NUMBER = r"[1-9]\d{7}[0-9A-Za-z]{10}"
CITIZEN = re.compile(r"(?=([1-9]\d{16}[\dXx]))")
UNIFIED_CODE = re.compile(r"(?<![0-9A-Za-z])[159][1-3]\d{6}[0-9A-Za-z]{10}(?![0-9A-Za-z])")
NATURAL_PERSONS = frozenset({"farmer", "individual"})


def scheme_of(kind: str) -> str:
    """``ric`` (GB 11643 citizen number) for natural persons, else ``uscc`` (GB 32100)."""
    return "ric" if kind in NATURAL_PERSONS else "uscc"


def check_number(kind: str, number: str) -> str:
    """The number in its normal form; raises ``BadIdentifier`` where length, form or check character is wrong.

    Unified social credit codes: GB 32100-2015, check character mod 31. Citizen numbers: GB 11643-1999, mod 11-2.
    """
    from stdnum.cn import ric, uscc
    from stdnum.exceptions import ValidationError

    scheme = ric if scheme_of(kind) == "ric" else uscc
    try:
        return str(scheme.validate(number))
    except (ValidationError, ValueError) as error:
        raise BadIdentifier(wrong_number(kind)) from error


def holds_number(text: str) -> bool:
    """Whether a free text holds a valid citizen number, or a valid unified code with a letter in it.

    A citizen number is known by its date and check character wherever it stands. A unified code has the check character
    only, so it must stand alone, and digits alone are taken for a running number.
    """
    persons = CITIZEN.findall(text)
    bodies = [code for code in UNIFIED_CODE.findall(text) if not code.isdecimal()]
    return any(_is_valid("individual", number) for number in persons) or any(
        _is_valid("enterprise", code) for code in bodies
    )


def _is_valid(kind: str, number: str) -> bool:
    try:
        check_number(kind, number)
    except BadIdentifier:
        return False
    return True


def wrong_number(kind: str) -> Text:
    """What is wrong with an identity number, without saying the number."""
    if scheme_of(kind) == "ric":
        return Text(
            "公民身份号码有误：应为 18 位，校验码符合 GB 11643",
            "not a valid citizen number: 18 characters with the check character of GB 11643 are accepted",
        )
    return Text(
        "统一社会信用代码有误：应为 18 位，校验码符合 GB 32100",
        "not a valid unified social credit code: 18 characters with the check character of GB 32100 are accepted",
    )


def mask(number: str) -> str:
    """The first two and the last two characters; short pseudonyms show none."""
    return f"{number[:2]}{'*' * (len(number) - 4)}{number[-2:]}" if len(number) >= 10 else "*" * len(number)


class Identity:
    """Turns identity numbers into subject ids: HMAC-SHA256 under the installation's key, first 128 bits."""

    def __init__(self, key: bytes) -> None:
        if len(key) < 16:
            raise BadSettings(
                Text("标识密钥过短：至少 16 字节", "the identity key is too short: at least 16 bytes are accepted")
            )
        self._key = key

    @classmethod
    def from_settings(cls, settings: Settings) -> Identity:
        """The key named by ``HUIXIN_IDENTITY_KEY``, or one made once and kept under the home folder."""
        if settings.identity_key is not None:
            return cls(settings.identity_key.get_secret_value().encode())
        return cls(_kept_key(settings.home / "secrets" / "identity.key"))

    def subject_id(self, scheme: str, number: str) -> str:
        """32 hexadecimal characters; the same person or body always has the same id."""
        return hmac.new(self._key, f"{scheme}:{number}".encode(), sha256).hexdigest()[:32]


def _kept_key(path: Path) -> bytes:
    """The key kept at ``path``; of two processes that make it at once, one wins and both use it."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        attempt = path.with_name(f"{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
        descriptor = os.open(attempt, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_hex(32))
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(attempt, path)
        except FileExistsError:
            pass
        finally:
            attempt.unlink()
    return bytes.fromhex(path.read_text().strip())
