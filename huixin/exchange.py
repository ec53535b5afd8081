"""``huixin exchange``: files that sources drop, tables that are pulled, receipts that verify."""

from __future__ import annotations

import signal
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from huixin.console import out, say, speak, step, table
from records.words import Text

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from records.exchange.folder import Outcome, WatchedFolder
    from records.exchange.hub import Exchange
    from records.receipt import Receipt

app = typer.Typer(no_args_is_help=True, help="报送：文件夹、拉取、回执 · how batches come: folder, pull, receipts")


@app.command()
def watch(
    folder: Annotated[Path, typer.Argument(help="文件夹/<来源>/<目录项>….csv · FOLDER/<source>/<item>….csv")],
    once: Annotated[bool, typer.Option("--once", help="收完现有文件即结束 · take what is there, then end")] = False,
    keep: Annotated[
        str, typer.Option(help="none：收后删除；done：移入 done/ · delete what was taken, or keep it")
    ] = "none",
    settle: Annotated[float, typer.Option(help="文件不变多少秒后收取 · seconds a file must stay unchanged", min=0)] = 5,
) -> None:
    """收取来源放入文件夹的文件，回执写在旁边 · take what sources drop; receipts are written beside."""
    from records.errors import BadSettings
    from records.exchange.folder import WatchedFolder

    if keep not in ("none", "done"):
        raise BadSettings(Text("--keep 可用：none、done", "--keep accepts: none, done"))
    exchange = _exchange()
    watched = WatchedFolder(exchange, folder, keep="done" if keep == "done" else "none", settle_seconds=settle)
    stop = threading.Event()
    former = {one: signal.signal(one, lambda *_: stop.set()) for one in (signal.SIGTERM, signal.SIGINT)}
    try:
        with watched.held():
            step(f"监视 {folder.resolve()}", f"watching {folder.resolve()}")
            clean = _look_on(watched, stop, once)
    finally:
        exchange.private.close()
        for one, handler in former.items():
            signal.signal(one, handler)
    if once and not clean:
        raise typer.Exit(1)


@app.command()
def pull(
    connector: Annotated[Path, typer.Argument(help="连接器 TOML · the connector's TOML file")],
    check: Annotated[bool, typer.Option("--check", help="只核对连接器，不取数 · check the connector only")] = False,
    again: Annotated[
        bool, typer.Option(help="忘记水位，从头再取；已有的不会重复 · forget the watermark and begin anew")
    ] = False,
) -> None:
    """按水位从来源的 PostgreSQL 表或视图取数 · pull a source's PostgreSQL table or view by watermark."""
    from records.exchange.connector import Connector
    from records.exchange.pull import Puller, start_again
    from records.exchange.source_table import SourceTable

    exchange = _exchange()
    found = Connector.read(connector, exchange.base.catalogue)
    if check:
        with SourceTable.connected(found):
            say(f"{found.name}：可以取数", f"{found.name}: ready to pull {found.relation}")
        return
    if again:
        start_again(exchange, found)
    ranges = rejected = 0
    try:
        for pulled in Puller(exchange, found).ranges():
            ranges += 1
            say(f"水位至 {pulled.end}：{pulled.rows} 行", f"up to watermark {pulled.end}: {pulled.rows} rows")
            if pulled.receipt is not None:
                rejected += pulled.receipt.rows_rejected
                _say_receipt(found.name, pulled.receipt)
    finally:
        exchange.private.close()
    if not ranges:
        say(f"{found.name}：没有新数据", f"{found.name}: nothing new")
    if rejected:
        raise typer.Exit(1)


@app.command()
def verify(
    receipt: Annotated[Path, typer.Argument(help="回执文件（JSON 或 JWS） · a receipt, JSON or JWS")],
    key: Annotated[
        Path | None,
        typer.Option(help="公钥 JWKS 文件（GET /v1/receipts/key） · the key set; default: this installation's"),
    ] = None,
) -> None:
    """离线核验签名回执 · verify a signed receipt, offline."""
    import orjson

    from records.exchange.errors import BadReceipt
    from records.exchange.signing import verify as verified

    try:
        content = receipt.read_bytes()
        key_set = orjson.loads(key.read_bytes()) if key else _own_keys()
    except (OSError, orjson.JSONDecodeError) as error:
        raise BadReceipt(Text(f"无法读取：{error}", f"cannot be read: {error}")) from error
    said = verified(content, key_set)
    say("签名有效，内容未被改动", "the signature is good, nothing was changed")
    listing = table(Text("回执", "Receipt"), [Text("项", "what"), Text("内容", "says")])
    for name, value in said.items():
        listing.add_row(name, "" if value is None else str(value))
    out.print(listing)


@app.command("key")
def receipt_key() -> None:
    """输出回执公钥（JWKS），供来源离线核验 · print the public key that receipts verify by."""
    import orjson

    out.print(orjson.dumps(_own_keys(), option=orjson.OPT_INDENT_2).decode(), markup=False, soft_wrap=True)


def _look_on(watched: WatchedFolder, stop: threading.Event, once: bool) -> bool:
    """Look until stopped, or ``once``: a second time at what the first look saw; whether all was taken whole."""
    clean, looks = True, 0
    while not stop.is_set():
        for outcome in watched.look():
            clean &= _told(outcome)
            if stop.is_set():
                break
        looks += 1
        if once and (looks == 2 or not watched.waiting()):
            break
        stop.wait(max(watched.settle_seconds, 0.2) + 0.05)
    return clean


def _told(outcome: Outcome) -> bool:
    """Say what became of a file; whether all of it was taken."""
    place = f"{outcome.source}/{outcome.name}" if outcome.source else outcome.name
    if outcome.receipt is not None:
        _say_receipt(place, outcome.receipt)
        return outcome.receipt.rows_rejected == 0
    if outcome.error is not None:
        state = Text("稍后再试", "will be tried again") if outcome.waits else Text("拒收", "refused")
        words = outcome.error.text
        out.print(speak(Text(f"{place}：{state.zh}：{words.zh}", f"{place}: {state.en}: {words.en}")), markup=False)
    return False


def _say_receipt(name: str, receipt: Receipt) -> None:
    say(
        f"{name}：收 {receipt.rows_accepted} 行，拒 {receipt.rows_rejected} 行，批次 {receipt.batch_id}",
        f"{name}: {receipt.rows_accepted} rows accepted, {receipt.rows_rejected} rejected, batch {receipt.batch_id}",
    )
    if receipt.rejects:
        say(f"被拒的行：{receipt.rejects}", f"rows to correct and resend: {receipt.rejects}")


def _exchange() -> Exchange:
    from records.base import RecordBase
    from records.exchange.hub import Exchange
    from records.settings import Settings
    from scoring.audit import enter

    def entered(session: Session, actor: str, action: str, payload: dict[str, Any]) -> None:
        enter(session, actor, action, payload=payload)

    exchange = Exchange(RecordBase.open(Settings()), entered)
    exchange.private.sweep()
    return exchange


def _own_keys() -> dict[str, object]:
    from records.exchange.signing import ReceiptSigner
    from records.settings import Settings

    return ReceiptSigner(Settings()).key_set()
