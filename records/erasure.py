"""Records that must go for good: by order of law, or because their retention has ended. The gap is a record itself.

The values leave the Parquet files, the reject files and, for a whole subject, the masked number; what stays is that a
record of this id existed, who ordered its erasure, why and when. A replay says which records can no longer be read and
replays the model step from the sealed feature vector.
"""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Literal

import duckdb
from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from records.alert_erasure import forget_alerts
from records.base import RecordBase
from records.catalogue import Item
from records.database import (
    FeatureRunRow,
    FileRow,
    LatestFeaturesRow,
    LifecycleRow,
    RewriteRow,
    SubjectRow,
    writing,
)
from records.durable import make_durable
from records.lifecycle import Order, UnknownRecord, event, wait_until
from records.moment import now, shanghai_day
from records.rewriting import Rewritten, replace_files, still_named, workplace, write_anew
from records.stored_files import remove_file
from records.tables import quoted_files
from records.visibility import GONE
from records.words import Text

JOURNAL = "erasures.jsonl"
TRIES = 5
ERASED_MARK = "已删除 erased"
Found = dict[str, str]  # subject id by record id


@dataclass(frozen=True)
class Erased:
    """What was erased: record ids by item, and from how many files."""

    records: dict[str, tuple[str, ...]]
    files: int

    @property
    def count(self) -> int:
        return sum(len(ids) for ids in self.records.values())


def erase(
    base: RecordBase,
    item_code: str,
    record_ids: Sequence[str],
    order: Order,
    also: Callable[[Session], None] | None = None,
) -> Erased:
    """Erase records of an item, each with the corrections that lead to it or from it: they say the same of the subject.

    ``also``: what is done in the same transaction, such as the entry in the audit trail; what it raises stops all.
    Returns when the values are gone from the disk. Raises ``UnknownItem`` or ``UnknownRecord``; then nothing changed.
    """
    item = base.catalogue.item(item_code)
    found = _with_corrections(base, item, list(dict.fromkeys(record_ids)))
    if missing := [one for one in record_ids if one not in found]:
        listed = ", ".join(missing[:5])
        raise UnknownRecord(Text(f"{item.code} 中没有记录 {listed}", f"no record {listed} of {item.code}"))
    files = _erase(base, item, found, order, "erase", also)
    return Erased({item.code: tuple(found)}, files)


def erase_subject(base: RecordBase, subject_id: str, order: Order) -> Erased:
    """Erase everything that was reported of a subject (PIPL Art. 47), its masked number and its reject rows too."""
    records, files = {}, 0
    for item in base.catalogue.items.values():
        if found := _of_subject(base, item, subject_id):
            files += _erase(base, item, found, order, "erase")
            records[item.code] = tuple(found)
    with writing(base.engine) as session:
        session.execute(update(SubjectRow).where(SubjectRow.subject_id == subject_id).values(masked=ERASED_MARK))
    _clear_rejects(base, subject_id)
    return Erased(records, files)


def erase_expired(base: RecordBase, as_of: date | None = None, items: Iterable[str] | None = None) -> Erased:
    """Erase adverse records whose retention has ended by ``as_of`` (default: today); they were out of sight already.

    Regulation on the credit reporting industry, Art. 16: adverse information is kept five years from the end of the
    conduct, and deleted then.
    """
    day = as_of or shanghai_day(now())
    order = Order("huixin", "保存期限届满 / the retention period has ended", "征信业管理条例第十六条")
    records, files = {}, 0
    for item in (base.catalogue.item(code) for code in items or base.catalogue.items):
        if item.retention_years is None:
            continue
        with base.connection((item.code,)).con.cursor() as cursor:
            query = f"SELECT DISTINCT record_id FROM {item.table} WHERE expires_on <= $day"
            ids = [row[0] for row in cursor.execute(query, {"day": day}).fetchall()]
        if ids:
            found = _with_corrections(base, item, ids)
            files += _erase(base, item, found, order, "expire")
            records[item.code] = tuple(found)
    return Erased(records, files)


def journal(base: RecordBase) -> Path:
    """Where erasures are noted outside the database, so that an older backup cannot bring the records back."""
    return base.settings.home / JOURNAL


