"""The records behind every feature of a subject, as text that is put into answers as it is."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

import orjson

from features.pipeline import Evidence


class EvidenceText:
    """Evidence by feature code. Features that share records share one text.

    ``texts`` are JSON arrays of records, ``of`` says which of them each of ``codes`` has.
    """

    def __init__(self, codes: tuple[str, ...], texts: list[str], of: list[int]) -> None:
        self.codes, self.texts, self.of = codes, texts, of

    def text(self, code: str) -> str:
        """The records of ``code`` as a JSON array."""
        at = _places(self.codes).get(code)
        return "[]" if at is None else self.texts[self.of[at]]

    @classmethod
    def of_records(cls, codes: tuple[str, ...], found: Mapping[str, tuple[Evidence, ...]]) -> EvidenceText:
        places: dict[str, int] = {}
        of = [places.setdefault(orjson.dumps(found.get(code, ())).decode(), len(places)) for code in codes]
        return cls(codes, list(places), of)

    @classmethod
    def from_bytes(cls, codes: tuple[str, ...], kept: bytes) -> EvidenceText:
        """What ``to_bytes`` gave, for the same codes."""
        texts, of = orjson.loads(kept)
        return cls(codes, texts, of)

    def to_bytes(self) -> bytes:
        return orjson.dumps([self.texts, self.of])

    @property
    def anything(self) -> bool:
        return any(text != "[]" for text in self.texts)


@lru_cache(maxsize=16)
def _places(codes: tuple[str, ...]) -> dict[str, int]:
    return {code: at for at, code in enumerate(codes)}
