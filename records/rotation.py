"""Rotating the identity key: a new one for what comes, the former ones until every subject is known under it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

from records.base import RecordBase
from records.errors import BadIdentifier, HuixinError
from records.identity import check_number, scheme_of
from records.keyring import drop_former_keys, prepend_key
from records.settings import Settings
from records.words import Text


class FormerKeyNeeded(HuixinError):
    code: ClassVar[str] = "former-key-needed"
    status: ClassVar[int] = 409
    title: ClassVar[Text] = Text("旧密钥仍需要", "A former key is still needed")


@dataclass(frozen=True)
class KeyStatus:
    """``version`` and ``fingerprint`` of the present key, how many ``former`` ones are kept, and how many subjects
    are ``unmoved``: not yet known under the present key."""

    version: int
    fingerprint: str
    former: int
    unmoved: int


def rotate(settings: Settings) -> KeyStatus:
    """Make a new key and use it from now on; subject ids stay as they are.

    Processes that are running refuse batches until they open the base again. Raises ``BadSettings`` where the
    environment gives the keys.
    """
    RecordBase.open(settings)
    prepend_key(settings)
    return status(RecordBase.open(settings))


def status(base: RecordBase) -> KeyStatus:
    """Where the rotation stands."""
    ring = base.known.ring
    return KeyStatus(base.known.version, ring.fingerprints[0], len(ring.keys) - 1, base.known.unmoved())


def rekey(base: RecordBase, kind: str, numbers: Iterable[str]) -> int:
    """Make subjects known under the present key from a register of numbers; returns how many are valid."""
    valid = []
    for number in numbers:
        try:
            valid.append(check_number(kind, number.strip()))
        except BadIdentifier:
            continue
    base.identity.subject_ids(scheme_of(kind), valid)
    return len(valid)


def retire(settings: Settings, *, force: bool = False) -> KeyStatus:
    """Destroy the former keys. Raises ``FormerKeyNeeded`` while subjects are known only under them.

    With ``force``, those subjects keep their records, but who reports of them again reports of a new subject.
    """
    base = RecordBase.open(settings)
    now = status(base)
    if now.unmoved and not force:
        raise FormerKeyNeeded(
            Text(
                f"仍有 {now.unmoved} 个主体只能以旧密钥识别：等其再次被报送，或用 huixin identity rekey 提供名册",
                f"{now.unmoved} subjects are known under a former key only: wait until they are reported again, "
                "or give a register to huixin identity rekey",
            )
        )
    base.known.retire_former()
    drop_former_keys(settings)
    return status(RecordBase(settings, base.engine, base.catalogue)) if settings.identity_key is None else now