def finish_erasures(base: RecordBase) -> None:
    """What a crash between an erasure's transaction and the removal of its files left undone; cheap when nothing is."""
    with Session(base.engine) as session:
        erasing = (
            session.scalars(select(RewriteRow.item).where(RewriteRow.kind.in_(("erase", "expire")))).unique().all()
        )
        if not erasing:
            return
        count = session.scalar(select(func.count()).select_from(LifecycleRow).where(LifecycleRow.action.in_(GONE)))
        if count != len(_noted(journal(base))):
            _note(base, session.scalars(select(LifecycleRow).where(LifecycleRow.action.in_(GONE))).all())
            _remove_peers(base)
    for code in erasing:
        _remove_replaced(base, code)


def reapply(base: RecordBase, entries: Iterable[dict[str, str]]) -> int:
    """Erase again what a restored backup brought back; ``entries`` as in the journal. Returns how many records."""
    again: dict[tuple[str, str, str, str, str, str], list[str]] = {}
    for entry in entries:
        why = tuple(entry[name] for name in ("action", "item", "actor", "reason", "legal_basis", "document"))
        again.setdefault(why, []).append(entry["record_id"])  # type: ignore[arg-type]
    count = 0
    for (action, code, actor, reason, legal_basis, document), ids in again.items():
        item = base.catalogue.item(code)
        found = {one: subject for one, subject in _with_corrections(base, item, ids).items() if one in ids}
        if found:
            order = Order(actor, reason, legal_basis, document or None)
            _erase(base, item, found, order, "expire" if action == "expire" else "erase")
            count += len(found)
    return count


def _erase(
    base: RecordBase,
    item: Item,
    found: Found,
    order: Order,
    kind: Literal["erase", "expire"],
    also: Callable[[Session], None] | None = None,
) -> int:
    """Write the files anew without the records, name them with the events in one transaction, remove the old ones."""
    for _ in range(TRIES):
        with workplace(base) as folder:
            files = _holding(base, item, found)
            written = [write_anew(base, item, [file], folder, list(found)) for file in files]
            with writing(base.engine) as session:
                moment = now()
                named = all(still_named(session, one) for one in written)
                if named:
                    for one in written:
                        replace_files(session, item, one, kind)
                    events = [event(kind, item, one, subject, moment, order) for one, subject in found.items()]
                    session.add_all(events)
                    if also is not None:
                        also(session)
                    for kept in (LatestFeaturesRow, FeatureRunRow):  # reckoned from what is erased, perhaps by a link
                        session.execute(delete(kept))
                    forget_alerts(session, found, quoted_only=kind == "expire")
                    session.flush()
                    session.expunge_all()
            if named:
                _note(base, events)
                _remove_replaced(base, item.code)
                _remove_peers(base)
                wait_until(moment)
                return len(written)
            _discard(written)
    raise UnknownRecord(Text("文件正被改写，请稍后再试", "the files are being written anew by others; try again later"))


def _discard(written: Sequence[Rewritten]) -> None:
    for one in written:
        if one.path is not None:
            with suppress(OSError):
                one.path.unlink()


def _holding(base: RecordBase, item: Item, found: Found) -> list[FileRow]:
    """The files that hold some of the records."""
    with Session(base.engine, expire_on_commit=False) as session:
        files = session.scalars(select(FileRow).where(FileRow.item == item.code).order_by(FileRow.path)).all()
    by_path = {str(base.settings.records_folder / file.path): file for file in files}
    if not by_path:
        return []
    listed = ", ".join("'" + path.replace("'", "''") + "'" for path in by_path)
    with duckdb.connect() as database:
        rows = database.execute(
            f"SELECT DISTINCT filename FROM read_parquet([{listed}], union_by_name = true, filename = true) "
            "WHERE record_id IN (SELECT unnest($ids))",
            {"ids": list(found)},
        ).fetchall()
    return [by_path[row[0]] for row in rows]


