"""What law ordered to be erased stays erased: the journal of erasures, carried out again after a restore."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import orjson

from records.backup.errors import RestoreRefused
from records.settings import Settings
from records.words import Text


class Erasure(NamedTuple):
    """One record that was erased physically, and the event that ordered it."""

    item: str
    record_id: str
    event_id: str

    @property
    def line(self) -> bytes:
        return orjson.dumps(self._asdict())


def read_journal(path: Path) -> list[Erasure]:
    """Every erasure of a journal, each once; a last line that a crash cut off is no erasure yet.

    Raises ``RestoreRefused`` where another line cannot be read.
    """
    if not path.is_file():
        raise RestoreRefused(Text(f"{path}：没有此删除日志", f"{path}: no such journal of erasures"))
    found: dict[Erasure, None] = {}
    *lines, rest = path.read_bytes().split(b"\n")
    for number, line in enumerate([*lines, *([rest] if rest else [])], 1):
        if not line.strip():
            continue
        try:
            said = orjson.loads(line)
            found[Erasure(str(said["item"]), str(said["record_id"]), str(said["event_id"]))] = None
        except (ValueError, KeyError, TypeError) as error:
            if number > len(lines):
                break
            raise RestoreRefused(
                Text(f"{path} 第 {number} 行无法读取", f"{path} line {number} cannot be read as an erasure")
            ) from error
    return list(found)


def carry_out_again(settings: Settings, erasures: list[Erasure], done: Callable[[int], None]) -> int:
    """Erase again what was erased after the backup was made; returns how many records."""
    if erasures:
        raise NotImplementedError
    return 0
