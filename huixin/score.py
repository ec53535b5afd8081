"""``huixin score`` and ``replay``: ratings out."""

from __future__ import annotations

import sys
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import orjson
import typer

from huixin.console import out, say, speak, table
from huixin.score_many import SEGMENTS, score_all, score_features
from records.words import Text

if TYPE_CHECKING:
    from scoring.rating import Rater, Rating

SEVERITY_STYLE = {"red": "bold red", "orange": "dark_orange", "yellow": "yellow", "blue": "blue"}


def score(
    subject: Annotated[
        str | None,
        typer.Argument(help="主体编号或证照号码；- 为标准输入 · subject id or identity number; - for standard input"),
    ] = None,
    as_of: Annotated[str | None, typer.Option(help="时点，默认现在 · as-of day or instant, default now")] = None,
    json: Annotated[bool, typer.Option("--json", help="输出 JSON · print JSON")] = False,
    every: Annotated[bool, typer.Option("--all", help="全部主体 · every subject")] = False,
    to: Annotated[
        Path | None,
        typer.Option(
            "--out", help="--all 的输出目录（默认 var/scores），--features 的输出文件 · folder for --all, or file"
        ),
    ] = None,
    features: Annotated[
        Path | None,
        typer.Option(help="已算好特征的 Parquet 文件 · a Parquet file of features that are computed already"),
    ] = None,
    segment: Annotated[
        str | None, typer.Option(help="enterprise 或 farmer，默认两者 · default both; needed with --features")
    ] = None,
    reasons: Annotated[
        Literal["all", "top"],
        typer.Option(help="批量：全部特征的分，或前三项与其余之和 · many: points of all features, or the top three"),
    ] = "all",
    on_spark: Annotated[bool, typer.Option("--spark", help="--all：用 Spark 计算 · on Spark")] = False,
    master: Annotated[str | None, typer.Option(help="Spark 主节点 · master of Spark")] = None,
) -> None:
    """为主体评级并说明理由 · rate a subject and say why."""
    if (subject is not None) + every + (features is not None) != 1:
        one = Text("请给出一个主体，或 --all，或 --features", "give one subject, or --all, or --features")
        raise typer.BadParameter(speak(one))
    if segment not in (None, *SEGMENTS):
        raise typer.BadParameter("enterprise, farmer", param_hint="--segment")
    if features is not None:
        score_features(features, segment, to, reasons)
        return
    if every:
        folder = to or Path("var/scores")
        chosen = (segment,) if segment else SEGMENTS
        score_all(chosen, as_of, folder, reasons, spark=on_spark, master=master)
        return
    number = sys.stdin.readline().strip() if subject == "-" else str(subject)
    rating = _rater().rate(number, as_of)
    if json:
        sys.stdout.buffer.write(orjson.dumps(rating.as_dict()) + b"\n")
    else:
        _print(rating)


def replay(score_id: Annotated[str, typer.Argument(help="评分编号 · score id")]) -> None:
    """重放一次已存评分，须逐位相同 · give a stored score again; it must be equal bit for bit."""
    found = _rater().replay(score_id)
    if not found.equal:
        say(f"重放不一致：{found.detail.zh}", f"the replay differs: {found.detail.en}")
        raise typer.Exit(1)
    say(
        f"重放一致：评分 {found.score:.6f}，模型 {found.model_version}",
        f"replayed bit for bit: score {found.score:.6f}, model {found.model_version}",
    )


def _day(value: date) -> str:
    return value.isoformat()


def _rater() -> Rater:
    from records.base import RecordBase
    from records.settings import Settings
    from scoring.rating import Rater

    return Rater(RecordBase.open(Settings()))


def _print(rating: Rating) -> None:
    say(
        f"主体 {rating.masked}  时点 {rating.as_of:%Y-%m-%d}  模型 {rating.model_name} v{rating.model_version}",
        f"subject {rating.masked}  as of {rating.as_of:%Y-%m-%d}  model {rating.model_name} v{rating.model_version}",
    )
    out.print(
        f"[bold]{rating.grade}  {rating.score:.1f}[/]  PD {rating.pd:.2%}  "
        + speak(Text(f"置信度 {rating.confidence}", f"confidence {rating.confidence}"))
    )
    for note in rating.notes:
        out.print(speak(note), style="yellow")
    listing = table(
        Text(f"理由（基准 {rating.base_points:.1f} 分）", f"Reasons (base {rating.base_points:.1f} points)"),
        [Text("分", "points"), Text("特征", "feature"), Text("取值", "value"), Text("证据", "evidence")],
    )
    for reason in rating.reasons[:12]:
        evidence = ", ".join(found.record_id for found in reason.evidence[:2])
        listing.add_row(f"{reason.points:+.1f}", speak(reason.words), speak(reason.value_words), evidence)
    rest = sum(reason.points for reason in rating.reasons[12:])
    listing.add_row(f"{rest:+.1f}", speak(Text("其余特征", "all others")), "", "")
    if rating.clip_points:
        listing.add_row(f"{rating.clip_points:+.1f}", speak(Text("截至 300..900", "clipped to 300..900")), "", "")
    out.print(listing)
    for signal in rating.signals:
        style = SEVERITY_STYLE[signal.severity]
        out.print(f"[{style}]● {speak(signal.words)}[/]  {_day(signal.since)}  {speak(signal.detail)}")
    ahead = "  ".join(f"{months}m {share:.1%}" for months, share in rating.distress.items())
    say(f"困境概率：{ahead}", f"probability of distress: {ahead}")
    say(f"评分编号 {rating.score_id}", f"score id {rating.score_id}")
