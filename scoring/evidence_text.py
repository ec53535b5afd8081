"""The records behind every feature of a subject, as text that is put into answers as it is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from features.pipeline import Evidence


class EvidenceText:
    """Evidence by the place of a feature in the model features of its segment. Features of the same records share one
    text: ``texts`` are JSON arrays of records, ``of`` says which of them each feature has.
    """

    __slots__ = ("_read", "of", "texts")

    def __init__(self, texts: list[str], of: list[int]) -> None:
        self.texts, self.of = texts, of
        self._read: dict[str, Any] = {}

    def behind(self, place: int) -> bytes:
        """The records of the feature at ``place`` as a JSON array."""
        return self.texts[self.of[place]].encode()

    def records(self, text: str) -> Any:
        """One of ``texts``, read."""
        found = self._read.get(text)
        if found is None:
            found = self._read[text] = orjson.loads(text)
        return found

    @classmethod
    def of_records(cls, codes: tuple[str, ...], found: Mapping[str, tuple[Evidence, ...]]) -> EvidenceText:
        places: dict[str, int] = {}
        of = [places.setdefault(orjson.dumps(found.get(code, ())).decode(), len(places)) for code in codes]
        return cls(list(places), of)

    @classmethod
    def from_bytes(cls, kept: bytes) -> EvidenceText:
        """What ``to_bytes`` gave."""
        texts, of = orjson.loads(kept)
        return cls(texts, of)

    def to_bytes(self) -> bytes:
        return orjson.dumps([self.texts, self.of])

    @property
    def anything(self) -> bool:
        return any(text != "[]" for text in self.texts)
