"""``huixin compact`` and ``huixin sweep``: the files of the base kept few and clean."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

import typer

from huixin.console import progress, say


def compact(
    items: Annotated[list[str] | None, typer.Argument(help="目录项，默认全部 · items, default all")] = None,
    fewest: Annotated[int, typer.Option(help="小文件至少几个才合并 · the fewest small files to join", min=2)] = 8,
) -> None:
    """合并小文件，任何时点的答案不变 · join small files; every answer as of any moment stays."""
    from records.base import RecordBase
    from records.compaction import compact as compact_files
    from records.settings import Settings

    base = RecordBase.open(Settings())
    with progress("合并", "compacting", total=len(items or base.catalogue.items)) as told:
        done = compact_files(base, items, fewest=fewest, told=told)
    for one in done:
        say(
            f"{one.item}：{one.files_before} 个文件合为 {one.files_after} 个，{one.rows} 行",
            f"{one.item}: {one.files_before} files became {one.files_after}, {one.rows} rows",
        )
    if not done:
        say("没有需要合并的小文件", "there were no small files to join")
    say("被替换的文件一天后由 huixin sweep 清除", "the replaced files are removed by huixin sweep, a day later")


def sweep(
    hours: Annotated[float, typer.Option(help="早于几小时的 · older than so many hours", min=0)] = 24.0,
) -> None:
    """清除无事务命名的文件 · remove files that no transaction names."""
    from records.base import RecordBase
    from records.settings import Settings

    removed = RecordBase.open(Settings()).sweep(older_than=timedelta(hours=hours))
    say(f"清除 {removed} 个文件", f"{removed} files removed")


def migrate() -> None:
    """把业务数据库升级到本程序的版本 · bring the operations database up to what this program knows."""
    from records.base import RecordBase
    from records.settings_check import checked_settings

    RecordBase.open(checked_settings())
    say("业务数据库已是最新", "the operations database is up to date")
