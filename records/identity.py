"""Who a record is about: identity numbers are checked at the door and leave it as keyed hashes."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from records.errors import BadIdentifier
from records.keyring import KeyRing
from records.settings import Settings
from records.words import Text

SUBJECT_ID = re.compile(r"[0-9a-f]{32}")
PSEUDONYM = re.compile(r"[A-Za-z0-9_.-]{1,64}")
POSSIBLE_NUMBER = r"[1-9]\d{7}[0-9A-Za-z]{10}"
CITIZEN = re.compile(r"(?=([1-9]\d{16}[\dXx]))")
UNIFIED_CODE = re.compile(r"(?<![0-9A-Za-z])[159][1-3]\d{6}[0-9A-Za-z]{10}(?![0-9A-Za-z])")
SEALED = "sealed:"
NATURAL_PERSONS = frozenset({"farmer", "individual"})

# From each number's hashes, under the present key and the former ones, to the subject's id.
Known = Callable[[list[list[str]]], list[str]]


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
    except (ValidationError, ValueError, LookupError) as error:
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
    """Turns identity numbers into subject ids: HMAC-SHA256 under the installation's key, first 128 bits.

    A subject keeps the id under which it first came, also after the key has been rotated: a number is looked up under
    the present key and the former ones (``Known``) before it counts as new.
    """

    def __init__(self, ring: KeyRing, known: Known | None = None) -> None:
        self.ring = ring
        self._known = known

    @classmethod
    def from_settings(cls, settings: Settings, known: Known | None = None) -> Identity:
        """With the keys of the environment, or those kept under the home folder."""
        return cls(KeyRing.from_settings(settings), known)

    def subject_id(self, scheme: str, number: str) -> str:
        """32 hexadecimal characters; the same person or body always has the same id."""
        return self.subject_ids(scheme, [number])[0]

    def subject_ids(self, scheme: str, numbers: Sequence[str]) -> list[str]:
        """The ids of many numbers in their normal form, in order."""
        hashes = self.ring.hashes_of(scheme, numbers)
        if self._known is None:
            return [under[0] for under in hashes]
        return self._known(hashes)

    def seal(self, scheme: str, subject_id: str, masked: str) -> str:
        """A token that stands for a number in a reject file; the door accepts it in place of the number."""
        content = f"{masked}:{subject_id}"
        return f"{SEALED}{content}:{self.ring.mac(f'{content}:{scheme}')}:{scheme}"

    def unseal(self, token: str) -> tuple[str, str, str] | None:
        """Scheme, subject id and masked number of a token that this installation made, or ``None``."""
        parts = token.removeprefix(SEALED).split(":", 3)
        if not token.startswith(SEALED) or len(parts) != 4:
            return None
        masked, subject_id, code, scheme = parts
        if not self.ring.made(f"{masked}:{subject_id}:{scheme}", code):
            return None
        return scheme, subject_id, masked
