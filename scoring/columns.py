"""Scores of many subjects as columns of Arrow: the same bits as one subject's rating, at a prediction's price."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from models.bundle import Bundle
from models.grades import GRADES, POINTS_PER_LOG_ODDS, clipped, pd_of, unclipped_score
from models.hazard import HORIZONS, HazardModel
from records.errors import HuixinError
from records.words import Text
from scoring.scorer import TOLERANCE, ReasonsDoNotAddUp

Floats = npt.NDArray[np.float64]
Reasons = Literal["all", "top"]
TOP_REASONS = 3
TILE = 4096
"""Rows explained at a time: features, contributions and points of so many stay in a core's cache."""
PADDING = 72
"""So that the columns of a row do not meet in one set of the processor's cache, where rows are a power of two."""


class BadFeatures(HuixinError):
    code: ClassVar[str] = "bad-features"
    status: ClassVar[int] = 422
    title: ClassVar[Text] = Text("特征表有误", "Bad table of features")


class ScoreColumns:
    """Turns features into columns of scores. Stateless after construction, safe between threads, to be pickled.

    ``reasons``: "all" gives ``points_<feature>`` of every feature; "top" the points of the top reasons and the sum of
    the others (``top_points``, ``other_points``) alone. Either way the columns add up to the score.
    """

    def __init__(self, rating: Bundle, version: str, warning: Bundle | None = None, reasons: Reasons = "all") -> None:
        self.rating, self.version, self.warning, self.reasons = rating, version, warning, reasons

    @cached_property
    def codes(self) -> tuple[str, ...]:
        """The features that are needed."""
        return tuple(dict.fromkeys((*self.rating.codes, *(self.warning.codes if self.warning else ()))))

    @cached_property
    def schema(self) -> pa.Schema:
        number, names = pa.float64(), pa.list_(pa.string())
        shares = [f"points_{code}" for code in self.rating.codes] if self.reasons == "all" else []
        ahead = [f"distress_{months}m" for months in HORIZONS]
        fields = [
            ("subject_id", pa.string()),
            ("as_of", pa.timestamp("us")),
            ("model_version", pa.string()),
            ("pd", number),
            ("score", number),
            ("grade", pa.string()),
            ("base_points", number),
            ("clip_points", number),
            *((name, number) for name in (*shares, *ahead)),
            ("top_reasons", names),
        ]
        if self.reasons == "top":
            fields += [("top_points", pa.list_(number)), ("other_points", number)]
        return pa.schema(fields)

    def score(self, rows: pa.RecordBatch | pa.Table) -> tuple[pa.RecordBatch, float]:
        """The scores of ``rows`` (subject_id, as_of where known, and ``codes``), and how far reasons miss at most.

        Raises ``BadFeatures`` where a feature is missing or no number, ``ReasonsDoNotAddUp``.
        """
        from scoring.points import fill_points

        count, bundle = rows.num_rows, self.rating
        columns = {code: _numbers(rows, code) for code in self.codes}
        most = min(TOP_REASONS, len(bundle.codes))
        points = np.empty((len(bundle.codes), count + PADDING))[:, :count]
        top, top_points = np.empty((count, most), np.int32), np.zeros((count, most))
        log_odds, base_points, gap = np.empty(count), 0.0, 0.0
        for start in range(0, count, TILE):
            tile = slice(start, start + TILE)
            X = _rows([columns[code][tile] for code in bundle.codes])
            log_odds[tile], contributions, base = bundle.explain(X)
            base_points = float(unclipped_score(np.array([base]))[0])
            whole = unclipped_score(log_odds[tile])
            parts = (points[:, tile], top[tile], top_points[tile])
            gap = max(gap, fill_points(contributions, -POINTS_PER_LOG_ODDS, base_points, whole, *parts))
        if not gap <= TOLERANCE:
            raise ReasonsDoNotAddUp(Text(f"最大相差 {gap:.1e} 分", f"they miss it by {gap:.1e} points"))
        made = self._common(rows, log_odds, base_points)
        if self.reasons == "all":
            made += [pa.array(share) for share in points]
        made += [pa.array(np.ascontiguousarray(share)) for share in self._distress(columns, count).T]
        made.append(_lists(_decoded(top.reshape(-1), bundle.codes), most))
        if self.reasons == "top":
            told = top_points.sum(axis=1)
            made += [_lists(pa.array(top_points.reshape(-1)), most), pa.array(points.sum(axis=0) - told)]
        return pa.record_batch(made, schema=self.schema), gap

    def _common(self, rows: Any, log_odds: Floats, base_points: float) -> list[pa.Array]:
        count, pd, whole = len(log_odds), pd_of(log_odds), unclipped_score(log_odds)
        given = clipped(whole)
        return [
            _column(rows, "subject_id", pa.string()),
            _column(rows, "as_of", pa.timestamp("us")) if "as_of" in rows.schema.names else _empty(count),
            _decoded(np.zeros(count, np.int32), (self.version,)),
            pa.array(pd),
            pa.array(given),
            _decoded(self.rating.scale.positions(pd).astype(np.int32), GRADES),
            pa.array(np.full(count, base_points)),
            pa.array(given - whole),
        ]

    def _distress(self, columns: dict[str, Floats], count: int) -> Floats:
        if self.warning is None or not isinstance(self.warning.explainer, HazardModel):
            return np.full((count, len(HORIZONS)), np.nan)
        return self.warning.distress(_rows([columns[code] for code in self.warning.codes]))


def _rows(columns: Sequence[Floats]) -> Floats:
    made = np.empty((len(columns[0]), len(columns)))
    for place, column in enumerate(columns):
        made[:, place] = column
    return made


def _column(rows: Any, name: str, kind: pa.DataType) -> pa.Array:
    try:
        found = rows.column(name).cast(kind)
    except (KeyError, pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise BadFeatures(
            Text(f"缺少列 {name}，或其类型不是 {kind}", f"there is no column {name}, or it is not of type {kind}")
        ) from error
    return found.combine_chunks() if isinstance(found, pa.ChunkedArray) else found


def _numbers(rows: Any, code: str) -> Floats:
    """A feature as float64, NaN where it is missing."""
    found: Floats = _column(rows, code, pa.float64()).to_numpy(zero_copy_only=False)
    return found


def _decoded(places: npt.NDArray[np.int32], names: Sequence[str]) -> pa.Array:
    return pa.DictionaryArray.from_arrays(pa.array(places), pa.array(names, pa.string())).dictionary_decode()


def _lists(values: pa.Array, length: int) -> pa.Array:
    rows = len(values) // length if length else 0
    return pa.ListArray.from_arrays(pa.array(np.arange(rows + 1, dtype=np.int32) * length), values)


def _empty(count: int) -> pa.Array:
    return pa.nulls(count, pa.timestamp("us"))
