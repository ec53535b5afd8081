"""Files in clear, for as long as the door reads them: private to this process, in memory where they fit, then gone.

A killed process cannot clean up; the next one that starts does: a folder whose lock nobody holds is a dead process's.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path

from records.settings import Settings

MEMORY = Path("/dev/shm")  # noqa: S108  (a private folder below it, mode 0700, checked to be ours)
LOCK = "lock"


class PrivateFiles:
    """Places for clear files of one installation."""

    def __init__(self, settings: Settings) -> None:
        self._in_memory_most = settings.exchange.clear_in_memory_most
        name = sha256(str(settings.home.resolve()).encode()).hexdigest()[:16]
        self._on_disk = settings.home / "spool" / "clear"
        self._in_memory = MEMORY / f"huixin-{os.geteuid()}-{name}"
        self.places = (self._on_disk, self._in_memory)
        self._mine: dict[Path, tuple[Path, int]] = {}
        self._making = threading.Lock()

    @contextmanager
    def file(self, name: str, size: int) -> Iterator[Path]:
        """A path named ``name`` for a file of about ``size`` bytes; what lies there is removed at the end."""
        folder = self._own(self._place(size)) / secrets.token_hex(8)
        folder.mkdir(mode=0o700)
        path = folder / name
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        try:
            yield path
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def sweep(self) -> int:
        """Remove what dead processes left; returns how many of them there were."""
        swept = 0
        for place in self.places:
            mine, _ = self._mine.get(place, (None, -1))
            for folder in place.glob("*/"):
                if folder != mine and (descriptor := _locked(folder)) is not None:
                    shutil.rmtree(folder, ignore_errors=True)
                    os.close(descriptor)
                    swept += 1
        return swept

    def close(self) -> None:
        """Remove this process's own folders."""
        for folder, descriptor in self._mine.values():
            shutil.rmtree(folder, ignore_errors=True)
            os.close(descriptor)
        self._mine.clear()

    def _place(self, size: int) -> Path:
        if size <= self._in_memory_most:
            with suppress(OSError):
                if shutil.disk_usage(MEMORY).free > 2 * size and _is_ours(self._in_memory):
                    return self._in_memory
        return self._on_disk

    def _own(self, place: Path) -> Path:
        with self._making:
            while place not in self._mine:
                place.mkdir(parents=True, exist_ok=True, mode=0o700)
                folder = place / f"{os.getpid()}-{secrets.token_hex(4)}"
                folder.mkdir(mode=0o700)
                os.close(os.open(folder / LOCK, os.O_WRONLY | os.O_CREAT, 0o600))
                descriptor = _locked(folder)
                if descriptor is not None:
                    self._mine[place] = folder, descriptor
            return self._mine[place][0]


def _is_ours(folder: Path) -> bool:
    """Whether nobody else can look into ``folder`` or has put it there for us."""
    with suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    found = folder.lstat()
    return found.st_uid == os.geteuid() and found.st_mode & 0o170077 == 0o040000


def _locked(folder: Path) -> int | None:
    """A descriptor that holds the folder's lock, where nobody else holds it and the folder is still there."""
    try:
        descriptor = os.open(folder / LOCK, os.O_WRONLY)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.fstat(descriptor).st_ino == (folder / LOCK).stat().st_ino:
            return descriptor
    except OSError:
        pass
    os.close(descriptor)
    return None
