"""The store is destroyed and comes back as it was, on either engine; what is damaged or refused changes nothing."""

from __future__ import annotations

import math
import shutil
import stat
import struct
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest
from sqlalchemy import Float, insert, inspect, select, text, types

from county.numbers import enterprise_numbers
from records.backup import back_up, check, restore
from records.backup.dump import stored_type
from records.backup.errors import BackupFailed, DamagedBackup, RestoreFailed, RestoreRefused, UnknownRevision
from records.base import RecordBase
from records.database import AuditRow, FileRow, Operations, migrate, open_engine
from records.errors import StorageFull
from records.settings import Settings
from scoring.audit import record, verify

FLOATS = (0.1 + 0.2, -1e-9, 5e-324, math.pi * 1e300)
JSONS = ({"b": 1.0, "a": [None, "惠信", 2**60]}, None)
FIRMS = enterprise_numbers(np.arange(40))


def arrears(folder: Path, name: str, rows: int = 30) -> Path:
    lines = [f"{name}-{number},{FIRMS[number]},2025-01-02,{number}.5" for number in range(rows)]
    path = folder / f"{name}.csv"
    path.write_text("\n".join(["record_id,subject_number,occurred_on,amount", *lines, f"{name}-bad,x,2025-01-02,5"]))
    return path


def contents(base: RecordBase) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table; floats by their bits, JSON as its text."""
    found = {}
    with base.engine.connect() as connection:
        for table in Operations.metadata.sorted_tables:
            shown = [text(f"CAST({c.name} AS TEXT)") if isinstance(c.type, types.JSON) else c for c in table.columns]
            rows = connection.execute(select(*shown).select_from(table).order_by(*table.primary_key.columns)).all()
            found[table.name] = [tuple(struct.pack("d", v) if isinstance(v, float) else v for v in row) for row in rows]
    return found


def odd_values(base: RecordBase) -> None:
    """A row or two in every table, of values that are easily lost on the way."""
    samples: list[tuple[type[Any], tuple[Any, Any]]] = [
        (types.JSON, JSONS),
        (types.Boolean, (True, False)),
        (types.Integer, (7_001, 7_002)),
        (types.DateTime, (datetime(2024, 2, 29, 23, 59, 59, 999_999), datetime(1970, 1, 1))),
        (types.Date, (date(2024, 2, 29), date(1970, 1, 1))),
        (types.LargeBinary, (bytes(range(256)), b"")),
        (types.String, ("\\\t'\"", "零")),
    ]
    with base.engine.begin() as connection:
        for table in Operations.metadata.sorted_tables:
            if table.name.startswith("audit") or table.name == "identity_keys":
                continue
            for turn in (0, 1):
                row: dict[str, Any] = {}
                for number, column in enumerate(table.columns):
                    if column.foreign_keys:
                        row[column.name] = (
                            None
                            if column.nullable and turn
                            else connection.scalar(select(next(iter(column.foreign_keys)).column).limit(1))
                        )
                    elif column.nullable and turn and not isinstance(stored_type(column.type), types.JSON):
                        row[column.name] = None
                    elif isinstance(stored_type(column.type), Float):
                        row[column.name] = FLOATS[(2 * turn + number) % len(FLOATS)]
                    else:
                        row[column.name] = next(v for k, v in samples if isinstance(stored_type(column.type), k))[turn]
                connection.execute(insert(table), row)
        connection.execute(text("DELETE FROM batch_files WHERE item IN (:a, :b)"), {"a": "\\\t'\"", "b": "零"})


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The home of a base with two batches, each with a rejected row, and a trail; closed."""
    folder = tmp_path_factory.mktemp("prepared")
    base = RecordBase.open(Settings(home=folder / "home"))
    for name in "ab":
        base.append(arrears(folder, name), "tax.arrears")
    for number in range(5):
        record(base.engine, f"actor{number}", "look", payload={"n": number})
    base.engine.dispose()
    return folder / "home"


@pytest.fixture
def filled(prepared: Path, tmp_path: Path) -> RecordBase:
    """A base of one's own, with content."""
    shutil.copytree(prepared, tmp_path / "home")
    return RecordBase.open(Settings(home=tmp_path / "home"))


@pytest.fixture
def emptied_postgres(postgres: str) -> Iterator[str]:
    """A PostgreSQL without tables, before and after."""
    for turn in range(2):
        engine = open_engine(postgres)
        migrate(engine, "base")
        with engine.begin() as connection:
            connection.execute(text("DROP TABLE IF EXISTS alembic_version"))
        engine.dispose()
        if turn == 0:
            yield postgres


def destroy(base: RecordBase) -> None:
    base.engine.dispose()
    shutil.rmtree(base.settings.home)


