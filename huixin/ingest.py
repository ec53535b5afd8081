"""``huixin ingest`` and ``huixin batches``: records in."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from huixin.console import out, progress, say, table
from records.words import Text


def ingest(
    item: Annotated[str, typer.Argument(help="目录项，如 tax.filing · catalogue item")],
    files: Annotated[list[Path], typer.Argument(help="CSV / JSON Lines / Parquet 文件 · files")],
    version: Annotated[
        int | None, typer.Option(help="所依目录项版本，默认现行 · version of the item that the files follow", min=1)
    ] = None,
    history: Annotated[
        bool, typer.Option(help="历史数据装载：接受 recorded_at 列 · historical load: accept a recorded_at column")
    ] = False,
    pseudonyms: Annotated[
        str | None, typer.Option(help="匿名研究数据的编码方 · issuer of pseudonyms (anonymised research data)")
    ] = None,
) -> None:
    """把一批记录收入信用库 · take a batch of records into the base."""
    from huixin.county_base import refuse_joining_synthetic
    from records.base import RecordBase
    from records.settings import Settings

    base = RecordBase.open(Settings())
    refuse_joining_synthetic(base)
    rejected = 0
    for path in files:
        with progress(f"读取 {path.name}", f"reading {path.name}") as done:
            receipt = base.append(path, item, version=version, history=history, pseudonyms=pseudonyms, progress=done)
        rejected += receipt.rows_rejected
        again = (
            Text("（此前已收，未重复入库）", " (received before, nothing added)") if receipt.replayed else Text("", "")
        )
        say(
            f"{path.name}：收 {receipt.rows_accepted} 行，拒 {receipt.rows_rejected} 行，"
            f"批次 {receipt.batch_id}{again.zh}",
            f"{path.name}: {receipt.rows_accepted} rows accepted, {receipt.rows_rejected} rejected, "
            f"batch {receipt.batch_id}{again.en}",
        )
        if receipt.quarantine:
            say(f"拒收明细：{receipt.quarantine}", f"rejected rows and reasons: {receipt.quarantine}")
        if receipt.rejects:
            say(f"更正后可重报：{receipt.rejects}", f"to correct and send again: {receipt.rejects}")
    if rejected:
        raise typer.Exit(1)


def batches() -> None:
    """列出已收批次 · list the batches received."""
    from records.base import RecordBase
    from records.settings import Settings

    listing = table(
        Text("已收批次", "Batches received"),
        [
            Text("批次", "batch"),
            Text("目录项", "item"),
            Text("收", "accepted"),
            Text("拒", "rejected"),
            Text("入库时间", "accepted at"),
        ],
    )
    for batch in RecordBase.open(Settings()).batches():
        listing.add_row(
            batch.batch_id, batch.item, str(batch.rows_accepted), str(batch.rows_rejected), f"{batch.accepted_at}"
        )
    out.print(listing)
