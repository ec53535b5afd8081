"""``huixin score --all`` and ``--features``: any number of ratings to Parquet."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from huixin.console import progress, say, speak
from records.words import Text

if TYPE_CHECKING:
    from datetime import datetime

    from records.base import RecordBase
    from scoring.batch import BatchScores
    from scoring.columns import Reasons

SEGMENTS = ("enterprise", "farmer")


def score_all(
    segments: Sequence[str], as_of: str | None, folder: Path, reasons: Reasons, *, spark: bool, master: str | None
) -> None:
    """Every subject of ``segments``: a file a segment, or with ``spark`` a folder of files a segment."""
    from records.base import RecordBase
    from records.moment import parse_as_of
    from records.settings import Settings
    from scoring.batch import score_all as to_file

    base, moment = RecordBase.open(Settings()), parse_as_of(as_of)
    for segment in segments:
        if spark:
            _on_spark(base, segment, moment, folder / segment, reasons, master)
            continue
        with progress(f"批量评分 {segment}", f"scoring every {segment}") as done:
            path = folder / f"{segment}.parquet"
            _tell(to_file(base, segment, moment, path, progress=done, reasons=reasons))


def score_features(source: Path, segment: str | None, path: Path | None, reasons: Reasons) -> None:
    """The features of ``source`` by the champions of ``segment``, to ``path``."""
    from records.base import RecordBase
    from records.settings import Settings
    from scoring.batch import columns_of, rows_of
    from scoring.batch import score_features as to_file
    from scoring.rating import Rater

    if segment is None or path is None:
        wanted = Text("--features 还需要 --segment 和 --out", "--features needs --segment and --out as well")
        raise typer.BadParameter(speak(wanted))
    columns = columns_of(Rater(RecordBase.open(Settings())), segment, reasons)
    with progress("批量评分", "scoring", rows_of(source)) as done:
        _tell(to_file(columns, source, path, progress=done))


def _on_spark(
    base: RecordBase, segment: str, moment: datetime, folder: Path, reasons: Reasons, master: str | None
) -> None:
    from features.spark.session import require, start
    from scoring.spark import score_all_on_spark

    require()
    with progress("启动 Spark", "starting Spark"):
        session = start(master)
    with progress(f"批量评分 {segment}", f"scoring every {segment}") as done:
        subjects = score_all_on_spark(base, segment, moment, folder, session, progress=done, reasons=reasons)
    say(f"{subjects} 户：{folder}", f"{subjects} subjects: {folder}")


def _tell(made: BatchScores) -> None:
    say(
        f"{made.subjects} 户，理由合计与评分最大差 {made.largest_gap:.1e}：{made.path}",
        f"{made.subjects} subjects, reasons add up within {made.largest_gap:.1e}: {made.path}",
    )
