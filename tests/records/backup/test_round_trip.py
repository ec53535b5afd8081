"""The store is destroyed and comes back as it was, on either engine."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from records.backup import back_up, restore
from records.base import RecordBase
from records.database import migrate, open_engine
from records.settings import Settings
from scoring.audit import record, verify
from tests.records.backup.sample import FIRMS, arrears, contents, destroy, odd_values


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


def test_catalogue_files_of_ones_own_come_back(filled: RecordBase, tmp_path: Path) -> None:
    own = tmp_path / "own"
    own.mkdir()
    shipped = Path("records/catalogue/power.toml").read_text()
    (own / "steam.toml").write_text(shipped.replace("power", "steam"))
    settings = filled.settings.model_copy(update={"catalogue_folder": own})
    back_up(settings, filled.engine, tmp_path / "backup")
    there = Settings(home=tmp_path / "new", catalogue_folder=tmp_path / "elsewhere")
    restore(there, tmp_path / "backup")
    assert RecordBase.open(there).catalogue.item("steam.usage")
