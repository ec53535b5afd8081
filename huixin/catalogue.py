"""``huixin catalogue``: what may be reported, by whom, in which fields."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, get_args

import typer

from huixin.console import out, say, speak, table
from records.catalogue import Catalogue, KeyGroup, SubjectKind
from records.catalogue.kinds import (
    DISCLOSURE_WORDS,
    FREQUENCY_WORDS,
    KEY_GROUP_WORDS,
    KIND_WORDS,
    POLARITY_WORDS,
    USE_WORDS,
    Polarity,
)
from records.catalogue.model import Item
from records.settings import Settings
from records.words import Text

app = typer.Typer(no_args_is_help=True, help="信用信息目录 · the information catalogue")


@app.command("list")
def list_items(
    source: Annotated[str | None, typer.Option(help="只列一个来源 · one source only")] = None,
    kind: Annotated[str | None, typer.Option(help="只列一类主体，如 enterprise · one kind of subject only")] = None,
) -> None:
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
    for one in _catalogue().sources.values():
        for item in one.items:
            if source in (None, one.code) and (kind is None or kind in item.subject_kinds):
                listing.add_row(
                    speak(one.words), item.code, speak(item.words), ", ".join(item.subject_kinds), item.frequency
                )
    out.print(listing)


@app.command()
def show(
    code: Annotated[str, typer.Argument(help="目录项代码 · item code")],
    version: Annotated[int | None, typer.Option(help="版本，默认现行 · version, default the present one")] = None,
) -> None:
    """一个目录项的字段与规则 · fields and rules of one item."""
    item = _catalogue().item(code)
    asked = item.version if version is None else version
    fields = item.fields_at(asked)
    say(f"{item.code} {item.zh}（依据：{item.legal_basis}）", f"{item.code} {item.en} (basis: {item.legal_basis})")
    _show_rules(item)
    listing = table(
        Text(f"批次列（第 {asked} 版）", f"Columns of a batch (version {asked})"),
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
    for name, field in fields.items():
        codes = "；".join(f"{key} = {speak(field.code_words(key))}" for key in field.codes or {})
        listing.add_row(
            name, field.type, "✓" if field.required else "", speak(field.words) + (f": {codes}" if codes else "")
        )
    out.print(listing)


@app.command()
def check() -> None:
    """检查目录是否完整一致 · check that the catalogue is whole and consistent."""
    found = _catalogue()
    say(
        f"目录无误：{len(found.sources)} 个来源，{len(found.items)} 个目录项",
        f"catalogue is sound: {len(found.sources)} sources, {len(found.items)} items",
    )
    polarities: tuple[Polarity, ...] = get_args(Polarity)
    kinds = table(
        Text("各类主体", "By kind of subject"),
        [
            Text("主体", "subject"),
            Text("来源", "sources"),
            Text("目录项", "items"),
            *(POLARITY_WORDS[one] for one in polarities),
        ],
    )
    for kind in _kinds():
        items = found.for_kind(kind)
        by_polarity = (str(sum(item.polarity == one for item in items)) for one in polarities)
        sources = len({item.source for item in items})
        kinds.add_row(speak(KIND_WORDS[kind]), str(sources), str(len(items)), *by_polarity)
    out.print(kinds)
    covered = {item.key_group for item in found.items.values()}
    groups: tuple[KeyGroup, ...] = get_args(KeyGroup)
    missing = [group for group in groups if group not in covered]
    say(
        f"重点人群：已覆盖 {len(groups) - len(missing)} / {len(groups)} 类",
        f"key groups: {len(groups) - len(missing)} of {len(groups)} covered",
    )
    if missing:
        listed = "、".join(KEY_GROUP_WORDS[group].zh for group in missing)
        say(f"未覆盖：{listed}", f"not covered: {', '.join(KEY_GROUP_WORDS[group].en for group in missing)}")


@app.command()
def page(
    target: Annotated[
        Path | None, typer.Option("--out", help="网页文件，默认 HUIXIN_HOME/catalogue.html · file to write")
    ] = None,
) -> None:
    """目录网页：可检索、可打印，中英文 · the catalogue as a page to search and print."""
    from service.pages.render import catalogue_page

    path = target or Settings().home / "catalogue.html"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(catalogue_page(_catalogue()), encoding="utf-8")
    say(f"目录网页：{path}", f"catalogue page: {path}")


def _catalogue() -> Catalogue:
    """The catalogue that Huixin ships, and the installation's own files."""
    return Catalogue.load(more=Settings().catalogue_folder)


def _kinds() -> tuple[SubjectKind, ...]:
    kinds: tuple[SubjectKind, ...] = get_args(SubjectKind)
    return kinds


def _show_rules(item: Item) -> None:
    """Deadline, disclosure, retention, repair and uses in a few lines."""
    frequency, disclosure = FREQUENCY_WORDS[item.frequency], DISCLOSURE_WORDS[item.disclosure]
    say(
        f"{frequency.zh}，{item.deadline_days} 日内；{POLARITY_WORDS[item.polarity].zh}；{disclosure.zh}",
        f"{frequency.en}, within {item.deadline_days} days; {POLARITY_WORDS[item.polarity].en}; {disclosure.en}",
    )
    if item.retention_years:
        months = item.repair_after_months
        repair = Text("不可信用修复", "no credit repair")
        if months is not None:
            repair = Text(f"满 {months} 个月可信用修复", f"credit repair after {months} months")
        say(f"保存 {item.retention_years} 年；{repair.zh}", f"kept {item.retention_years} years; {repair.en}")
    uses = [USE_WORDS[one] for one in item.uses]
    say(f"用途：{'、'.join(one.zh for one in uses)}", f"uses: {', '.join(one.en for one in uses)}")
    for change in item.changes:
        say(
            f"第 {change.version} 版（{change.on} 起）：{change.zh}",
            f"version {change.version} ({change.on}): {change.en}",
        )
