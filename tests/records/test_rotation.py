"""A rotated identity key changes no subject id, is needed as long as it is, and a stranger's key is noticed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pydantic import SecretStr

from county.numbers import officer_numbers
from records.base import RecordBase
from records.errors import BadSettings, KeysRotated
from records.rotation import FormerKeyNeeded, rekey, retire, rotate, status
from records.settings import Settings
from tests.records.life import FIRMS, arrears, ids, send, shown

PERSON = str(officer_numbers(np.arange(1))[0])


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home")


def guarantee(record_id: str, firm: int, other: int) -> dict[str, str]:
    row = {"record_id": record_id, "subject_kind": "enterprise", "subject_number": FIRMS[firm], "amount": "5"}
    return {**row, "occurred_on": "2024-01-01", "guaranteed": FIRMS[other]}


def test_a_subject_keeps_its_id_under_every_later_key(settings: Settings, tmp_path: Path) -> None:
    door = tmp_path / "door"
    send(RecordBase.open(settings), door, "tax.arrears", arrears("a", 0))
    before = shown(RecordBase.open(settings))
    for number in range(3):
        rotate(settings)
        base = RecordBase.open(settings)
        send(base, door, "tax.arrears", arrears(f"b{number}", 0), arrears(f"n{number}", number + 1))
    found = shown(base)
    assert found[next(iter(before))] == ["a", "b0", "b1", "b2"]
    assert len(found) == 4
    assert base.resolve(FIRMS[0]) == next(iter(before))


def test_who_was_only_named_is_recognised_when_reported_under_the_new_key(settings: Settings, tmp_path: Path) -> None:
    door = tmp_path / "door"
    send(RecordBase.open(settings), door, "loan.guarantee", guarantee("g", 0, 5))
    rotate(settings)
    base = RecordBase.open(settings)
    send(base, door, "tax.arrears", arrears("a", 5))
    named = base.connection(("loan.guarantee",)).con.execute("SELECT guaranteed FROM loan_guarantee").fetchone()
    assert list(shown(base)) == [named[0]]


def test_the_former_key_goes_only_when_no_subject_needs_it(settings: Settings, tmp_path: Path) -> None:
    door = tmp_path / "door"
    send(RecordBase.open(settings), door, "tax.arrears", *(arrears(f"a{firm}", firm) for firm in range(3)))
    assert rotate(settings).unmoved == 3
    base = RecordBase.open(settings)
    send(base, door, "tax.arrears", arrears("b", 0))
    assert status(base).unmoved == 2
    with pytest.raises(FormerKeyNeeded, match="2 subjects"):
        retire(settings)
    assert rekey(base, "enterprise", [FIRMS[1], FIRMS[2], "not a number"]) == 2
    done = retire(settings)
    assert (done.former, done.unmoved, done.version) == (0, 0, 2)
    base = RecordBase.open(settings)
    send(base, door, "tax.arrears", arrears("c", 2))
    assert len(shown(base)) == 3
    assert "c" in shown(base)[base.resolve(FIRMS[2])]


def test_a_process_with_the_old_keys_is_refused_and_changes_nothing(settings: Settings, tmp_path: Path) -> None:
    running = RecordBase.open(settings)
    send(running, tmp_path / "door", "tax.arrears", arrears("a"))
    rotate(settings)
    with pytest.raises(KeysRotated):
        send(running, tmp_path / "door", "tax.arrears", arrears("b", 1))
    assert ids(RecordBase.open(settings)) == ["a"]


def test_another_bases_key_and_one_rotated_away_are_refused(tmp_path: Path) -> None:
    old, new = SecretStr("0123456789abcdef-one"), SecretStr("0123456789abcdef-two")
    home = tmp_path / "home"
    send(RecordBase.open(Settings(home=home, identity_key=old)), tmp_path / "door", "tax.arrears", arrears("a"))
    with pytest.raises(BadSettings, match="does not belong"):
        RecordBase.open(Settings(home=home, identity_key=new))
    rotated = RecordBase.open(Settings(home=home, identity_key=new, identity_keys_former=(old,)))
    assert rotated.known.version == 2
    with pytest.raises(BadSettings, match="rotated away"):
        RecordBase.open(Settings(home=home, identity_key=old))
    with pytest.raises(BadSettings, match="environment"):
        rotate(Settings(home=home, identity_key=new, identity_keys_former=(old,)))
    with pytest.raises(BadSettings, match="too short"):
        RecordBase.open(Settings(home=tmp_path / "other", identity_key=SecretStr("short")))


def test_sealed_tokens_stand_for_numbers_and_cannot_be_made_elsewhere(settings: Settings, tmp_path: Path) -> None:
    base = RecordBase.open(settings)
    token = base.identity.seal("uscc", base.identity.subject_id("uscc", FIRMS[0]), "91**************22")
    rotate(settings)
    identity = RecordBase.open(settings).identity
    assert identity.unseal(token) == ("uscc", base.identity.subject_id("uscc", FIRMS[0]), "91**************22")
    assert FIRMS[0] not in token
    assert identity.unseal(token.replace("91**", "92**")) is None
    assert identity.unseal(token.removesuffix("uscc") + "ric") is None
    assert RecordBase.open(Settings(home=tmp_path / "other")).identity.unseal(token) is None
    for text in ("", "sealed:", "sealed:a:b:c", PERSON):
        assert identity.unseal(text) is None
