"""What was erased by law does not come back with an older backup."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from county.numbers import enterprise_numbers
from records.backup import back_up, restore
from records.backup.errors import RestoreRefused
from records.backup.manifest import read_manifest, write_manifest
from records.base import RecordBase
from records.erasure import erase, journal
from records.lifecycle import Order, RecordLife
from records.settings import Settings

ORDER = Order("court", "judgment", "民法典第一千零二十九条")


def kept(settings: Settings) -> set[str]:
    """Ids of the records that are still to be found in the base's files, whether visible or not."""
    import duckdb

    files = [str(path) for path in (settings.records_folder / "tax.arrears").glob("*.parquet")]
    with duckdb.connect() as database:
        rows = database.execute("SELECT record_id FROM read_parquet($files, union_by_name = true)", {"files": files})
        return {row[0] for row in rows.fetchall()}


@pytest.fixture
def older(base: RecordBase, tmp_path: Path) -> Path:
    """A backup made before record r3 was erased; ``base`` is the base after that."""
    firms = enterprise_numbers(np.arange(6))
    lines = [f"r{number},{firm},2025-01-02,{number}.5" for number, firm in enumerate(firms)]
    batch = tmp_path / "batch.csv"
    batch.write_text("\n".join(["record_id,subject_number,occurred_on,amount", *lines]))
    base.append(batch, "tax.arrears")
    back_up(base.settings, base.engine, tmp_path / "older")
    erase(base, "tax.arrears", ["r3"], ORDER)
    assert "r3" not in kept(base.settings)
    return tmp_path / "older"


def test_the_targets_own_journal_is_honoured(base: RecordBase, older: Path) -> None:
    base.engine.dispose()
    made = restore(base.settings, older, replace=True)
    assert made.erased_again == 1
    assert kept(base.settings) == {"r0", "r1", "r2", "r4", "r5"}
    again = RecordBase.open(base.settings)
    assert [event.legal_basis for event in RecordLife(again).events("tax.arrears", "r3")] == [ORDER.legal_basis]
    again.engine.dispose()
    restore(base.settings, older, replace=True)
    assert "r3" not in kept(base.settings)


def test_a_journal_kept_elsewhere_is_honoured(base: RecordBase, older: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere.jsonl"
    elsewhere.write_bytes(journal(base).read_bytes() + b'{"event_id": "torn')
    base.engine.dispose()
    shutil.rmtree(base.settings.home)
    for wrong in (tmp_path / "nowhere", tmp_path / "batch.csv"):
        with pytest.raises(RestoreRefused, match="journal of erasures"):
            restore(base.settings, older, erasures=wrong)
    assert restore(base.settings, older, erasures=elsewhere).erased_again == 1
    assert "r3" not in kept(base.settings)
    assert restore(Settings(home=tmp_path / "without"), older).erased_again == 0


def test_an_erasure_while_the_backup_was_being_made_is_honoured(base: RecordBase, older: Path, tmp_path: Path) -> None:
    back_up(base.settings, base.engine, tmp_path / "newer")
    entry = read_manifest(tmp_path / "newer").file("erasures.jsonl")
    assert entry
    (older / "files" / entry.sha256[:2]).mkdir(exist_ok=True)
    shutil.copy(tmp_path / "newer" / "files" / entry.sha256[:2] / entry.sha256, older / "files" / entry.sha256[:2])
    said = read_manifest(older)
    write_manifest(older, replace(said, files=(*said.files, entry)))
    there = Settings(home=tmp_path / "there")
    assert restore(there, older).erased_again == 1
    assert "r3" not in kept(there)


def test_the_next_backup_forgets_what_was_erased(base: RecordBase, older: Path) -> None:
    before = {path.name for path in (older / "files").rglob("*") if path.is_file()}
    named = {entry.sha256 for entry in read_manifest(older).files if entry.path.startswith("records/")}
    assert named <= before
    back_up(base.settings, base.engine, older)
    assert not named & {path.name for path in (older / "files").rglob("*")}
