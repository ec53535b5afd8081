"""Gathers what the gate needs around the judged rows: a month earlier, built again, and by protected group."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from features.pipeline import FeaturePipeline
from features.spine import SPINE_SCHEMA
from models.gate.background import Attribute, Background, Learning, Rebuilt
from models.validation import population
from records.moment import add_months, end_of_day, month_end, shanghai_day
from records.words import Text

Floats = npt.NDArray[np.float64]
REBUILT_ROWS = 200


class JudgedRows(Protocol):
    """Rows as training makes them: features [n, features of the pipeline], outcome, subject and as-of [n]."""

    @property
    def X(self) -> Floats: ...  # noqa: N802  (as estimators name it)
    @property
    def outcome(self) -> Floats: ...
    @property
    def subject(self) -> npt.NDArray[Any]: ...
    @property
    def as_of(self) -> npt.NDArray[np.datetime64]: ...


def gather(
    pipeline: FeaturePipeline,
    codes: Sequence[str],
    judged: JudgedRows,
    learning: JudgedRows | None = None,
    *,
    claimed_auc: float | None = None,
) -> Background:
    """The background of ``judged`` rows for a model of ``codes``; columns of both tables are those of ``pipeline``.

    ``learning``: rows learnt from, best those of the same calendar month a year before. Costs the features of one more
    as-of, and the protected attributes of the judged one.
    """
    columns = [pipeline.codes.index(code) for code in codes]
    some = np.unique(np.linspace(0, len(judged.X) - 1, min(REBUILT_ROWS, len(judged.X))).astype(np.int64))
    again = _features(pipeline, judged.subject[some], judged.as_of[some])
    earlier = _features(pipeline, judged.subject, a_month_before(judged.as_of))
    return Background(
        learning=None if learning is None else Learning(learning.X[:, columns], learning.outcome),
        month_earlier=earlier[:, columns],
        rebuilt=Rebuilt(some, again[:, columns]),
        claimed_auc=claimed_auc,
        protected=protected(pipeline.connection, pipeline.segment, judged.subject, judged.as_of),
    )


def protected(
    connection: Any, segment: str, subject: npt.NDArray[Any], as_of: npt.NDArray[np.datetime64]
) -> tuple[Attribute, ...]:
    """The protected attributes of (subject, as-of) rows: every feature of the segment that serves fairness alone."""
    if not len(subject):
        return ()
    return tuple(attribute(one) for one in population.protected(connection, segment, subject, as_of))


def attribute(grouping: population.Grouping) -> Attribute:
    """A grouping by numbers; the group of unknown values is none."""
    listed = [value for value in grouping.listed if value != population.UNKNOWN]
    place = {value: at for at, value in enumerate(listed)}
    group = np.array([place.get(value, -1) for value in grouping.values.tolist()], np.int64)
    return Attribute(grouping.code, grouping.words, tuple(_named(grouping, value) for value in listed), group)


def _named(grouping: population.Grouping, value: str) -> Text:
    """What a group is called; a mere number is said to be one."""
    words = grouping.named(value)
    return Text(f"第 {value} 组", f"group {value}") if words.en == value and value.isdigit() else words


def a_month_before(as_of: npt.NDArray[np.datetime64]) -> npt.NDArray[np.datetime64]:
    """The as-ofs a month earlier; the end of a month becomes the end of the one before."""
    moments, where = np.unique(as_of.astype("datetime64[us]"), return_inverse=True)
    moved = []
    for moment in moments:
        day = shanghai_day(moment.item())
        before = add_months(day, -1)
        moved.append(end_of_day(month_end(before) if day == month_end(day) else before))
    return np.array(moved, "datetime64[us]")[where]


def _features(pipeline: FeaturePipeline, subject: npt.NDArray[Any], as_of: npt.NDArray[np.datetime64]) -> Floats:
    table = pipeline.build(_spine(subject, as_of))
    return np.column_stack([table[code].to_numpy() for code in pipeline.codes])


def _spine(subject: npt.NDArray[Any], as_of: npt.NDArray[np.datetime64]) -> pa.Table:
    moments = pa.array(as_of.astype("datetime64[us]"))
    return pa.table([pa.array(subject.tolist(), pa.string()), moments], schema=SPINE_SCHEMA)
