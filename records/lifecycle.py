"""What may befall a record after it was accepted: withdrawal, dispute, credit repair, sealing; each is a record itself.

Every step says who, why and on what legal basis, is kept for good, and takes effect at the moment it was recorded, not
before: an as-of in the past is answered as it was then. Corrections are records that supersede others
(``records.staging``); erasure is in ``records.erasure``.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, ClassVar, get_args

from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from records.base import RecordBase
from records.catalogue import Item
from records.database import LifecycleRow, writing
from records.errors import HuixinError
from records.moment import add_months, now, shanghai_day
from records.visibility import GONE, Action, dispute, hidden
from records.words import Text

AHEAD = timedelta(milliseconds=100)
ACTION_WORDS: dict[Action, Text] = {
    "withdraw": Text("撤回", "Withdrawn by the source"),
    "dispute": Text("异议标注", "Disputed"),
    "dispute_upheld": Text("异议成立", "Objection upheld"),
    "dispute_dismissed": Text("异议不成立", "Objection dismissed"),
    "repair": Text("信用修复", "Credit repaired"),
    "seal": Text("封存", "Sealed"),
    "restore": Text("恢复", "Restored"),
    "erase": Text("依法删除", "Erased"),
    "expire": Text("期满删除", "Erased after retention"),
}


class BadLifecycle(HuixinError):
    """The step is not possible for this record; nothing was changed."""

    code: ClassVar[str] = "bad-lifecycle"
    status: ClassVar[int] = 409
    title: ClassVar[Text] = Text("不能对此记录这样处理", "Not possible for this record")


class UnknownRecord(HuixinError):
    code: ClassVar[str] = "unknown-record"
    status: ClassVar[int] = 404
    title: ClassVar[Text] = Text("没有此记录", "Unknown record")


@dataclass(frozen=True)
class Order:
    """By whom a step is ordered, why, on what legal basis, and the reference of the document that says so."""

    actor: str
    reason: str
    legal_basis: str
    document: str | None = None

    def __post_init__(self) -> None:
        for name, most in (("actor", 120), ("reason", 2_000), ("legal_basis", 500)):
            if not 1 <= len(getattr(self, name).strip()) <= most:
                raise BadLifecycle(
                    Text(f"{name} 必填，至多 {most} 字", f"{name} is needed, of at most {most} characters")
                )


class RecordLife:
    """Withdraws, disputes, repairs, seals and restores records of one base."""

    def __init__(self, base: RecordBase) -> None:
        self.base = base

    def apply(self, action: Action, item_code: str, record_ids: Sequence[str], order: Order) -> list[LifecycleRow]:
        """Take one step with each of ``record_ids`` of an item, all or none; returns the events as recorded.

        Raises ``UnknownItem``, ``UnknownRecord``, or ``BadLifecycle`` where the step is not possible.
        """
        item = self.base.catalogue.item(item_code)
        if action not in get_args(Action) or action in GONE:
            accepted = ", ".join(one for one in get_args(Action) if one not in GONE)
            raise BadLifecycle(
                Text(f"没有步骤 {action[:20]}；可用：{accepted}", f"no step {action[:20]}; accepted: {accepted}")
            )
        facts = stored_facts(self.base, item, record_ids)
        with writing(self.base.engine) as session:
            made = take(session, action, item, facts, order)
            session.expunge_all()
        wait_until(made[0].recorded_at)
        return made

    def events(self, item_code: str, record_id: str) -> list[LifecycleRow]:
        """What befell a record, in order."""
        return history(self.base.engine, self.base.catalogue.item(item_code), [record_id]).get(record_id, [])

    def disputes(self, as_of: datetime) -> list[LifecycleRow]:
        """The disputes open at ``as_of``, the oldest first. Objections are to be answered within 20 days (Art. 25)."""
        with Session(self.base.engine, expire_on_commit=False) as session:
            rows = session.scalars(
                select(LifecycleRow).where(LifecycleRow.action.like("dispute%")).order_by(LifecycleRow.recorded_at)
            ).all()
        by_record: dict[tuple[str, str], list[LifecycleRow]] = {}
        for row in rows:
            by_record.setdefault((row.item, row.record_id), []).append(row)
        found = [dispute(befell, as_of) for befell in by_record.values()]
        return sorted((one for one in found if one), key=lambda one: one.recorded_at)


def take(
    session: Session, action: Action, item: Item, facts: Mapping[str, Mapping[str, Any]], order: Order
) -> list[LifecycleRow]:
    """As ``RecordLife.apply``, in the caller's transaction; ``facts`` of at least one record, as ``stored_facts``.

    The caller acknowledges after the events' moment (``wait_until``). Raises ``BadLifecycle``.
    """
    moment = now() + AHEAD
    past = events_of(session, item, list(facts))
    made = []
    for record_id, fact in facts.items():
        _check(action, item, record_id, fact, past.get(record_id, []), moment)
        made.append(event(action, item, record_id, fact["subject_id"], moment, order))
    session.add_all(made)
    session.flush()
    return made


def check(session: Session, action: Action, item: Item, facts: Mapping[str, Mapping[str, Any]]) -> None:
    """Raises ``BadLifecycle`` where ``take`` would now."""
    past, moment = events_of(session, item, list(facts)), now()
    for record_id, fact in facts.items():
        _check(action, item, record_id, fact, past.get(record_id, []), moment)


def stored_facts(base: RecordBase, item: Item, record_ids: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Subject and conduct end of each record, whether visible or not. Raises ``UnknownRecord``."""
    wanted = list(dict.fromkeys(record_ids))
    ends = f'"{item.conduct_ends}"' if item.conduct_ends else "NULL"
    with base.connection((item.code,)).con.cursor() as cursor:
        rows = cursor.execute(
            f"SELECT record_id, subject_id, {ends} AS ended FROM {item.table} "
            "WHERE record_id IN (SELECT unnest($ids)) ORDER BY recorded_at DESC",
            {"ids": wanted},
        ).fetchall()
    found = {record_id: {"subject_id": subject_id, "ended": ended} for record_id, subject_id, ended in rows}
    if missing := [one for one in wanted if one not in found]:
        listed = ", ".join(missing[:5])
        raise UnknownRecord(Text(f"{item.code} 中没有记录 {listed}", f"no record {listed} of {item.code}"))
    return {one: found[one] for one in wanted}


