"""The files of a backup: each kept once, durable, under the SHA-256 of its content."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterable
from hashlib import file_digest, sha256
from pathlib import Path
from typing import BinaryIO, NamedTuple

from records.backup.errors import BackupFailed
from records.durable import make_durable
from records.words import Text

BLOCK = 4 << 20
PARTIAL = ".partial-"
PRIVATE = 0o600


class Kept(NamedTuple):
    """Content that lies in the store."""

    sha256: str
    bytes: int


def after(before: int, done: Callable[[int], None]) -> Callable[[int], None]:
    """``done``, counting on from ``before``."""
    return lambda more: done(before + more)


class FileStore:
    """``folder/files/<first two characters>/<sha256>``. A content is written once, whole or not at all."""

    def __init__(self, folder: Path, *, distrust: bool = False) -> None:
        """``distrust``: read again what the store holds already, and replace it where it has decayed."""
        self.folder = folder / "files"
        self._distrust = distrust

    def path(self, content: str) -> Path:
        return self.folder / content[:2] / content

    def holds(self, content: str, size: int) -> bool:
        """Whether the store has this content in this size (and, when distrusted, bit for bit)."""
        path = self.path(content)
        if not path.is_file() or path.stat().st_size != size:
            return False
        return not self._distrust or digest(path) == content

    def keep(self, source: Path, known: Kept | None = None) -> Kept:
        """Keep a copy of ``source``. ``known``: what the base says of it; then a copy that is there is not made again.

        Raises ``BackupFailed`` where ``source`` is not what the base says, ``OSError``.
        """
        if known and self.holds(*known):
            return known
        partial = self.partial()
        try:
            with source.open("rb") as file, new_private(partial) as copy:
                found = copied(file, copy)
            if known and found != known:
                raise BackupFailed(
                    Text(
                        f"{source} 与信用库登记的校验值不符：文件已损坏，请先从较早的备份恢复它",
                        f"{source} does not have the checksum that the base has for it: the file is damaged; "
                        "put it back from an earlier backup first",
                    )
                )
            return self.adopt(partial, found)
        finally:
            partial.unlink(missing_ok=True)

    def adopt(self, partial: Path, found: Kept | None = None) -> Kept:
        """Take over a finished, durable file made at ``partial()``."""
        found = found or Kept(digest(partial), partial.stat().st_size)
        if self.holds(*found):
            partial.unlink()
            return found
        path = self.path(found.sha256)
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        partial.replace(path)
        make_durable(path.parent)
        return found

    def partial(self) -> Path:
        """A path in the store to write to before the content is known."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        return self.folder / f"{PARTIAL}{secrets.token_hex(8)}"

    def forget_all_but(self, named: Iterable[str]) -> int:
        """Remove every content that is not ``named``, and what interrupted backups left; returns how many."""
        kept, removed = set(named), 0
        for path in self.folder.rglob("*"):
            if path.is_file() and path.name not in kept:
                path.unlink()
                removed += 1
        return removed


def copied(source: BinaryIO, copy: BinaryIO) -> Kept:
    """Copy to the end, hashing on the way; the copy is durable afterwards."""
    total, size = sha256(), 0
    while block := source.read(BLOCK):
        total.update(block)
        copy.write(block)
        size += len(block)
    copy.flush()
    os.fsync(copy.fileno())
    return Kept(total.hexdigest(), size)


def digest(path: Path) -> str:
    """SHA-256 of a file, hexadecimal."""
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()


def write_private(path: Path, content: bytes) -> None:
    """Write ``path`` whole, durable and readable by its owner only: a reader sees the old content or the new."""
    partial = path.with_name(f"{path.name}{PARTIAL}{secrets.token_hex(4)}")
    try:
        with new_private(partial) as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
    make_durable(path.parent)


def new_private(path: Path) -> BinaryIO:
    """A file that did not exist, readable by its owner only, open for writing."""
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE), "wb")