def _with_corrections(base: RecordBase, item: Item, record_ids: Sequence[str]) -> Found:
    """The records, and those that correct them or that they correct, at any remove; of those that are kept."""
    paths = _paths(base, item)
    if not paths:
        return {}
    with duckdb.connect() as database:
        rows = database.execute(
            f"""
            WITH RECURSIVE stored AS NOT MATERIALIZED
                (SELECT record_id, subject_id, supersedes FROM {quoted_files(paths)}),
            corrections AS (SELECT record_id, supersedes FROM stored WHERE supersedes IS NOT NULL),
            steps AS (SELECT record_id AS here, supersedes AS there FROM corrections
                UNION ALL SELECT supersedes, record_id FROM corrections),
            reached AS (SELECT unnest($ids) AS record_id
                UNION SELECT there FROM steps JOIN reached ON here = reached.record_id)
            SELECT record_id, subject_id FROM stored SEMI JOIN reached USING (record_id) ORDER BY record_id
            """,
            {"ids": list(record_ids)},
        ).fetchall()
    return dict(rows)


def _of_subject(base: RecordBase, item: Item, subject_id: str) -> Found:
    paths = _paths(base, item)
    if not paths:
        return {}
    with duckdb.connect() as database:
        rows = database.execute(
            f"SELECT record_id, subject_id FROM {quoted_files(paths)} WHERE subject_id = $subject ORDER BY record_id",
            {"subject": subject_id},
        ).fetchall()
    return dict(rows)


def _paths(base: RecordBase, item: Item) -> list[str]:
    with Session(base.engine) as session:
        paths = session.scalars(select(FileRow.path).where(FileRow.item == item.code)).all()
    return [str(base.settings.records_folder / path) for path in paths]


def _noted(path: Path) -> set[str]:
    """Ids of the events in the journal; a line torn by a crash is none."""
    noted = set()
    for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else []:
        with suppress(ValueError, KeyError):
            noted.add(json.loads(line)["event_id"])
    return noted


def _note(base: RecordBase, events: Sequence[LifecycleRow]) -> None:
    """Append to the journal the events that it does not have."""
    path = journal(base)
    noted = _noted(path)
    new = [one for one in events if one.event_id not in noted]
    if not new:
        return
    with path.open("a", encoding="utf-8") as file:
        if file.tell():
            file.write("\n")
        file.writelines(json.dumps(_entry(one), ensure_ascii=False) + "\n" for one in new)
        file.flush()
        os.fsync(file.fileno())
    make_durable(path.parent)


def _entry(row: LifecycleRow) -> dict[str, str]:
    moment: datetime = row.recorded_at
    return {
        "event_id": row.event_id,
        "action": row.action,
        "item": row.item,
        "record_id": row.record_id,
        "recorded_at": f"{moment.isoformat()}Z",
        "actor": row.actor,
        "reason": row.reason,
        "legal_basis": row.legal_basis,
        "document": row.document or "",
    }


def _remove_replaced(base: RecordBase, code: str) -> None:
    """Remove what the last erasure of an item, or a compaction before it, replaced: those files hold the values too."""
    with Session(base.engine) as session:
        rewrites = session.execute(
            select(RewriteRow.kind, RewriteRow.before).where(RewriteRow.item == code).order_by(RewriteRow.at)
        ).all()
    last = max((number for number, row in enumerate(rewrites) if row.kind in GONE), default=-1)
    for _, before in rewrites[: last + 1]:
        for name in before:
            path = base.settings.records_folder / name
            if path.exists():
                remove_file(path)
                make_durable(path.parent)


def _remove_peers(base: RecordBase) -> None:
    """Tables of what all subjects' features were (``features.peers``) hold values that came from the records."""
    for path in base.settings.peers_folder.glob("*.npz"):
        path.unlink(missing_ok=True)


def _clear_rejects(base: RecordBase, subject_id: str) -> None:
    """Take the subject's rows out of the reject files, where a sealed token names it."""
    for path in base.settings.quarantine_folder.glob("*.csv"):
        attempt = path.with_suffix(".csv.part")
        with (
            path.open(encoding="utf-8-sig", newline="") as before,
            attempt.open("w", encoding="utf-8-sig", newline="") as after,
        ):
            writer, dropped = csv.writer(after), 0
            for row in csv.reader(before):
                if any(subject_id in cell for cell in row):
                    dropped += 1
                else:
                    writer.writerow(row)
        if dropped:
            make_durable(attempt)
            attempt.replace(path)
            make_durable(path.parent)
        else:
            attempt.unlink()
