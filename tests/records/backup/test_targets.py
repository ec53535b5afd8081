"""Where a backup may go and what it may replace."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import inspect, select, text

from records.backup import back_up, check, restore
from records.backup.errors import BackupFailed, RestoreFailed, RestoreRefused
from records.base import RecordBase
from records.database import AuditRow, open_engine
from records.settings import Settings
from tests.records.backup.sample import FIRMS, arrears, contents


def test_a_target_that_holds_a_base_is_replaced_on_demand_only(filled: RecordBase, tmp_path: Path) -> None:
    folder = tmp_path / "backup"
    was = contents(filled)
    back_up(filled.settings, filled.engine, folder)
    later = filled.append(arrears(tmp_path, "c"), "tax.arrears")
    with pytest.raises(RestoreRefused, match="--replace"):
        restore(filled.settings, folder)
    reader = filled.engine.connect()
    reader.execute(select(AuditRow)).all()
    with pytest.raises(RestoreRefused, match="in use"):
        restore(filled.settings, folder, replace=True)
    assert len(filled.batches()) == 3
    reader.close()
    filled.engine.dispose()
    restore(filled.settings, folder, replace=True)
    assert contents(RecordBase.open(filled.settings)) == was
    assert not (filled.settings.records_folder / later.files[0]).exists()
    assert not [path for path in filled.settings.home.rglob("*") if ".restor" in path.name or "former" in path.name]


def test_a_base_whose_database_is_destroyed_can_be_replaced(filled: RecordBase, tmp_path: Path) -> None:
    folder = tmp_path / "backup"
    was = contents(filled)
    back_up(filled.settings, filled.engine, folder)
    filled.engine.dispose()
    for path in filled.settings.home.glob("operations.db*"):
        path.write_bytes(b"not a database at all" * 500)
    with pytest.raises(RestoreRefused):
        restore(filled.settings, folder)
    restore(filled.settings, folder, replace=True)
    assert contents(RecordBase.open(filled.settings)) == was


def test_an_opened_but_empty_base_may_be_filled(filled: RecordBase, tmp_path: Path) -> None:
    back_up(filled.settings, filled.engine, tmp_path / "backup")
    fresh = RecordBase.open(Settings(home=tmp_path / "new"))
    fresh.engine.dispose()
    restore(fresh.settings, tmp_path / "backup")
    assert contents(RecordBase.open(fresh.settings)) == contents(filled)


def test_only_the_base_that_was_backed_up_may_overwrite_its_backup(filled: RecordBase, tmp_path: Path) -> None:
    folder = tmp_path / "backup"
    back_up(filled.settings, filled.engine, folder)
    empty = RecordBase.open(Settings(home=tmp_path / "unmounted"))
    with pytest.raises(BackupFailed, match="another folder"):
        back_up(empty.settings, empty.engine, folder)
    assert check(folder).batches == 2
    assert back_up(empty.settings, empty.engine, folder, replace=True).manifest.batches == 0


def test_backups_go_into_a_folder_of_their_own(filled: RecordBase, tmp_path: Path) -> None:
    home = filled.settings.home
    for folder in (home / "records" / "x", home, home.parent):
        with pytest.raises(BackupFailed):
            back_up(filled.settings, filled.engine, folder)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.doc").touch()
    with pytest.raises(BackupFailed, match=r"thesis\.doc"):
        back_up(filled.settings, filled.engine, tmp_path / "full")


def test_a_backup_is_restored_under_its_own_keys_only(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "home", identity_key="a key of the environment")
    base = RecordBase.open(settings)
    base.append(arrears(tmp_path, "a"), "tax.arrears")
    back_up(settings, base.engine, tmp_path / "backup")
    with pytest.raises(RestoreRefused, match="HUIXIN_IDENTITY_KEY"):
        restore(Settings(home=tmp_path / "new"), tmp_path / "backup")
    with pytest.raises(RestoreRefused, match="not the key"):
        restore(Settings(home=tmp_path / "new", identity_key="another one, too"), tmp_path / "backup")
    there = Settings(home=tmp_path / "new", identity_key="a key of the environment")
    restore(there, tmp_path / "backup")
    assert RecordBase.open(there).subject(str(FIRMS[0])).subject_id == base.subject(str(FIRMS[0])).subject_id


def test_what_the_other_engine_cannot_hold_is_told(filled: RecordBase, tmp_path: Path, emptied_postgres: str) -> None:
    with filled.engine.begin() as connection:
        connection.execute(text("UPDATE audit SET actor = 'a' || char(0) WHERE seq = 1"))
    back_up(filled.settings, filled.engine, tmp_path / "backup")
    with pytest.raises(RestoreFailed, match="audit"):
        restore(Settings(home=tmp_path / "new", database_url=emptied_postgres), tmp_path / "backup")
    engine = open_engine(emptied_postgres)
    assert not inspect(engine).get_table_names()
    engine.dispose()
