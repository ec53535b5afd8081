"""A rating in a few plain sentences, and its place on the ladder of grades."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from models.grades import GRADE_WORDS, GRADES, HIGHEST, LOWEST, MasterScale, unclipped_score
from records.moment import shanghai_day
from records.words import Text
from scoring.rating import Rating
from scoring.reasons import Reason

SEVERITY_WORDS = {
    "red": Text("红色", "red"),
    "orange": Text("橙色", "orange"),
    "yellow": Text("黄色", "yellow"),
    "blue": Text("蓝色", "blue"),
}
CONFIDENCE_WORDS = {"high": Text("高", "high"), "medium": Text("中", "medium"), "low": Text("低", "low")}
SEGMENT_WORDS = {"enterprise": Text("企业", "enterprise"), "farmer": Text("农户", "farmer household")}
NAMED_REASONS = 2
# A score exactly on a boundary belongs to the better side; far out on an open end the pointer stops short of the edge.
EDGE = 0.06


@dataclass(frozen=True)
class Rung:
    """One grade of the ladder: the scores that it spans, and where in it (0 to 1) the rating stands if it does."""

    grade: str
    score_from: float
    score_to: float
    pointer: float | None


def summary(rating: Rating) -> tuple[Text, ...]:
    """What a credit officer would say of the rating: result, what weighs, signals."""
    return _result(rating), _weight(rating), _alarm(rating)


def ladder(rating: Rating, scale: MasterScale | None = None) -> tuple[Rung, ...]:
    """Grades from C to AAA by score; empty where the rating was not graded on ``scale``."""
    used = scale or MasterScale()
    upper = np.array(used.upper)
    bounds = [HIGHEST, *unclipped_score(np.log(upper / (1 - upper))).tolist(), LOWEST]
    rungs = []
    for position, grade in enumerate(GRADES):
        high, low = bounds[position], bounds[position + 1]
        place = min(max((rating.score - low) / (high - low), EDGE), 1 - EDGE) if grade == rating.grade else None
        rungs.append(Rung(grade, low, high, place))
    mine = next((rung for rung in rungs if rung.grade == rating.grade), None)
    if mine is None or not mine.score_from - 1e-6 <= rating.score <= mine.score_to + 1e-6:
        return ()
    return tuple(reversed(rungs))


def _result(rating: Rating) -> Text:
    day = shanghai_day(rating.as_of).isoformat()
    kind, grade = SEGMENT_WORDS[rating.segment], GRADE_WORDS[rating.grade]
    odds, pd = _one_in(rating.pd), share(rating.pd, 1 if rating.pd >= 0.01 else 2)
    return Text(
        f"截至 {day}，该{kind.zh}得 {rating.score:.0f} 分，评为 {rating.grade} 级（{grade.zh}）："
        f"未来 12 个月的违约概率约为 {pd}，{odds.zh}。",
        f"As of {day} this {kind.en} scores {rating.score:.0f}, grade {rating.grade} ({grade.en}): "
        f"the probability of default within 12 months is about {pd}, {odds.en}.",
    )


def _weight(rating: Rating) -> Text:
    against = _named([reason for reason in rating.reasons if reason.points < 0])
    in_favour = _named([reason for reason in rating.reasons if reason.points > 0])
    zh, en = [], []
    if against is not None:
        zh.append(f"拉低评分最多的是{against.zh}")
        en.append(f"what lowers the score most: {against.en}")
    if in_favour is not None:
        zh.append(f"抬高评分最多的是{in_favour.zh}")
        en.append(f"what raises it most: {in_favour.en}")
    if not zh:
        return Text("没有哪一项使评分偏离基准分。", "Nothing moves the score away from the base.")
    said = "; ".join(en)
    return Text("；".join(zh) + "。", f"{said[0].upper()}{said[1:]}.")


def _alarm(rating: Rating) -> Text:
    if not rating.signals:
        return Text("目前没有预警信号。", "There is no early-warning signal.")
    gravest = rating.signals[0]
    severity, count = SEVERITY_WORDS[gravest.severity], len(rating.signals)
    signals = "signal" if count == 1 else "signals"
    return Text(
        f"现有 {count} 条预警信号，最严重的为{severity.zh}：“{gravest.words.zh}”。",
        f"There {'is' if count == 1 else 'are'} {count} early-warning {signals}; the gravest is {severity.en}: "
        f'"{gravest.words.en}".',
    )


def _named(reasons: Sequence[Reason]) -> Text | None:
    """The weightiest reasons with their points."""
    if not reasons:
        return None
    chosen = reasons[:NAMED_REASONS]
    return Text(
        "、".join(f"“{reason.words.zh}”（{signed(reason.points)} 分）" for reason in chosen),
        " and ".join(f'"{reason.words.en}" ({signed(reason.points)} points)' for reason in chosen),
    )


def signed(points: float, places: int = 1) -> str:
    """Points with their sign, with a true minus."""
    return f"{points:+.{places}f}".replace("-", "−")


def _one_in(pd: float) -> Text:
    if pd >= 0.1:
        return Text(f"即同类 10 户中约 {10 * pd:.0f} 户", f"or some {10 * pd:.0f} in 10 of its like")
    count = round(1 / max(pd, 1e-6))
    return Text(f"即同类约每 {count:,} 户中 1 户", f"or one in {count:,} of its like")


def share(value: float | None, places: int = 2) -> str:
    """A share in per cent; one that would read as zero though it is not is given as a bound."""
    if value is None:
        return "—"
    least = 10.0 ** -(places + 2)
    return f"<{least:.{places}%}" if 0 < value < least / 2 else f"{value:.{places}%}"
