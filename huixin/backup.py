"""``huixin backup`` and ``huixin restore``: the whole installation into a folder and back."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from huixin.console import progress, say
from records.words import Text

if TYPE_CHECKING:
    from records.backup.manifest import Manifest
    from records.settings import Settings

ACTOR = "command-line"


def backup(
    folder: Annotated[Path, typer.Argument(help="备份目录，须专用 · folder of the backup, of its own")],
    replace: Annotated[
        bool, typer.Option(help="可覆盖另一信用库的备份 · the folder may hold the backup of another base")
    ] = False,
    verify: Annotated[
        bool, typer.Option(help="同时重读目录中已有的文件 · read again what the folder holds already")
    ] = False,
) -> None:
    """备份整套信用库；可在使用中进行 · back up the whole base; it may be in use."""
    from records.backup import back_up
    from records.base import RecordBase
    from records.settings import Settings
    from scoring.audit import record

    settings = Settings()
    base = RecordBase.open(settings)
    made = back_up(settings, base.engine, folder, replace=replace, verify=verify, steps=_steps)
    record(
        base.engine, ACTOR, "backup", payload={"manifest": made.manifest.seal, "created_at": made.manifest.created_at}
    )
    say(f"已备份：{_words(made.manifest).zh}", f"backed up: {_words(made.manifest).en}")
    say(
        f"新写入 {_size(made.copied)}，清除不再需要的文件 {made.removed} 个：{folder.resolve()}",
        f"{_size(made.copied)} new, {made.removed} files no longer needed removed: {folder.resolve()}",
    )
    _say_what_is_not_in_it(settings)
    say(
        "备份含密钥与全部记录，须与信用库同等保管",
        "the backup holds the keys and every record: guard it like the base itself",
    )


def restore(
    folder: Annotated[Path, typer.Argument(help="备份目录 · folder of the backup")],
    replace: Annotated[
        bool, typer.Option(help="以备份取代现有信用库 · the base that is there is replaced and lost")
    ] = False,
    erasures: Annotated[
        Path | None,
        typer.Option(help="另存的删除日志 erasures.jsonl · a journal of erasures kept elsewhere"),
    ] = None,
    check: Annotated[bool, typer.Option("--check", help="只核验，不恢复 · verify only")] = False,
) -> None:
    """从备份恢复整套信用库；先停止服务 · restore the whole base from a backup; stop the service first."""
    from records import backup as backups
    from records.base import RecordBase
    from records.settings import Settings
    from scoring.audit import record

    if check:
        words = _words(backups.check(folder, _steps))
        say(f"备份完好：{words.zh}", f"the backup is whole: {words.en}")
        return
    settings = Settings()
    made = backups.restore(settings, folder, replace=replace, erasures=erasures, steps=_steps)
    base = RecordBase.open(settings)
    payload = {
        "manifest": made.manifest.seal,
        "created_at": made.manifest.created_at,
        "erased_again": made.erased_again,
    }
    record(base.engine, ACTOR, "restore", payload=payload)
    words = _words(made.manifest)
    say(f"已恢复：{words.zh}", f"restored: {words.en}")
    if made.erased_again:
        say(
            f"再次删除其后依法删除的记录 {made.erased_again} 条",
            f"{made.erased_again} later erasures carried out again",
        )
    place = settings.home.resolve()
    say(f"写入 {_size(made.copied)}：{place}", f"{_size(made.copied)} written: {place}")
    if settings.catalogue_folder is None and any(entry.path.startswith("catalogue/") for entry in made.manifest.files):
        say(
            f"备份含自有目录文件：请设置 HUIXIN_CATALOGUE_FOLDER={place / 'catalogue'}",
            f"the backup has catalogue files of its own: set HUIXIN_CATALOGUE_FOLDER={place / 'catalogue'}",
        )
    if settings.mlflow_uri is not None and made.manifest.artifact_root is not None:
        say(
            "备份中的模型已放入 mlflow.db，但本安装使用 HUIXIN_MLFLOW_URI 的服务器",
            "the backup's models lie in mlflow.db, but this installation uses the server of HUIXIN_MLFLOW_URI",
        )


def _say_what_is_not_in_it(settings: Settings) -> None:
    if settings.mlflow_uri is not None:
        say(
            "模型在 HUIXIN_MLFLOW_URI 的服务器上，不在备份中；请另行备份",
            "the models are on the server of HUIXIN_MLFLOW_URI and not in the backup: back them up there",
        )
    if settings.identity_key is not None:
        say(
            "标识密钥由环境变量给出，不在备份中；请另行保管，否则无法恢复",
            "the identity key comes from the environment and is not in the backup: without it nothing can be restored",
        )


def _steps(words: Text, total: int | None) -> AbstractContextManager[Callable[[int], None]]:
    return progress(words.zh, words.en, total)


def _words(manifest: Manifest) -> Text:
    made = f"{manifest.created_at} ({manifest.engine}, {manifest.revision})"
    return Text(
        f"{manifest.batches} 批、{manifest.records} 条记录、{len(manifest.files)} 个文件，"
        f"共 {_size(manifest.bytes)}，时点 {made}",
        f"{manifest.batches} batches, {manifest.records} records, {len(manifest.files)} files, "
        f"{_size(manifest.bytes)} in all, as of {made}",
    )


def _size(count: int) -> str:
    return f"{count / (1 << 20):.1f} MiB"
