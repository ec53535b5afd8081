"""The trees of a LightGBM model as plain arrays, read from its text form at full precision."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from records.errors import HuixinError
from records.words import Text

CATEGORICAL, DEFAULT_LEFT = 1, 2
MISSING_NONE, MISSING_ZERO, MISSING_NAN = 0, 1, 2


class UnsupportedModel(HuixinError):
    code: ClassVar[str] = "unsupported-model"
    status: ClassVar[int] = 500
    title: ClassVar[Text] = Text("此模型不能编译解释", "This model cannot be compiled for explanation")


@dataclass(frozen=True)
class Tree:
    """One tree. Children below zero are leaves: ``~child``. Counts are those of the training rows."""

    feature: npt.NDArray[np.int32]
    threshold: npt.NDArray[np.float64]
    decision: npt.NDArray[np.int32]
    left: npt.NDArray[np.int32]
    right: npt.NDArray[np.int32]
    split_count: npt.NDArray[np.float64]
    leaf_value: npt.NDArray[np.float64]
    leaf_count: npt.NDArray[np.float64]
    category_start: npt.NDArray[np.int64]
    category_bits: npt.NDArray[np.uint32]

    @property
    def expected_value(self) -> float:
        """Mean leaf value over the training rows, as LightGBM computes it."""
        if len(self.leaf_value) == 1:
            return float(self.leaf_value[0])
        total = 0.0
        for count, value in zip(self.leaf_count, self.leaf_value, strict=True):
            total += count / self.split_count[0] * value
        return total

    def count(self, node: int) -> float:
        return float(self.split_count[node] if node >= 0 else self.leaf_count[~node])

    def height(self, node: int) -> int:
        if node < 0:
            return 0
        return 1 + max(self.height(int(self.left[node])), self.height(int(self.right[node])))


def read_trees(booster: Any) -> tuple[list[Tree], int]:
    """The trees that ``booster.predict`` uses, and the number of its features.

    Raises ``UnsupportedModel`` for several classes, linear leaves and averaged (random-forest) outputs.
    """
    header, *blocks = booster.model_to_string().split("\nTree=")
    facts = _facts(header)
    if facts.get("num_class", "1") != "1" or facts.get("num_tree_per_iteration", "1") != "1":
        raise _unsupported("多分类模型", "a model of several classes")
    if "average_output" in header.splitlines():
        raise _unsupported("取平均的随机森林模型", "a random forest with averaged output")
    return [_read(block.split("\n\n")[0]) for block in blocks], int(facts["max_feature_idx"]) + 1


def _read(block: str) -> Tree:
    facts = _facts(block)
    if facts.get("is_linear", "0") != "0":
        raise _unsupported("线性叶模型", "a model with linear leaves")

    def numbers(name: str, dtype: Any) -> Any:
        text = facts.get(name, "")
        return np.array([float(part) if dtype is np.float64 else int(part) for part in text.split()], dtype)

    leaf_value = numbers("leaf_value", np.float64)
    return Tree(
        feature=numbers("split_feature", np.int32),
        threshold=numbers("threshold", np.float64),
        decision=numbers("decision_type", np.int32),
        left=numbers("left_child", np.int32),
        right=numbers("right_child", np.int32),
        split_count=numbers("internal_count", np.float64),
        leaf_value=leaf_value,
        leaf_count=numbers("leaf_count", np.float64) if facts.get("leaf_count") else np.zeros(len(leaf_value)),
        category_start=numbers("cat_boundaries", np.int64),
        category_bits=numbers("cat_threshold", np.uint32),
    )


def _facts(text: str) -> dict[str, str]:
    return dict(line.split("=", 1) for line in text.splitlines() if "=" in line)


def _unsupported(zh: str, en: str) -> UnsupportedModel:
    return UnsupportedModel(
        Text(
            f"不支持{zh}；可用：单输出 LightGBM 提升树",
            f"not supported: {en}; boosted LightGBM trees of one output are accepted",
        )
    )
