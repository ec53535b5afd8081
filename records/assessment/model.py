"""What an assessment says: each item month by month, each source, what calls for attention."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Literal

from records.assessment.scheme import Grade, Measure, Scheme
from records.words import Text

Severity = Literal["blue", "yellow", "orange", "red"]
SEVERITIES: tuple[Severity, ...] = ("red", "orange", "yellow", "blue")
Measures = Mapping[Measure, float | None]


@dataclass(frozen=True)
class RejectReason:
    """Why rows were refused: in which field, and how many rows."""

    field: str
    words: Text
    rows: int


@dataclass(frozen=True)
class ItemMonth:
    """One item in one month. Receipts count in the month of receipt; reports in the month in which their period ends.

    For items without a period (on event, on change) both are the month of receipt.
    ``records``, ``rejected``: rows accepted and refused; ``history``: of the accepted, those of historical loads;
    ``faulty``: of the accepted, those corrected, withdrawn or objected to with success by the as-of.
    ``due_on``: last day for the reports of the period; ``provisional``: it had not passed at the as-of.
    ``reported`` of ``expected`` subjects; ``filled``: share of optional fields filled; ``nothing``: nothing to report;
    ``overdue``: an item on event of which nothing had come for longer than usual at the end of the month.
    ``on_time`` of ``judged`` records; ``delay_median``, ``delay_p95``: days from the period's end, or from the event,
    to receipt.
    ``duplicates`` of ``live`` records alike in the natural key; ``disagreeing`` of ``compared`` claims.
    ``repaired``, ``open_repairs``: refused records accepted later, and not yet; ``repair_days``: median days of both.
    ``objections`` opened; ``late_objections``: not answered in time; ``open_objections``: not yet answered.
    ``measures``: shares from 0 to 1, none where unknown; ``points`` from 0 to 100.
    """

    source: str
    item: str
    month: date
    records: int = 0
    history: int = 0
    rejected: int = 0
    faulty: int = 0
    due_on: date | None = None
    provisional: bool = False
    expected: int | None = None
    reported: int | None = None
    nothing: bool = False
    overdue: bool = False
    filled: float | None = None
    judged: int = 0
    on_time: int = 0
    delay_median: float | None = None
    delay_p95: float | None = None
    live: int = 0
    duplicates: int = 0
    compared: int = 0
    disagreeing: int = 0
    repaired: int = 0
    open_repairs: int = 0
    repair_days: float | None = None
    oldest_open_days: float | None = None
    objections: int = 0
    late_objections: int = 0
    open_objections: int = 0
    reasons: tuple[RejectReason, ...] = ()
    measures: Measures = field(default_factory=dict)
    points: float | None = None

    @property
    def rejected_share(self) -> float | None:
        """Rows refused over rows sent."""
        sent = self.records + self.rejected
        return self.rejected / sent if sent else None


@dataclass(frozen=True)
class SourceMonth:
    """One source in one month: each measure is the mean over its items; ``rank`` 1 is the best of those assessed.

    Points, grade and rank are none in a month in which nothing of the source was due.
    ``change``: points against the mean of the three months before.
    """

    source: str
    month: date
    items: int
    records: int
    rejected: int
    history: int
    measures: Measures
    points: float | None
    grade: Grade | None
    rank: int | None = None
    change: float | None = None


@dataclass(frozen=True)
class Alert:
    """Something that calls for attention; ``since`` is a day in Shanghai."""

    code: str
    severity: Severity
    source: str
    item: str | None
    since: date
    words: Text


@dataclass(frozen=True)
class Claim:
    """What a source says of a subject, and which record says it."""

    source: str
    item: str
    field: str
    value: str | None
    record_id: str


@dataclass(frozen=True)
class Contradiction:
    """Two sources claim one subject differently; ``claims`` has the authoritative one first.

    Subjects are named by subject id and masked number; ``value`` is none where the reader may not see it.
    """

    subject_id: str
    masked: str
    claims: tuple[Claim, Claim]


@dataclass(frozen=True)
class Assessment:
    """Everything found for ``month`` and the months before it, as of ``as_of`` (UTC).

    ``rows``: items by month; ``standings``: sources by month, each month's best first; ``unreported``: items of which
    nothing was ever received, by source. ``source``: whose view this is; none is everybody's.
    """

    as_of: datetime
    month: date
    months: tuple[date, ...]
    scheme: Scheme
    rows: tuple[ItemMonth, ...]
    standings: tuple[SourceMonth, ...]
    alerts: tuple[Alert, ...]
    contradictions: tuple[Contradiction, ...]
    unreported: Mapping[str, tuple[str, ...]]
    source: str | None = None

    @property
    def ranking(self) -> tuple[SourceMonth, ...]:
        """The sources in the assessed month, the best first, those without points last."""
        return tuple(one for one in self.standings if one.month == self.month)

    @property
    def items(self) -> tuple[ItemMonth, ...]:
        """The items in the assessed month, the fewest points first."""
        found = [row for row in self.rows if row.month == self.month]
        return tuple(sorted(found, key=lambda row: (row.points is None, row.points or 0, row.item)))

    def of_source(self, source: str, open_items: frozenset[str] = frozenset()) -> Assessment:
        """What ``source`` may learn: its own, with what others claim only where it is of ``open_items``."""
        return replace(
            self,
            rows=tuple(row for row in self.rows if row.source == source),
            standings=tuple(one for one in self.standings if one.source == source),
            alerts=tuple(one for one in self.alerts if one.source == source),
            contradictions=tuple(
                _seen_by(source, one, open_items) for one in self.contradictions if one.claims[1].source == source
            ),
            unreported={code: items for code, items in self.unreported.items() if code == source},
            source=source,
        )


def _seen_by(source: str, one: Contradiction, open_items: frozenset[str]) -> Contradiction:
    first, second = (
        claim if claim.source == source or claim.item in open_items else replace(claim, value=None, record_id="")
        for claim in one.claims
    )
    return replace(one, claims=(first, second))
