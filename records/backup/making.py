"""Making a backup: one instant of the operations database with every file that it names, and what the files need."""

from __future__ import annotations

import fcntl
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from sqlalchemy import Engine

from records.backup.dump import Snapshot, newest_batch_known, take_snapshot
from records.backup.erasures import JOURNAL
from records.backup.errors import BackupFailed, DamagedBackup, UnknownRevision, told_plainly
from records.backup.manifest import MANIFEST, FileEntry, Manifest, read_manifest, write_manifest
from records.backup.placing import SIDE
from records.backup.registry import copy_registry
from records.backup.store import FileStore
from records.errors import HuixinError
from records.every_table import every_table
from records.keyring import KeyRing
from records.moment import now
from records.settings import Settings
from records.words import Text

Counting = Callable[[int], None]
Steps = Callable[[Text, int | None], AbstractContextManager[Counting]]
LOCK = ".lock"
ATTEMPTS = 5


@dataclass(frozen=True)
class BackupReport:
    """What was made. ``copied``: bytes that were new to the folder."""

    folder: Path
    manifest: Manifest
    copied: int
    removed: int


class _Vanished(Exception):
    """A file that the snapshot names was compacted or erased before it could be copied."""


def unwatched(words: Text, total: int | None) -> AbstractContextManager[Counting]:
    """Steps that nobody watches."""
    return nullcontext(lambda done: None)


def back_up(
    settings: Settings,
    engine: Engine,
    folder: Path,
    *,
    replace: bool = False,
    verify: bool = False,
    steps: Steps = unwatched,
) -> BackupReport:
    """Back up the base of ``settings`` into ``folder``; what lies there from an earlier time is not copied again.

    The base may be in use. The manifest is written last: until then the folder's earlier backup stays valid.
    ``replace``: the folder may hold the backup of another base. ``verify``: read again what the folder holds already.
    Raises ``BackupFailed`` or ``StorageFull``.
    """
    _refuse_unfit(settings, folder)
    with told_plainly(BackupFailed, folder):
        if not folder.exists():
            folder.mkdir(parents=True, mode=0o700)
        with alone(folder, BackupFailed):
            if not replace:
                _refuse_other_base(engine, folder)
            for attempt in range(ATTEMPTS):
                with suppress(_Vanished):
                    return _made(settings, engine, folder, FileStore(folder, distrust=verify and attempt == 0), steps)
    raise BackupFailed(
        Text(
            f"备份期间信用库的文件 {ATTEMPTS} 次被整理、删除或密钥轮换；请稍后重试",
            f"files of the base were compacted or erased, or its keys rotated, during {ATTEMPTS} attempts; try again",
        )
    )


@contextmanager
def alone(folder: Path, kind: type[HuixinError]) -> Iterator[None]:
    """Hold the lock of a folder. Raises ``kind`` where another process has it."""
    with (folder / LOCK).open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise kind(
                Text(f"{folder} 正被另一备份或恢复使用", f"another backup or restore is at work in {folder}")
            ) from error
        yield


def _made(settings: Settings, engine: Engine, folder: Path, store: FileStore, steps: Steps) -> BackupReport:
    created_at, keys = now(), KeyRing.from_settings(settings).fingerprints
    before = _size(store.folder)
    with steps(Text("读取业务数据库（行）", "reading the operations database (rows)"), None) as done:
        snapshot = take_snapshot(engine, every_table(), store, done)
    files = _keep_records(settings, snapshot, store, steps)
    files += _keep_others(settings, store, steps)
    if KeyRing.from_settings(settings).fingerprints != keys:
        raise _Vanished
    embedded = settings.mlflow_uri is None and any(entry.path == "mlflow.db" for entry in files)
    manifest = Manifest(
        created_at=f"{created_at.isoformat(timespec='microseconds')}Z",
        package=_package(),
        engine=engine.dialect.name,
        revision=snapshot.revision,
        batches=snapshot.batches,
        records=snapshot.records,
        newest_batch=snapshot.newest_batch,
        keys=keys,
        artifact_root=settings.artifact_folder.as_uri() if embedded else None,
        tables=snapshot.tables,
        files=tuple(files),
    )
    copied = _size(store.folder) - before
    write_manifest(folder, manifest)
    return BackupReport(folder, manifest, copied, store.forget_all_but(manifest.contents))


