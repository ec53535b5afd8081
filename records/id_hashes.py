"""Record ids as sorted 64-bit hashes: which stand twice, and which may be in a file of the base, without reading it.

Beside each Parquet file of the base lies an index of its record ids, ``<home>/index/<item>/<file>.ids``. It is only a
short cut: it can be deleted, is made again when it is missing, and a hash that is found is checked on the record ids
themselves. It may tell of more ids than its file has, never of fewer.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import BinaryIO

import numpy as np
import polars as pl
import pyarrow.parquet as pq
from numpy.typing import NDArray

IN_MEMORY = 2_000_000
FENCE = 8_192
READ_AT_ONCE = 64
MAGIC = b"HUIXIN-IDS-1"
TAIL = np.dtype([("magic", "S16"), ("probe", "<u8"), ("count", "<u8")])

Hashes = NDArray[np.uint64]


def hash_ids(record_ids: pl.Series) -> Hashes:
    """64 bits for each record id. Polars may hash otherwise in another version: an index says by which it was made."""
    return record_ids.hash(0x48555849).to_numpy()


class SortedHashes:
    """A bag of hashes that goes to disk where it is large, and comes back sorted."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._loose: list[Hashes] = [np.empty(0, np.uint64)]
        self._loose_count = 0
        self._runs: list[Path] = []
        self.count = 0

    def add(self, hashes: Hashes) -> None:
        self._loose.append(hashes)
        self._loose_count += len(hashes)
        self.count += len(hashes)
        if self._loose_count >= IN_MEMORY:
            self._runs.append(self._folder / f"hashes-{secrets.token_hex(4)}")
            np.sort(np.concatenate(self._loose)).tofile(self._runs[-1])
            self._loose, self._loose_count = [np.empty(0, np.uint64)], 0

    def __iter__(self) -> Iterator[Hashes]:
        """All hashes, ascending, in arrays of about two million; equal ones are always in the same array."""
        loose = np.sort(np.concatenate(self._loose)) if len(self._loose) > 1 else self._loose[0]
        self._loose = [loose]
        portions = self.count // IN_MEMORY + 1
        borders = np.array([(1 << 64) * place // portions for place in range(1, portions)], np.uint64)
        cuts = [_cuts(np.memmap(run, np.uint64, "r"), borders) for run in self._runs]
        loose_cuts = _cuts(loose, borders)
        for place in range(portions):
            some = [loose[loose_cuts[place] : loose_cuts[place + 1]]]
            for run, cut in zip(self._runs, cuts, strict=True):
                first, last = int(cut[place]), int(cut[place + 1])
                some.append(np.fromfile(run, np.uint64, last - first, offset=8 * first))
            yield np.sort(np.concatenate(some))

    def repeated(self) -> Iterator[Hashes]:
        """The hashes that are there more than once, each once."""
        for some in self:
            again = some[1:][some[1:] == some[:-1]]
            if len(again):
                yield np.unique(again)


def index_of(file: Path) -> Path:
    """Where the index of ``<home>/records/<item>/<name>.parquet`` lies."""
    return file.parents[2] / "index" / file.parent.name / f"{file.stem}.ids"


def write_index(hashes: SortedHashes, target: Path) -> None:
    """Write the index ``target``, whole or not at all."""
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f"{target.name}.{secrets.token_hex(4)}")
    fences: list[Hashes] = []
    try:
        with partial.open("wb") as file:
            written = 0
            for some in hashes:
                fences.append(some[-written % FENCE :: FENCE])
                some.tofile(file)
                written += len(some)
            np.concatenate(fences).tofile(file)
            np.array([(MAGIC, _probe(), written)], TAIL).tofile(file)
            file.flush()
            os.fsync(file.fileno())
        partial.rename(target)
    finally:
        partial.unlink(missing_ok=True)


def ensure_index(file: Path, folder: Path) -> Path:
    """The index of a Parquet file of the base, made now (in ``folder``) where there is none that can be used."""
    target = index_of(file)
    if not _usable(target):
        hashes = SortedHashes(folder)
        with pq.ParquetFile(file) as parquet:
            for batch in parquet.iter_batches(batch_size=500_000, columns=["record_id"]):
                hashes.add(hash_ids(pl.Series(batch.column(0))))
        write_index(hashes, target)
    return target


def found_in(index: Path, hashes: Hashes) -> Hashes:
    """Those of the ascending ``hashes`` that ``index`` has; reads the parts of it that could have them."""
    with index.open("rb") as file:
        count = int(_tail(file)["count"])
        file.seek(8 * count)
        fences = np.fromfile(file, np.uint64, -(-count // FENCE))
        block = np.searchsorted(fences, hashes, side="right") - 1
        wanted = hashes[block >= 0]
        block = block[block >= 0]
        found = [np.empty(0, np.uint64)]
        for first, last in _stretches(np.unique(block)):
            inside = wanted[np.searchsorted(block, first) : np.searchsorted(block, last, side="right")]
            file.seek(8 * FENCE * first)
            there = np.fromfile(file, np.uint64, min((last + 1 - first) * FENCE, count - FENCE * first))
            place = np.minimum(np.searchsorted(there, inside), len(there) - 1)
            found.append(inside[there[place] == inside])
    return np.concatenate(found)


def _stretches(blocks: NDArray[np.int64]) -> Iterator[tuple[int, int]]:
    """First and last of each stretch of neighbouring blocks, at most 64 long."""
    for stretch in np.split(blocks, np.flatnonzero(np.diff(blocks) > 1) + 1):
        for start in range(0, len(stretch), READ_AT_ONCE):
            some = stretch[start : start + READ_AT_ONCE]
            yield int(some[0]), int(some[-1])


def _cuts(ascending: Hashes, borders: Hashes) -> NDArray[np.int64]:
    return np.concatenate([[0], np.searchsorted(ascending, borders), [len(ascending)]]).astype(np.int64)


def _usable(index: Path) -> bool:
    try:
        with index.open("rb") as file:
            tail = _tail(file)
            count = int(tail["count"])
            size = 8 * (count - (-count // FENCE)) + TAIL.itemsize
            return tail["magic"] == MAGIC and tail["probe"] == _probe() and file.seek(0, os.SEEK_END) == size
    except (OSError, ValueError, IndexError):
        return False


def _tail(file: BinaryIO) -> np.void:
    file.seek(-TAIL.itemsize, os.SEEK_END)
    tail: np.void = np.frombuffer(file.read(TAIL.itemsize), TAIL)[0]
    return tail


@cache
def _probe() -> int:
    """What some known texts hash to: where it differs, another version of Polars or another machine made the index."""
    texts = pl.Series(["", "a", "record-0001", "惠信", "x" * 100])
    return int(np.bitwise_xor.reduce(hash_ids(texts)))
