"""Disks that can be filled: a small tmpfs where mounting is possible, else a limit on what a process may write."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

MIB = 1 << 20
BALLAST = ".ballast"


class Disk:
    """A folder on a file system of its own. ``kind`` says how it is filled: ``tmpfs`` or ``RLIMIT_FSIZE``."""

    def __init__(self, folder: Path, mib: int, writers: Callable[[], list[int]]) -> None:
        self.folder = folder
        self._writers = writers
        folder.mkdir(parents=True)
        command = ["mount", "-t", "tmpfs", "-o", f"size={mib}m,mode=0755", "tmpfs", str(folder)]
        mounted = False
        with suppress(OSError):
            mounted = subprocess.run(command, capture_output=True, check=False).returncode == 0
        self.kind = "tmpfs" if mounted else "RLIMIT_FSIZE"

    def fill(self, leave: int) -> None:
        """Leave about ``leave`` bytes free; or let the processes write no file beyond ``leave`` bytes."""
        if self.kind != "tmpfs":
            self._limit(leave)
            return
        with (self.folder / BALLAST).open("wb") as file:
            size = 0
            for _ in range(20):
                free = os.statvfs(self.folder)
                more = free.f_bavail * free.f_frsize - leave
                if more <= 0:
                    return
                with suppress(OSError):
                    os.posix_fallocate(file.fileno(), size, more)
                    size += more

    def free(self) -> None:
        if self.kind == "tmpfs":
            (self.folder / BALLAST).unlink(missing_ok=True)
        else:
            self._limit(resource.RLIM_INFINITY)

    def close(self, keep: bool = False) -> None:
        """Give the disk back; with ``keep``, what lies on it goes to the folder's place on the disk below."""
        if self.kind == "tmpfs":
            kept = self.folder.with_name(f"{self.folder.name}-kept")
            if keep:
                shutil.copytree(self.folder, kept, symlinks=True, ignore=_no_sockets)
            subprocess.run(["umount", "-l", str(self.folder)], check=False)

    def _limit(self, most: int) -> None:
        for pid in self._writers():
            with suppress(ProcessLookupError):
                _, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
                resource.prlimit(pid, resource.RLIMIT_FSIZE, (most, hard))


def _no_sockets(folder: str, names: list[str]) -> set[str]:
    return {name for name in names if (Path(folder) / name).is_socket()}
