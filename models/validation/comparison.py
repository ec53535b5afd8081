"""A model beside its rivals on the same rows: the champion, and what a plain logistic regression makes of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from models.validation.bootstrap import Draws, Interval, Resampling, percentiles, resampled
from models.validation.figures import figures
from records.words import Text

Floats = npt.NDArray[np.float64]
MOST_ROWS = 50_000
OFTEN_MISSING = 0.01
LOGISTIC = Text("普通逻辑回归", "plain logistic regression")


@dataclass(frozen=True)
class Rival:
    """Another model's figures, and how much better (above zero) the validated one is: difference and 95% interval.

    Both are seen on the same draws of subjects, so the interval is that of the difference (a paired bootstrap).
    """

    code: str
    words: Text
    figures: dict[str, float]
    auc_gain: float
    auc_gain_interval: Interval
    log_loss_gain: float
    log_loss_gain_interval: Interval
    brier_gain: float
    brier_gain_interval: Interval


def rivals(
    outcome: Floats,
    pd: Floats,
    others: Mapping[str, tuple[Text, Floats]],
    resampling: Resampling,
    drawn: Draws | None = None,
) -> tuple[Rival, ...]:
    """Compare PDs [n] with those of ``others`` (code to words and PDs [n]); ``drawn``: its own draws, if known."""
    own, mine = figures(outcome, pd), drawn or resampled(outcome, pd, resampling)
    found = []
    for code, (words, other) in others.items():
        theirs, draws = figures(outcome, other), resampled(outcome, other, resampling)
        found.append(
            Rival(
                code,
                words,
                theirs,
                own["auc"] - theirs["auc"],
                percentiles(mine.auc - draws.auc),
                theirs["log_loss"] - own["log_loss"],
                percentiles(draws.log_loss - mine.log_loss),
                theirs["brier"] - own["brier"],
                percentiles(draws.brier - mine.brier),
            )
        )
    return tuple(found)


def plain_logistic(X: Floats, outcome: Floats, asked: Floats, seed: int = 20260101) -> Floats:
    """PDs [m] of the rows ``asked`` [m, features] by what anybody would try first, learnt on ``X`` [n, features].

    Medians for missing values with a flag where more than 1% are, values clipped to their 1st and 99th percentile and
    scaled, logistic regression with the ridge of its library's default. At most 50,000 rows are learnt from.
    """
    from sklearn.linear_model import LogisticRegression

    if len(X) > MOST_ROWS:
        rows = np.random.default_rng(seed).choice(len(X), MOST_ROWS, replace=False)
        X, outcome = X[rows], outcome[rows]
    prepare = _preparation(X)
    fitted = LogisticRegression(solver="newton-cholesky", max_iter=50).fit(prepare(X), outcome)
    return np.asarray(fitted.predict_proba(prepare(asked))[:, 1], np.float64)


def _preparation(X: Floats) -> Any:
    finite = np.where(np.isfinite(X), X, np.nan)
    flagged = np.flatnonzero(np.isnan(finite).mean(axis=0) > OFTEN_MISSING)
    present = np.flatnonzero(~np.isnan(finite).all(axis=0))
    low, middle, high = np.nanquantile(finite[:, present], [0.01, 0.5, 0.99], axis=0)
    filled = np.clip(np.where(np.isnan(finite[:, present]), middle, finite[:, present]), low, high)
    mean, spread = filled.mean(axis=0), filled.std(axis=0)
    told = spread > 0

    def prepare(rows: Floats) -> Floats:
        known = np.where(np.isfinite(rows), rows, np.nan)
        values = np.clip(np.where(np.isnan(known[:, present]), middle, known[:, present]), low, high)
        scaled = (values[:, told] - mean[told]) / spread[told]
        return np.column_stack([scaled, np.isnan(known[:, flagged]).astype(np.float64)])

    return prepare
