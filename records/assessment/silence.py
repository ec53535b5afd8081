"""Since when nothing of an item has come, and whether that is longer than usual."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise
from statistics import median, quantiles

from records.assessment.gathering import Gathered
from records.assessment.model import Alert, Severity
from records.assessment.periods import due_on, first_day, month_number, step_of
from records.catalogue import Item
from records.moment import add_months, shanghai_day
from records.words import Text

MEDIAN_TIMES, LONG_TIMES = 3, 1.5
GAPS_NEEDED = 5
SHORTEST_DAYS, SHORTEST_ON_CHANGE, DAYS_UNKNOWN = 31, 183, 93
MILDER: dict[Severity, Severity] = {"red": "orange", "orange": "yellow", "yellow": "blue", "blue": "blue"}


@dataclass(frozen=True)
class Waiting:
    """Nothing has come for ``waited`` days; ``allowed`` are not yet silence; ``usual``: median gap, where known."""

    last: date
    waited: int
    allowed: float
    usual: float | None

    @property
    def too_long(self) -> bool:
        return self.waited > self.allowed


def heard_days(found: Gathered, item: Item, days: Sequence[date]) -> list[date]:
    """Days on which anything of ``item`` came, in order: records (``days``), batches, words of nothing to report."""
    received = {shanghai_day(one.accepted_at) for one in found.batches if one.item == item.code and not one.history}
    said = {shanghai_day(at) for at in found.nothing.get(item.code, {}).values()}
    return sorted({*days, *received, *said})


def waiting(item: Item, heard: Sequence[date], today: date) -> Waiting | None:
    """How long an item without a period has been waited for at ``today``; none where nothing had come by then.

    What is usual: three times the median gap between days of receipt, or one and a half times the gap that one in ten
    exceeds, at least a month (half a year for items on change); a quarter and one and a half times the longest gap
    while fewer than five gaps are known. What comes in one season only is silent in the others:
    days that had been waited on the same day of the year before do not count.
    """
    before = heard[: bisect_right(heard, today)]
    if not before:
        return None
    gaps = [(later - earlier).days for earlier, later in pairwise(before)]
    shortest = SHORTEST_ON_CHANGE if item.frequency == "on change" else SHORTEST_DAYS
    usual = float(median(gaps)) if len(gaps) >= GAPS_NEEDED else None
    if usual is None:
        allowed = max(DAYS_UNKNOWN, shortest, LONG_TIMES * max(gaps, default=0))
    else:
        long = quantiles(gaps, n=10, method="inclusive")[-1]
        allowed = max(MEDIAN_TIMES * usual, LONG_TIMES * long, shortest)
    waited = (today - before[-1]).days
    then = add_months(today, -12)
    earlier = bisect_right(before, then)
    season = (then - before[earlier - 1]).days if earlier else 0
    return Waiting(before[-1], waited, allowed + season, usual)


def silent(found: Gathered, item: Item, heard: Sequence[date], months: Sequence[int]) -> Alert | None:
    """The alert where nothing of ``item`` has come for too long at the as-of; only for items that once came.

    ``heard``: see ``heard_days``; ``months``: the months for which records were reported.
    """
    step = step_of(item)
    if step is not None:
        return _silent_periods(found, item, [*months, *found.nothing.get(item.code, {})], step)
    wait = waiting(item, heard, found.today)
    return _silent_days(item, wait) if wait is not None and wait.too_long else None


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
    periods = "1 period" if len(missed) == 1 else f"{len(missed)} periods in a row"
    words = Text(
        f"{item.zh}：连续 {len(missed)} 期未报送，自 {first:%Y-%m} 所属期起",
        f"{item.en}: {periods} missing, from the one ending in {first:%Y-%m}",
    )
    return Alert("silent", severity, item.source, item.code, since, words)


def _silent_days(item: Item, wait: Waiting) -> Alert:
    times = wait.waited / wait.allowed
    severity: Severity = "yellow" if times <= 2 else "orange" if times <= 4 else "red"
    if item.frequency == "on change":
        severity = MILDER[severity]
    since = wait.last + timedelta(days=int(wait.allowed) + 1)
    often = ("", "")
    if wait.usual is not None:
        often = (f"（通常相隔 {wait.usual:.0f} 日）", f" (usual gap: {wait.usual:.0f})")
    words = Text(
        f"{item.zh}：{wait.waited} 日无批次，亦未申报“无可报送”{often[0]}",
        f"{item.en}: no batch and no word of nothing to report for {wait.waited} days{often[1]}",
    )
    return Alert("silent", severity, item.source, item.code, since, words)
