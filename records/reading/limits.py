"""How far a compressed file may unfold: archives made to fill a disk or a memory are refused before they do."""

from __future__ import annotations

import gzip
import io
import zipfile
import zlib
from pathlib import Path
from typing import BinaryIO

from records.errors import BadBatch
from records.reading.chunk import refusal

FREE = 64 << 20
MOST_TIMES = 250
MOST_UNFOLDED = 128 << 30
SHEET_UNFOLDED = 4 << 30
ZIP_ENTRIES = 10_000
BLOCK = 1 << 20


def opened(path: Path) -> BinaryIO:
    """The content of ``path``, unfolded where its name ends in ``.gz``; reading raises ``BadBatch`` past the limits."""
    if not path.name.lower().endswith(".gz"):
        return path.open("rb")
    return io.BufferedReader(_Unfolded(path), BLOCK)


class _Unfolded(io.RawIOBase):
    """A gzip file that counts what it gives."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = gzip.open(path, "rb")  # noqa: SIM115  (closed by close())
        self._left = most_unfolded(path.stat().st_size)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        some = self._file.read(min(len(buffer), BLOCK))
        self._left -= len(some)
        if self._left < 0:
            raise _bomb(self._path, most_unfolded(self._path.stat().st_size))
        buffer[: len(some)] = some
        return len(some)

    def close(self) -> None:
        self._file.close()
        super().close()


def most_unfolded(packed: int) -> int:
    """Bytes that a file of ``packed`` bytes may unfold to: 64 MiB, or 250 times as many, and never over 128 GiB."""
    return min(max(FREE, MOST_TIMES * packed), MOST_UNFOLDED)


def check_archive(path: Path) -> None:
    """Refuse a zip archive (such as an Excel file) that unfolds too far, also where its directory tells less."""
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise refusal(path, "文件损坏或被截断", "damaged or truncated") from error
    limit = min(most_unfolded(path.stat().st_size), SHEET_UNFOLDED)
    if len(entries) > ZIP_ENTRIES:
        raise refusal(
            path, f"压缩包内文件过多；至多 {ZIP_ENTRIES} 个", f"too many files inside; at most {ZIP_ENTRIES} accepted"
        )
    if sum(entry.file_size for entry in entries) > limit:
        raise _bomb(path, limit)
    with path.open("rb") as file:
        for entry in entries:
            _check_entry(path, file, entry, limit)


def _check_entry(path: Path, file: BinaryIO, entry: zipfile.ZipInfo, limit: int) -> None:
    """The entry unfolds to what its directory says; ``zipfile`` would stop there, a spreadsheet reader would not."""
    if entry.compress_type == zipfile.ZIP_STORED:
        return
    if entry.compress_type != zipfile.ZIP_DEFLATED or entry.flag_bits & 1:
        raise refusal(path, "加密或非常用的压缩方式", "encrypted, or packed in an uncommon way")
    file.seek(entry.header_offset)
    header = file.read(30)
    file.seek(int.from_bytes(header[26:28], "little") + int.from_bytes(header[28:30], "little"), io.SEEK_CUR)
    unfolding, packed, unfolded = zlib.decompressobj(-zlib.MAX_WBITS), entry.compress_size, 0
    try:
        while packed > 0 and not unfolding.eof:
            block = file.read(min(BLOCK, packed))
            packed -= len(block) or packed
            while block and not unfolding.eof:
                unfolded += len(unfolding.decompress(block, BLOCK))
                block = unfolding.unconsumed_tail
                if unfolded > entry.file_size:
                    raise _bomb(path, limit)
    except zlib.error as error:
        raise refusal(path, "文件损坏或被截断", "damaged or truncated") from error


def _bomb(path: Path, limit: int) -> BadBatch:
    size = f"{limit >> 20:,} MiB"
    return refusal(
        path,
        f"解压后过大；至多 {size}（不超过压缩文件的 {MOST_TIMES} 倍）",
        f"unfolds too far; at most {size} are accepted ({MOST_TIMES} times the packed size)",
    )
