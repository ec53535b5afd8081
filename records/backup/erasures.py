"""What law ordered to be erased stays erased: the journal of erasures, carried out again after a restore."""

from __future__ import annotations

from pathlib import Path

import orjson
from sqlalchemy import select
from sqlalchemy.orm import Session

from records.backup.errors import RestoreRefused
from records.backup.store import write_private
from records.catalogue import Catalogue
from records.database import LifecycleRow, open_engine
from records.settings import Settings
from records.visibility import GONE
from records.words import Text

JOURNAL = "erasures.jsonl"
OWN_CATALOGUE = "catalogue"
Journal = dict[str, dict[str, str]]  # entries by event id, in order


def read_journal(path: Path) -> Journal:
    """The erasures of a journal as ``records.erasure`` writes them; a line that a crash tore is none.

    Raises ``RestoreRefused`` where the file is missing or is no journal at all.
    """
    if not path.is_file():
        raise RestoreRefused(Text(f"{path}：没有此删除日志", f"{path}: no such journal of erasures"))
    found: Journal = {}
    lines = [line for line in path.read_bytes().split(b"\n") if line.strip()]
    for line in lines:
        try:
            entry = {name: str(value) for name, value in orjson.loads(line).items()}
            found[entry["event_id"]] = entry
        except (ValueError, KeyError, AttributeError):
            continue
    if lines and not found:
        raise RestoreRefused(Text(f"{path} 不是删除日志 {JOURNAL}", f"{path} is not a journal of erasures ({JOURNAL})"))
    return found


def write_journal(settings: Settings, entries: Journal) -> None:
    """Put the journal in its place: what was erased once is never forgotten."""
    if entries:
        lines = b"".join(orjson.dumps(entry) + b"\n" for entry in entries.values())
        write_private(settings.home / JOURNAL, lines)


def carry_out_again(settings: Settings, entries: Journal) -> int:
    """Erase again what the restored base does not know to be erased; returns how many records came back and went."""
    if not entries:
        return 0
    from records.base import RecordBase
    from records.erasure import reapply

    own = settings.catalogue_folder or settings.home / OWN_CATALOGUE
    engine = open_engine(settings.operations_url)
    try:
        with Session(engine) as session:
            known = set(session.scalars(select(LifecycleRow.event_id).where(LifecycleRow.action.in_(GONE))))
        later = [entry for event_id, entry in entries.items() if event_id not in known]
        if not later:
            return 0
        catalogue = Catalogue.load(more=own if own.is_dir() else None)
        return reapply(RecordBase(settings, engine, catalogue), later)
    finally:
        engine.dispose()
