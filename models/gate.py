"""The promotion gate: what a challenger must show, on the same data as the champion, before it may serve."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from models.bundle import Bundle
from models.hazard import HORIZONS
from models.validation import auc, chance_ece, ece, jeffreys
from records.words import Text

Floats = npt.NDArray[np.float64]
PROBES = 200


@dataclass(frozen=True)
class Thresholds:
    """What the gate asks for, declared in one place.

    ``maximum_ece`` is over what chance alone gives a calibrated model on as many rows; ``pd_ratio`` bounds mean PD
    over observed rate, unless the mean PD lies in the Jeffreys interval of the rate.
    """

    minimum_auc: float = 0.65
    minimum_warning_auc: float = 0.6
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
    best = auc(outcome, champion.pd(champion_X)) if champion is not None and champion_X is not None else None
    reasons = [
        *_discrimination(auc(outcome, pd), best, limits.minimum_auc, limits),
        *_calibration(outcome, pd, limits),
        *_monotonicity(lambda rows: challenger.explain(rows)[0][:, None], challenger.codes, X, directions),
        *_reasons(challenger, X, limits),
    ]
    return Verdict(not reasons, tuple(reasons))


def judge_warning(
    challenger: Bundle,
    champion: Bundle | None,
    X: Floats,
    months_to_distress: Floats,
    champion_X: Floats | None,
    directions: tuple[int, ...],
    thresholds: Thresholds | None = None,
) -> Verdict:
    """Judge an early-warning model on rows followed for 12 months (``months_to_distress`` [n], NaN where none came)."""
    limits = thresholds or Thresholds()
    found = challenger.distress(X)
    outcomes = [distressed_within(months_to_distress, months) for months in HORIZONS]
    best = None
    if champion is not None and champion_X is not None:
        best = auc(outcomes[-1], champion.distress(champion_X)[:, -1])
    reasons = _discrimination(auc(outcomes[-1], found[:, -1]), best, limits.minimum_warning_auc, limits)
    for number, outcome in enumerate(outcomes):
        ahead = HORIZONS[number]
        reasons += [
            Text(f"{ahead} 个月：{no.zh}", f"{ahead} months: {no.en}")
            for no in _calibration(outcome, found[:, number], limits)
        ]
    if (np.diff(found, axis=1) < 0).any():
        reasons.append(Text("困境概率随期限下降", "the probability of distress falls with the horizon"))
    reasons += _monotonicity(challenger.distress, challenger.codes, X, directions)
    return Verdict(not reasons, tuple(reasons))


def distressed_within(months_to_distress: Floats, months: int) -> Floats:
    """1.0 where distress came within so many months, else 0.0; [n]."""
    return (np.nan_to_num(months_to_distress, nan=np.inf) <= months).astype(np.float64)


def _discrimination(found: float, best: float | None, minimum: float, limits: Thresholds) -> list[Text]:
    reasons = []
    if not found >= minimum:
        reasons.append(Text(f"区分度不足：AUC {found:.3f} < {minimum}", f"discrimination: AUC {found:.3f} < {minimum}"))
    if best is not None and found < best - limits.auc_loss_allowed:
        reasons.append(
            Text(
                f"不及现用模型：AUC {found:.3f} 对 {best:.3f}",
                f"worse than the champion: AUC {found:.3f} against {best:.3f}",
            )
        )
    return reasons


def _calibration(outcome: Floats, pd: Floats, limits: Thresholds) -> list[Text]:
    reasons = []
    error, accepted = ece(outcome, pd), limits.maximum_ece + chance_ece(pd)
    if not error <= accepted:
        reasons.append(
            Text(f"校准误差 ECE {error:.3f} > {accepted:.3f}", f"calibration: ECE {error:.3f} > {accepted:.3f}")
        )
    mean, ratio = float(pd.mean()), float(pd.mean() / max(outcome.mean(), 1e-9))
    low, high = limits.pd_ratio
    least, most = jeffreys(float(outcome.sum()), len(outcome))
    if not (low <= ratio <= high or least <= mean <= most):
        reasons.append(
            Text(
                f"平均 PD 为实际违约率的 {ratio:.2f} 倍，应在 {low} 至 {high} 之间",
                f"mean PD is {ratio:.2f} times the observed rate; {low} to {high} is accepted",
            )
        )
    return reasons


def _monotonicity(
    answers: Callable[[Floats], Floats], codes: tuple[str, ...], X: Floats, directions: tuple[int, ...]
) -> list[Text]:
    """Move each directed feature of some rows over its range: no answer [n, answers] may ever move the wrong way."""
    probes = X[np.linspace(0, len(X) - 1, min(PROBES, len(X))).astype(int)]
    wrong = []
    for column, direction in enumerate(directions):
        values = X[:, column][~np.isnan(X[:, column])]
        if direction == 0 or not len(values):
            continue
        grid = np.unique(np.quantile(values, np.linspace(0, 1, 9)))
        moved = np.repeat(probes, len(grid), axis=0)
        moved[:, column] = np.tile(grid, len(probes))
        found = answers(moved).reshape(len(probes), len(grid), -1)
        if (direction * np.diff(found, axis=1) < -1e-9).any():
            wrong.append(codes[column])
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
