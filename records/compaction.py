"""Many small files of an item become one: faster to read, and every answer as of any moment is the same."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from records.base import RecordBase
from records.catalogue import Item
from records.database import FileRow, writing
from records.rewriting import replace_files, still_named, workplace, write_anew

SMALL_BYTES = 64 << 20
TOGETHER_BYTES = 512 << 20
FEWEST = 2


@dataclass(frozen=True)
class Compacted:
    """What became of an item's files: how many there were and are."""

    item: str
    files_before: int
    files_after: int
    rows: int


def compact(
    base: RecordBase,
    items: Iterable[str] | None = None,
    *,
    fewest: int = FEWEST,
    told: Callable[[int], None] | None = None,
) -> list[Compacted]:
    """Write small files of each item together where there are at least ``fewest``; ``told`` hears of items done.

    Batches may come and readers may read meanwhile. The files that were replaced stay until ``RecordBase.sweep``
    removes them, a day later, for readers that still have them open. Where a file was replaced by somebody else
    meanwhile, its group is left for the next time.
    """
    done = []
    for number, code in enumerate(items or base.catalogue.items, start=1):
        item = base.catalogue.item(code)
        for group in _groups(base, item):
            if len(group) >= fewest and (made := _together(base, item, group)):
                done.append(made)
        if told:
            told(number)
    return done


def _groups(base: RecordBase, item: Item) -> list[list[FileRow]]:
    """Small files, the oldest first, in groups that make files of a good size."""
    with Session(base.engine, expire_on_commit=False) as session:
        small = session.scalars(
            select(FileRow).where(FileRow.item == item.code, FileRow.bytes < SMALL_BYTES).order_by(FileRow.path)
        ).all()
    groups: list[list[FileRow]] = [[]]
    size = 0
    for file in small:
        if size + file.bytes > TOGETHER_BYTES:
            groups.append([])
            size = 0
        groups[-1].append(file)
        size += file.bytes
    return groups


def _together(base: RecordBase, item: Item, group: list[FileRow]) -> Compacted | None:
    with workplace(base) as folder:
        written = write_anew(base, item, group, folder)
        with writing(base.engine) as session:
            named = still_named(session, written)
            if named:
                replace_files(session, item, written, "compact")
        if not named:
            if written.path is not None:
                with suppress(OSError):
                    written.path.unlink()
            return None
    return Compacted(item.code, len(group), 1, written.rows_after)
