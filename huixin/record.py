"""``huixin record`` and ``huixin subject``: what befalls records after they were accepted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from huixin.console import out, say, table
from records.words import Text

if TYPE_CHECKING:
    from records.base import RecordBase
    from records.erasure import Erased
    from records.visibility import Action

app = typer.Typer(no_args_is_help=True, help="记录的更正、异议、修复与删除 · what befalls records after acceptance")
subject_app = typer.Typer(no_args_is_help=True, help="主体 · subjects")

Item = Annotated[str, typer.Argument(help="目录项 · item code")]
Records = Annotated[list[str], typer.Argument(help="记录编号 · record ids")]
Actor = Annotated[str, typer.Option(help="由谁决定 · who orders it")]
Reason = Annotated[str, typer.Option(help="理由 · why")]
Basis = Annotated[str, typer.Option(help="法律依据 · legal basis")]
Document = Annotated[str | None, typer.Option(help="文书编号 · reference of the document")]


def _apply(action: Action, item: str, records: list[str], order: tuple[str, str, str, str | None]) -> None:
    from records.base import RecordBase
    from records.lifecycle import ACTION_WORDS, Order, RecordLife
    from records.settings import Settings

    base = RecordBase.open(Settings())
    for event in RecordLife(base).apply(action, item, records, Order(*order)):
        _audit(
            base, event.actor, f"record.{action}", {"item": item, "record": event.record_id, "event": event.event_id}
        )
        words = ACTION_WORDS[action]
        moment = f"{event.recorded_at.isoformat(timespec='milliseconds')}Z"
        say(
            f"{item} {event.record_id}：{words.zh}，自 {moment} 生效（{event.event_id}）",
            f"{item} {event.record_id}: {words.en}, in effect from {moment} ({event.event_id})",
        )


STEPS: dict[str, tuple[Action, str]] = {
    "withdraw": ("withdraw", "来源撤回误报的记录 · a source withdraws records that it should not have reported"),
    "dispute": (
        "dispute",
        "标注异议（条例第二十五条，20 日内答复） · mark as disputed (Art. 25: answered within 20 days)",
    ),
    "uphold": ("dispute_upheld", "异议成立，记录不再可见 · an objection is upheld: the records are shown no more"),
    "dismiss": ("dispute_dismissed", "异议不成立，去除标注 · an objection is dismissed: the mark goes"),
    "repair": ("repair", "信用修复 · credit repair, once the conduct has ended and its shortest publicity has passed"),
    "seal": ("seal", "封存 · seal records"),
    "restore": ("restore", "撤销撤回、修复或封存 · undo a withdrawal, a repair or a sealing"),
}


def _add_step(name: str, action: Action, words: str) -> None:
    @app.command(name, help=words)
    def step(
        item: Item, records: Records, actor: Actor, reason: Reason, basis: Basis, document: Document = None
    ) -> None:
        _apply(action, item, records, (actor, reason, basis, document))


for _name, (_action, _words) in STEPS.items():
    _add_step(_name, _action, _words)


@app.command()
def erase(
    item: Item,
    records: Records,
    actor: Actor,
    reason: Reason,
    basis: Basis,
    document: Document = None,
    yes: Annotated[bool, typer.Option("--yes", help="不再询问 · do not ask")] = False,
) -> None:
    """依法物理删除，连同其更正 · erase records and their corrections for good."""
    from records.base import RecordBase
    from records.erasure import erase as erase_records
    from records.lifecycle import Order
    from records.settings import Settings

    _confirm(yes)
    base = RecordBase.open(Settings())
    erased = erase_records(base, item, records, Order(actor, reason, basis, document))
    _audit(base, actor, "record.erase", {"records": {code: list(ids) for code, ids in erased.records.items()}})
    _tell(erased)


@app.command("erase-expired")
def erase_expired() -> None:
    """删除保存期限届满的不良信息（条例第十六条） · erase adverse records after retention (Art. 16)."""
    from records.base import RecordBase
    from records.erasure import erase_expired as erase_old
    from records.settings import Settings

    base = RecordBase.open(Settings())
    erased = erase_old(base)
    if erased.count:
        _audit(base, "huixin", "record.expire", {"records": {code: list(ids) for code, ids in erased.records.items()}})
    _tell(erased)


@app.command()
def history(item: Item, record: Annotated[str, typer.Argument(help="记录编号 · record id")]) -> None:
    """一条记录的经历与所属批次 · what befell a record, and the batch that brought it."""
    from records.base import RecordBase
    from records.lifecycle import ACTION_WORDS, RecordLife
    from records.rewriting import batch_of
    from records.settings import Settings

    base = RecordBase.open(Settings())
    batch = batch_of(base, base.catalogue.item(item), record)
    say(f"批次：{batch or '（库中无此记录）'}", f"batch: {batch or '(no such record is kept)'}")
    listing = _listing(Text("经历", "History"))
    for event in RecordLife(base).events(item, record):
        words = ACTION_WORDS[event.action]  # type: ignore[index]
        listing.add_row(
            f"{event.recorded_at:%Y-%m-%d %H:%M:%S}Z",
            f"{words.zh} {words.en}",
            event.actor,
            event.reason,
            event.legal_basis,
            event.document or "",
        )
    out.print(listing)


@app.command()
def disputes() -> None:
    """未处理的异议 · open disputes, the oldest first."""
    from records.base import RecordBase
    from records.lifecycle import RecordLife
    from records.moment import now
    from records.settings import Settings

    listing = _listing(Text("未处理的异议", "Open disputes"))
    for event in RecordLife(RecordBase.open(Settings())).disputes(now()):
        listing.add_row(
            f"{event.recorded_at:%Y-%m-%d %H:%M:%S}Z",
            f"{event.item} {event.record_id}",
            event.actor,
            event.reason,
            event.legal_basis,
            event.document or "",
        )
    out.print(listing)


@subject_app.command("erase")
def erase_subject(
    subject: Annotated[str, typer.Argument(help="主体编号或身份号码 · subject id or identity number")],
    actor: Actor,
    reason: Reason,
    basis: Basis,
    document: Document = None,
    yes: Annotated[bool, typer.Option("--yes", help="不再询问 · do not ask")] = False,
) -> None:
    """删除一个主体的全部记录（个人信息保护法第四十七条） · erase all records of a subject (PIPL Art. 47)."""
    from records.base import RecordBase
    from records.erasure import erase_subject as erase_all
    from records.lifecycle import Order
    from records.settings import Settings

    _confirm(yes)
    base = RecordBase.open(Settings())
    subject_id = base.resolve(subject)
    erased = erase_all(base, subject_id, Order(actor, reason, basis, document))
    _audit(base, actor, "subject.erase", {"subject": subject_id, "records": erased.count})
    _tell(erased)


def _audit(base: RecordBase, actor: str, action: str, payload: dict[str, Any]) -> None:
    from scoring.audit import record

    record(base.engine, f"command line: {actor}"[:120], action, payload=payload)


def _confirm(yes: bool) -> None:
    if not yes:
        typer.confirm("物理删除不可恢复，继续？ Erasure cannot be undone. Go on?", abort=True)


def _tell(erased: Erased) -> None:
    for item, ids in erased.records.items():
        say(f"{item}：已删除 {len(ids)} 条", f"{item}: {len(ids)} records erased")
    say(
        f"共删除 {erased.count} 条，改写 {erased.files} 个文件",
        f"{erased.count} records erased, {erased.files} files written anew",
    )


def _listing(title: Text) -> Table:
    names = [
        Text("时间", "when"),
        Text("内容", "what"),
        Text("由谁", "who"),
        Text("理由", "why"),
        Text("依据", "legal basis"),
        Text("文书", "document"),
    ]
    return table(title, names)
