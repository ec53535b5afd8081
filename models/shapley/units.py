"""Cut trees into units and tabulate each unit's exact Shapley values for every answer pattern."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from models.shapley.trees import Split, Tree

Floats = NDArray[np.float64]
UNITS_AT_ONCE = 256


@dataclass
class Leaf:
    """A leaf with its way from the root: (split node, went left) pairs, and the features met on it."""

    value: float
    way: list[tuple[int, bool]]
    features: tuple[int, ...]
    shares: Floats
    """For each feature the share of training rows that follow the way at its splits (path-dependent expectation)."""


@dataclass
class Unit:
    """A subtree with its ancestors: the splits that are its pattern's bits (set: left), and its leaves."""

    tree: Tree
    bits: dict[Split, int]
    leaves: list[Leaf] = field(default_factory=list)

    @property
    def features(self) -> tuple[int, ...]:
        return tuple(sorted({feature for leaf in self.leaves for feature in leaf.features}))


def cut(tree: Tree, height: int, bits: int) -> Iterator[Unit]:
    """Units of ``tree`` from left to right: subtrees of at most ``height``, at most ``bits`` splits with ancestors."""

    def below(node: int, way: list[tuple[int, bool]]) -> Iterator[Unit]:
        leaves = list(_leaves(tree, node, way))
        unit = Unit(tree, _bits(tree, leaves), leaves)
        if node < 0 or (tree.height(node) <= height and len(unit.bits) <= bits):
            yield unit
        else:
            yield from below(tree.left[node], [*way, (node, True)])
            yield from below(tree.right[node], [*way, (node, False)])

    yield from below(tree.root, [])


def _leaves(tree: Tree, node: int, way: list[tuple[int, bool]]) -> Iterator[Leaf]:
    if node >= 0:
        yield from _leaves(tree, tree.left[node], [*way, (node, True)])
        yield from _leaves(tree, tree.right[node], [*way, (node, False)])
        return
    shares: dict[int, float] = {}
    for position, (split, _) in enumerate(way):
        after = way[position + 1][0] if position + 1 < len(way) else node
        feature = tree.splits[split].feature
        shares[feature] = shares.get(feature, 1.0) * (tree.rows_at(after) / tree.rows_at(split))
    value = float(tree.leaf_values[~node])
    yield Leaf(value, way, tuple(shares), np.array(list(shares.values()), dtype=np.float64))


def _bits(tree: Tree, leaves: list[Leaf]) -> dict[Split, int]:
    bits: dict[Split, int] = {}
    for leaf in leaves:
        for node, _ in leaf.way:
            bits.setdefault(tree.splits[node], len(bits))
    return bits


def expected_value(tree: Tree) -> float:
    """Mean leaf value over the training rows, the base that path-dependent contributions start from."""
    return math.fsum(tree.leaf_rows * tree.leaf_values) / math.fsum(tree.leaf_rows)


def tabulate(units: list[Unit]) -> Iterator[Floats]:
    """For each unit a table [2**bits, features + 1]: contributions of its features, then its part of the margin.

    A row of the table belongs to one pattern of answers. The last column holds the value of the leaf that
    the pattern reaches (0 when it lies in another unit of the tree).
    """
    for start in range(0, len(units), UNITS_AT_ONCE):
        some = units[start : start + UNITS_AT_ONCE]
        games = _solve([leaf for unit in some for leaf in unit.leaves])
        for unit in some:
            yield _table(unit, games)


def _table(unit: Unit, games: dict[int, Floats]) -> Floats:
    patterns = np.arange(1 << len(unit.bits))
    went_left = [(patterns >> bit) & 1 for bit in range(len(unit.bits))]
    column = {feature: i for i, feature in enumerate(unit.features)}
    table = np.zeros((patterns.size, len(column) + 1))
    for leaf in unit.leaves:
        follows = {feature: np.ones(patterns.size, dtype=np.int64) for feature in leaf.features}
        for node, left in leaf.way:
            split = unit.tree.splits[node]
            answers = went_left[unit.bits[split]]
            follows[split.feature] &= answers if left else 1 - answers
        coalition = np.zeros(patterns.size, dtype=np.int64)
        for place, feature in enumerate(leaf.features):
            coalition |= follows[feature] << place
        contributions = games[id(leaf)][coalition]
        for place, feature in enumerate(leaf.features):
            table[:, column[feature]] += contributions[:, place]
        table[coalition == (1 << len(leaf.features)) - 1, -1] = leaf.value
    return table


def _solve(leaves: list[Leaf]) -> dict[int, Floats]:
    """Contributions [2**m, m] of every leaf's m features for each set of features that follow its way.

    A leaf of value v is the game v * prod(o_j for j known) * prod(z_j for j unknown), where o_j says whether the row
    follows the way at feature j and z_j is the share of training rows that do. Its Shapley value for i is
    v (o_i - z_i) sum over k of k!(m-1-k)!/m! times the coefficient of t**k in prod over j != i of (o_j t + z_j)
    (Lundberg et al. 2020; enumerated as in Yang 2021, arXiv:2109.09847). Elementwise arithmetic in one fixed order.
    """
    by_size: dict[int, list[Leaf]] = defaultdict(list)
    for leaf in leaves:
        by_size[len(leaf.features)].append(leaf)
    games: dict[int, Floats] = {}
    for size, same in by_size.items():
        shares = np.array([leaf.shares for leaf in same], dtype=np.float64).reshape(len(same), size)
        solved = _shapley(shares) * np.array([leaf.value for leaf in same])[:, None, None]
        games.update((id(leaf), game) for leaf, game in zip(same, solved, strict=True))
    return games


def _shapley(shares: Floats) -> Floats:
    """Contributions [leaves, 2**m, m] for leaves of value 1, from ``shares`` [leaves, m]."""
    leaves, size = shares.shape
    coalitions = np.arange(1 << size)
    follows = ((coalitions[:, None] >> np.arange(size)) & 1).astype(np.float64)
    contributions = np.empty((leaves, coalitions.size, size))
    for feature in range(size):
        powers = np.zeros((size, leaves, coalitions.size))
        powers[0] = 1.0
        others = [other for other in range(size) if other != feature]
        for degree, other in enumerate(others, start=1):
            for k in range(degree, 0, -1):
                powers[k] = powers[k] * shares[:, None, other] + powers[k - 1] * follows[None, :, other]
            powers[0] *= shares[:, None, other]
        total = np.zeros((leaves, coalitions.size))
        for k in range(size):
            total += powers[k] / (size * math.comb(size - 1, k))
        contributions[:, :, feature] = (follows[None, :, feature] - shares[:, None, feature]) * total
    return contributions
