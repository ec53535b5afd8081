"""The exchange under faults: the run of ``huixin bench faults`` in short; and what it is to find, it finds."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from benchmarks.faults import run_one
from benchmarks.faults.afterwards import check_numbers, check_records
from benchmarks.faults.checks import Findings, Watch
from benchmarks.faults.outbox import Batch
from benchmarks.faults.running import Plan
from benchmarks.faults.sources import Source
from records.base import RecordBase
from records.exchange.signing import ReceiptSigner

FAULTS = 14


@pytest.mark.parametrize("engine", ["sqlite", "postgresql"])
def test_nothing_acknowledged_is_lost_and_nothing_else_is_seen(engine: str, tmp_path: Path) -> None:
    plan = Plan(engine, FAULTS, seed=7, pause=(0, 0.3), rows=(50, 400), servers=1, disk_mib=128)
    figures = run_one(plan, tmp_path)
    assert figures["faults"] == FAULTS
    assert figures["sources"] == 8
    assert (figures["lost"], figures["unacknowledged_visible"], figures["incomplete_after_resend"]) == (0, 0, 0)
    assert figures["other_findings"] == []
    assert figures["acknowledged"] == figures["batches"] >= 16


@pytest.fixture
def source(tmp_path: Path, base: RecordBase) -> Source:
    return Source("power", tmp_path / "power", base.catalogue, (30, 40), random.Random(1))


@pytest.fixture
def watch(base: RecordBase, source: Source) -> Watch:
    found = Watch(base.settings, [source], Findings())
    found.key_set = ReceiptSigner(base.settings).key_set()
    return found


def take(base: RecordBase, source: Source, folder: Path) -> Batch:
    """A batch of the source, taken in, its receipt with the source."""
    import orjson

    batch = source.make_batch()
    path = folder / f"{batch.key}.{batch.ending}"
    path.write_bytes(source.outbox.content(batch))
    receipt = base.append(path, batch.item, batch_key=f"push:power:{batch.key}", channel="push")
    path.unlink()
    source.outbox.keep_receipt(batch, orjson.dumps(ReceiptSigner(base.settings).signed(receipt)))
    return batch


def test_a_whole_base_has_no_findings(base: RecordBase, source: Source, watch: Watch, tmp_path: Path) -> None:
    batches = [take(base, source, tmp_path) for _ in range(3)]
    watch.look()
    watch.check_past()
    assert check_records(watch, base) == sum(len(batch.good_ids) for batch in batches)
    assert check_numbers(watch, [base.settings.home], base) > 0
    assert watch.findings.none


def test_a_lost_batch_is_found(base: RecordBase, source: Source, watch: Watch, tmp_path: Path) -> None:
    lost, _ = take(base, source, tmp_path), take(base, source, tmp_path)
    gone = next(row for row in base.batches() if row.batch_key == f"push:power:{lost.key}")
    (base.settings.records_folder / gone.receipt["files"][0]).unlink()
    watch.look()
    assert watch.findings.lost == {lost.key}


def test_a_batch_that_nobody_sent_and_a_number_in_clear_are_found(
    base: RecordBase, source: Source, watch: Watch, tmp_path: Path
) -> None:
    batch = take(base, source, tmp_path)
    known = tmp_path / "known"
    known.mkdir()
    for path in source.outbox.folder.glob(f"{batch.key}.*"):
        path.rename(known / path.name)
    (base.settings.home / "spool").mkdir()
    (base.settings.home / "spool" / "left").write_text(f"x{sorted(source.numbers)[0]}y")
    check_records(watch, base)
    check_numbers(watch, [base.settings.home], base)
    assert watch.findings.unacknowledged_visible == {batch.key}
    assert watch.findings.other == ["an identity number in clear: spool/left"]
