"""Compaction: fewer files, the same answers, readers undisturbed, batches still traceable."""

from __future__ import annotations

import threading
from datetime import timedelta
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from records.base import RecordBase
from records.compaction import compact
from records.database import FileRow
from records.moment import now
from records.rewriting import batch_of
from tests.records.life import arrears, ids, send


def files(base: RecordBase, item: str = "tax.arrears") -> list[str]:
    with Session(base.engine) as session:
        return list(session.scalars(select(FileRow.path).where(FileRow.item == item)))


def test_many_files_become_one_and_each_record_knows_its_batch(base: RecordBase, tmp_path: Path) -> None:
    receipts = [send(base, tmp_path / "door", "tax.arrears", arrears(f"a{number}")) for number in range(6)]
    asked = now()
    reader = base.connection(("tax.arrears",))
    state = base.state()
    (done,) = compact(base, ["tax.arrears"])
    assert (done.files_before, done.files_after, done.rows) == (6, 1, 6)
    assert len(files(base)) == 1
    assert base.state() != state
    assert reader.table("tax_arrears").count().execute() == 6
    assert ids(base) == ids(base, as_of=asked) == [f"a{number}" for number in range(6)]
    item = base.catalogue.item("tax.arrears")
    assert [batch_of(base, item, f"a{number}") for number in range(6)] == [one.batch_id for one in receipts]
    send(base, tmp_path / "door", "tax.arrears", arrears("b"))
    compact(base, ["tax.arrears"])
    assert batch_of(base, item, "a3") == receipts[3].batch_id
    assert batch_of(base, item, "nothing") is None


def test_replaced_files_stay_for_a_day_and_go_then(base: RecordBase, tmp_path: Path) -> None:
    for number in range(3):
        send(base, tmp_path / "door", "tax.arrears", arrears(f"a{number}"))
    compact(base)
    assert base.sweep() == 0
    assert base.sweep(older_than=timedelta(seconds=-1)) == 3
    assert ids(base) == ["a0", "a1", "a2"]


def test_duplicates_and_corrections_are_still_noticed(base: RecordBase, tmp_path: Path) -> None:
    for number in range(3):
        send(base, tmp_path / "door", "tax.arrears", arrears(f"a{number}"))
    compact(base)
    receipt = send(base, tmp_path / "door", "tax.arrears", arrears("a1", amount="9"), arrears("c", supersedes="a2"))
    assert (receipt.rows_accepted, receipt.rows_rejected) == (1, 1)
    compact(base)
    assert ids(base) == ["a0", "a1", "c"]


def test_batches_come_while_files_are_compacted(base: RecordBase, tmp_path: Path) -> None:
    for number in range(4):
        send(base, tmp_path / "door", "tax.arrears", arrears(f"a{number}"))
    stop = threading.Event()

    def keep_compacting() -> None:
        other = RecordBase.open(base.settings)
        while not stop.is_set():
            compact(other, ["tax.arrears"])

    worker = threading.Thread(target=keep_compacting)
    worker.start()
    try:
        for number in range(8):
            send(base, tmp_path / "door", "tax.arrears", arrears(f"b{number}"))
            assert len(ids(base)) == 5 + number
    finally:
        stop.set()
        worker.join()
    compact(base, ["tax.arrears"])
    assert len(ids(base)) == 12
    assert len(files(base)) == 1
