"""The rival in pandas: the same files in memory, subjects as categories, money as whole fen, a group-by a window."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from benchmarks.features.measures import AMOUNTS, COLUMNS, WINDOWS, first_day
from benchmarks.features.records import Made
from records.moment import shanghai_day


def answer(made: Made, ids: pa.ChunkedArray, as_ofs: Sequence[datetime]) -> list[pd.DataFrame]:
    """A table an as-of, with a row for each of ``ids`` in their order; the files are read once."""
    frames = {item: _read(made, item, ids) for item in AMOUNTS}
    return [pd.concat([_measured(item, frames[item], as_of, len(ids)) for item in AMOUNTS], axis=1) for as_of in as_ofs]


def _read(made: Made, item: str, ids: pa.ChunkedArray) -> pd.DataFrame:
    """Subject number, day, moments and fen of every record of an item."""
    columns = ["subject_id", "occurred_on", "recorded_at", "record_id", "supersedes", AMOUNTS[item]]
    rows = pq.read_table(made.file(item), columns=columns, read_dictionary=["subject_id"])
    subjects = rows["subject_id"].unify_dictionaries().combine_chunks()
    numbers = pc.index_in(subjects.dictionary, ids.combine_chunks()).to_numpy(zero_copy_only=False)
    frame = pd.DataFrame(
        {
            "subject": numbers[subjects.indices.to_numpy()],
            "day": rows["occurred_on"].cast(pa.int32()).to_numpy(),
            "recorded_at": rows["recorded_at"].to_numpy(),
            "fen": pc.multiply(rows[AMOUNTS[item]], pa.scalar(100)).cast(pa.int64()).to_numpy(),
        }
    )
    corrections = rows.filter(pc.is_valid(rows["supersedes"]))
    earliest = pa.table(corrections.select(["supersedes", "recorded_at"])).group_by("supersedes")
    known = earliest.aggregate([("recorded_at", "min")])
    places = pc.index_in(rows["record_id"], known["supersedes"].combine_chunks())
    frame["superseded_at"] = (
        known["recorded_at_min"].combine_chunks().take(places.combine_chunks()).to_numpy(zero_copy_only=False)
    )
    return frame


def _measured(item: str, frame: pd.DataFrame, as_of: datetime, subjects: int) -> pd.DataFrame:
    today = _number(shanghai_day(as_of))
    moment = np.datetime64(as_of, "us")
    superseded = frame["superseded_at"]
    seen = (frame["recorded_at"] <= moment) & (frame["day"] <= today) & ~(superseded <= moment)
    rows = frame.loc[seen, ["subject", "day", "fen"]]
    index = pd.RangeIndex(subjects)
    ages = (today - rows.groupby("subject", sort=False)["day"].max()).reindex(index)
    found: dict[str, NDArray[np.float64]] = {}
    for months in sorted(WINDOWS, reverse=True):
        rows = rows[rows["day"] >= _number(first_day(as_of, months))]
        of_window = rows.groupby("subject", sort=False)["fen"].agg(["count", "sum", "max"]).reindex(index)
        found[f"count_{months}m"] = of_window["count"].fillna(0).to_numpy(np.float64)
        found[f"sum_{months}m"] = of_window["sum"].fillna(0).to_numpy(np.float64) / 100
        found[f"max_{months}m"] = of_window["max"].to_numpy(np.float64) / 100
    found["age"] = ages.to_numpy(np.float64)
    prefix = item.replace(".", "_")
    named = {f"{prefix}_{name}": values for name, values in found.items()}
    return pd.DataFrame({column.code: named[column.code] for column in COLUMNS if column.item == item})


def _number(day: object) -> int:
    return int(np.datetime64(day, "D").astype(int))  # type: ignore[call-overload]
