"""A compiled model: margins and their exact Shapley values for the price of a prediction."""

from __future__ import annotations

import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import Field, dataclass, field, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.shapley.errors import BadExplainer, BadRows
from models.shapley.layout import CATEGORICAL, FORMAT
from records.words import Text

ROWS_A_TASK = 4096

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class CompiledExplainer:
    """Answer codes, units and tables of one boosted model (see :func:`models.shapley.compile_explainer`).

    Immutable arrays: safe to share between threads, to pickle and to save. The result for a row has the same bits
    alone or in a block, with any number of threads.

    Parameters
    ----------
    feature_count : int
        Columns that a row must have.
    expected_value : float
        Mean margin over the training rows; margin = expected_value + sum of contributions (to rounding).
    columns : int64[c, 4]
        Feature, kind (``kernel.NUMERIC`` ...), and the column's slice of ``thresholds`` or of ``words``.
    thresholds : float64[t]
        Each feature's thresholds, ascending.
    words : uint32[w]
        Category sets, one bit a category.
    units : int64[u, 5]
        The unit's slice of the splits, its slice of the shares, and the start of its table.
    split_column, split_rank : int32[s], uint16[s]
        A split goes left where the code in its column is at most its rank.
    share_feature : int32[k]
        The feature that a table column adds to; ``feature_count`` stands for the margin.
    table : float64[m]
        All units' tables, a row for each pattern of answers.
    """

    feature_count: int
    expected_value: float
    columns: NDArray[np.int64]
    thresholds: Floats
    words: NDArray[np.uint32]
    units: NDArray[np.int64]
    split_column: NDArray[np.int32]
    split_rank: NDArray[np.uint16]
    share_feature: NDArray[np.int32]
    table: Floats
    split_step: NDArray[np.int32] = field(init=False, repr=False)
    share_unit: NDArray[np.int32] = field(init=False, repr=False)
    share_entry: NDArray[np.int32] = field(init=False, repr=False)

    def explain(self, X: NDArray[Any], threads: int | None = None) -> tuple[Floats, Floats, float]:
        """Margins [n] (log-odds), contributions [n, f] of the features to them, and the expected value.

        ``X`` is a numeric array [n, f]; what is not float64 is converted. ``threads`` limits the threads used for
        many rows (default: the processors at hand; one for a few thousand rows). Raises BadRows.
        """
        rows = self._checked(X)
        margin, contributions = np.empty(len(rows)), np.empty(rows.shape)
        if len(rows) <= ROWS_A_TASK:
            self._fill(rows, margin, contributions)
            return margin, contributions, self.expected_value
        starts = range(0, len(rows), ROWS_A_TASK)
        workers = min(len(starts), _processors() if threads is None else max(threads, 1))

        def fill(start: int) -> None:
            task = slice(start, start + ROWS_A_TASK)
            self._fill(rows[task], margin[task], contributions[task])

        if workers > 1:
            with ThreadPoolExecutor(workers) as pool:
                list(pool.map(fill, starts))
        else:
            for start in starts:
                fill(start)
        return margin, contributions, self.expected_value

    def margin(self, X: NDArray[Any], threads: int | None = None) -> Floats:
        """Margins [n] alone, the same bits as :meth:`explain` gives."""
        return self.explain(X, threads)[0]

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Plain arrays, to be saved without pickling (``np.savez``)."""
        return {
            "format": np.array(FORMAT),
            **{part.name: np.asarray(getattr(self, part.name)) for part in fields(self)},
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> CompiledExplainer:
        """What :meth:`to_arrays` gave. Raises BadExplainer for another format or arrays that do not fit together."""
        found = int(arrays["format"]) if "format" in arrays else None
        if found != FORMAT:
            raise BadExplainer(
                Text(
                    f"解释器格式版本为 {found}；本版本可读 {FORMAT}，请由原模型重新编译",
                    f"explainer of format {found}; this version reads {FORMAT}: compile it again from its model",
                )
            )
        missing = sorted({part.name for part in _saved()} - set(arrays))
        if missing:
            raise _unfit(", ".join(missing))
        return cls(**_typed(arrays))

    def __post_init__(self) -> None:
        _check(self)
        bits, width = _sizes(self.units)
        unit_of_split, bit = _members(bits)
        unit_of_share, place = _members(width)
        derived = {
            "split_step": width[unit_of_split] << bit,
            "share_unit": unit_of_share,
            "share_entry": self.units[unit_of_share, 4] + place,
        }
        for name, values in derived.items():
            object.__setattr__(self, name, values.astype(np.int32))

    def _checked(self, X: NDArray[Any]) -> NDArray[Any]:
        plain = isinstance(X, np.ndarray) and not isinstance(X, np.ma.MaskedArray)
        if not plain or X.ndim != 2 or X.dtype.kind not in "fiub":
            shape = f"{X.dtype} {X.shape}" if plain else type(X).__name__
            raise BadRows(
                Text(
                    f"输入为 {shape}；应为二维数值数组（行数 x {self.feature_count} 个特征）",
                    f"rows are {shape}; accepted: a numeric array of two dimensions, n x {self.feature_count} features",
                )
            )
        if X.shape[1] != self.feature_count:
            raise BadRows(
                Text(
                    f"输入有 {X.shape[1]} 列；模型需要 {self.feature_count} 个特征",
                    f"rows have {X.shape[1]} columns; the model needs {self.feature_count} features",
                )
            )
        return X

    def _fill(self, rows: NDArray[Any], margin: Floats, contributions: Floats) -> None:
        from models.shapley.kernel import explain_rows

        ready = rows.dtype == np.float64 and rows.flags.carray
        explain_rows(
            rows if ready else np.require(rows, np.float64, ["C", "A", "W"]),
            self.columns,
            self.thresholds,
            self.words,
            self.units,
            self.split_column,
            self.split_rank,
            self.split_step,
            self.share_feature,
            self.share_unit,
            self.share_entry,
            self.table,
            margin,
            contributions,
        )


def _saved() -> tuple[Field[Any], ...]:
    return tuple(part for part in fields(CompiledExplainer) if part.init)


def _sizes(units: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Bits and table width of each unit."""
    return units[:, 1] - units[:, 0], units[:, 3] - units[:, 2]


