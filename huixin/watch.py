"""``huixin watch``: current warnings; evaluations of the watched subjects, once or as long as it runs."""

from __future__ import annotations

import signal
import threading
from datetime import date
from typing import TYPE_CHECKING, Annotated

import typer

from huixin.console import out, progress, say, speak, step, table
from huixin.score import SEVERITY_STYLE
from records.words import Text

if TYPE_CHECKING:
    from scoring.rating import Rater
    from service.watch.evaluation import Evaluated

app = typer.Typer(help="预警：当前清单、评估与告知 · warnings: the current list, evaluations, and who is told")


@app.callback(invoke_without_command=True)
def watch(
    context: typer.Context,
    as_of: Annotated[str | None, typer.Option(help="时点，默认现在 · as-of, default now")] = None,
    segment: Annotated[str | None, typer.Option(help="enterprise 或 farmer · segment")] = None,
    limit: Annotated[int, typer.Option(help="最多列出 · at most", min=1)] = 20,
) -> None:
    """列出当前预警，最严重者在前 · current warnings, the gravest first."""
    if context.invoked_subcommand is not None:
        return
    from records.moment import parse_as_of

    moment = parse_as_of(as_of)
    listing = table(
        Text("当前预警", "Current warnings"),
        [Text("主体", "subject"), Text("等级", "severity"), Text("信号", "signal"), Text("起始", "since")],
    )
    rater = _rater()
    for one in [segment] if segment else ["enterprise", "farmer"]:
        for warning in rater.warnings(one, moment, limit=limit):
            style = SEVERITY_STYLE[warning.signal.severity]
            listing.add_row(
                warning.subject_id,
                f"[{style}]{warning.signal.severity}[/]",
                speak(warning.signal.words),
                _day(warning.signal.since),
            )
    out.print(listing)


@app.command()
def run(
    as_of: Annotated[str | None, typer.Option(help="时点，如月末；默认现在 · as-of, such as a month end")] = None,
    every: Annotated[
        bool, typer.Option("--every", help="全部主体，供监管方查看 · all rated subjects, so that regulators see all")
    ] = False,
) -> None:
    """评估名单上的主体一次，保存预警并告知关注者 · evaluate the watched subjects once and tell those who watch."""
    from records.moment import parse_as_of
    from service.watch.evaluation import evaluate

    moment, rater = parse_as_of(as_of), _rater()
    with progress("评估", "evaluating") as done:
        made = evaluate(rater.base, rater, moment, every=every, progress=done)
    _say(made)


@app.command()
def loop() -> None:
    """持续评估：月末与新批次到来之后 · keep evaluating: at month ends and after new batches."""
    from service.watch.turns import WatchLoop

    rater = _rater()
    looking = WatchLoop(rater.base, rater, _say)
    stop = threading.Event()
    former = {one: signal.signal(one, lambda *_: stop.set()) for one in (signal.SIGTERM, signal.SIGINT)}
    step("持续关注，Ctrl-C 结束", "watching; Ctrl-C ends it")
    looking.start()
    try:
        stop.wait()
    finally:
        looking.stop()
        for one, handler in former.items():
            signal.signal(one, handler)


def _say(made: Evaluated) -> None:
    say(
        f"时点 {made.as_of:%Y-%m-%d %H:%M}Z：评估 {made.subjects} 户，新预警 {made.raised} 条，告知 {made.events} 次",
        f"as of {made.as_of:%Y-%m-%d %H:%M}Z: {made.subjects} subjects, {made.raised} new alerts, {made.events} events",
    )


def _day(value: date) -> str:
    return value.isoformat()


def _rater() -> Rater:
    from records.base import RecordBase
    from records.settings import Settings
    from scoring.rating import Rater

    return Rater(RecordBase.open(Settings()))
