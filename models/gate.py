"""The promotion gate: what a challenger must show, on the same data as the champion, before it may serve."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from models.bundle import Bundle
from models.validation import auc, ece
from records.words import Text

Floats = npt.NDArray[np.float64]
PROBES = 200


@dataclass(frozen=True)
class Thresholds:
    """What the gate asks for, declared in one place."""

    minimum_auc: float = 0.65
    auc_loss_allowed: float = 0.01
    maximum_ece: float = 0.03
    pd_ratio: tuple[float, float] = (0.5, 2.0)
    reasons_tolerance: float = 1e-6


@dataclass(frozen=True)
class Verdict:
    """Whether a challenger may serve, and every reason against it."""

    passed: bool
    reasons: tuple[Text, ...]


def judge(
    challenger: Bundle,
    champion: Bundle | None,
    X: Floats,
    outcome: Floats,
    champion_X: Floats | None,
    directions: tuple[int, ...],
    thresholds: Thresholds | None = None,
) -> Verdict:
    """Judge ``challenger`` on rows of known outcome; ``champion_X`` holds the same rows by the champion's features."""
    limits = thresholds or Thresholds()
    pd = challenger.pd(X)
    reasons = [
        *_discrimination(outcome, pd, champion, champion_X, limits),
        *_calibration(outcome, pd, limits),
        *_monotonicity(challenger, X, directions),
        *_reasons(challenger, X, limits),
    ]
    return Verdict(not reasons, tuple(reasons))


def _discrimination(
    outcome: Floats, pd: Floats, champion: Bundle | None, champion_X: Floats | None, limits: Thresholds
) -> list[Text]:
    found = auc(outcome, pd)
    reasons = []
    if not found >= limits.minimum_auc:
        reasons.append(
            Text(
                f"区分度不足：AUC {found:.3f} < {limits.minimum_auc}",
                f"discrimination: AUC {found:.3f} < {limits.minimum_auc}",
            )
        )
    if champion is not None and champion_X is not None:
        best = auc(outcome, champion.pd(champion_X))
        if found < best - limits.auc_loss_allowed:
            reasons.append(
                Text(
                    f"不及现用模型：AUC {found:.3f} 对 {best:.3f}",
                    f"worse than the champion: AUC {found:.3f} against {best:.3f}",
                )
            )
    return reasons


def _calibration(outcome: Floats, pd: Floats, limits: Thresholds) -> list[Text]:
    reasons = []
    error, ratio = ece(outcome, pd), float(pd.mean() / max(outcome.mean(), 1e-9))
    if error > limits.maximum_ece:
        reasons.append(
            Text(
                f"校准误差 ECE {error:.3f} > {limits.maximum_ece}",
                f"calibration: ECE {error:.3f} > {limits.maximum_ece}",
            )
        )
    low, high = limits.pd_ratio
    if not low <= ratio <= high:
        reasons.append(
            Text(
                f"平均 PD 为实际违约率的 {ratio:.2f} 倍，应在 {low} 至 {high} 之间",
                f"mean PD is {ratio:.2f} times the observed rate; {low} to {high} is accepted",
            )
        )
    return reasons


def _monotonicity(challenger: Bundle, X: Floats, directions: tuple[int, ...]) -> list[Text]:
    """Move each directed feature of some rows over its range: the PD may never move the wrong way."""
    probes = X[np.linspace(0, len(X) - 1, min(PROBES, len(X))).astype(int)]
    wrong = []
    for column, direction in enumerate(directions):
        values = X[:, column][~np.isnan(X[:, column])]
        if direction == 0 or not len(values):
            continue
        grid = np.unique(np.quantile(values, np.linspace(0, 1, 9)))
        moved = np.repeat(probes, len(grid), axis=0)
        moved[:, column] = np.tile(grid, len(probes))
        log_odds = challenger.explain(moved)[0].reshape(len(probes), len(grid))
        if (direction * np.diff(log_odds, axis=1) < -1e-9).any():
            wrong.append(challenger.codes[column])
    if not wrong:
        return []
    named = ", ".join(wrong)
    return [Text(f"与声明方向不符的特征：{named}", f"against the declared direction: {named}")]


def _reasons(challenger: Bundle, X: Floats, limits: Thresholds) -> list[Text]:
    log_odds, contributions, base = challenger.explain(X)
    gap = float(np.abs(base + contributions.sum(axis=1) - log_odds).max())
    if gap <= limits.reasons_tolerance:
        return []
    return [Text(f"理由合计与评分相差 {gap:.1e}", f"reasons miss the score by {gap:.1e}")]
