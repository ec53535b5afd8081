"""What calls for attention: falling points, refusals that jump, reports that thin out, objections left unanswered."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, timedelta

from records.assessment.gathering import Gathered, Objection
from records.assessment.model import SEVERITIES, Alert, ItemMonth, Severity, SourceMonth
from records.assessment.periods import month_number
from records.catalogue import Item
from records.moment import shanghai_day
from records.words import Text

FALLS: tuple[tuple[float, Severity], ...] = ((30, "red"), (20, "orange"), (10, "yellow"))
JUMPS: tuple[tuple[float, Severity], ...] = ((0.5, "red"), (0.2, "orange"), (0.05, "yellow"))
JUMP_TIMES, ROWS_NEEDED, MONTHS_BEFORE = 3, 20, 6
COVERAGE_FALL = 0.1
AGREEING_LEAST = 0.9


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


def _graded(value: float, bounds: Sequence[tuple[float, Severity]]) -> Severity | None:
    return next((severity for bound, severity in bounds if value >= bound), None)
