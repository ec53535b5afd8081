"""When the door, the disk or the keys fail, a batch waits; when the batch fails, it is refused; nothing is lost."""

from __future__ import annotations

import errno
import os
from hashlib import sha256
from typing import Any

import pytest

from records.base import RecordBase
from records.errors import StorageFull
from records.exchange import worker as worker_module
from records.exchange.hub import Exchange
from records.exchange.spool import full
from records.exchange.uploads import Declaration, Sender
from records.exchange.worker import UploadWorker
from records.keyring import prepend_key
from tests.records.exchange.conftest import kept
from tests.sending import usage

POWER = Sender("c-power", "power")


def declared(content: bytes, key: str = "k") -> Declaration:
    return Declaration("power.usage", key, "csv", len(content), sha256(content).hexdigest())


def sent(exchange: Exchange, content: bytes, key: str = "k") -> str:
    row, _ = exchange.uploads.declare(POWER, declared(content, key))
    exchange.uploads.receive(row.upload_id, POWER, 0, content)
    return row.upload_id


@pytest.fixture
def worker(exchange: Exchange, monkeypatch: pytest.MonkeyPatch) -> UploadWorker:
    monkeypatch.setattr(worker_module, "LATER_SECONDS", 0.0)
    return UploadWorker(exchange)


def test_a_disk_that_fills_up_keeps_the_offset_true(exchange: Exchange, monkeypatch: pytest.MonkeyPatch) -> None:
    content = usage("a", 50)
    row, _ = exchange.uploads.declare(POWER, declared(content))
    exchange.uploads.receive(row.upload_id, POWER, 0, content[:500])
    write = os.pwrite

    def half(descriptor: int, view: Any, at: int) -> int:
        if len(view) > 100:
            return write(descriptor, view[:100], at)
        raise OSError(errno.ENOSPC, "full")

    with monkeypatch.context() as patch:
        patch.setattr(os, "pwrite", half)
        with pytest.raises(StorageFull):
            exchange.uploads.receive(row.upload_id, POWER, 500, content[500:])
    assert exchange.uploads.get(row.upload_id, "power").received == 500
    assert exchange.uploads.receive(row.upload_id, POWER, 500, content[500:]).state == "queued"
    assert UploadWorker(exchange).work_one()
    assert exchange.uploads.get(row.upload_id, "power").state == "accepted"


def test_a_batch_waits_while_there_is_no_room_for_it(
    exchange: Exchange, base: RecordBase, worker: UploadWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload_id = sent(exchange, usage("a", 5))

    def refuse(*_: Any, **__: Any) -> Any:
        raise full()

    with monkeypatch.context() as patch:
        patch.setattr(base, "append", refuse)
        for _ in range(worker_module.ATTEMPTS_MOST + 2):
            assert worker.work_one()
    assert exchange.uploads.get(upload_id, None).state == "queued"
    assert worker.work_one()
    assert exchange.uploads.get(upload_id, None).state == "accepted"
    assert not worker.work_one()


def test_a_batch_on_which_the_door_breaks_is_given_up_and_may_be_sent_again(
    exchange: Exchange, base: RecordBase, worker: UploadWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = usage("a", 5)
    upload_id = sent(exchange, content)

    def break_down(*_: Any, **__: Any) -> Any:
        raise TypeError(content)

    with monkeypatch.context() as patch:
        patch.setattr(base, "append", break_down)
        for _ in range(worker_module.ATTEMPTS_MOST + 1):
            assert worker.work_one()
    given_up = exchange.uploads.get(upload_id, None)
    assert (given_up.state, (given_up.problem or {})["code"]) == ("refused", "gave-up")
    assert exchange.spool.uploads() == []
    again = sent(exchange, content)
    assert again != upload_id
    assert worker.work_one()
    assert exchange.uploads.get(again, None).state == "accepted"


def test_keys_rotated_elsewhere_do_not_stop_the_exchange(
    exchange: Exchange, base: RecordBase, worker: UploadWorker
) -> None:
    first = exchange.push(POWER, declared(usage("a", 5), "a"), usage("a", 5))
    prepend_key(base.settings)
    present = RecordBase.open(base.settings)
    upload_id = sent(exchange, usage("b", 5), "b")
    assert worker.work_one()
    assert exchange.uploads.get(upload_id, None).state == "accepted"
    assert exchange.push(POWER, declared(usage("c", 5), "c"), usage("c", 5)).rows_accepted == 5
    assert first.rows_accepted == 5
    assert kept(present, "SELECT count(DISTINCT subject_id) FROM power_usage") == 5


def test_what_dead_processes_left_in_clear_is_removed(exchange: Exchange, base: RecordBase) -> None:
    place = base.settings.home / "spool" / "clear"
    left = place / "999-dead"
    left.mkdir(parents=True)
    (left / "lock").touch()
    (left / "batch.csv").write_bytes(usage("a", 5))
    with exchange.private.file("batch.csv", 1 << 40) as mine:
        assert mine.is_relative_to(place)
        assert mine.stat().st_mode & 0o077 == 0
        assert Exchange(base, lambda *_: None).private.sweep() == 1
        assert mine.exists()
        assert not left.exists()
    assert not mine.parent.exists()
