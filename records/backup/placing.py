"""Files of a backup on their way home: copied beside their places first, put into them by renaming."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path

from records.backup.errors import DamagedBackup
from records.backup.manifest import PLACES, FileEntry
from records.backup.store import FileStore, Kept, copied, digest
from records.durable import make_durable
from records.errors import StorageFull
from records.settings import Settings
from records.words import Text

SIDE = ".restore"
SECRETS = "secrets"
SPARE_BYTES = 64 << 20


def place_of(settings: Settings, path: str) -> Path:
    """Where a file of the backup belongs."""
    root, rest = _root(settings, path)
    return root / rest


def side_of(settings: Settings, path: str) -> Path:
    """Where it waits: on the same disk, also where a folder of the home is a link or a mount of its own."""
    root, rest = _root(settings, path)
    return root / SIDE / rest


def refuse_without_room(settings: Settings, files: Iterable[FileEntry], tables: int) -> None:
    """Raises ``StorageFull`` where ``tables`` bytes and the files that are not there yet would not fit."""
    needed = tables + sum(entry.bytes for entry in files if not _same_size(place_of(settings, entry.path), entry))
    free = shutil.disk_usage(settings.home).free
    if needed + SPARE_BYTES > free:
        raise StorageFull(
            Text(
                f"{settings.home} 需要约 {needed >> 20} MiB，可用 {free >> 20} MiB；未做任何改动",
                f"{settings.home} needs about {needed >> 20} MiB, {free >> 20} MiB are free; nothing was changed",
            )
        )


def bring(settings: Settings, store: FileStore, files: list[FileEntry], done: Callable[[int], None]) -> int:
    """Copy the files beside their places; those that lie in place as they should are left. Returns bytes copied.

    Raises ``DamagedBackup``, ``OSError``.
    """
    total = 0
    for number, entry in enumerate(files, 1):
        side = side_of(settings, entry.path)
        if _is(place_of(settings, entry.path), entry):
            side.unlink(missing_ok=True)
        elif not _is(side, entry):
            total += bring_one(settings, store, entry)
        done(number)
    return total


def bring_one(settings: Settings, store: FileStore, entry: FileEntry) -> int:
    """Copy a file beside its place, whatever lies there; returns its bytes."""
    side = side_of(settings, entry.path)
    side.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    side.unlink(missing_ok=True)
    descriptor = os.open(side, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600 if _private(entry) else 0o666)
    with store.path(entry.sha256).open("rb") as file, os.fdopen(descriptor, "wb") as copy:
        found = copied(file, copy)
    if found != Kept(entry.sha256, entry.bytes):
        raise DamagedBackup(
            Text(f"{entry.path} 在复制时已改变", f"{entry.path} is not what the backup's manifest says it was")
        )
    return entry.bytes


def put(settings: Settings, files: Iterable[FileEntry]) -> None:
    """Rename every file that was brought into its place; those put before are left. Durable at the end."""
    folders = set()
    for entry in files:
        side, place = side_of(settings, entry.path), place_of(settings, entry.path)
        if not side.exists():
            continue
        place.parent.mkdir(parents=True, exist_ok=True, mode=0o700 if _private(entry) else 0o777)
        if _private(entry):
            place.parent.chmod(0o700)
        side.replace(place)
        folders |= {place.parent, place.parent.parent}
    for folder in sorted(folders):
        make_durable(folder)


def clear_sides(settings: Settings) -> None:
    """Remove all that was brought and not put."""
    for top in sorted(PLACES):
        shutil.rmtree(_root(settings, f"{top}/")[0] / SIDE, ignore_errors=True)
    shutil.rmtree(settings.home / SIDE, ignore_errors=True)


def _root(settings: Settings, path: str) -> tuple[Path, str]:
    """The folder of the home that a file belongs to, and its path there."""
    top, slash, rest = path.partition("/")
    if not slash:
        return settings.home, path
    if top == "catalogue" and settings.catalogue_folder is not None:
        return settings.catalogue_folder, rest
    return settings.home / top, rest


def _private(entry: FileEntry) -> bool:
    return entry.path.startswith(f"{SECRETS}/")


def _same_size(path: Path, entry: FileEntry) -> bool:
    return path.is_file() and path.stat().st_size == entry.bytes


def _is(path: Path, entry: FileEntry) -> bool:
    return _same_size(path, entry) and digest(path) == entry.sha256
