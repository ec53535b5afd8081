"""``huixin features``: the dictionary, and tables of features for analysts."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

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
    to: Annotated[Path, typer.Option(help="输出 Parquet · output Parquet file")],
) -> None:
    """某一时点全部主体的特征表 · the features of every subject at an as-of."""
    import pyarrow.parquet as pq

    from features.pipeline import FeaturePipeline
    from features.spine import month_end_spine
    from records.base import RecordBase
    from records.moment import parse_as_of, shanghai_day
    from records.settings import Settings

    day = shanghai_day(parse_as_of(as_of))
    connection = RecordBase.open(Settings()).connection()
    with progress("计算特征", "computing features"):
        made = FeaturePipeline(connection, segment).build(month_end_spine(connection, segment, day, day))
    to.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(made, to)
    say(
        f"{made.num_rows} 个主体，{made.num_columns - 2} 个特征：{to}",
        f"{made.num_rows} subjects, {made.num_columns - 2} features: {to}",
    )
