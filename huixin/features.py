"""``huixin features``: the dictionary, and tables of features for analysts."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Annotated, Literal, get_args

import typer

from huixin import feature_reports
from huixin.console import out, progress, say, speak, table
from records.words import Text

app = typer.Typer(no_args_is_help=True, help="特征 · features")
app.command("dictionary")(feature_reports.dictionary)
app.command("drift")(feature_reports.drift)


@app.command("list")
def list_features(
    segment: Annotated[str | None, typer.Option(help="主体类别，如 enterprise、individual · kind of subject")] = None,
) -> None:
    """特征字典 · the feature dictionary."""
    from features.dictionary import dictionary

    listing = table(
        Text("特征字典", "Feature dictionary"),
        [
            Text("代码", "code"),
            Text("含义", "meaning"),
            Text("单位", "unit"),
            Text("窗口", "window"),
            Text("方向", "direction"),
            Text("用途", "use"),
        ],
    )
    arrows = {1: "PD ↑", -1: "PD ↓", 0: "—"}
    for entry in dictionary(segment):
        window = f"{entry.window_months}m" if entry.window_months else "—"
        listing.add_row(entry.code, speak(entry.words), entry.unit, window, arrows[entry.direction], entry.use)
    out.print(listing)


@app.command()
def build(
    segment: Annotated[str, typer.Option(help="主体类别，如 enterprise、individual · kind of subject")],
    as_of: Annotated[str, typer.Option(help="时点（日期） · as-of day")],
    to: Annotated[Path, typer.Option(help="输出 Parquet 文件；Spark 为新目录 · Parquet file; on Spark a new folder")],
    since: Annotated[
        str | None, typer.Option(help="自该日起的每个月末（默认只算时点） · every month end since that day")
    ] = None,
    engine: Annotated[Literal["duckdb", "spark"], typer.Option(help="计算引擎 · engine")] = "duckdb",
    master: Annotated[
        str | None, typer.Option(help="Spark 主节点，如 local[2]、spark://HOST:7077 · where Spark runs")
    ] = None,
) -> None:
    """全部主体在一个或多个时点的特征表 · the features of every subject at an as-of, or at every month end."""
    from features.spine import month_ends
    from records.moment import parse_as_of, shanghai_day

    _check_kind(segment)
    last = shanghai_day(parse_as_of(as_of))
    days = month_ends(shanghai_day(parse_as_of(since)), last) if since else [last]
    rows, codes = (_on_spark if engine == "spark" else _on_duckdb)(segment, days, to, master)
    say(
        f"{rows} 行（主体×时点），{codes} 个特征：{to}",
        f"{rows} rows (subjects x as-ofs), {codes} features: {to}",
    )


@app.command()
def refresh(
    segment: Annotated[
        list[str] | None, typer.Option(help="主体类别，可多次（默认 enterprise、farmer） · kinds of subject")
    ] = None,
    every: Annotated[int, typer.Option(min=0, help="每隔多少秒再来一次，0 为只一次 · again after so many seconds")] = 0,
) -> None:
    """把最新特征算好存入库中，服务按主键读取 · keep every subject's latest features for the service to read by key."""
    import time

    from features.online import OnlineFeatures
    from records.base import RecordBase
    from records.settings import Settings

    chosen = segment or ["enterprise", "farmer"]
    for one in chosen:
        _check_kind(one)
    base = RecordBase.open(Settings())
    kept = [OnlineFeatures(base, one) for one in chosen]
    while True:
        for online in kept:
            with progress(f"计算 {online.segment} 的最新特征", f"latest features of {online.segment}"):
                done = online.refresh()
            what = Text("全部", "all") if done.whole else Text("变动的", "touched")
            say(
                f"{done.segment}：{what.zh} {done.subjects} 个主体，{done.as_of:%F %T} UTC，{done.seconds:.1f} 秒",
                f"{done.segment}: {done.subjects} subjects ({what.en}), {done.as_of:%F %T} UTC, {done.seconds:.1f} s",
            )
        if not every:
            return
        time.sleep(every)


def _check_kind(segment: str) -> None:
    from records.catalogue import SubjectKind

    if segment not in get_args(SubjectKind):
        kinds = ", ".join(get_args(SubjectKind))
        wrong = Text(f"没有主体类别 {segment}，可用：{kinds}", f"there is no subject kind {segment}; there are {kinds}")
        raise typer.BadParameter(speak(wrong), param_hint="--segment")


def _on_duckdb(segment: str, days: list[date], to: Path, _: str | None) -> tuple[int, int]:
    import pyarrow.parquet as pq

    from features.pipeline import FeaturePipeline
    from features.spine import spine
    from records.base import RecordBase
    from records.settings import Settings

    connection = RecordBase.open(Settings()).connection()
    with progress("计算特征", "computing features"):
        made = FeaturePipeline(connection, segment).build(spine(connection, segment, days))
    to.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(made, to)
    return made.num_rows, made.num_columns - 2


def _on_spark(segment: str, days: list[date], to: Path, master: str | None) -> tuple[int, int]:
    from features.spark.pipeline import SparkPipeline
    from features.spark.session import require, start
    from features.spark.spine import spine
    from features.spark.tables import connect, items_for
    from records.base import RecordBase
    from records.settings import Settings

    require()
    base = RecordBase.open(Settings())
    with progress("启动 Spark，读取档案", "starting Spark, finding the records"):
        tables = connect(base, start(master), items_for(segment))
    pipeline = SparkPipeline(tables, segment)
    with progress("计算特征", "computing features", pipeline.steps) as told:
        rows = pipeline.build_to(spine(tables, segment, days), to, told)
    return rows, len(pipeline.codes)
