"""What a reader of a validation report should look at first, the gravest first."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from records.words import Text

if TYPE_CHECKING:
    from models.validation.report import ValidationReport

Weight = Literal["bad", "look", "good"]
WEIGHTS: tuple[Weight, ...] = ("bad", "look", "good")
GOOD_ECE, LEAST_AUC = 0.01, 0.65
SIGNIFICANT = 0.01


@dataclass(frozen=True)
class Finding:
    """One sentence, and how much it weighs."""

    weight: Weight
    words: Text


def findings(report: ValidationReport) -> tuple[Finding, ...]:
    """Every finding of ``report``: what is wrong, what needs a look, what holds."""
    makers = (_ranking, _calibration, _grades, _rivals, _groups, _fairness, _stability, _behaviour, _data)
    found = [finding for make in makers for finding in make(report)]
    return tuple(sorted(found, key=lambda one: WEIGHTS.index(one.weight)))


def _ranking(report: ValidationReport) -> Iterator[Finding]:
    auc = report.figure("auc")
    if auc.value != auc.value:
        yield Finding("bad", Text("样本中没有违约（或全部违约），区分度无从谈起", "nobody, or everybody, defaulted"))
        return
    low, high = auc.interval.low, auc.interval.high
    weight: Weight = "good" if low >= LEAST_AUC else "look" if auc.value >= LEAST_AUC else "bad"
    yield Finding(
        weight,
        Text(
            f"区分度：AUC {auc.value:.3f}（{low:.3f}–{high:.3f}）",
            f"discrimination: AUC {auc.value:.3f} ({low:.3f} to {high:.3f})",
        ),
    )


def _calibration(report: ValidationReport) -> Iterator[Finding]:
    error, by_chance = report.figure("ece").value, report.chance_ece
    weight: Weight = "good" if error <= max(GOOD_ECE, by_chance) else "look" if error <= 3 * GOOD_ECE else "bad"
    yield Finding(
        weight,
        Text(
            f"校准误差 ECE {error:.4f}，完全准确的 PD 在此样本量下也会有 {by_chance:.4f}",
            f"calibration error {error:.4f}; perfect PDs would show {by_chance:.4f} on so many rows",
        ),
    )
    total = report.backtest.total
    if not total.inside and total.mean_pd is not None:
        low, high = total.low, total.high
        side = Text("低于", "below") if total.mean_pd < low else Text("高于", "above")
        yield Finding(
            "look",
            Text(
                f"平均 PD {total.mean_pd:.2%} {side.zh}实际违约率的区间（{low:.2%}–{high:.2%}）；可锚定到长期平均",
                f"the mean PD of {total.mean_pd:.2%} lies {side.en} the interval of the observed rate ({low:.2%} to "
                f"{high:.2%}); anchoring to the long-run average is a remedy",
            ),
        )
    for one in report.recalibrations.calibrations if report.recalibrations else ():
        if one.name in ("beta", "isotonic") and one.gain_interval.low > 0:
            yield Finding(
                "look",
                Text(
                    f"{one.words.zh}可使对数损失再降 {one.gain:.5f}：曲线有弯，应改进模型而非校准",
                    f"{one.words.en} calibration takes {one.gain:.5f} off the log-loss: a bend that belongs into the "
                    "model",
                ),
            )


def _grades(report: ValidationReport) -> Iterator[Finding]:
    tests = report.backtest
    weight: Weight = "good" if tests.inside >= tests.used - 1 else "look" if tests.inside >= tests.used - 3 else "bad"
    yield Finding(
        weight,
        Text(
            f"{tests.used} 个等级中 {tests.inside} 个的平均 PD 落在实际违约率的 95% Jeffreys 区间内",
            f"in {tests.inside} of {tests.used} grades the mean PD lies in the 95% Jeffreys interval of what came",
        ),
    )
    red = [one.grade for one in tests.grades if one.colour == "red"]
    if red:
        listed = ", ".join(red)
        yield Finding("bad", Text(f"红灯等级（PD 明显偏低）：{listed}", f"red lights, PDs far too low: {listed}"))
    if not tests.scale.monotone:
        listed = ", ".join(f"{one.better}/{one.worse}" for one in tests.scale.inversions)
        yield Finding(
            "bad", Text(f"等级间违约率倒挂：{listed}", f"default rates of grades in the wrong order: {listed}")
        )
    if not tests.scale.balanced:
        largest, share = tests.scale.largest, tests.scale.largest_share
        yield Finding(
            "look",
            Text(f"{largest} 级占 {share:.1%}，超过 35%", f"grade {largest} holds {share:.1%} of all, above 35%"),
        )
    if report.low_default:
        yield Finding(
            "look",
            Text(
                f"仅 {report.model.defaults} 户违约：请参看低违约组合的 PD 上界",
                f"only {report.model.defaults} defaults: see the upper bounds for low-default portfolios",
            ),
        )


def _rivals(report: ValidationReport) -> Iterator[Finding]:
    for one in report.rivals:
        if one.auc_gain != one.auc_gain:
            continue
        low, high = one.auc_gain_interval.low, one.auc_gain_interval.high
        weight: Weight = "good" if one.auc_gain >= 0 else "look" if high >= 0 else "bad"
        yield Finding(
            weight,
            Text(
                f"与{one.words.zh}相比，AUC 差 {one.auc_gain:+.4f}（{low:+.4f} 至 {high:+.4f}）",
                f"against the {one.words.en}: AUC {one.auc_gain:+.4f} ({low:+.4f} to {high:+.4f})",
            ),
        )


def _groups(report: ValidationReport) -> Iterator[Finding]:
    for one in report.slices:
        if one.groups > 1 and one.dispersion_p < SIGNIFICANT:
            yield Finding(
                "look",
                Text(
                    f"按{one.words.zh}分组，PD 与实际的偏离因组而异，超出偶然（p = {one.dispersion_p:.4f}）",
                    f"by {one.words.en}, PDs miss what came in some groups more than in others, beyond chance "
                    f"(p = {one.dispersion_p:.4f})",
                ),
            )


def _fairness(report: ValidationReport) -> Iterator[Finding]:
    for one in report.fairness:
        grave = [group for group in one.groups if group.finding in ("adverse", "watch")]
        for group in grave:
            weight: Weight = "bad" if group.finding == "adverse" and group.calibrated is False else "look"
            yield Finding(
                weight,
                Text(
                    f"{one.words.zh}“{group.words.zh}”的有利比例只有参照组的 {group.impact:.2f}"
                    f"（五分之四规则要求 0.8）；其实际违约率 {group.observed:.2%}",
                    f"{one.words.en}, '{group.words.en}': favoured {group.impact:.2f} times as often as the reference "
                    f"(the four-fifths rule asks for 0.8); its observed rate is {group.observed:.2%}",
                ),
            )
        if not grave and any(group.finding != "few" for group in one.groups):
            yield Finding(
                "good",
                Text(f"按“{one.words.zh}”未见不利影响", f"no adverse impact by '{one.words.en}'"),
            )


def _stability(report: ValidationReport) -> Iterator[Finding]:
    found = report.stability
    if found is None:
        return
    weights: dict[str, Weight] = {"stable": "good", "moderate": "look", "large": "bad"}
    scores = found.scores
    yield Finding(
        weights[scores.level],
        Text(
            f"评分稳定性：PSI {scores.index:.3f}，平均分 {scores.mean_before:.1f} → {scores.mean_after:.1f}",
            f"stability of scores: PSI {scores.index:.3f}, mean {scores.mean_before:.1f} to {scores.mean_after:.1f}",
        ),
    )


def _behaviour(report: ValidationReport) -> Iterator[Finding]:
    wrong = [one.code for one in report.monotonicity if one.wrong]
    if wrong:
        listed = ", ".join(wrong)
        yield Finding("bad", Text(f"与声明方向不符的特征：{listed}", f"against the declared direction: {listed}"))
    else:
        count = len(report.monotonicity)
        yield Finding(
            "good",
            Text(f"{count} 个有方向的特征无一反向", f"none of {count} directed features moves the wrong way"),
        )
    weight: Weight = "good" if report.reasons.gap <= 1e-6 else "bad"
    gap = report.reasons.gap
    yield Finding(weight, Text(f"理由合计与评分相差至多 {gap:.1e}", f"reasons miss the score by {gap:.1e} at most"))


def _data(report: ValidationReport) -> Iterator[Finding]:
    if not report.model.out_of_time:
        yield Finding(
            "look",
            Text(
                "历史太短：验证样本与学习样本同期、不同主体，并非时间外",
                "history is short: validated on other subjects of the same time, not out of time",
            ),
        )
    if report.long_run is not None and not report.long_run.enough:
        years = len(report.long_run.rates)
        yield Finding(
            "look",
            Text(
                f"长期平均只有 {years} 年数据；监管资本要求至少 5 年",
                f"the long-run average rests on {years} year(s); capital rules ask for five",
            ),
        )
