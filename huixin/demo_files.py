"""One credit file of each kind of subject as a page, beside the demo's report."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any, get_args

from huixin.file import write_page
from records.as_of import VISIBLE, moments
from records.base import RecordBase
from records.catalogue import Item, SubjectKind
from records.catalogue.kinds import FREQUENCY_MONTHS, KIND_WORDS
from records.moment import end_of_day
from records.subject_file import SubjectFiles
from records.words import Text
from scoring.audit import record

FOLDER = "files"
ADVERSE_ENOUGH = 2


def write_files(base: RecordBase, folder: Path, as_of: date) -> tuple[tuple[Text, str], ...]:
    """Write ``<folder>/files/<kind>.html``; returns what each is and its place relative to ``folder``."""
    files, written = SubjectFiles(base), []
    stored = tuple(sorted({batch.item for batch in base.batches()}))
    connection = base.connection(stored)
    for kind in get_args(SubjectKind):
        items = [item for item in base.catalogue.for_kind(kind) if item.code in stored]
        subject_id = _telling(connection, kind, items, as_of)
        if subject_id is None:
            continue
        found = files.read(subject_id, as_of)
        payload = {"as_of": found.as_of.isoformat(), "view": found.view, "use": found.use}
        record(base.engine, "demo", "file", subject_id=subject_id, purpose="demonstration", payload=payload)
        place = f"{FOLDER}/{kind}.html"
        write_page(base, found, folder / place)
        written.append((KIND_WORDS[kind], place))
    return tuple(written)


def _telling(connection: Any, kind: SubjectKind, items: list[Item], as_of: date) -> str | None:
    """A subject of ``kind`` whose file shows much: some adverse records, and records of many items."""
    events = [item for item in items if FREQUENCY_MONTHS.get(item.frequency, 12) > 1]
    if not events:
        return None
    parts = " UNION ALL ".join(
        f"SELECT DISTINCT subject_id, {int(item.polarity == 'adverse')} AS adverse, '{item.code}' AS item "
        f"FROM {item.table} WHERE subject_kind = '{kind}' AND {VISIBLE}"
        for item in events
    )
    query = (
        f"SELECT subject_id FROM ({parts}) GROUP BY subject_id "
        f"ORDER BY least(sum(adverse), {ADVERSE_ENOUGH}) DESC, count(*) DESC, subject_id LIMIT 1"
    )
    with connection.con.cursor() as cursor:
        row = cursor.execute(query, moments(end_of_day(as_of))).fetchone()
    return None if row is None else str(row[0])
