"""The assessment of one month and those before it, put together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from records.assessment import alerts as calls
from records.assessment.agreement import agreement, contradictions, pairs
from records.assessment.figures import ItemFigures, closed_subjects, item_figures
from records.assessment.gathering import Gathered, gathered
from records.assessment.mending import answers, load_quarantine, reasons, rejected_by_month, repairs
from records.assessment.model import Alert, Assessment, Contradiction, ItemMonth
from records.assessment.periods import (
    due_on,
    ends_period,
    first_day,
    last_day,
    month_number,
    months_before,
    parse_month,
    step_of,
)
from records.assessment.scheme import Scheme
from records.assessment.scoring import scored, standings
from records.assessment.silence import heard_days, silent, waiting
from records.base import RecordBase
from records.catalogue import Item
from records.errors import BadMoment
from records.moment import now, parse_as_of
from records.words import Text

FURTHEST_AHEAD = timedelta(days=366)
Progress = Callable[[int], None]


def assess(
    base: RecordBase,
    month: str | None = None,
    *,
    months: int = 12,
    as_of: str | date | datetime | None = None,
    scheme: Scheme | None = None,
    progress: Progress | None = None,
) -> Assessment:
    """Assess what sources submitted in ``month`` (``2025-10``; default: the last whole one) and the months before.

    ``months``: how many in all; ``as_of``: what was known by then (default: now); ``scheme``: default the
    installation's own, or the declared one; ``progress`` counts items.
    Raises ``BadMonth``, ``BadMoment``, ``BadScheme``.
    """
    moment = parse_as_of(as_of)
    if moment > now() + FURTHEST_AHEAD:
        raise BadMoment(Text("截至时点不得晚于一年之后", "an as-of of at most a year ahead is accepted"))
    assessed = parse_month(month, moment)
    span = months_before(assessed, months)
    used = scheme or Scheme.of(base.settings)
    with gathered(base, moment) as found:
        work = _Work(base, found, used, span)
        for number, item in enumerate(found.items, start=1):
            work.take(item)
            if progress:
                progress(number)
        return work.result(assessed)


@dataclass
class _Work:
    """The figures of all items as they come in."""

    base: RecordBase
    found: Gathered
    scheme: Scheme
    months: tuple[date, ...]
    rows: list[ItemMonth] = field(default_factory=list)
    alerts: list[Alert] = field(default_factory=list)
    unreported: dict[str, list[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.first, self.last = month_number(self.months[0]), month_number(self.months[-1])
        load_quarantine(self.found, self.first, self.last)
        closed_subjects(self.found)
        self._rejected = rejected_by_month(self.found.batches)
        self._answers = answers(self.found, self.scheme.objection_days)
        self._agreeing: dict[str, dict[int, list[int]]] = {}
        self._pairs = pairs(self.base, self.found.stored)
        for pair in self._pairs:
            for month, counts in agreement(self.found, pair, range(self.first, self.last + 1)).items():
                total = self._agreeing.setdefault(pair.item.code, {}).setdefault(month, [0, 0])
                total[0] += counts[0]
                total[1] += counts[1]

    def take(self, item: Item) -> None:
        """Assess one item."""
        figures = item_figures(self.found, item, self.first, self.last)
        started = self._started(item, figures)
        if started is None:
            self.unreported.setdefault(item.source, []).append(item.code)
            return
        refused = any(one.item == item.code and one.rejected for one in self.found.batches)
        waits = repairs(self.found, item.code, item.table) if refused else {}
        why = reasons(self.found, item.code) if refused else {}
        heard = heard_days(self.found, item, figures.days)
        for month in range(max(self.first, started), self.last + 1):
            values = self._values(item, figures, month)
            if values is None:
                continue
            if item.frequency == "on event":
                wait = waiting(item, heard, min(last_day(month), self.found.today))
                values["overdue"] = wait is not None and wait.too_long
            if (mending := waits.get(month)) is not None:
                values |= {"repaired": mending.repaired, "open_repairs": mending.open, "repair_days": mending.days}
                values["oldest_open_days"] = mending.oldest_open_days
            row = ItemMonth(item.source, item.code, first_day(month), reasons=why.get(month, ()), **values)
            self.rows.append(scored(row, self.scheme, step_of(item) is not None))
        if alert := silent(self.found, item, heard, figures.months):
            self.alerts.append(alert)

    def result(self, month: date) -> Assessment:
        """Everything that was taken, ranked."""
        items = self.base.catalogue.items
        names = {code: source.words for code, source in self.base.catalogue.sources.items()}
        ranked = standings(self.rows, self.months, self.scheme)
        now = [one for one in ranked if one.month == month]
        alerts = [
            *self.alerts,
            *calls.falling(now, names),
            *calls.jumping(self.rows, month, items),
            *calls.thinning(self.rows, month, items),
            *calls.overdue(self.found, items, self.scheme.objection_days),
        ]
        return Assessment(
            as_of=self.found.as_of,
            month=month,
            months=self.months,
            scheme=self.scheme,
            rows=tuple(self.rows),
            standings=ranked,
            alerts=calls.gravest_first(alerts),
            contradictions=tuple(self._contradictions(month_number(month))),
            unreported={source: tuple(codes) for source, codes in self.unreported.items()},
        )

    def _started(self, item: Item, figures: ItemFigures) -> int | None:
        """The first month in which anything of the item came, or for which it was reported."""
        batches = [one.month for one in self.found.batches if one.item == item.code and not one.history]
        said = list(self.found.nothing.get(item.code, {}))
        received = [month_number(day) for day in figures.days[:1]]
        return min([*batches, *said, *received, *figures.months[:1]], default=None)

    def _values(self, item: Item, figures: ItemFigures, month: int) -> dict[str, Any] | None:
        """Figures of one month, or none where nothing was due and nothing came."""
        step = step_of(item)
        records, faulty = figures.received.get(month, (0, 0))
        rejected, live_rows = self._rejected.get((item.code, month), (0, 0))
        due = step is None or ends_period(month, step)
        objected = self._answers.get((item.code, month))
        compared, disagreeing = self._agreeing.get(item.code, {}).get(month, (0, 0))
        if not (due or records or rejected or objected or compared):
            return None
        live, duplicates = figures.live.get(month, (0, 0))
        values: dict[str, Any] = {
            "records": records,
            "history": max(0, records - live_rows),
            "rejected": rejected,
            "faulty": faulty,
            "live": live,
            "duplicates": duplicates,
            "compared": compared,
            "disagreeing": disagreeing,
            "nothing": month in self.found.nothing.get(item.code, {}),
        }
        if objected:
            values |= {
                "objections": objected.opened,
                "late_objections": objected.late,
                "open_objections": objected.open,
            }
        if due:
            values |= self._reported(item, figures, month, step)
        return values

    def _reported(self, item: Item, figures: ItemFigures, month: int, step: int | None) -> dict[str, Any]:
        """What was reported for the period that ends in ``month``; for items without one, in that month."""
        until = last_day(month) if step is None else due_on(item, month)
        values: dict[str, Any] = {"provisional": self.found.today <= until}
        if step is not None:
            values["due_on"] = until
            values["reported"], values["expected"] = figures.coverage.get(month, (0, 0))
        if (reports := figures.reports.get(month)) is not None:
            values |= {
                "judged": reports.judged,
                "on_time": reports.on_time,
                "delay_median": reports.delay_median,
                "delay_p95": reports.delay_p95,
                "filled": reports.filled,
            }
        return values

    def _contradictions(self, month: int) -> Sequence[Contradiction]:
        found: list[Contradiction] = []
        for pair in self._pairs:
            if self._agreeing.get(pair.item.code, {}).get(month, [0, 0])[1]:
                found += contradictions(self.base, self.found, pair, month)
        return found
