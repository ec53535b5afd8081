"""The promotion gate: what a challenger must show, on the same data as the champion, before it may serve."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from models.auc_error import areas
from models.bundle import Bundle
from models.gate.background import Background
from models.gate.calibration import ahead, calibration, calibration_by_grade
from models.gate.conduct import monotonicity, permitted, reasons
from models.gate.discrimination import discrimination
from models.gate.drift import drift, score_drift
from models.gate.fairness import fairness
from models.gate.leakage import claim_gap, embargo, learning_gap, rebuilt_equal, single_feature
from models.gate.thresholds import Thresholds
from models.gate.verdict import Check, Verdict
from models.hazard import HORIZONS
from models.validation import auc
from records.words import Text

Floats = npt.NDArray[np.float64]
HORIZON_ORDER = Text("困境概率随期限上升", "distress grows more probable with the horizon")
LEFT_OUT = {
    "champion": Text("没有可比的现用模型", "no champion to compare with"),
    "learning": Text("没有学习样本：未查漂移", "no learning rows: drift was not asked"),
    "cross-fitted": Text("没有学习样本的交叉拟合 AUC", "no cross-fitted AUC of the learning rows"),
    "earlier": Text("没有早一个月的特征：未查时间隔离", "no features of a month earlier: no embargo"),
    "rebuilt": Text("没有重算的行：未查可见性", "no rebuilt rows: visibility was not asked"),
    "protected": Text("没有受保护属性：未查公平", "no protected attributes: fairness was not asked"),
}


def judge(
    challenger: Bundle,
    champion: Bundle | None,
    X: Floats,
    outcome: Floats,
    champion_X: Floats | None,
    directions: tuple[int, ...],
    thresholds: Thresholds | None = None,
    background: Background | None = None,
) -> Verdict:
    """Judge ``challenger`` on rows of known outcome; ``champion_X`` holds the same rows by the champion's features.

    ``X`` [n, features] and ``outcome`` [n] are out of time; ``background`` is what leakage, fairness and drift are
    asked of. What it lacks is listed in the verdict as left out.
    """
    limits, around = thresholds or Thresholds(), background or Background()
    log_odds, contributions, _ = challenger.explain(X)
    pd = challenger.pd(X)
    theirs = champion.pd(champion_X) if champion is not None and champion_X is not None else None
    best = None if theirs is None else float(areas(outcome, theirs).auc[0])
    checks = [
        *discrimination(auc(outcome, pd), best, limits.minimum_auc, limits),
        *calibration(outcome, pd, limits),
        *calibration_by_grade(outcome, pd, challenger.scale, limits),
        monotonicity(lambda rows: challenger.explain(rows)[0][:, None], challenger.codes, X, directions),
        *reasons(challenger, X, limits),
        permitted(challenger.codes),
        *_leakage(challenger, X, outcome, pd, around, limits),
    ]
    for attribute in around.protected or ():
        checks += fairness(attribute, outcome, pd, theirs, limits)
    if around.learning is not None:
        before, their_shares, _ = challenger.explain(around.learning.X)
        rows, shares = (around.learning.X, X), (their_shares, contributions)
        checks += drift(challenger.codes, rows, shares, (before, log_odds), limits)
    return Verdict(tuple(checks), _left_out(challenger, around, champion=theirs is not None))


def judge_warning(
    challenger: Bundle,
    champion: Bundle | None,
    X: Floats,
    months_to_distress: Floats,
    champion_X: Floats | None,
    directions: tuple[int, ...],
    thresholds: Thresholds | None = None,
    background: Background | None = None,
) -> Verdict:
    """Judge an early-warning model on rows followed for 12 months (``months_to_distress`` [n], NaN where none came).

    Rows in distress already (0) are left out: nobody warns of what is there. Of ``background``, which is of all the
    rows and the model's own features, the rebuilt rows, those of a month earlier and the learning rows are used.
    """
    around, everybody = background or Background(), X
    ahead_of = ~(months_to_distress < 1)
    X, months_to_distress = X[ahead_of], months_to_distress[ahead_of]
    champion_X = None if champion_X is None else champion_X[ahead_of]
    limits = thresholds or Thresholds()
    found = challenger.distress(X)
    outcomes = [distressed_within(months_to_distress, months) for months in HORIZONS]
    best = None
    if champion is not None and champion_X is not None:
        best = auc(outcomes[-1], champion.distress(champion_X)[:, -1])
    checks = discrimination(auc(outcomes[-1], found[:, -1]), best, limits.minimum_warning_auc, limits)
    for number, outcome in enumerate(outcomes):
        checks += ahead(calibration(outcome, found[:, number], limits), HORIZONS[number])
    falls = bool((np.diff(found, axis=1) < 0).any())
    said = Text("困境概率随期限下降", "the probability of distress falls with the horizon") if falls else HORIZON_ORDER
    checks.append(Check("horizon-order", HORIZON_ORDER, not falls, said))
    checks.append(monotonicity(challenger.distress, challenger.codes, X, directions))
    checks += [permitted(challenger.codes), single_feature(challenger.codes, X, outcomes[-1], limits)]
    if around.rebuilt is not None:
        checks.append(rebuilt_equal(challenger.codes, everybody, around.rebuilt))
    if around.month_earlier is not None:
        earlier = around.month_earlier[ahead_of]
        both = found[:, -1], challenger.distress(earlier)[:, -1]
        checks.append(embargo(challenger.codes, X, earlier, outcomes[-1], both, limits))
    if around.learning is not None:
        before, after = (challenger.distress(rows)[:, -1] for rows in (around.learning.X, everybody))
        checks.append(score_drift(before, after, limits))
    absent = {"champion": best is None, "learning": around.learning is None, "earlier": around.month_earlier is None}
    absent["rebuilt"] = around.rebuilt is None
    return Verdict(tuple(checks), tuple(LEFT_OUT[name] for name, missing in absent.items() if missing))


def distressed_within(months_to_distress: Floats, months: int) -> Floats:
    """1.0 where distress came within so many months, else 0.0; [n]."""
    return (np.nan_to_num(months_to_distress, nan=np.inf) <= months).astype(np.float64)


def _leakage(
    challenger: Bundle, X: Floats, outcome: Floats, pd: Floats, around: Background, limits: Thresholds
) -> list[Check]:
    checks: list[Check | None] = [single_feature(challenger.codes, X, outcome, limits)]
    if around.rebuilt is not None:
        checks.append(rebuilt_equal(challenger.codes, X, around.rebuilt))
    checks.append(learning_gap(challenger.metrics, outcome, pd, limits))
    if around.claimed_auc is not None:
        checks.append(claim_gap(around.claimed_auc, outcome, pd, limits))
    if around.month_earlier is not None:
        pds = pd, challenger.pd(around.month_earlier)
        checks.append(embargo(challenger.codes, X, around.month_earlier, outcome, pds, limits))
    return [one for one in checks if one is not None]


def _left_out(challenger: Bundle, around: Background, *, champion: bool) -> tuple[Text, ...]:
    absent = {
        "champion": not champion,
        "learning": around.learning is None,
        "cross-fitted": "auc_learning" not in challenger.metrics,
        "earlier": around.month_earlier is None,
        "rebuilt": around.rebuilt is None,
        "protected": not around.protected,
    }
    return tuple(LEFT_OUT[name] for name, missing in absent.items() if missing)