def _members(counts: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """For ``counts`` members of each group in a row: the group of each, and its place in the group."""
    group = np.repeat(np.arange(counts.size), counts)
    return group, np.arange(group.size) - (np.cumsum(counts) - counts)[group]


def _processors() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _typed(arrays: Mapping[str, NDArray[Any]]) -> dict[str, Any]:
    kinds: dict[str, Any] = {"words": np.uint32, "split_rank": np.uint16, "thresholds": np.float64, "table": np.float64}
    kinds |= {"columns": np.int64, "units": np.int64, "split_column": np.int32, "share_feature": np.int32}
    typed: dict[str, Any] = {name: np.array(arrays[name], dtype=kind, order="C") for name, kind in kinds.items()}
    return {
        "feature_count": int(arrays["feature_count"]),
        "expected_value": float(arrays["expected_value"]),
        **typed,
    }


def _unfit(what: str) -> BadExplainer:
    return BadExplainer(
        Text(
            f"已保存的解释器数组不完整或互不相符：{what}",
            f"arrays of a saved explainer are incomplete or do not fit: {what}",
        )
    )


def _check(explainer: CompiledExplainer) -> None:
    """Every index lies inside its array: compiled code does not look."""
    columns, units = explainer.columns, explainer.units
    if columns.ndim != 2 or columns.shape[1] != 4 or units.ndim != 2 or units.shape[1] != 5:
        raise _unfit("columns, units")
    categorical = columns[:, 1] == CATEGORICAL
    sound = {
        "columns": _within(columns[:, 0], explainer.feature_count) and _within(columns[:, 1], 6),
        "thresholds": _slices(columns[~categorical, 2:], explainer.thresholds.size),
        "words": _slices(columns[categorical, 2:], explainer.words.size),
        "splits": _slices(units[:, :2], explainer.split_rank.size),
        "split_column": _within(explainer.split_column, len(columns)),
        "split_rank": explainer.split_rank.shape == explainer.split_column.shape,
        "shares": _slices(units[:, 2:4], explainer.share_feature.size),
        "share_feature": _within(explainer.share_feature, explainer.feature_count + 1),
    }
    bits, width = _sizes(units)
    sound["table"] = bool(
        sound["splits"]
        and (bits <= 16).all()
        and explainer.table.size < 2**31
        and sound["shares"]
        and _slices(np.stack([units[:, 4], units[:, 4] + (width << bits)], axis=1), explainer.table.size)
    )
    unsound = [name for name, good in sound.items() if not good]
    if unsound:
        raise _unfit(", ".join(unsound))


def _within(indices: NDArray[Any], size: int) -> bool:
    return bool(((indices >= 0) & (indices < size)).all())


def _slices(slices: NDArray[np.int64], size: int) -> bool:
    return bool(((slices[:, 0] >= 0) & (slices[:, 0] <= slices[:, 1]) & (slices[:, 1] <= size)).all())
