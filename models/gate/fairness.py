"""Does the challenger favour some groups over others, more than what became of them bears out?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from models.auc_error import one_sided
from models.gate.background import Attribute
from models.gate.thresholds import Thresholds
from models.gate.verdict import Check
from models.validation import jeffreys
from records.words import Text

Floats = npt.NDArray[np.float64]
IMPACT = Text("不利影响比（五分之四规则）", "adverse-impact ratio (four-fifths rule)")
LOSS = Text("与现用模型相比的不利影响比", "adverse-impact ratio against the champion")
BORNE_OUT = 0.05


@dataclass(frozen=True)
class Impact:
    """How one group fares against the most favoured one.

    ``ratio`` of the shares favoured (PD below the approval bound), ``upper`` its upper bound by the log-ratio interval
    (Katz et al. 1978) at the gate's certainty for all groups together; ``observed`` and ``mean_pd`` of the group, and
    whether its outcomes bear a lower share out: it defaulted more, and is charged no more than it did.
    """

    group: Text
    reference: Text
    rows: int
    favoured: float
    ratio: float
    upper: float
    observed: float
    mean_pd: float
    borne_out: bool


def impacts(attribute: Attribute, outcome: Floats, pd: Floats, limits: Thresholds) -> tuple[Impact, ...]:
    """Each group that is large enough against the one with the largest share favoured, the worst ratio first."""
    groups = _large_enough(attribute, len(pd), limits)
    if len(groups) < 2:
        return ()
    favoured = pd < limits.approval_pd
    inside = {group: attribute.group == group for group in groups}
    best = max(groups, key=lambda group: favoured[inside[group]].mean())
    errors = one_sided(limits.certainty, len(groups) * (len(groups) - 1))
    found = [
        _impact(attribute, group, best, inside, outcome, pd, favoured, errors) for group in groups if group != best
    ]
    return tuple(sorted(found, key=lambda one: one.ratio))


def fairness(
    attribute: Attribute, outcome: Floats, pd: Floats, champion_pd: Floats | None, limits: Thresholds
) -> list[Check]:
    """The four-fifths rule, and that no group fares worse than under the champion; only beyond chance."""
    found = impacts(attribute, outcome, pd, limits)
    if not found:
        return []
    wrong = [one for one in found if one.upper < limits.impact_ratio and not one.borne_out]
    told = wrong[0] if wrong else found[0]
    said = Text(
        f"{attribute.words.zh}：{told.group.zh}获准率为{told.reference.zh}的 {told.ratio:.2f} 倍"
        f"（上限 {told.upper:.2f}）",
        f"{attribute.words.en}: {told.group.en} are favoured {told.ratio:.2f} times as often as {told.reference.en} "
        f"(at most {told.upper:.2f})",
    )
    if wrong:
        said = Text(
            f"不公平：{said.zh}，低于 {limits.impact_ratio}，且实际违约不支持",
            f"unfair: {said.en}, below {limits.impact_ratio}, and outcomes do not bear it out",
        )
    elif told.upper < limits.impact_ratio:
        said = Text(f"{said.zh}，其实际违约相应较高", f"{said.en}; they did default more")
    code = f"fairness-{attribute.code}"
    checks = [Check(code, IMPACT, not wrong, said, told.upper, least=limits.impact_ratio)]
    if champion_pd is not None:
        checks.append(_against_champion(attribute, found, (pd, champion_pd), limits))
    return checks


def _against_champion(
    attribute: Attribute, found: tuple[Impact, ...], pds: tuple[Floats, Floats], limits: Thresholds
) -> Check:
    """The largest fall of a group's ratio; it counts below four fifths, beyond chance, not borne out."""
    errors = one_sided(limits.certainty, len(found))
    worst, falls, sure, failed = found[0], 0.0, 0.0, None
    for one in found:
        inside = attribute.group == attribute.names.index(one.group)
        best = attribute.group == attribute.names.index(one.reference)
        fall, error = _fall(pds, inside, best, limits.approval_pd)
        if fall - errors * error > sure or (fall > falls and not sure):
            worst, falls, sure = one, fall, max(fall - errors * error, 0.0)
        beyond = fall - errors * error > limits.impact_loss
        if beyond and one.ratio < limits.impact_ratio and not one.borne_out:
            worst, falls, sure, failed = one, fall, fall - errors * error, one
            break
    said = Text(
        f"{attribute.words.zh}：{worst.group.zh}的不利影响比较现用模型下降 {falls:.2f}（至少 {sure:.2f}）",
        f"{attribute.words.en}: the ratio of {worst.group.en} is {falls:.2f} below the champion's "
        f"(at least {sure:.2f})",
    )
    if failed:
        said = Text(f"不公平：{said.zh}", f"unfair: {said.en}")
    code = f"fairness-{attribute.code}-against-champion"
    return Check(code, LOSS, failed is None, said, sure, most=limits.impact_loss)


def _fall(
    pds: tuple[Floats, Floats], inside: npt.NDArray[np.bool_], best: npt.NDArray[np.bool_], bound: float
) -> tuple[float, float]:
    """How far the ratio lies below the champion's, and its standard error (delta method on paired indicators)."""
    ratios, parts = [], []
    for pd in pds:
        mine, theirs = (pd[inside] < bound).astype(np.float64), (pd[best] < bound).astype(np.float64)
        share, reference = max(float(mine.mean()), 1e-9), max(float(theirs.mean()), 1e-9)
        ratio = share / reference
        ratios.append(ratio)
        parts.append((ratio * (mine - share) / share, ratio * (theirs - reference) / reference))
    own, of_best = (np.var(parts[1][side] - parts[0][side]) / len(parts[0][side]) for side in (0, 1))
    return ratios[1] - ratios[0], float(np.sqrt(own + of_best))


def _impact(
    attribute: Attribute,
    group: int,
    best: int,
    inside: dict[int, npt.NDArray[np.bool_]],
    outcome: Floats,
    pd: Floats,
    favoured: npt.NDArray[np.bool_],
    errors: float,
) -> Impact:
    mine, theirs = favoured[inside[group]], favoured[inside[best]]
    n, m = len(mine), len(theirs)
    share, reference = (mine.sum() + 0.5) / (n + 1), (theirs.sum() + 0.5) / (m + 1)
    spread = np.sqrt((1 - share) / (share * n) + (1 - reference) / (reference * m))
    observed, mean = float(outcome[inside[group]].mean()), float(pd[inside[group]].mean())
    _, most = jeffreys(float(outcome[inside[group]].sum()), n, 1 - 2 * BORNE_OUT)
    of_best = float(outcome[inside[best]].mean())
    error = float(np.sqrt(observed * (1 - observed) / n + of_best * (1 - of_best) / m))
    return Impact(
        attribute.names[group],
        attribute.names[best],
        n,
        float(mine.mean()),
        float(mine.mean() / max(float(theirs.mean()), 1e-9)),
        float(share / reference * np.exp(errors * spread)),
        observed,
        mean,
        observed - of_best > one_sided(1 - BORNE_OUT) * error and mean <= most,
    )


def _large_enough(attribute: Attribute, rows: int, limits: Thresholds) -> list[int]:
    counts = np.bincount(attribute.group[attribute.group >= 0], minlength=len(attribute.names))
    least = max(limits.group_rows_least, limits.group_share_least * rows)
    return [group for group, count in enumerate(counts.tolist()) if count >= least]
