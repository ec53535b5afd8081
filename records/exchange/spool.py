"""Where uploads wait: encrypted at rest, because they hold identity numbers in clear.

An upload's file is a row of segments, one a chunk: length of the clear chunk, nonce, AES-256-GCM of the chunk. The key
is derived for each upload from one that lies in ``home/secrets``; a segment is bound to its upload and its offset, so
that none can be moved, repeated or left out. Only the bytes that the operations database counts as stored exist;
whatever lies behind them is left over from a chunk that was not finished.
"""

from __future__ import annotations

import errno
import fcntl
import os
import secrets
import shutil
import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from records.durable import make_durable
from records.errors import StorageFull
from records.exchange.errors import SpoolLost, UploadBusy
from records.exchange.made_once import made_once
from records.settings import Settings
from records.words import Text

ENDING = ".spool"
HEADER = struct.Struct(">I12s")
TAG = 16
FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
BUSY_SECONDS = 5.0


class Spool:
    """The folder ``home/spool``."""

    def __init__(self, settings: Settings) -> None:
        self.folder = settings.home / "spool"
        self.reserve = settings.exchange.disk_reserve_bytes
        self._key_file = settings.home / "secrets" / "spool.key"

    @contextmanager
    def held(self, upload_id: str) -> Iterator[SpoolFile]:
        """The file of one upload, held against every other process. Raises ``UploadBusy`` where another holds it."""
        if not self.folder.is_dir():
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            make_durable(self.folder.parent)
        descriptor = self._locked(self.folder / f"{upload_id}{ENDING}")
        try:
            yield SpoolFile(descriptor, self.folder, upload_id, self._key(upload_id))
        finally:
            os.close(descriptor)

    def holds(self, upload_id: str, stored: int) -> bool:
        """Whether the first ``stored`` bytes of the upload's file are there."""
        with suppress(FileNotFoundError):
            return (self.folder / f"{upload_id}{ENDING}").stat().st_size >= stored
        return stored == 0

    def chunks(self, upload_id: str, stored: int) -> Iterator[bytes]:
        """The clear chunks in order. Raises ``SpoolLost`` where one is missing or was changed."""
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        cipher, offset, left = AESGCM(self._key(upload_id)), 0, stored
        try:
            with (self.folder / f"{upload_id}{ENDING}").open("rb") as file:
                while left > 0:
                    length, nonce = HEADER.unpack(file.read(HEADER.size))
                    clear = cipher.decrypt(nonce, file.read(length + TAG), _place(upload_id, offset))
                    yield clear
                    offset += length
                    left -= HEADER.size + length + TAG
        except (FileNotFoundError, struct.error, InvalidTag) as error:
            raise lost() from error

    def remove(self, upload_id: str) -> None:
        (self.folder / f"{upload_id}{ENDING}").unlink(missing_ok=True)

    def uploads(self) -> list[str]:
        """Ids of the uploads that have a file."""
        return [path.stem for path in self.folder.glob(f"*{ENDING}")]

    def check_room(self, more: int) -> None:
        """Raises ``StorageFull`` where ``more`` bytes would not leave the reserve free."""
        place = next(folder for folder in (self.folder, *self.folder.parents) if folder.exists())
        if shutil.disk_usage(place).free < self.reserve + more:
            raise full()

    def _locked(self, path: Path) -> int:
        until = time.monotonic() + BUSY_SECONDS
        while True:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                with suppress(FileNotFoundError):
                    if os.fstat(descriptor).st_ino == path.stat().st_ino:
                        return descriptor
            except BlockingIOError:
                if time.monotonic() > until:
                    os.close(descriptor)
                    raise UploadBusy(
                        Text("另一请求正在写入此上传", "another request is writing to this upload")
                    ) from None
                time.sleep(0.02)
            os.close(descriptor)

    def _key(self, upload_id: str) -> bytes:
        from cryptography.hazmat.primitives.hashes import SHA256
        from cryptography.hazmat.primitives.kdf.hkdf import HKDF

        master = made_once(self._key_file, lambda: secrets.token_bytes(32))
        return HKDF(SHA256(), 32, salt=None, info=f"huixin spool {upload_id}".encode()).derive(master)


class SpoolFile:
    """An upload's file while it is held."""

    def __init__(self, descriptor: int, folder: Path, upload_id: str, key: bytes) -> None:
        self._descriptor, self._folder, self._upload_id, self._key = descriptor, folder, upload_id, key

    def write(self, stored: int, offset: int, chunk: bytes) -> int:
        """Put the chunk of clear ``offset`` behind the first ``stored`` bytes; returns how many are stored then.

        Durable on return. Raises ``StorageFull``; then nothing of the chunk is kept.
        """
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        nonce = secrets.token_bytes(12)
        sealed = AESGCM(self._key).encrypt(nonce, chunk, _place(self._upload_id, offset))
        try:
            os.ftruncate(self._descriptor, stored)
            _write_whole(self._descriptor, HEADER.pack(len(chunk), nonce), stored)
            _write_whole(self._descriptor, sealed, stored + HEADER.size)
            os.fsync(self._descriptor)
        except OSError as error:
            with suppress(OSError):
                os.ftruncate(self._descriptor, stored)
            if error.errno in FULL:
                raise full() from error
            raise
        if stored == 0:
            make_durable(self._folder)
        return stored + HEADER.size + len(sealed)


def full() -> StorageFull:
    return StorageFull(
        Text("磁盘将满；本次内容未保留，请稍后重发", "the disk is nearly full; nothing of this was kept: resend later")
    )


def write(path: Path, content: bytes) -> None:
    """Raises ``StorageFull`` where there is no room."""
    try:
        path.write_bytes(content)
    except OSError as error:
        raise (full() if error.errno in FULL else error) from error


def lost() -> SpoolLost:
    return SpoolLost(
        Text(
            "已收到的内容丢失或损坏，请以同一批次键重发",
            "what was received is lost or damaged: resend with the same key",
        )
    )


def _place(upload_id: str, offset: int) -> bytes:
    return f"{upload_id}:{offset}".encode()


def _write_whole(descriptor: int, content: bytes, at: int) -> None:
    view = memoryview(content)
    while view:
        written = os.pwrite(descriptor, view, at)
        view, at = view[written:], at + written
