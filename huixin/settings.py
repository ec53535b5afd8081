"""``huixin settings``: every setting, what it means, and where its value comes from."""

from __future__ import annotations

from typing import Annotated

import typer

from huixin.console import out, say, speak, table
from records.words import Text

ORIGINS = {
    "environment": Text("环境变量", "environment"),
    "file": Text("文件", "file"),
    "default": Text("缺省", "default"),
}


def settings(
    markdown: Annotated[bool, typer.Option("--markdown", help="文档用的表 · the documentation's table")] = False,
    changed: Annotated[bool, typer.Option("--changed", help="只列非缺省的 · only those that are not defaults")] = False,
) -> None:
    """列出全部设置、含义与来源；有误则全部指出 · every setting, its meaning and origin; tells all that are wrong."""
    from records.settings_check import checked_settings, list_settings, unknown_variables

    if markdown:
        out.print(configuration_table(), markup=False, soft_wrap=True)
        return
    columns = [Text("变量", "variable"), Text("值", "value"), Text("来自", "from"), Text("含义", "meaning")]
    listing = table(Text("设置", "Settings"), columns)
    listing.columns[0].no_wrap = True
    for one in list_settings(checked_settings()):
        if not changed or one.origin != "default":
            listing.add_row(one.name, one.value or "—", speak(ORIGINS[one.origin]), speak(one.meaning))
    out.print(listing, markup=False)
    for name in unknown_variables():
        say(f"{name} 不是设置，不起作用：是否写错？", f"{name} is no setting and does nothing: is it misspelt?")


def configuration_table() -> str:
    """The table of all settings in ``docs/operations.md``: variable, default, meaning."""
    from records.settings import Settings
    from records.settings_check import list_settings

    lines = ["| variable | default | what it means |", "| --- | --- | --- |"]
    for one in list_settings(Settings()):
        lines.append(f"| `{one.name}` | {f'`{one.default}`' if one.default else ''} | {one.meaning.en} |")
    return "\n".join(lines)
