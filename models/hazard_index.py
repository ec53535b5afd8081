"""The index of a hazard model: signed weights on normal scores, blended with monotone trees."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from models.additive import Additive, NormalScores, signed_weights
from models.shapley import CompiledExplainer, Ensemble, compile_ensemble, read_ensemble
from models.survival import Seen

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
PATIENCE = 30
SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)


@dataclass(frozen=True)
class IndexFit:
    """How an index is fitted.

    ``directions``: one a feature; ``copies``: weight of the rows of a subject, which are near copies of each other, so
    that the prior and the leaves count subjects; ``prior_sd``: standard deviation of the prior on a weight, where
    features have unit variance.
    """

    directions: tuple[int, ...]
    copies: float
    prior_sd: float
    max_depth: int
    learning_rate: float
    seed: int
    threads: int = 2

    def additive(self, X: Floats, seen: Seen) -> Additive:
        """Weights of most posterior probability, each kept to the declared sign of its feature."""
        scores = NormalScores.of(X)

        def loss(index: Floats) -> tuple[float, Floats]:
            return seen.loss(index) / self.copies, seen.slopes(index)[0] / self.copies

        design = scores.design(X)
        found = signed_weights(loss, design, self.directions, self.prior_sd, steps=300, tolerance=1e-9)
        return Additive(scores, *found)

    def boosted(self, X: Floats, seen: Seen, trees: int, held: Held | None = None) -> Any:
        """A LightGBM booster of at most ``trees`` trees; ``held``: rows to stop early on, which keep their losses."""
        import lightgbm

        def objective(index: Floats, _: Any) -> tuple[Floats, Floats]:
            return seen.slopes(index)

        subjects = float(seen.weight.sum()) / self.copies
        parameters = {
            "objective": objective,
            "metric": "None",
            "learning_rate": self.learning_rate,
            "max_depth": self.max_depth,
            "num_leaves": 2**self.max_depth,
            "feature_fraction": float(np.clip(10 / X.shape[1], 0.3, 1.0)),
            "bagging_fraction": 0.7,
            "bagging_freq": 1,
            "min_data_in_leaf": max(5, round(float(np.clip(subjects / 200, 5, 30)) * len(X) / subjects)),
            "min_sum_hessian_in_leaf": 0.5,
            "lambda_l2": 6.0 * self.copies,
            "deterministic": True,
            "force_row_wise": True,
            "feature_pre_filter": False,
            "seed": self.seed,
            "num_threads": self.threads,
            "verbose": -1,
        } | ({"monotone_constraints": list(self.directions)} if any(self.directions) else {})
        learned = lightgbm.Dataset(X, seen.event)
        if held is None:
            return lightgbm.train(parameters, learned, trees)
        asked = lightgbm.Dataset(held.X, held.seen.event, reference=learned)

        def loss_of(index: Floats, _: Any) -> tuple[str, float, bool]:
            return "loss", held.seen.loss(index), False

        stop = lightgbm.early_stopping(PATIENCE, verbose=False)
        keep = lightgbm.record_evaluation(held.record)
        return lightgbm.train(parameters, learned, trees, [asked], ["held"], loss_of, callbacks=[stop, keep])


@dataclass
class Held:
    """Rows of held-out subjects, and the losses of a booster on them, tree by tree."""

    X: Floats
    seen: Seen
    record: dict[str, Any]

    def losses(self, trees: int) -> Floats:
        """Loss [trees] with one tree, with two, ...; the last one stands for those that were not tried."""
        found = np.array(self.record["held"]["loss"])
        return np.asarray(np.concatenate([found, np.full(max(0, trees - len(found)), found[-1])])[:trees])


@dataclass(frozen=True)
class Shape:
    """How many trees, and which share of the index is theirs; the rest is the additive part's."""

    trees: int
    share: float


def held_out(fit: IndexFit, X: Floats, seen: Seen, fold: Ints, most_trees: int) -> tuple[Shape, Floats]:
    """The shape of least loss on subjects held out, and the index [n] that models of others give each row.

    ``fold`` [n]: a number for each row, the same for all rows of a subject.
    """
    losses, parts = np.zeros(most_trees), []
    additive, boosted = np.empty(len(X)), np.empty(len(X))
    for number in np.unique(fold):
        inside = fold != number
        learned, held = seen.where(inside), Held(X[~inside], seen.where(~inside), {})
        additive[~inside] = fit.additive(X[inside], learned).margin(held.X)
        parts.append((~inside, fit.boosted(X[inside], learned, most_trees, held)))
        losses += held.losses(most_trees)
    trees = int(losses.argmin()) + 1
    for asked, booster in parts:
        boosted[asked] = booster.predict(X[asked], raw_score=True, num_iteration=trees)
    blends = [(1 - share) * additive + share * boosted for share in SHARES]
    best = int(np.argmin([seen.loss(index) for index in blends]))
    return Shape(trees, SHARES[best]), blends[best]


def compiled(fit: IndexFit, X: Floats, seen: Seen, shape: Shape) -> tuple[CompiledExplainer, float]:
    """The index, learned of all rows, as one sum of trees, and the intercept that comes on top."""
    additive = fit.additive(X, seen)
    made = additive.scores.trees((1 - shape.share) * additive.weights)
    if shape.share or not made:
        share = shape.share or 1.0
        made += [tree.scaled(share) for tree in read_ensemble(fit.boosted(X, seen, shape.trees)).trees]
    return compile_ensemble(Ensemble(X.shape[1], tuple(made))), (1 - shape.share) * additive.intercept