def history(engine: Engine, item: Item, record_ids: Sequence[str]) -> dict[str, list[LifecycleRow]]:
    """What befell each of ``record_ids``, in order; records that nothing befell are left out."""
    with Session(engine, expire_on_commit=False) as session:
        return events_of(session, item, record_ids)


def events_of(session: Session, item: Item, record_ids: Sequence[str]) -> dict[str, list[LifecycleRow]]:
    """As ``history``, in the caller's transaction."""
    found: dict[str, list[LifecycleRow]] = {}
    for first in range(0, len(record_ids), 5_000):
        rows = session.scalars(
            select(LifecycleRow)
            .where(LifecycleRow.item == item.code, LifecycleRow.record_id.in_(record_ids[first : first + 5_000]))
            .order_by(LifecycleRow.recorded_at)
        )
        for row in rows:
            found.setdefault(row.record_id, []).append(row)
    return found


def event(action: Action, item: Item, record_id: str, subject_id: str, moment: datetime, order: Order) -> LifecycleRow:
    """One step as it will be kept."""
    return LifecycleRow(
        event_id=f"e-{secrets.token_hex(12)}",
        item=item.code,
        record_id=record_id,
        subject_id=subject_id,
        action=action,
        recorded_at=moment,
        actor=order.actor.strip(),
        reason=order.reason.strip(),
        legal_basis=order.legal_basis.strip(),
        document=order.document,
    )


def wait_until(moment: datetime) -> None:
    """Steps are acknowledged after their moment, so that whoever asks as of any moment always sees the same."""
    while (ahead := (moment - now()).total_seconds()) > 0:
        time.sleep(ahead)


def _check(
    action: Action, item: Item, record_id: str, fact: Mapping[str, Any], past: list[LifecycleRow], moment: datetime
) -> None:
    out_of_sight, open_dispute = hidden(past, moment), dispute(past, moment)
    if action == "restore" and not out_of_sight:
        raise _refused(record_id, "未被撤回、修复或封存，无可恢复", "is not withdrawn, repaired or sealed")
    if action == "restore" and past[-1].action in GONE:
        raise _refused(record_id, "已删除，不可恢复", "is erased and cannot be restored")
    if action != "restore" and not action.startswith("dispute_") and out_of_sight:
        raise _refused(record_id, "已不可见", "is out of sight already")
    if action == "dispute" and open_dispute:
        raise _refused(record_id, "已有未处理的异议", "has an open dispute already")
    if action in ("dispute_upheld", "dispute_dismissed") and open_dispute is None:
        raise _refused(record_id, "没有未处理的异议", "has no open dispute")
    if action == "repair":
        _check_repair(item, record_id, fact["ended"], shanghai_day(moment))


def _check_repair(item: Item, record_id: str, ended: date | None, today: date) -> None:
    """Credit repair: the conduct has ended and the shortest time of publicity has passed (NDRC order 58 of 2023)."""
    if item.repair_after_months is None:
        raise _refused(record_id, f"{item.code} 不可信用修复", f"is of {item.code}, which cannot be repaired")
    if ended is None:
        raise _refused(record_id, "失信行为尚未终止，不可修复", "cannot be repaired while the conduct lasts")
    earliest = add_months(ended, item.repair_after_months)
    if today < earliest:
        raise _refused(record_id, f"最早可于 {earliest} 修复", f"can be repaired from {earliest} on")


def _refused(record_id: str, zh: str, en: str) -> BadLifecycle:
    return BadLifecycle(Text(f"记录 {record_id[:80]} {zh}", f"record {record_id[:80]} {en}"))
