"""What calls for attention: sources gone silent, falling points, refusals that jump, objections left unanswered."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from itertools import pairwise
from statistics import median

from records.assessment.gathering import Gathered, Objection
from records.assessment.model import SEVERITIES, Alert, ItemMonth, Severity, SourceMonth
from records.assessment.periods import due_on, first_day, month_number, step_of
from records.catalogue import Item
from records.moment import add_months, shanghai_day
from records.words import Text

USUAL_TIMES, SHORTEST_DAYS, DAYS_UNKNOWN = 3, 31, 93
FALLS: tuple[tuple[float, Severity], ...] = ((30, "red"), (20, "orange"), (10, "yellow"))
JUMPS: tuple[tuple[float, Severity], ...] = ((0.5, "red"), (0.2, "orange"), (0.05, "yellow"))
JUMP_TIMES, ROWS_NEEDED, MONTHS_BEFORE = 3, 20, 6
COVERAGE_FALL = 0.1
AGREEING_LEAST = 0.9


def silent(found: Gathered, item: Item, days: Sequence[date], months: Sequence[int]) -> Alert | None:
    """The alert where nothing of ``item`` has come for too long at the as-of; only for items that once came.

    ``days``: the days on which records came; ``months``: the months for which they were reported.
    """
    step = step_of(item)
    said = found.nothing.get(item.code, {})
    if step is not None:
        return _silent_periods(found, item, [*months, *said], step)
    received = {shanghai_day(one.accepted_at) for one in found.batches if one.item == item.code and not one.history}
    heard = sorted({*days, *received, *(shanghai_day(at) for at in said.values())})
    return _silent_days(item, heard, found.today)


def falling(ranking: Iterable[SourceMonth], names: dict[str, Text]) -> list[Alert]:
    """Sources whose points fell against the three months before."""
    made = []
    for one in ranking:
        if one.change is None or one.points is None or (severity := _graded(-one.change, FALLS)) is None:
            continue
        words = Text(
            f"{names[one.source].zh}得分 {one.points:.1f}，比前三个月平均低 {-one.change:.1f} 分",
            f"{names[one.source].en} has {one.points:.1f} points, {-one.change:.1f} below the three months before",
        )
        made.append(Alert("falling", severity, one.source, None, one.month, words))
    return made


def jumping(rows: Iterable[ItemMonth], month: date, items: dict[str, Item]) -> list[Alert]:
    """Items of which far more rows are refused than in the six months before."""
    by_item: dict[str, list[ItemMonth]] = {}
    for row in rows:
        by_item.setdefault(row.item, []).append(row)
    made = []
    for code, own in by_item.items():
        this = next((row for row in own if row.month == month), None)
        if this is None or this.records + this.rejected < ROWS_NEEDED:
            continue
        now_share = this.rejected / (this.records + this.rejected)
        number = month_number(month)
        past = [row for row in own if 0 < number - month_number(row.month) <= MONTHS_BEFORE]
        sent = sum(row.records + row.rejected for row in past)
        usual = sum(row.rejected for row in past) / sent if sent else 0.0
        severity = _graded(now_share, JUMPS)
        if severity is None or now_share <= JUMP_TIMES * usual:
            continue
        words = Text(
            f"{items[code].zh}：{now_share:.1%} 的行被拒收（此前 {usual:.1%}）",
            f"{items[code].en}: {now_share:.1%} of the rows were refused ({usual:.1%} before)",
        )
        made.append(Alert("rejections", severity, this.source, code, month, words))
    return made


def thinning(rows: Iterable[ItemMonth], month: date, items: dict[str, Item]) -> list[Alert]:
    """Items that fewer of the expected subjects were reported for, and those that contradict an authority."""
    made = []
    for row in rows:
        item = items[row.item]
        if row.month != month:
            continue
        if row.expected and row.reported is not None and not row.provisional and not row.nothing:
            share = row.reported / row.expected
            if row.reported > 0 and share < 1 - COVERAGE_FALL:
                words = Text(
                    f"{item.zh}：应报 {row.expected:,} 户，实报 {row.reported:,} 户（{share:.1%}）",
                    f"{item.en}: reported for {row.reported:,} of {row.expected:,} subjects ({share:.1%})",
                )
                severity: Severity = "yellow" if share < 1 - 3 * COVERAGE_FALL else "blue"
                made.append(Alert("incomplete", severity, row.source, row.item, row.due_on or month, words))
        if row.compared and row.disagreeing > (1 - AGREEING_LEAST) * row.compared:
            words = Text(
                f"{item.zh}：{row.compared:,} 项可比内容中 {row.disagreeing:,} 项与权威来源不一致",
                f"{item.en}: {row.disagreeing:,} of {row.compared:,} claims differ from the authoritative source",
            )
            made.append(Alert("contradictions", "blue", row.source, row.item, month, words))
    return made


def overdue(found: Gathered, items: dict[str, Item], within_days: int) -> list[Alert]:
    """Objections that wait longer than the law allows (Regulation on the credit reporting industry, Art. 25)."""
    waiting: dict[str, list[Objection]] = {}
    for one in found.objections:
        if one.answered_at is None and found.as_of - one.opened_at > timedelta(days=within_days):
            waiting.setdefault(one.item, []).append(one)
    made = []
    for code, some in waiting.items():
        if code not in items:
            continue
        oldest = min(one.opened_at for one in some)
        severity: Severity = "red" if found.as_of - oldest > timedelta(days=2 * within_days) else "orange"
        words = Text(
            f"{items[code].zh}：{len(some)} 件异议超过 {within_days} 日未答复（征信业管理条例第二十五条）",
            f"{items[code].en}: {len(some)} objections not answered within {within_days} days (Art. 25)",
        )
        made.append(Alert("objections", severity, items[code].source, code, shanghai_day(oldest), words))
    return made


def gravest_first(alerts: Iterable[Alert]) -> tuple[Alert, ...]:
    return tuple(
        sorted(alerts, key=lambda one: (SEVERITIES.index(one.severity), one.since, one.source, one.item or ""))
    )


def _silent_periods(found: Gathered, item: Item, months: Sequence[int], step: int) -> Alert | None:
    known = {month for month in months if month <= month_number(found.today)}
    if not known:
        return None
    missed: list[int] = []
    following = max(known) + step
    while due_on(item, following) < found.today:
        missed.append(following)
        following += step
    if not missed:
        return None
    since = due_on(item, missed[0]) + timedelta(days=1)
    severity: Severity = "yellow" if len(missed) == 1 else "orange" if len(missed) == 2 else "red"
    first = first_day(missed[0])
    words = Text(
        f"{item.zh}：连续 {len(missed)} 期未报送，自 {first:%Y-%m} 所属期起",
        f"{item.en}: {_periods(len(missed))} missing, from the one ending in {first:%Y-%m}",
    )
    return Alert("silent", severity, item.source, item.code, since, words)


def _periods(count: int) -> str:
    return "1 period" if count == 1 else f"{count} periods in a row"


def _silent_days(item: Item, heard: Sequence[date], today: date) -> Alert | None:
    if not heard:
        return None
    gaps = [(later - earlier).days for earlier, later in pairwise(heard)]
    usual = median(gaps) if len(gaps) >= 2 else None
    allowed = max(USUAL_TIMES * usual, SHORTEST_DAYS) if usual is not None else DAYS_UNKNOWN
    waited = (today - heard[-1]).days
    if waited - _waited_a_year_ago(heard, today) <= allowed:
        return None
    severity: Severity = "yellow" if waited <= 2 * allowed else "orange" if waited <= 4 * allowed else "red"
    since = heard[-1] + timedelta(days=int(allowed) + 1)
    often = (f"（通常相隔 {usual:.0f} 日）", f" (usual gap: {usual:.0f})") if usual is not None else ("", "")
    words = Text(
        f"{item.zh}：{waited} 日无批次，亦未申报“无可报送”{often[0]}",
        f"{item.en}: no batch and no word of nothing to report for {waited} days{often[1]}",
    )
    return Alert("silent", severity, item.source, item.code, since, words)


def _waited_a_year_ago(heard: Sequence[date], today: date) -> int:
    """How long nothing had come on the same day of last year: what comes in one season only is silent in the others."""
    then = add_months(today, -12)
    before = [day for day in heard if day <= then]
    return (then - before[-1]).days if before else 0


def _graded(value: float, bounds: Sequence[tuple[float, Severity]]) -> Severity | None:
    return next((severity for bound, severity in bounds if value >= bound), None)
