"""Learning where only the accepted have outcomes: weights, or careful guesses, for those whom lenders refused.

Off by default. Nothing here conjures up outcomes that nobody saw: both methods assume that, among applicants with the
same features, the refused would have done as the accepted did (missing at random), or worse by a factor that somebody
chose. Where lenders refused on what the features do not show, neither helps (Hand & Henley 1993, Can reject inference
ever work?). The sound remedy is to accept a few at random and to see.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt

from records.errors import HuixinError
from records.words import Text

Floats = npt.NDArray[np.float64]
Method = Literal["reweight", "parcel"]
LEAST_PROPENSITY = 0.05
LEAST_ROWS = 100
FOLDS = 5
MISSING = -1e30
LIMITS = Text(
    "拒绝推断不会创造无人见过的结果：它假定特征相同者被拒与获准的表现一致（或按所设倍数更差）；若放贷机构依据特征之外的信息"
    "拒绝，则推断无效。更可靠的办法是随机放行少量申请并观察",
    "reject inference conjures up no outcome that nobody saw: it assumes that refused applicants would have done as "
    "accepted ones with the same features (or worse by the factor set); where lenders refused on what the features do "
    "not show, it fails. Accepting a few at random, and seeing, is the sound remedy",
)


class TooFewDecisions(HuixinError):
    code: ClassVar[str] = "too-few-decisions"
    status: ClassVar[int] = 409
    title: ClassVar[Text] = Text("审批结果不足以推断", "Too few decisions to infer from")


@dataclass(frozen=True)
class Inferred:
    """Rows to learn from, with their weights: X [n, features], outcome [n], weight [n], ``guessed`` [n] where refused.

    ``effective_rows``: what the weighted rows are worth (Kish 1965: (sum w)^2 / sum w^2). ``without_overlap``: share of
    the refused who look like hardly anybody accepted (propensity under 5%): of them the data say nothing.
    ``acceptance_auc``: how well the features tell the accepted from the refused; near 1 there is no overlap at all.
    """

    method: Method
    X: Floats
    outcome: Floats
    weight: Floats
    guessed: npt.NDArray[np.bool_]
    effective_rows: float
    without_overlap: float
    acceptance_auc: float
    limits: Text = LIMITS

    @property
    def source(self) -> npt.NDArray[np.int64]:
        """For each row its number among the rows given, the refused counted after the others; [n]."""
        rows = int((~self.guessed).sum())
        refused = int(self.guessed.sum()) // 2
        own = np.arange(len(self.outcome))
        return np.where(own < rows, own, rows + (own - rows) % max(refused, 1))

    def as_rows(self, seed: int = 0) -> tuple[Floats, Floats, npt.NDArray[np.int64]]:
        """The same sample as plain rows, for estimators that take no weights: X, outcome, and the row each came from.

        Each row appears its weight's number of times, rounded by systematic sampling, so that totals are kept.
        """
        whole = self.weight.sum()
        steps = np.arange(round(whole)) + np.random.default_rng(seed).random()
        origin = np.searchsorted(np.cumsum(self.weight), np.minimum(steps, whole * (1 - 1e-12)))
        return self.X[origin], self.outcome[origin], origin


def reweighted(
    X: Floats, outcome: Floats, refused_X: Floats, *, accepted_X: Floats | None = None, seed: int = 0
) -> Inferred:
    """Augmentation: each row that was accepted stands for all who look alike, by 1 / P(accepted | features).

    Inverse-propensity weighting (Horvitz & Thompson 1952; in credit: Hsia 1978), propensities cross-fitted, none under
    5%, weights scaled to the share of all applicants. ``X`` [n, features] and ``outcome`` [n] are rows to learn from,
    ``accepted_X`` the accepted at their application, where those rows are of another moment (default: the same rows).
    Raises ``TooFewDecisions``.
    """
    at_door = X if accepted_X is None else accepted_X
    taken, refused, found = _propensity(at_door, refused_X, seed)
    if accepted_X is not None:
        taken = _fitted(accepted_X, refused_X, seed).predict_proba(_told(X))[:, 1]
    weight = 1 / np.maximum(taken, LEAST_PROPENSITY)
    weight *= len(X) * (1 + len(refused_X) / len(at_door)) / weight.sum()
    return Inferred("reweight", X, outcome, weight, np.zeros(len(X), bool), _kish(weight), _outside(refused), found)


def parcelled(
    X: Floats, outcome: Floats, refused_X: Floats, refused_pd: Floats, *, worse: float = 1.5, seed: int = 0
) -> Inferred:
    """Fuzzy parcelling: each refused applicant counts twice, as a defaulter with weight p and as none with 1 - p.

    ``refused_pd`` [m]: PD of the refused by a model of the accepted; p are these with the odds raised by the factor
    ``worse``, for lenders refuse with reason (Siddiqi 2006, ch. 6). Accepted rows keep weight 1. Raises
    ``TooFewDecisions``.
    """
    if worse < 1:
        raise ValueError("refused applicants are taken to be no better than accepted ones: worse >= 1")
    _, refused, found = _propensity(X, refused_X, seed)
    odds = worse * np.clip(refused_pd, 1e-9, 1 - 1e-9) / (1 - np.clip(refused_pd, 1e-9, 1 - 1e-9))
    p = odds / (1 + odds)
    n, m = len(X), len(refused_X)
    weight = np.concatenate([np.ones(n), p, 1 - p])
    return Inferred(
        "parcel",
        np.vstack([X, refused_X, refused_X]),
        np.concatenate([outcome, np.ones(m), np.zeros(m)]),
        weight,
        np.arange(n + 2 * m) >= n,
        _kish(weight),
        _outside(refused),
        found,
    )


def _propensity(X: Floats, refused_X: Floats, seed: int) -> tuple[Floats, Floats, float]:
    """P(accepted | features) of accepted and of refused applicants, each by a model that has not seen the row."""
    from sklearn.model_selection import StratifiedKFold, cross_val_predict

    from models.auc_error import areas

    if min(len(X), len(refused_X)) < LEAST_ROWS:
        raise TooFewDecisions(
            Text(
                f"获准 {len(X)} 户、被拒 {len(refused_X)} 户；各至少 {LEAST_ROWS} 户",
                f"{len(X)} accepted and {len(refused_X)} refused; at least {LEAST_ROWS} of each are needed",
            )
        )
    rows = _told(np.vstack([X, refused_X]))
    accepted = (np.arange(len(rows)) < len(X)).astype(np.int64)
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=seed)
    found = cross_val_predict(_acceptance(seed), rows, accepted, cv=folds, method="predict_proba")[:, 1]
    return found[: len(X)], found[len(X) :], float(areas(accepted.astype(np.float64), found).auc[0])


def _acceptance(seed: int) -> Any:
    """A model of who is accepted; its rows are ``_told`` ones."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    return HistGradientBoostingClassifier(max_depth=3, max_iter=80, min_samples_leaf=50, random_state=seed)


def _told(X: Floats) -> Floats:
    """What is missing below all that is there: scikit-learn's trees do not take a column that nobody has."""
    return np.where(np.isnan(X), MISSING, X)


def _fitted(accepted_X: Floats, refused_X: Floats, seed: int) -> Any:
    rows = _told(np.vstack([accepted_X, refused_X]))
    return _acceptance(seed).fit(rows, (np.arange(len(rows)) < len(accepted_X)).astype(np.int64))


def _kish(weight: Floats) -> float:
    return float(weight.sum() ** 2 / (weight**2).sum())


def _outside(refused: Floats) -> float:
    return float((refused < LEAST_PROPENSITY).mean())
