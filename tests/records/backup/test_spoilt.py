"""What is damaged is told, and changes nothing."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import orjson
import pytest
from sqlalchemy import select

from records.backup import back_up, check, restore
from records.backup.errors import BackupFailed, DamagedBackup, UnknownRevision
from records.base import RecordBase
from records.database import FileRow
from records.errors import StorageFull
from records.settings import Settings
from tests.records.backup.sample import arrears, contents


def change_page(folder: Path, **said: Any) -> None:
    """Write a manifest anew, sealed like a true one."""
    from dataclasses import replace

    from records.backup.manifest import read_manifest, write_manifest

    write_manifest(folder, replace(read_manifest(folder), **said))


def some_file(folder: Path, prefix: str) -> tuple[str, Path]:
    from records.backup.manifest import read_manifest

    entry = next(one for one in read_manifest(folder).files if one.path.startswith(prefix))
    return entry.path, folder / "files" / entry.sha256[:2] / entry.sha256


def flip_a_bit(folder: Path) -> str:
    name, path = some_file(folder, "records/")
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    return f"{name} was changed"


def lose_a_file(folder: Path) -> str:
    name, path = some_file(folder, "secrets/")
    path.unlink()
    return f"{name} is missing"


def truncate_page(folder: Path) -> str:
    page = folder / "manifest.json"
    page.write_bytes(page.read_bytes()[:-200])
    return "truncated"


def change_a_figure(folder: Path) -> str:
    page = folder / "manifest.json"
    page.write_bytes(page.read_bytes().replace(b'"batches": 2', b'"batches": 3'))
    return "changed"


def lose_page(folder: Path) -> str:
    (folder / "manifest.json").unlink()
    return "no manifest.json"


def lead_out_of_the_home(folder: Path) -> str:
    from records.backup.manifest import FileEntry

    _, path = some_file(folder, "records/")
    change_page(folder, files=(FileEntry("records/../../evil", path.name, path.stat().st_size),))
    return "changed"


def come_from_the_future(folder: Path) -> str:
    change_page(folder, revision="9999", package="99.0")
    return "99.0 at schema revision 9999"


def have_another_format(folder: Path) -> str:
    page = folder / "manifest.json"
    page.write_bytes(orjson.dumps(orjson.loads(page.read_bytes()) | {"format": 2}))
    return "format 1 is accepted"


@pytest.mark.parametrize(
    "spoil",
    [
        flip_a_bit,
        lose_a_file,
        truncate_page,
        change_a_figure,
        lose_page,
        lead_out_of_the_home,
        come_from_the_future,
        have_another_format,
    ],
)
def test_a_spoilt_backup_is_told_and_changes_nothing(spoil: Any, filled: RecordBase, tmp_path: Path) -> None:
    folder = tmp_path / "backup"
    back_up(filled.settings, filled.engine, folder)
    says = spoil(folder)
    kind = UnknownRevision if spoil in (come_from_the_future, have_another_format) else DamagedBackup
    was = contents(filled)
    with pytest.raises(kind, match=says):
        check(folder)
    with pytest.raises(kind, match=says):
        restore(Settings(home=tmp_path / "new"), folder)
    assert not (tmp_path / "new").exists()
    with pytest.raises(kind, match=says):
        restore(filled.settings, folder, replace=True)
    assert contents(filled) == was


def test_a_decayed_file_is_found_and_mended_by_a_verifying_backup(filled: RecordBase, tmp_path: Path) -> None:
    folder = tmp_path / "backup"
    back_up(filled.settings, filled.engine, folder)
    flip_a_bit(folder)
    back_up(filled.settings, filled.engine, folder, verify=True)
    check(folder)


def test_a_damaged_record_file_is_not_backed_up_silently(filled: RecordBase, tmp_path: Path) -> None:
    folder = tmp_path / "backup"
    back_up(filled.settings, filled.engine, folder)
    good = (folder / "manifest.json").read_bytes()
    filled.append(arrears(tmp_path, "c"), "tax.arrears")
    with filled.engine.connect() as connection:
        path = connection.scalars(select(FileRow.path).order_by(FileRow.path.desc())).first()
    (filled.settings.records_folder / str(path)).write_bytes(b"decayed")
    with pytest.raises(BackupFailed, match="does not have the checksum"):
        back_up(filled.settings, filled.engine, folder)
    assert (folder / "manifest.json").read_bytes() == good
    check(folder)


def test_a_full_disk_leaves_the_former_backup_and_the_former_base(
    filled: RecordBase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import errno

    folder = tmp_path / "backup"
    back_up(filled.settings, filled.engine, folder)
    filled.append(arrears(tmp_path, "c"), "tax.arrears")
    was = contents(filled)

    def full(*_: Any) -> Any:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("records.backup.store.copied", full)
        with pytest.raises(StorageFull):
            back_up(filled.settings, filled.engine, folder)
    assert check(folder).batches == 2
    assert not list((folder / "files").glob(".partial*"))
    filled.engine.dispose()
    with monkeypatch.context() as patched:
        patched.setattr("records.backup.placing.copied", full)
        with pytest.raises(StorageFull):
            restore(Settings(home=tmp_path / "new"), folder)
        (filled.settings.home / "secrets" / "identity.key").write_text("00" * 32)
        with pytest.raises(StorageFull):
            restore(filled.settings, folder, replace=True)
    with monkeypatch.context() as patched:
        patched.setattr("shutil.disk_usage", lambda _: shutil._ntuple_diskusage(10, 10, 0))  # type: ignore[attr-defined]
        with pytest.raises(StorageFull, match="nothing was changed"):
            restore(Settings(home=tmp_path / "new"), folder)
    assert contents(filled) == was
    assert not list((tmp_path / "new").rglob("*.parquet"))
