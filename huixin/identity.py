"""``huixin identity``: the keys behind subject ids."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from huixin.console import say

if TYPE_CHECKING:
    from records.rotation import KeyStatus

app = typer.Typer(no_args_is_help=True, help="主体标识密钥 · the keys behind subject ids")


@app.command()
def status() -> None:
    """现行密钥与尚待迁移的主体数 · the present key, and how many subjects still need a former one."""
    from records.base import RecordBase
    from records.rotation import status as status_of
    from records.settings import Settings

    _tell(status_of(RecordBase.open(Settings())))


@app.command()
def rotate() -> None:
    """启用新密钥，主体编号不变 · use a new key from now on; subject ids stay."""
    from records.rotation import rotate as rotate_keys
    from records.settings import Settings

    _tell(rotate_keys(Settings()))
    say("请重启正在运行的服务", "restart services that are running")


@app.command()
def rekey(
    kind: Annotated[str, typer.Argument(help="主体类别，如 enterprise、individual · kind of subject")],
    register: Annotated[Path, typer.Argument(help="名册：每行一个号码 · a register, one number a line", exists=True)],
) -> None:
    """以名册使主体在现行密钥下可识别 · make the subjects of a register known under the present key."""
    from records.base import RecordBase
    from records.rotation import rekey as rekey_subjects
    from records.settings import Settings

    base = RecordBase.open(Settings())
    with register.open(encoding="utf-8-sig") as lines:
        count = rekey_subjects(base, kind, lines)
    say(f"名册中有效号码 {count} 个", f"{count} valid numbers in the register")
    status()


@app.command()
def retire(
    force: Annotated[bool, typer.Option(help="即使仍有主体需要 · also while subjects need them")] = False,
) -> None:
    """销毁旧密钥 · destroy the former keys."""
    from records.rotation import retire as retire_keys
    from records.settings import Settings

    _tell(retire_keys(Settings(), force=force))


def _tell(found: KeyStatus) -> None:
    say(
        f"现行密钥第 {found.version} 把（指纹 {found.fingerprint}），旧密钥 {found.former} 把，"
        f"尚待迁移的主体 {found.unmoved} 个",
        f"key number {found.version} (fingerprint {found.fingerprint}), {found.former} former keys kept, "
        f"{found.unmoved} subjects not yet known under the present one",
    )