def _keep_records(settings: Settings, snapshot: Snapshot, store: FileStore, steps: Steps) -> list[FileEntry]:
    files = []
    with steps(Text("复制记录文件", "copying record files"), len(snapshot.record_files)) as done:
        for number, (path, known) in enumerate(sorted(snapshot.record_files.items()), 1):
            try:
                files.append(FileEntry(f"records/{path}", *store.keep(settings.records_folder / path, known)))
            except FileNotFoundError as error:
                raise _Vanished from error
            done(number)
    return files


def _keep_others(settings: Settings, store: FileStore, steps: Steps) -> list[FileEntry]:
    """Refused rows, keys, the catalogue's own files, the journal of erasures, models: the registry before its files."""
    files, home = [], settings.home
    with steps(Text("复制隔离文件、密钥与模型", "copying quarantine, keys and models"), None) as done:
        registry = home / "mlflow.db"
        if settings.mlflow_uri is None and registry.is_file():
            partial = store.partial()
            try:
                copy_registry(registry, partial)
                files.append(FileEntry("mlflow.db", *store.adopt(partial)))
            finally:
                partial.unlink(missing_ok=True)
        folders = {"quarantine": settings.quarantine_folder, "secrets": home / "secrets"}
        if settings.catalogue_folder is not None:
            folders["catalogue"] = settings.catalogue_folder
        if settings.mlflow_uri is None:
            folders["mlflow-artifacts"] = settings.artifact_folder
        sources = {
            f"{name}/{path.relative_to(at).as_posix()}": path for name, at in folders.items() for path in _in(at)
        }
        if (home / JOURNAL).is_file():
            sources[JOURNAL] = home / JOURNAL
        for number, (name, path) in enumerate(sources.items(), 1):
            with suppress(FileNotFoundError):
                files.append(FileEntry(name, *store.keep(path)))
            done(number)
    return files


def _in(folder: Path) -> list[Path]:
    found = (path for path in folder.rglob("*") if path.is_file())
    return sorted(path for path in found if SIDE not in path.relative_to(folder).parts)


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in _in(folder))


def _package() -> str:
    try:
        return version("huixin")
    except PackageNotFoundError:
        return "unknown"


def _refuse_unfit(settings: Settings, folder: Path) -> None:
    """A backup lies in a folder of its own, outside of what it copies."""
    place = folder.resolve()
    parts = [settings.records_folder, settings.quarantine_folder, settings.home / "secrets", settings.artifact_folder]
    if any(place.is_relative_to(part.resolve()) for part in parts) or settings.home.resolve().is_relative_to(place):
        raise BackupFailed(
            Text(f"{folder} 在被备份的目录之内或之上；请另选目录", f"{folder} lies in or above what is backed up")
        )
    if folder.exists() and not folder.is_dir():
        raise BackupFailed(Text(f"{folder} 不是目录", f"{folder} is not a folder"))
    others = (
        {path.name for path in folder.glob("*")} - {MANIFEST, "files", LOCK, "lost+found"} if folder.exists() else set()
    )
    if others:
        raise BackupFailed(
            Text(
                f"{folder} 中已有其他内容（{sorted(others)[0]}）；请给备份一个专用目录",
                f"{folder} holds other things ({sorted(others)[0]}); give the backup a folder of its own",
            )
        )


def _refuse_other_base(engine: Engine, folder: Path) -> None:
    """An empty or foreign base, say of a disk that was not mounted, must not push out a good backup."""
    try:
        newest = read_manifest(folder).newest_batch
    except (DamagedBackup, UnknownRevision):
        return
    if newest is not None and not newest_batch_known(engine, newest):
        raise BackupFailed(
            Text(
                f"{folder} 中的备份含本库没有的批次 {newest}：可能是另一信用库，或本库缺失数据。"
                "请另选目录，或用 --replace 覆盖",
                f"the backup in {folder} has batch {newest}, which this base does not have: it is of another base, or "
                "this one has lost data. Choose another folder, or replace the backup with --replace",
            )
        )
