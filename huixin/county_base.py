"""The demo county, from generated blocks to a base full of synthetic records and a table of true PDs."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import pyarrow as pa
import pyarrow.parquet as pq

from records.errors import HuixinError
from records.words import Text

if TYPE_CHECKING:
    from county import CountyPlan
    from records.base import RecordBase

BATCH_PREFIX = "synthetic-county"
Progress = Callable[[int], None]


class BaseHoldsOtherRecords(HuixinError):
    code: ClassVar[str] = "base-holds-other-records"
    status: ClassVar[int] = 409
    title: ClassVar[Text] = Text("信用库已有其他记录", "The base holds other records")


def refuse_mixture(base: RecordBase, plan: CountyPlan) -> None:
    """Synthetic records never join real ones, nor those of another county, in one base."""
    prefix = _batch_prefix(plan)
    if any(not (batch.batch_key or "").startswith(prefix) for batch in base.batches()):
        home = base.settings.home
        raise BaseHoldsOtherRecords(
            Text(
                f"{home} 中的信用库已有并非此合成县的记录；演示请另设目录（HUIXIN_HOME=目录）",
                f"the base in {home} holds records that are not of this synthetic county; "
                "give the demo a folder of its own (HUIXIN_HOME=FOLDER)",
            )
        )


def refuse_joining_synthetic(base: RecordBase) -> None:
    """Records of sources never join those of a synthetic county."""
    if is_synthetic(base):
        home = base.settings.home
        raise BaseHoldsOtherRecords(
            Text(
                f"{home} 中是合成县的演示数据；真实记录请另设目录（HUIXIN_HOME=目录）",
                f"{home} holds the synthetic demo county; give real records a folder of their own (HUIXIN_HOME=FOLDER)",
            )
        )


def is_synthetic(base: RecordBase) -> bool:
    """Whether every record of ``base`` comes from a synthetic county."""
    batches = base.batches()
    return bool(batches) and all((batch.batch_key or "").startswith(BATCH_PREFIX) for batch in batches)


def fill(base: RecordBase, plan: CountyPlan, truth: Path, progress: Progress | None = None) -> int:
    """Ingest the county of ``plan`` block by block and write its true PDs by subject id to ``truth``.

    Returns the number of records accepted. Progress counts subjects. Running it again adds nothing.
    """
    from county import generate

    refuse_mixture(base, plan)
    truth.parent.mkdir(parents=True, exist_ok=True)
    door = Path(tempfile.mkdtemp(prefix="county-", dir=truth.parent))
    accepted, done = 0, 0
    unfinished = truth.with_suffix(".unfinished")
    writer: pq.ParquetWriter | None = None
    try:
        for number, block in enumerate(generate(plan)):
            for item, rows in block.tables.items():
                accepted += _ingest(base, door, f"{_batch_prefix(plan)}:{number}:{item}", item, rows)
            known = _by_subject_id(base, block.truth)
            writer = writer or pq.ParquetWriter(unfinished, known.schema)
            writer.write_table(known)
            done += len(set(block.truth["subject_number"].to_pylist()))
            if progress:
                progress(done)
    finally:
        if writer:
            writer.close()
        shutil.rmtree(door)
    unfinished.replace(truth)
    return accepted


def _ingest(base: RecordBase, door: Path, key: str, item: str, rows: pa.Table) -> int:
    if rows.num_rows == 0:
        return 0
    path = door / f"{item}.parquet"
    pq.write_table(rows, path)
    receipt = base.append(path, item, history=True, batch_key=key)
    path.unlink()
    return int(receipt.rows_accepted)


def _by_subject_id(base: RecordBase, truth: pa.Table) -> pa.Table:
    """The truth with keyed-hash subject ids in place of the (synthetic) identity numbers."""
    from records.identity import Identity, scheme_of

    identity = Identity.from_settings(base.settings)
    pairs = zip(truth["subject_kind"].to_pylist(), truth["subject_number"].to_pylist(), strict=True)
    ids: dict[tuple[str, str], str] = {}
    column = []
    for kind, number in pairs:
        if (kind, number) not in ids:
            ids[kind, number] = identity.subject_id(scheme_of(kind), number)
        column.append(ids[kind, number])
    position = truth.schema.get_field_index("subject_number")
    return truth.set_column(position, "subject_id", pa.array(column, pa.string()))


def _batch_prefix(plan: CountyPlan) -> str:
    return f"{BATCH_PREFIX}:{plan.seed}:{plan.subjects}x{plan.months}:{plan.last_month}"
