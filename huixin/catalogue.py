"""``huixin catalogue``: what may be reported, by whom, in which fields."""

from __future__ import annotations

from typing import Annotated

import typer

from huixin.console import out, say, speak, table
from records.catalogue import Catalogue
from records.words import Text

app = typer.Typer(no_args_is_help=True, help="信用信息目录 · the information catalogue")


@app.command("list")
def list_items() -> None:
    """列出全部来源与目录项 · list sources and items."""
    listing = table(
        Text("信用信息目录", "Information catalogue"),
        [
            Text("来源", "source"),
            Text("代码", "code"),
            Text("名称", "name"),
            Text("主体", "subjects"),
            Text("频率", "frequency"),
        ],
    )
    for source in Catalogue.load().sources.values():
        for item in source.items:
            listing.add_row(
                speak(source.words), item.code, speak(item.words), ", ".join(item.subject_kinds), item.frequency
            )
    out.print(listing)


@app.command()
def show(code: Annotated[str, typer.Argument(help="目录项代码 · item code")]) -> None:
    """一个目录项的字段与规则 · fields and rules of one item."""
    item = Catalogue.load().item(code)
    say(f"{item.code} {item.zh}（依据：{item.legal_basis}）", f"{item.code} {item.en} (basis: {item.legal_basis})")
    listing = table(
        Text("批次列", "Columns of a batch"),
        [
            Text("列", "column"),
            Text("类型", "type"),
            Text("必填", "required"),
            Text("含义与取值", "meaning and values"),
        ],
    )
    kinds = ", ".join(item.subject_kinds)
    listing.add_row("record_id", "text", "✓", speak(Text("来源内唯一编号", "unique within the item")))
    listing.add_row(
        "subject_number", "text", "✓", speak(Text("统一社会信用代码或公民身份号码", "USCC or citizen number"))
    )
    listing.add_row("subject_kind", "code", "✓" if len(item.subject_kinds) > 1 else "", kinds)
    listing.add_row("occurred_on", "date", "✓", speak(Text("发生日期", "day on which it happened")))
    listing.add_row("supersedes", "text", "", speak(Text("被更正记录的编号", "record_id that this one corrects")))
    for name, field in item.fields.items():
        codes = "；".join(f"{key} = {speak(field.code_words(key))}" for key in field.codes or {})
        listing.add_row(
            name, field.type, "✓" if field.required else "", speak(field.words) + (f": {codes}" if codes else "")
        )
    out.print(listing)


@app.command()
def check() -> None:
    """检查目录是否完整一致 · check that the catalogue is whole and consistent."""
    found = Catalogue.load()
    say(
        f"目录无误：{len(found.sources)} 个来源，{len(found.items)} 个目录项",
        f"catalogue is sound: {len(found.sources)} sources, {len(found.items)} items",
    )
