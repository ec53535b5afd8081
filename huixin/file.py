"""``huixin file``: everything that the base may show of a subject, as of any moment."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from huixin.console import out, say, speak, table
from records.words import Text

if TYPE_CHECKING:
    from records.base import RecordBase
    from records.subject_file import SubjectFile

ACTOR = "command line"


def file(
    subject: Annotated[
        str,
        typer.Argument(help="主体编号或证照号码；- 为标准输入 · subject id or identity number; - for standard input"),
    ],
    as_of: Annotated[str | None, typer.Option(help="时点，默认现在 · as-of day or instant, default now")] = None,
    view: Annotated[str, typer.Option(help="public、government 或 authorised · what may be shown")] = "authorised",
    use: Annotated[str, typer.Option(help="report 或 supervision · what for")] = "report",
    limit: Annotated[int, typer.Option(help="每项最多列出 · records of an item, at most", min=1, max=1000)] = 20,
    to: Annotated[Path | None, typer.Option("--out", help="写成网页 · write a page")] = None,
    json: Annotated[bool, typer.Option("--json", help="输出 JSON · print JSON")] = False,
) -> None:
    """一个主体的信用档案 · a subject's file, of any kind."""
    import orjson

    from records.base import RecordBase
    from records.settings import Settings
    from records.subject_file import SubjectFiles
    from records.subject_file.model import SHOWN
    from scoring.audit import record

    if view not in SHOWN or use not in ("report", "supervision"):
        accepted = Text("可用：public、government、authorised；report、supervision", "accepted: see --help")
        raise typer.BadParameter(speak(accepted))
    base = RecordBase.open(Settings())
    subject_id = base.resolve(sys.stdin.readline().strip() if subject == "-" else subject)
    found = SubjectFiles(base).read(subject_id, as_of, view=view, use=use, limit=limit)  # type: ignore[arg-type]
    payload = {"as_of": found.as_of.isoformat(), "view": view, "use": use}
    record(base.engine, ACTOR, "file", subject_id=subject_id, purpose=use, payload=payload)
    if to is not None:
        write_page(base, found, to)
        say(f"信用档案：{to.resolve()}", f"credit file: {to.resolve()}")
    elif json:
        sys.stdout.buffer.write(orjson.dumps(found.as_dict()) + b"\n")
    else:
        _print(found)


def write_page(base: RecordBase, found: SubjectFile, path: Path) -> Path:
    """Write a file as a page of its own."""
    from huixin.county_base import is_synthetic
    from service.pages.render import subject_file_page

    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(subject_file_page(found, synthetic=is_synthetic(base)), encoding="utf-8")
    return path


def _print(found: SubjectFile) -> None:
    from records.catalogue.kinds import KIND_WORDS, POLARITY_WORDS
    from records.moment import SHANGHAI_OFFSET

    kinds = "、".join(speak(KIND_WORDS[kind]) for kind in found.subject.kinds)
    name = " ".join(one for one in (kinds, found.subject.name, found.subject.masked) if one)
    moment = f"{found.as_of + SHANGHAI_OFFSET:%Y-%m-%d %H:%M}"
    say(f"{name}  时点 {moment}  共 {found.records:,} 条", f"{name}  as of {moment}  {found.records:,} records")
    for note in found.notes:
        out.print(speak(note), style="yellow", markup=False)
    for group in found.key_groups:
        say(f"重点人群：{group.words.zh}，自 {group.since}", f"key group: {group.words.en}, since {group.since}")
    listing = table(
        Text("各项记录", "Records by item"),
        [
            Text("目录项", "item"),
            Text("来源", "source"),
            Text("性质", "polarity"),
            Text("条", "records"),
            Text("最近", "latest"),
            Text("最近一条", "what it says"),
        ],
    )
    for one in sorted(found.items, key=lambda one: (one.polarity != "adverse", one.polarity != "positive", one.item)):
        newest = one.records[0]
        what = "；".join(f"{speak(value.words)} {speak(value.said)}" for value in newest.fields[:4])
        style = {"adverse": "red", "positive": "green"}.get(one.polarity, "")
        listing.add_row(
            speak(one.words), speak(one.source_words), speak(POLARITY_WORDS[one.polarity]), f"{one.total:,}",
            f"{one.last_on}", what, style=style,
        )  # fmt: skip
    out.print(listing)
    _print_links(found)
    for gap in found.gaps:
        say(f"缺口：{gap.words.zh} {gap.records} 条依法删除", f"gap: {gap.records} of {gap.words.en} erased by law")
    for dispute in found.disputes:
        say(f"异议：{dispute.words.zh} {dispute.record_id}", f"disputed: {dispute.words.en} {dispute.record_id}")
    for fact in found.contradictions:
        told = " ≠ ".join(f"{speak(claim.source_words)} {speak(claim.said)}" for claim in fact.claims)
        say(f"说法不一：{fact.words.zh}：{told}", f"claimed differently: {fact.words.en}: {told}")


def _print_links(found: SubjectFile) -> None:
    if not found.links:
        return
    listing = table(
        Text(f"关联主体（{found.links_total}）", f"Linked subjects ({found.links_total})"),
        [Text("对方", "other"), Text("关系", "relation"), Text("自", "since"), Text("至", "until")],
    )
    for one in found.links[:20]:
        other = one.other.name or one.other.masked or f"{one.other.subject_id[:8]}…"
        role = Text(
            f"{'本主体为对方' if one.bears else '对方为本主体'}的{one.words.zh}",
            f"{one.words.en} of the other" if one.bears else f"the other is its {one.words.en}",
        )
        ended = str(one.until) if one.until else "" if one.current else speak(Text("已不再载明", "no longer stated"))
        listing.add_row(other, speak(role), str(one.since), ended)
    out.print(listing)
