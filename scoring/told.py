"""What a score told, as it lies in its row: packed, and read again byte for byte."""

from __future__ import annotations

from functools import cache
from typing import Any, ClassVar

import orjson
import pyarrow as pa

from records.database import ScoreRow
from records.errors import HuixinError
from records.words import Text

LENGTH_BYTES = 4


class DamagedScore(HuixinError):
    code: ClassVar[str] = "damaged-score"
    status: ClassVar[int] = 503
    title: ClassVar[Text] = Text("评分存档损坏", "The stored score is damaged")


def packed(told: bytes) -> bytes:
    """``told`` in the block format of Snappy, behind its length (unsigned, little endian)."""
    small: bytes = _snappy().compress(told, asbytes=True)
    return len(told).to_bytes(LENGTH_BYTES, "little") + small


def unpacked(kept: bytes) -> bytes:
    """What was packed. Raises ``ValueError`` for anything else."""
    length = int.from_bytes(kept[:LENGTH_BYTES], "little")
    try:
        found: bytes = _snappy().decompress(kept[LENGTH_BYTES:], length, asbytes=True)
    except (OSError, pa.ArrowInvalid) as error:
        raise ValueError("no packed answer") from error
    return found


def told_by(row: ScoreRow) -> dict[str, Any]:
    """What a score told when it was given, in both languages. Raises ``DamagedScore``."""
    try:
        answer = orjson.loads(row.payload if row.answer is None else unpacked(row.answer))
        if isinstance(answer, dict):
            return answer
    except ValueError:
        pass
    raise DamagedScore(
        Text("此评分的原文无法读取；特征与分值另存", "what it told cannot be read; its numbers are kept apart")
    )


@cache
def _snappy() -> Any:
    return pa.Codec("snappy")
