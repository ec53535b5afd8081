"""Which row of a table belongs to a text, for whole columns at a time: a hash table in arrays, exact and small."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

Places = NDArray[np.int64]
EMPTY = np.uint64(0)
FIRST_SIZE = 1 << 12


class TextPlaces:
    """Texts and the order in which they came, from 0. Two texts alike in 64 bits: the second one is never found."""

    def __init__(self) -> None:
        self.texts = pl.Series([], dtype=pl.String)
        self._hashes = np.zeros(FIRST_SIZE, np.uint64)
        self._places = np.zeros(FIRST_SIZE, np.int64)

    def __len__(self) -> int:
        return len(self.texts)

    def of(self, texts: pl.Series) -> Places:
        """The place of each text, -1 where it is null or not known."""
        found = self._lookup(_hashed(texts))
        hit = np.flatnonzero(found >= 0)
        if len(hit):
            wrong = (texts[hit] != self.texts[found[hit]]).fill_null(True).to_numpy()
            found[hit[wrong]] = -1
        return found

    def add(self, texts: pl.Series) -> None:
        """Take ``texts``, none of them known and none twice."""
        first = len(self.texts)
        self.texts = pl.concat([self.texts, texts], rechunk=True)
        if 2 * len(self.texts) > len(self._hashes):
            size = 1 << (4 * len(self.texts)).bit_length()
            self._hashes, self._places = np.zeros(size, np.uint64), np.zeros(size, np.int64)
            self._insert(_hashed(self.texts), np.arange(len(self.texts)))
        else:
            self._insert(_hashed(texts), np.arange(first, len(self.texts)))

    def _lookup(self, hashes: NDArray[np.uint64]) -> Places:
        mask = np.uint64(len(self._hashes) - 1)
        found = np.full(len(hashes), -1, np.int64)
        left, slot = np.arange(len(hashes)), hashes & mask
        while len(left):
            there = self._hashes[slot]
            hit = there == hashes[left]
            found[left[hit]] = self._places[slot[hit]]
            on = ~hit & (there != EMPTY)
            left, slot = left[on], (slot[on] + np.uint64(1)) & mask
        return found

    def _insert(self, hashes: NDArray[np.uint64], places: Places) -> None:
        """Each goes to the next free slot; of several that want the same one, the last written has it."""
        mask = np.uint64(len(self._hashes) - 1)
        slot = hashes & mask
        while len(hashes):
            free = self._hashes[slot] == EMPTY
            self._hashes[slot[free]] = hashes[free]
            self._places[slot[free]] = places[free]
            off = ~free | (self._places[slot] != places)
            off &= self._hashes[slot] != hashes
            hashes, places, slot = hashes[off], places[off], (slot[off] + np.uint64(1)) & mask


def _hashed(texts: pl.Series) -> NDArray[np.uint64]:
    hashes: NDArray[np.uint64] = texts.hash(0x4E554D).to_numpy()
    return np.maximum(hashes, np.uint64(1))
