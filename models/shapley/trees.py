"""What does a LightGBM model say, tree by tree, at full precision?"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from models.shapley.errors import UnsupportedModel
from records.words import Text

if TYPE_CHECKING:
    import lightgbm

MISSING_NONE, MISSING_ZERO, MISSING_NAN = 0, 1, 2


@dataclass(frozen=True)
class Split:
    """One question to one feature; ``categories`` (bit words) is set for a categorical split only."""

    feature: int
    threshold: float
    missing: int
    default_left: bool
    categories: tuple[int, ...] | None


@dataclass(frozen=True)
class Tree:
    """Splits with children (negative: the leaf ``~child``), and how many training rows passed each node."""

    splits: tuple[Split, ...]
    left: tuple[int, ...]
    right: tuple[int, ...]
    split_rows: NDArray[np.float64]
    leaf_rows: NDArray[np.float64]
    leaf_values: NDArray[np.float64]

    @property
    def root(self) -> int:
        return 0 if self.splits else ~0

    def scaled(self, share: float) -> Tree:
        """The same tree with ``share`` of its say."""
        return replace(self, leaf_values=share * self.leaf_values)

    def shifted(self, constant: float) -> Tree:
        """The same tree, each of its answers higher by ``constant``."""
        return replace(self, leaf_values=self.leaf_values + constant)

    def rows_at(self, node: int) -> float:
        return float(self.split_rows[node] if node >= 0 else self.leaf_rows[~node])

    def height(self, node: int) -> int:
        """Splits on the longest way down from ``node``."""
        return self._heights[node] if node >= 0 else 0

    @cached_property
    def _heights(self) -> list[int]:
        heights = [0] * len(self.splits)
        for node in reversed(range(len(self.splits))):  # children come after their parent
            children = (self.left[node], self.right[node])
            heights[node] = 1 + max(heights[child] if child >= 0 else 0 for child in children)
        return heights


@dataclass(frozen=True)
class Ensemble:
    feature_count: int
    trees: tuple[Tree, ...]


def read_ensemble(booster: lightgbm.Booster, num_iteration: int | None = None) -> Ensemble:
    """The trees that ``booster.predict`` would use (up to the best iteration, where one is known).

    Raises UnsupportedModel for several trees an iteration (multiclass) and for linear trees.
    """
    lines = booster.model_to_string(num_iteration=num_iteration).splitlines()
    header = _fields(lines[: _first_tree(lines)])
    if int(header.get("num_tree_per_iteration", "1")) != 1 or int(header.get("num_class", "1")) != 1:
        raise UnsupportedModel(
            Text(
                f"模型有 {header.get('num_class')} 个类别；仅支持二分类或单输出回归",
                f"the model has {header.get('num_class')} classes; accepted: binary or a single regression output",
            )
        )
    sections = _tree_sections(lines)
    return Ensemble(int(header["max_feature_idx"]) + 1, tuple(_read_tree(_fields(section)) for section in sections))


def _first_tree(lines: list[str]) -> int:
    return next((i for i, line in enumerate(lines) if line.startswith(("Tree=", "end of trees"))), len(lines))


def _tree_sections(lines: list[str]) -> list[list[str]]:
    sections: list[list[str]] = []
    for line in lines:
        if line.startswith("end of trees"):
            break
        if line.startswith("Tree="):
            sections.append([])
        elif sections:
            sections[-1].append(line)
    return sections


def _fields(lines: list[str]) -> dict[str, str]:
    return {key: value for key, separator, value in (line.partition("=") for line in lines) if separator}


def _read_tree(fields: dict[str, str]) -> Tree:
    if int(fields.get("is_linear", "0")):
        raise UnsupportedModel(
            Text(
                "模型的叶子是线性函数（linear_tree）；仅支持常数叶子",
                "the model has linear leaves (linear_tree); accepted: constant leaves",
            )
        )
    leaf_values = _floats(fields, "leaf_value")
    if int(fields["num_leaves"]) == 1:
        return Tree((), (), (), np.empty(0), np.ones(1), leaf_values)
    split_rows, leaf_rows = _floats(fields, "internal_count"), _floats(fields, "leaf_count")
    if split_rows.size != leaf_rows.size - 1 or not (split_rows > 0).all():
        raise UnsupportedModel(
            Text(
                "模型中有节点未记录训练样本数，无法计算精确的贡献值",
                "a node of the model has no count of training rows, which exact contributions need",
            )
        )
    left, right = _integers(fields, "left_child"), _integers(fields, "right_child")
    return Tree(_splits(fields), left, right, split_rows, leaf_rows, leaf_values)


def _splits(fields: dict[str, str]) -> tuple[Split, ...]:
    boundaries, words = _integers(fields, "cat_boundaries"), _integers(fields, "cat_threshold")
    splits = []
    for feature, threshold, kind in zip(
        _integers(fields, "split_feature"),
        _floats(fields, "threshold").tolist(),
        _integers(fields, "decision_type"),
        strict=True,
    ):
        categories = None
        if kind & 1:
            start, stop = boundaries[int(threshold)], boundaries[int(threshold) + 1]
            categories = words[start:stop]
        splits.append(Split(feature, threshold, (kind >> 2) & 3, bool(kind & 2), categories))
    return tuple(splits)


def _integers(fields: dict[str, str], name: str) -> tuple[int, ...]:
    return tuple(int(value) for value in fields.get(name, "").split())


def _floats(fields: dict[str, str], name: str) -> NDArray[np.float64]:
    return np.array([float(value) for value in fields.get(name, "").split()], dtype=np.float64)
