"""Exact Shapley values of boosted trees at the price of a prediction: the explanation is compiled once.

Every tree is cut into units: a subtree of height at most 3 with its ancestors. A row's answers to a unit's splits are a
few bits; for each bit pattern the exact path-dependent Shapley values of the unit's features, summed over its leaves,
are stored (Lundberg et al. 2020, Nature Machine Intelligence 2, 56-67). Explaining a row is then, unit by unit: compare,
form the bits, add one table row. The idea of FastTreeSHAP v2 (Yang 2021, arXiv:2109.09847), carried from leaves to
whole units.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields
from typing import Any

import numba
import numpy as np
import numpy.typing as npt

from models.trees import CATEGORICAL, DEFAULT_LEFT, MISSING_NAN, MISSING_ZERO, Tree, UnsupportedModel, read_trees
from records.words import Text

UNIT_HEIGHT = 3
MAX_SPLITS = 12
ROWS_AT_ONCE = 64
ROWS_A_THREAD = 2_048
ZERO = float(np.float32(1e-35))  # LightGBM's kZeroThreshold
FORMAT = 1

# How a split sends a value left: at or below the threshold (missing goes right), not above it (missing goes left),
# zero or missing by default, or a set of categories.
AT_MOST, NOT_ABOVE, ZERO_RIGHT, ZERO_LEFT, CATEGORY = range(5)

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class CompiledExplainer:
    """A model's margin and exact contributions in one pass. Made by ``compile_explainer``; picklable plain arrays."""

    features: int
    expected_value: float
    split_feature: npt.NDArray[np.int32]
    split_threshold: Floats
    split_kind: npt.NDArray[np.int8]
    split_categories: npt.NDArray[np.int64]
    category_bits: npt.NDArray[np.uint32]
    unit_splits: npt.NDArray[np.int64]
    unit_features: npt.NDArray[np.int64]
    local_feature: npt.NDArray[np.int32]
    unit_table: npt.NDArray[np.int64]
    tables: Floats

    def explain(self, X: npt.ArrayLike, threads: int | None = None) -> tuple[Floats, Floats, float]:
        """Margins [n], contributions [n, features] and the expected value they start from, in log-odds.

        ``X`` [n, features] float64, NaN where missing. A row's bits do not depend on the rows beside it or on
        ``threads`` (default: the cores there are, one for few rows). Raises ``ValueError`` for another shape.
        """
        rows = self._rows(X)
        margin, contributions = np.empty(len(rows)), np.empty((len(rows), self.features))
        workers = min(threads or os.cpu_count() or 1, max(1, len(rows) // ROWS_A_THREAD))
        arrays = self._arrays
        if workers == 1:
            _explain(rows, *arrays, margin, contributions)
        else:
            edges = np.linspace(0, len(rows), workers + 1).astype(int)
            with ThreadPoolExecutor(workers) as pool:
                list(
                    pool.map(
                        lambda span: _explain(
                            rows[slice(*span)], *arrays, margin[slice(*span)], contributions[slice(*span)]
                        ),
                        zip(edges[:-1], edges[1:], strict=True),
                    )
                )
        return margin, contributions, self.expected_value

    def margin(self, X: npt.ArrayLike) -> Floats:
        """Margins [n], the same bits as ``explain`` gives."""
        return self.explain(X)[0]

    def to_arrays(self) -> dict[str, npt.NDArray[Any]]:
        """The whole explainer as named arrays, for ``numpy.savez``."""
        return {"format": np.array(FORMAT), **{one.name: np.asarray(getattr(self, one.name)) for one in fields(self)}}

    @classmethod
    def from_arrays(cls, arrays: dict[str, npt.NDArray[Any]]) -> CompiledExplainer:
        """Undo ``to_arrays``. Raises ``UnsupportedModel`` for another format."""
        if int(arrays["format"]) != FORMAT:
            raise UnsupportedModel(
                Text(f"解释文件格式 {arrays['format']} 不可读", f"explanation format {arrays['format']} cannot be read")
            )
        values = {one.name: arrays[one.name] for one in fields(cls)}
        return cls(**{**values, "features": int(values["features"]), "expected_value": float(values["expected_value"])})

    @property
    def _arrays(self) -> tuple[npt.NDArray[Any], ...]:
        return (
            self.split_feature,
            self.split_threshold,
            self.split_kind,
            self.split_categories,
            self.category_bits,
            self.unit_splits,
            self.unit_features,
            self.local_feature,
            self.unit_table,
            self.tables,
        )

    def _rows(self, X: npt.ArrayLike) -> Floats:
        rows = np.ascontiguousarray(X, np.float64)
        if rows.ndim != 2 or rows.shape[1] != self.features:
            raise ValueError(f"X has shape {rows.shape}; (n, {self.features}) is accepted")
        return rows


def compile_explainer(booster: Any) -> CompiledExplainer:
    """Compile a LightGBM booster (one output, depth up to about 6) so that explaining costs what predicting costs.

    Contributions equal ``booster.predict(X, pred_contrib=True)`` within 1e-9, with LightGBM's treatment of missing
    values, zeros and categories. Raises ``UnsupportedModel`` for what cannot be compiled.
    """
    trees, features = read_trees(booster)
    builder = _Builder()
    for tree in trees:
        if len(tree.leaf_value) > 1:
            builder.add(tree)
        else:
            builder.add_constant(float(tree.leaf_value[0]))
    return builder.finish(features, sum(tree.expected_value for tree in trees))


class _Builder:
    """Gathers units tree by tree."""

    def __init__(self) -> None:
        self.feature: list[int] = []
        self.threshold: list[float] = []
        self.kind: list[int] = []
        self.categories: list[tuple[int, int]] = []
        self.bits: list[npt.NDArray[np.uint32]] = []
        self.bit_words = 0
        self.unit_splits = [0]
        self.unit_features = [0]
        self.local: list[int] = []
        self.offsets = [0]
        self.tables: list[Floats] = []

    def add(self, tree: Tree) -> None:
        self._cut(tree, 0, [])

    def add_constant(self, value: float) -> None:
        self._close(np.array([[value]]), [])

    def finish(self, features: int, expected_value: float) -> CompiledExplainer:
        return CompiledExplainer(
            features=features,
            expected_value=expected_value,
            split_feature=np.array(self.feature, np.int32),
            split_threshold=np.array(self.threshold, np.float64),
            split_kind=np.array(self.kind, np.int8),
            split_categories=np.array(self.categories, np.int64).reshape(-1, 2),
            category_bits=np.concatenate([*self.bits, np.zeros(1, np.uint32)]),
            unit_splits=np.array(self.unit_splits, np.int64),
            unit_features=np.array(self.unit_features, np.int64),
            local_feature=np.array(self.local, np.int32),
            unit_table=np.array(self.offsets, np.int64),
            tables=np.concatenate([table.ravel() for table in self.tables]) if self.tables else np.zeros(1),
        )

    def _cut(self, tree: Tree, node: int, ancestors: list[tuple[int, bool]]) -> None:
        """Make ``node`` a unit if it is low enough, else cut below it."""
        if tree.height(node) <= UNIT_HEIGHT:
            self._unit(tree, node, ancestors)
            return
        self._cut(tree, int(tree.left[node]), [*ancestors, (node, True)])
        self._cut(tree, int(tree.right[node]), [*ancestors, (node, False)])

    def _unit(self, tree: Tree, root: int, ancestors: list[tuple[int, bool]]) -> None:
        paths = _paths(tree, root, ancestors)
        splits = sorted({split for path, _ in paths for split, _ in path})
        if len(splits) > MAX_SPLITS:
            raise UnsupportedModel(
                Text("树过深：一个单元的分裂过多", f"trees are too deep: more than {MAX_SPLITS} splits in a unit")
            )
        place = {split: number for number, split in enumerate(splits)}
        local = sorted({int(tree.feature[split]) for split in splits})
        table = np.zeros((1 << len(splits), len(local) + 1))
        for path, leaf in paths:
            _add_leaf(
                table,
                np.array([place[split] for split, _ in path], np.int64),
                np.array([left for _, left in path], np.bool_),
                np.array([local.index(int(tree.feature[split])) for split, _ in path], np.int64),
                np.array([_share(tree, split, left) for split, left in path], np.float64),
                float(tree.leaf_value[leaf]),
            )
        for split in splits:
            self._split(tree, split)
        self._close(table, local)

    def _split(self, tree: Tree, split: int) -> None:
        decision = int(tree.decision[split])
        threshold, span = float(tree.threshold[split]), (0, 0)
        missing, default_left = decision >> 2 & 3, bool(decision & DEFAULT_LEFT)
        if decision & CATEGORICAL:
            kind = CATEGORY
            start, stop = tree.category_start[int(threshold)], tree.category_start[int(threshold) + 1]
            words = tree.category_bits[start:stop]
            span = (self.bit_words, len(words))
            self.bits.append(words)
            self.bit_words += len(words)
        elif missing == MISSING_ZERO:
            kind = ZERO_LEFT if default_left else ZERO_RIGHT
        elif missing == MISSING_NAN:
            kind = NOT_ABOVE if default_left else AT_MOST
        else:
            kind = NOT_ABOVE if threshold >= 0 else AT_MOST  # a missing value counts as zero
        self.feature.append(int(tree.feature[split]))
        self.threshold.append(threshold)
        self.kind.append(kind)
        self.categories.append(span)

    def _close(self, table: Floats, local: list[int]) -> None:
        self.local += local
        self.tables.append(table)
        self.unit_splits.append(len(self.feature))
        self.unit_features.append(len(self.local))
        self.offsets.append(self.offsets[-1] + table.size)


def _paths(tree: Tree, node: int, path: list[tuple[int, bool]]) -> list[tuple[list[tuple[int, bool]], int]]:
    """Every leaf at or below ``node`` with its path of (split, goes left) from the root."""
    if node < 0:
        return [(path, ~node)]
    left = _paths(tree, int(tree.left[node]), [*path, (node, True)])
    return left + _paths(tree, int(tree.right[node]), [*path, (node, False)])


def _share(tree: Tree, split: int, left: bool) -> float:
    """Share of the training rows of a split that went to the child on the path."""
    child = int(tree.left[split] if left else tree.right[split])
    return tree.count(child) / tree.count(split)


def _jit(function: Any) -> Any:
    return numba.njit(cache=True, nogil=True, error_model="numpy")(function)


@_jit
def _add_leaf(
    table: Floats, place: Any, left: Any, local: Any, share: Floats, value: float
) -> None:  # pragma: no cover  (compiled)
    """Add one leaf's exact Shapley values to every bit pattern of its unit.

    For the path's distinct features j with cover shares z and answers o (1 where the row follows the path):
    value * sum over subsets S without j of |S|!(d-|S|-1)!/d! * prod_S o * prod_rest z * (o_j - z_j).
    """
    steps = len(place)
    slot = np.empty(steps, np.int64)
    names = np.empty(steps, np.int64)
    z = np.ones(steps)
    d = 0
    for step in range(steps):
        found = -1
        for other in range(d):
            if names[other] == local[step]:
                found = other
        if found < 0:
            found = d
            names[d] = local[step]
            d += 1
        slot[step] = found
        z[found] *= share[step]
    weight = np.ones(d + 1)
    for size in range(d):
        product = 1.0
        for factor in range(1, size + 1):
            product *= factor
        for factor in range(1, d - size):
            product *= factor
        for factor in range(1, d + 1):
            product /= factor
        weight[size] = product
    phi = np.zeros((1 << d, d))
    for answers in range(1 << d):
        for j in range(d):
            total = 0.0
            for subset in range(1 << d):
                if subset >> j & 1:
                    continue
                product, size = 1.0, 0
                for k in range(d):
                    if k == j:
                        continue
                    if subset >> k & 1:
                        size += 1
                        product *= answers >> k & 1
                    else:
                        product *= z[k]
                total += weight[size] * product
            phi[answers, j] = value * total * ((answers >> j & 1) - z[j])
    last = table.shape[1] - 1
    for pattern in range(table.shape[0]):
        answers = (1 << d) - 1
        for step in range(steps):
            if (pattern >> place[step] & 1 == 1) != left[step]:
                answers &= ~(1 << slot[step])
        for j in range(d):
            table[pattern, names[j]] += phi[answers, j]
        if answers == (1 << d) - 1:
            table[pattern, last] += value


@_jit
def _explain(
    rows: Floats,
    split_feature: Any,
    split_threshold: Any,
    split_kind: Any,
    split_categories: Any,
    category_bits: Any,
    unit_splits: Any,
    unit_features: Any,
    local_feature: Any,
    unit_table: Any,
    tables: Any,
    margin: Floats,
    contributions: Floats,
) -> None:  # pragma: no cover  (compiled)
    """Block by block of rows: bits of each unit, then one table row a unit, always in the order of the trees."""
    n, features = rows.shape
    columns = np.empty((features, ROWS_AT_ONCE))
    sums = np.empty((features, ROWS_AT_ONCE))
    totals = np.empty(ROWS_AT_ONCE)
    bits = np.empty(ROWS_AT_ONCE, np.int32)
    for first in range(0, n, ROWS_AT_ONCE):
        m = min(ROWS_AT_ONCE, n - first)
        for i in range(m):
            for f in range(features):
                columns[f, i] = rows[first + i, f]
        sums[:] = 0.0
        totals[:] = 0.0
        for unit in range(len(unit_splits) - 1):
            start = unit_splits[unit]
            bits[:m] = 0
            for split in range(start, unit_splits[unit + 1]):
                bit = np.int32(1 << (split - start))
                column = columns[split_feature[split]]
                threshold = split_threshold[split]
                kind = split_kind[split]
                if kind == AT_MOST:
                    for i in range(m):
                        bits[i] |= bit if column[i] <= threshold else np.int32(0)
                elif kind == NOT_ABOVE:
                    for i in range(m):
                        bits[i] |= np.int32(0) if column[i] > threshold else bit
                elif kind == CATEGORY:
                    offset, words = split_categories[split, 0], split_categories[split, 1]
                    for i in range(m):
                        if _in_categories(column[i], category_bits, offset, words):
                            bits[i] |= bit
                else:
                    for i in range(m):
                        value = column[i]
                        if np.isnan(value) or (-ZERO <= value <= ZERO):
                            goes = kind == ZERO_LEFT
                        else:
                            goes = value <= threshold
                        if goes:
                            bits[i] |= bit
            begin, stop = unit_features[unit], unit_features[unit + 1]
            width = stop - begin + 1
            base = unit_table[unit]
            for i in range(m):
                entry = base + bits[i] * width
                for k in range(width - 1):
                    sums[local_feature[begin + k], i] += tables[entry + k]
                totals[i] += tables[entry + width - 1]
        for i in range(m):
            margin[first + i] = totals[i]
            for f in range(features):
                contributions[first + i, f] = sums[f, i]


@_jit
def _in_categories(value: float, category_bits: Any, offset: int, words: int) -> bool:  # pragma: no cover  (compiled)
    """Whether a category is in the split's set; missing, negative and unseen ones are not."""
    if np.isnan(value) or value >= 2147483648.0 or value <= -1.0:
        return False
    category = int(value)
    word = category >> 5
    return word < words and bool(category_bits[offset + word] >> (category & 31) & 1)
