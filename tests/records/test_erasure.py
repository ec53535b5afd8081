"""What the law orders erased is gone from the disk; the gap is a record, and nothing else changes."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pytest

from records.base import RecordBase
from records.compaction import compact
from records.erasure import erase, erase_expired, erase_subject, finish_erasures, journal
from records.lifecycle import BadLifecycle, RecordLife, UnknownRecord
from records.moment import now
from tests.records.life import FIRMS, ORDER, arrears, ids, send, shown

SECRET = "87654321.55"


def on_disk(base: RecordBase, text: str) -> bool:
    """Whether any stored Parquet file holds ``text`` as an amount."""
    import polars as pl

    frames = [pl.read_parquet(path) for path in base.settings.records_folder.rglob("*.parquet")]
    return any(text in frame["amount"].cast(pl.String).to_list() for frame in frames if "amount" in frame.columns)


def test_an_erased_record_and_its_corrections_leave_the_disk(base: RecordBase, tmp_path: Path) -> None:
    door = tmp_path / "door"
    send(base, door, "tax.arrears", arrears("a", amount=SECRET), arrears("b", firm=1), arrears("c"))
    send(base, door, "tax.arrears", arrears("a2", amount="5", supersedes="a"))
    assert on_disk(base, SECRET)
    gone = erase(base, "tax.arrears", ["a2"], ORDER)
    assert gone.records == {"tax.arrears": ("a", "a2")}
    assert not on_disk(base, SECRET)
    assert ids(base) == ["b", "c"]
    events = RecordLife(base).events("tax.arrears", "a")
    assert [(one.action, one.legal_basis) for one in events] == [("erase", ORDER.legal_basis)]
    with pytest.raises(UnknownRecord):
        RecordLife(base).apply("restore", "tax.arrears", ["a"], ORDER)


def test_a_whole_subject_is_erased_also_from_compacted_files(base: RecordBase, tmp_path: Path) -> None:
    door = tmp_path / "door"
    for number in range(3):
        send(base, door, "tax.arrears", arrears(f"a{number}", amount=SECRET), arrears(f"b{number}", firm=1))
    compact(base)
    subject = base.resolve(FIRMS[0])
    gone = erase_subject(base, subject, ORDER)
    assert gone.count == 3
    assert shown(base) == {base.resolve(FIRMS[1]): ["b0", "b1", "b2"]}
    assert FIRMS[0][:2] not in base.subject(subject).masked
    assert not on_disk(base, SECRET)


def test_expired_adverse_records_are_erased_and_others_kept(base: RecordBase, tmp_path: Path) -> None:
    rows = [arrears("old", occurred_on="2015-01-01", cleared_on="2015-06-01"), arrears("lasting"), arrears("recent")]
    send(base, tmp_path / "door", "tax.arrears", *rows)
    assert ids(base) == ["lasting", "recent"]
    assert erase_expired(base, date(2020, 5, 31)).count == 0
    assert erase_expired(base).records == {"tax.arrears": ("old",)}
    assert erase_expired(base).count == 0
    (kept,) = RecordLife(base).events("tax.arrears", "old")
    assert kept.action == "expire"


def test_the_journal_outlives_the_database_and_a_crash(base: RecordBase, tmp_path: Path) -> None:
    send(base, tmp_path / "door", "tax.arrears", arrears("a"), arrears("b"))
    erase(base, "tax.arrears", ["a"], ORDER)
    (entry,) = [json.loads(line) for line in journal(base).read_text().splitlines()]
    assert (entry["item"], entry["record_id"]) == ("tax.arrears", "a")
    journal(base).write_text('{"event_id": "torn')
    finish_erasures(base)
    lines = journal(base).read_text().splitlines()
    assert json.loads(lines[-1])["record_id"] == "a"


def test_an_unknown_record_or_a_missing_basis_erases_nothing(base: RecordBase, tmp_path: Path) -> None:
    send(base, tmp_path / "door", "tax.arrears", arrears("a"))
    with pytest.raises(UnknownRecord):
        erase(base, "tax.arrears", ["a", "nothing"], ORDER)
    with pytest.raises(BadLifecycle):
        RecordLife(base).apply("erase", "tax.arrears", ["a"], ORDER)
    assert ids(base) == ["a"]
    assert ids(base, as_of=now()) == ["a"]
