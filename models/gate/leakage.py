"""Does the challenger know what it could not have known? Questions that a sound model does not fail by chance."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from models.auc_error import areas, one_sided
from models.gate.background import Rebuilt
from models.gate.thresholds import Thresholds
from models.gate.verdict import Check
from records.words import Text

Floats = npt.NDArray[np.float64]
VISIBLE = Text("特征可按可见性规则重算", "features can be rebuilt by the visibility rule")
SINGLE = Text("单个特征的区分度", "discrimination by one feature alone")
GAP = Text("学习样本与时间外区分度之差", "discrimination on learning rows over that out of time")
CLAIM = Text("登记的区分度与重算所得之差", "registered discrimination over what is found")
MOST_ROWS = 10_000
EMBARGO = Text("信息早一个月时保留的区分度", "discrimination kept where all that is known is a month older")


def rebuilt_equal(codes: tuple[str, ...], X: Floats, rebuilt: Rebuilt) -> Check:
    """Rows built again from records with ``recorded_at <= as_of`` must be those judged: else some saw the future."""
    given = X[rebuilt.rows]
    unlike = (given != rebuilt.X) & ~(np.isnan(given) & np.isnan(rebuilt.X))
    share = float(unlike.any(axis=1).mean()) if len(unlike) else 0.0
    wrong = [codes[column] for column in np.argsort(-unlike.mean(axis=0)) if unlike[:, column].any()]
    named = ", ".join(wrong[:5])
    said = Text(
        f"{share:.1%} 的行与按可见性规则重算的不同" + (f"，疑似泄漏：{named}" if wrong else ""),
        f"{share:.1%} of rows differ from those rebuilt by the visibility rule"
        + (f"; leakage suspected: {named}" if wrong else ""),
    )
    return Check("leakage-visibility", VISIBLE, not wrong, said, share, most=0.0)


def single_feature(codes: tuple[str, ...], X: Floats, outcome: Floats, limits: Thresholds) -> Check:
    """No fact that is known beforehand tells defaulters so well alone; bounds hold for all features together."""
    errors = one_sided(limits.certainty, 2 * len(codes))
    kept = _thinned(outcome)
    outcome = outcome[kept]
    best, best_auc, surest, wrong = "", 0.5, 0.0, []
    for column, code in enumerate(codes):
        values = X[kept, column]
        if np.isnan(values).all():
            continue
        found = areas(outcome, *_rankings(values))
        strong = np.maximum(found.auc, 1 - found.auc)
        at = int(np.argmax(strong))
        sure = float(strong[at] - errors * found.error(at))
        surest = max(surest, sure)
        if strong[at] > best_auc:
            best, best_auc = code, float(strong[at])
        if sure > limits.single_feature_auc:
            wrong.append(f"{code} (AUC {strong[at]:.3f})")
    said = Text(
        f"最强的单个特征 {best}：AUC {best_auc:.3f}", f"the strongest feature alone, {best}: AUC {best_auc:.3f}"
    )
    if wrong:
        named = ", ".join(wrong[:5])
        said = Text(
            f"疑似泄漏：单凭一个特征几乎可知结果：{named}", f"leakage suspected: one feature alone tells it: {named}"
        )
    return Check("leakage-single-feature", SINGLE, not wrong, said, surest, most=limits.single_feature_auc)


def learning_gap(metrics: Mapping[str, float], outcome: Floats, pd: Floats, limits: Thresholds) -> Check | None:
    """Cross-fitted, learning rows are no easier than later ones, unless they hold what later ones cannot know yet.

    ``metrics``: those of the bundle; ``auc_learning`` is the AUC on learning rows by models that saw no row of the same
    subject, ``auc_learning_error`` its standard error. None where they are not there.
    """
    before = metrics.get("auc_learning")
    if before is None:
        return None
    after = areas(outcome, pd)
    gap = before - float(after.auc[0])
    error = float(np.hypot(metrics.get("auc_learning_error", 0.0), after.error()))
    sure = gap - one_sided(limits.certainty) * error
    passed = not sure > limits.learning_gap
    said = Text(
        f"学习样本（交叉拟合）AUC {before:.3f}，时间外 {after.auc[0]:.3f}",
        f"AUC on learning rows (cross-fitted) {before:.3f}, out of time {after.auc[0]:.3f}",
    )
    if not passed:
        said = Text(f"疑似泄漏：{said.zh}", f"leakage suspected: {said.en}")
    return Check("leakage-learning-gap", GAP, passed, said, sure, most=limits.learning_gap)


def claim_gap(claimed: float, outcome: Floats, pd: Floats, limits: Thresholds) -> Check:
    """A model that was registered with a discrimination which honest rows do not give saw more than they hold."""
    found = areas(outcome, pd)
    sure = claimed - float(found.auc[0]) - one_sided(limits.certainty) * found.error()
    passed = not sure > limits.claim_gap
    said = Text(
        f"登记 AUC {claimed:.3f}，在重算的行上 {found.auc[0]:.3f}",
        f"registered with AUC {claimed:.3f}, rebuilt rows give {found.auc[0]:.3f}",
    )
    if not passed:
        said = Text(f"疑似泄漏：{said.zh}", f"leakage suspected: {said.en}")
    return Check("leakage-claim", CLAIM, passed, said, sure, most=limits.claim_gap)


def embargo(
    codes: tuple[str, ...],
    X: Floats,
    earlier_X: Floats,
    outcome: Floats,
    pds: tuple[Floats, Floats],
    limits: Thresholds,
) -> Check:
    """What is known a month earlier tells nearly as much of the next twelve; what echoes the event itself does not.

    ``earlier_X`` [n, features]: the same rows with all as-ofs moved back; ``pds``: PDs of ``X`` and of ``earlier_X``.
    """
    found = areas(outcome, *pds)
    lost, error = found.difference()
    whole = max(float(found.auc[0]) - 0.5, 1e-9)
    model_lost = lost - one_sided(limits.certainty) * error > limits.embargo_loss * whole
    thin = _thinned(outcome)
    wrong = _collapsed(codes, X[thin], earlier_X[thin], outcome[thin], limits)
    passed = not model_lost and not wrong
    kept = 1 - float((lost - one_sided(limits.certainty) * error) / whole)
    said = Text(
        f"信息早一个月时 AUC 由 {found.auc[0]:.3f} 降至 {found.auc[1]:.3f}",
        f"with information a month older AUC goes from {found.auc[0]:.3f} to {found.auc[1]:.3f}",
    )
    if not passed:
        named = f"：{', '.join(wrong[:5])}" if wrong else ""
        said = Text(f"疑似泄漏：{said.zh}{named}", f"leakage suspected: {said.en}{named.replace('：', ': ')}")
    return Check("leakage-embargo", EMBARGO, passed, said, kept, least=1 - limits.embargo_loss)


def _collapsed(codes: tuple[str, ...], X: Floats, earlier_X: Floats, outcome: Floats, limits: Thresholds) -> list[str]:
    """Features whose relation to the outcome collapses when the as-of is moved back."""
    errors = one_sided(limits.certainty, 2 * len(codes))
    wrong = []
    for column, code in enumerate(codes):
        if np.isnan(X[:, column]).all() or np.isnan(earlier_X[:, column]).all():
            continue
        for fill in (-np.inf, np.inf):
            now, before = _filled(X[:, column], fill), _filled(earlier_X[:, column], fill)
            found = areas(outcome, now, before)
            if found.auc[0] < 0.5:
                found = areas(outcome, -now, -before)
            lost, error = found.difference()
            share = limits.feature_embargo_loss * (float(found.auc[0]) - 0.5)
            if found.auc[0] > 0.6 and lost - errors * error > share:
                wrong.append(code)
                break
    return wrong


def _thinned(outcome: Floats) -> npt.NDArray[np.int64]:
    """Rows that tell an AUC as well as all do: defaulters and others, at most ``MOST_ROWS`` of either."""
    chosen = [np.flatnonzero(outcome > 0), np.flatnonzero(outcome <= 0)]
    evenly = [rows[np.unique(np.linspace(0, len(rows) - 1, MOST_ROWS).astype(int))] for rows in chosen if len(rows)]
    return np.sort(np.concatenate(evenly))


def _rankings(values: Floats) -> tuple[Floats, ...]:
    """The feature as a ranking: missing values below all others, and above them."""
    if not np.isnan(values).any():
        return (values,)
    return _filled(values, -np.inf), _filled(values, np.inf)


def _filled(values: Floats, fill: float) -> Floats:
    return np.where(np.isnan(values), fill, values)
