"""From a LightGBM model to answer codes, units and tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from models.shapley.errors import UnsupportedModel
from models.shapley.explainer import CompiledExplainer
from models.shapley.layout import (
    ALWAYS,
    CATEGORICAL,
    NAN_LEFT,
    NAN_RIGHT,
    NEVER,
    NUMERIC,
    ZERO_LEFT,
    ZERO_RIGHT,
)
from models.shapley.trees import MISSING_NAN, MISSING_ZERO, Ensemble, Split, read_ensemble
from models.shapley.units import Unit, cut, expected_value, tabulate
from records.words import Text

if TYPE_CHECKING:
    import lightgbm

MAX_DEPTH = 8
UNIT_HEIGHT = 3
UNIT_BITS = 7
MAX_TABLE_BYTES = 1 << 30


def compile_explainer(booster: lightgbm.Booster, num_iteration: int | None = None) -> CompiledExplainer:
    """Compile the exact path-dependent TreeSHAP values of a LightGBM model of limited depth.

    ``explain`` of the result gives ``booster.predict(X, raw_score=True)`` and ``booster.predict(X, pred_contrib=True)``
    with missing values, default directions, zero-as-missing and categories treated as LightGBM treats them.
    For ``boosting="rf"`` both are sums over the trees, as in LightGBM, and not the average that ``predict`` uses.

    Parameters
    ----------
    booster : lightgbm.Booster
        Binary or single-output model with constant leaves and trees at most 8 splits deep.
    num_iteration : int, optional
        Trees to use; default: up to the best iteration where early stopping found one, else all (as ``predict``).

    Raises
    ------
    UnsupportedModel
        Multiclass, linear leaves, deeper trees, tables over 1 GiB, no tree at all.
    """
    return compile_ensemble(read_ensemble(booster, num_iteration))


def compile_ensemble(ensemble: Ensemble) -> CompiledExplainer:
    """The same for trees however they were made; the margin is their sum. Raises UnsupportedModel."""
    _check_depth(ensemble)
    units = [unit for tree in ensemble.trees for unit in cut(tree, UNIT_HEIGHT, UNIT_BITS)]
    sizes = [(len(unit.features) + 1) << len(unit.bits) for unit in units]
    _check_size(8 * sum(sizes))
    columns = _Columns(units)
    splits = [columns.code_of(split) for unit in units for split in unit.bits]
    table = np.empty(sum(sizes))
    starts = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    for start, values in zip(starts, tabulate(units), strict=False):
        table[start : start + values.size] = values.ravel()
    return CompiledExplainer(
        feature_count=ensemble.feature_count,
        expected_value=sum(expected_value(tree) for tree in ensemble.trees),
        columns=columns.layout,
        thresholds=columns.thresholds,
        words=columns.words,
        units=_unit_slices(units, starts),
        split_column=np.array([column for column, _ in splits], dtype=np.int32),
        split_rank=np.array([rank for _, rank in splits], dtype=np.uint16),
        share_feature=np.array([f for unit in units for f in (*unit.features, ensemble.feature_count)], dtype=np.int32),
        table=table,
    )


def _check_depth(ensemble: Ensemble) -> None:
    if not ensemble.trees:
        raise UnsupportedModel(Text("模型中没有树", "the model has no trees"))
    depth = max(tree.height(tree.root) for tree in ensemble.trees)
    if depth > MAX_DEPTH:
        raise UnsupportedModel(
            Text(
                f"模型的树深度达 {depth}；最多 {MAX_DEPTH}，训练时请设置 max_depth",
                f"trees of the model are {depth} splits deep; at most {MAX_DEPTH}: train with max_depth",
            )
        )


def _check_size(table_bytes: int) -> None:
    if table_bytes > MAX_TABLE_BYTES:
        needed, most = table_bytes >> 20, MAX_TABLE_BYTES >> 20
        raise UnsupportedModel(
            Text(
                f"解释表需 {needed} MiB；上限 {most} MiB，请减少树的数量或深度",
                f"tables would take {needed} MiB; at most {most} MiB: train fewer or shallower trees",
            )
        )


def _unit_slices(units: list[Unit], table_starts: NDArray[np.int64]) -> NDArray[np.int64]:
    split_ends = np.cumsum([len(unit.bits) for unit in units])
    share_ends = np.cumsum([len(unit.features) + 1 for unit in units])
    split_starts = np.concatenate([[0], split_ends[:-1]])
    share_starts = np.concatenate([[0], share_ends[:-1]])
    parts = [split_starts, split_ends, share_starts, share_ends, table_starts[:-1]]
    return np.ascontiguousarray(np.stack(parts, axis=1), dtype=np.int64)


class _Columns:
    """The answer codes that the splits compare: one column a feature and way to treat its missing values.

    A numeric code is the number of the feature's thresholds below the value, plus one; a category set has a column
    of its own, whose code says in or out.
    """

    def __init__(self, units: list[Unit]) -> None:
        splits = sorted(
            {split for unit in units for split in unit.bits}, key=lambda split: (split.feature, _kind(split))
        )
        self._ranks: dict[int, dict[float, int]] = {}
        self._column: dict[tuple[int, int, tuple[int, ...] | None], int] = {}
        slices: dict[int, tuple[int, int]] = {}
        thresholds: list[float] = []
        words: list[int] = []
        layout: list[tuple[int, int, int, int]] = []
        for split in splits:
            if split.categories is None and split.feature not in slices:
                values = sorted({s.threshold for s in splits if s.feature == split.feature and s.categories is None})
                self._ranks[split.feature] = {value: rank for rank, value in enumerate(values, start=1)}
                slices[split.feature] = (len(thresholds), len(thresholds) + len(values))
                thresholds.extend(values)
            if _key(split) not in self._column:
                self._column[_key(split)] = len(layout)
                if split.categories is None:
                    layout.append((split.feature, _kind(split), *slices[split.feature]))
                else:
                    layout.append((split.feature, CATEGORICAL, len(words), len(words) + len(split.categories)))
                    words.extend(split.categories)
        most = max((len(ranks) for ranks in self._ranks.values()), default=0)
        if most >= NEVER - 1:
            raise UnsupportedModel(
                Text(
                    f"单个特征有 {most} 个切分点；最多 {NEVER - 2}",
                    f"{most} thresholds on a feature; at most {NEVER - 2}",
                )
            )
        self.layout = np.array(layout, dtype=np.int64).reshape(len(layout), 4)
        self.thresholds = np.array(thresholds, dtype=np.float64)
        self.words = np.array(words, dtype=np.uint32)

    def code_of(self, split: Split) -> tuple[int, int]:
        """Column of the split and the highest code that goes left."""
        rank = ALWAYS if split.categories is not None else self._ranks[split.feature][split.threshold]
        return self._column[_key(split)], rank


def _key(split: Split) -> tuple[int, int, tuple[int, ...] | None]:
    return split.feature, _kind(split), split.categories


def _kind(split: Split) -> int:
    if split.categories is not None:
        return CATEGORICAL
    if split.missing == MISSING_ZERO:
        return ZERO_LEFT if split.default_left else ZERO_RIGHT
    if split.missing == MISSING_NAN:
        return NAN_LEFT if split.default_left else NAN_RIGHT
    return NUMERIC