@pytest.mark.parametrize("way", ["sqlite-sqlite", "sqlite-postgresql", "postgresql-sqlite", "postgresql-postgresql"])
def test_a_destroyed_store_comes_back_bit_for_bit(way: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    server = request.getfixturevalue("emptied_postgres") if "postgresql" in way else None
    here, there = way.split("-")
    before = RecordBase.open(Settings(home=tmp_path / "one", database_url=server if here == "postgresql" else None))
    receipts = [before.append(arrears(tmp_path, name), "tax.arrears") for name in "ab"]
    for number in range(5):
        record(before.engine, f"actor{number}", "look", payload={"n": number})
    odd_values(before)
    was, visible = contents(before), before.connection().table("tax_arrears").order_by("record_id").to_pyarrow()
    back_up(before.settings, before.engine, tmp_path / "backup")
    destroy(before)
    if here == "postgresql":
        migrate(engine := open_engine(str(server)), "base")
        engine.dispose()

    settings = Settings(home=tmp_path / "two", database_url=server if there == "postgresql" else None)
    restore(settings, tmp_path / "backup")
    after = RecordBase.open(settings)
    assert contents(after) == was
    assert after.connection().table("tax_arrears").order_by("record_id").to_pyarrow().equals(visible)
    assert verify(after.engine).sound
    again = after.append(arrears(tmp_path, "a"), "tax.arrears")
    assert again.replayed
    assert again.batch_id == receipts[0].batch_id
    assert (settings.quarantine_folder / f"{receipts[0].batch_id}.jsonl").read_text()
    assert after.append(arrears(tmp_path, "c"), "tax.arrears").rows_accepted == 30
    assert after.subject(str(FIRMS[0])).subject_id
    after.engine.dispose()


def test_moving_to_postgresql_in_place_copies_no_record(
    filled: RecordBase, tmp_path: Path, emptied_postgres: str
) -> None:
    was = contents(filled)
    back_up(filled.settings, filled.engine, tmp_path / "backup")
    settings = filled.settings.model_copy(update={"database_url": emptied_postgres})
    assert restore(settings, tmp_path / "backup").copied == 0
    moved = RecordBase.open(settings)
    assert contents(moved) == was
    assert moved.connection().table("tax_arrears").count().execute() == 60
    moved.engine.dispose()


def test_keys_come_back_readable_by_their_owner_only(filled: RecordBase, tmp_path: Path) -> None:
    made = back_up(filled.settings, filled.engine, tmp_path / "backup")
    ids = filled.subjects()["subject_id"].to_pylist()
    for path in [tmp_path / "backup", *(tmp_path / "backup" / "files").rglob("*")]:
        assert stat.S_IMODE(path.stat().st_mode) in (0o700, 0o600)
    destroy(filled)
    restore(filled.settings, made.folder)
    secrets = filled.settings.home / "secrets"
    assert stat.S_IMODE(secrets.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in secrets.iterdir()} == {0o600}
    assert RecordBase.open(filled.settings).subjects()["subject_id"].to_pylist() == ids


def test_a_second_backup_copies_what_is_new_and_drops_what_is_no_longer_named(
    filled: RecordBase, tmp_path: Path
) -> None:
    folder = tmp_path / "backup"
    first = back_up(filled.settings, filled.engine, folder).manifest
    lying = {path: path.stat().st_mtime_ns for path in (folder / "files").rglob("*") if path.is_file()}
    filled.append(arrears(tmp_path, "c"), "tax.arrears")
    second = back_up(filled.settings, filled.engine, folder).manifest
    assert second.batches == first.batches + 1
    files = {path for path in (folder / "files").rglob("*") if path.is_file()}
    assert {path.name for path in files} == set(second.contents)
    for entry in first.files:
        path = folder / "files" / entry.sha256[:2] / entry.sha256
        assert path.stat().st_mtime_ns == lying[path]
    third = back_up(filled.settings, filled.engine, folder)
    assert (third.copied, third.removed) == (0, 0)


def test_backups_while_batches_come_hold_whole_batches_only(base: RecordBase, tmp_path: Path) -> None:
    from threading import Thread

    files = [arrears(tmp_path, f"n{number}") for number in range(8)]
    writer = Thread(target=lambda: [base.append(path, "tax.arrears") for path in files])
    writer.start()
    folder, seen = tmp_path / "backup", []
    while writer.is_alive() or not seen:
        seen.append(back_up(base.settings, base.engine, folder).manifest)
        restore(Settings(home=tmp_path / f"h{len(seen)}"), folder)
        there = RecordBase.open(Settings(home=tmp_path / f"h{len(seen)}"))
        assert there.connection().table("tax_arrears").count().execute() == 30 * len(there.batches())
        assert len(there.batches()) == seen[-1].batches
    writer.join()
    assert back_up(base.settings, base.engine, folder).manifest.batches == 8


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


def test_catalogue_files_of_ones_own_and_later_migrations(filled: RecordBase, tmp_path: Path) -> None:
    own = tmp_path / "own"
    own.mkdir()
    shipped = Path("records/catalogue/power.toml").read_text()
    (own / "steam.toml").write_text(shipped.replace("power", "steam"))
    settings = filled.settings.model_copy(update={"catalogue_folder": own})
    back_up(settings, filled.engine, tmp_path / "backup")
    there = Settings(home=tmp_path / "new", catalogue_folder=tmp_path / "elsewhere")
    restore(there, tmp_path / "backup")
    assert RecordBase.open(there).catalogue.item("steam.usage")


def test_what_the_other_engine_cannot_hold_is_told(filled: RecordBase, tmp_path: Path, emptied_postgres: str) -> None:
    with filled.engine.begin() as connection:
        connection.execute(text("UPDATE audit SET actor = 'a' || char(0) WHERE seq = 1"))
    back_up(filled.settings, filled.engine, tmp_path / "backup")
    with pytest.raises(RestoreFailed, match="audit"):
        restore(Settings(home=tmp_path / "new", database_url=emptied_postgres), tmp_path / "backup")
    engine = open_engine(emptied_postgres)
    assert not inspect(engine).get_table_names()
    engine.dispose()
