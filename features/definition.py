"""What a feature is: a number computed from records at an as-of, with its meaning beside it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from records.catalogue import SubjectKind
from records.words import Text

Segment = SubjectKind
ENTERPRISE: tuple[Segment, ...] = ("enterprise",)
FARMER: tuple[Segment, ...] = ("farmer",)
BOTH: tuple[Segment, ...] = ("enterprise", "farmer")
INDIVIDUAL: tuple[Segment, ...] = ("individual",)
INSTITUTION: tuple[Segment, ...] = ("institution",)
ORGANISATION: tuple[Segment, ...] = ("organisation",)
GOVERNMENT: tuple[Segment, ...] = ("government",)
BODIES: tuple[Segment, ...] = ("institution", "organisation", "government")
# What a feature may serve: models, supervision only (its item may not be used for ratings), or fairness audits only.
Use = Literal["model", "supervision", "fairness"]
Unit = Literal[
    "CNY", "ratio", "share", "count", "days", "months", "years", "points", "mu", "persons", "level", "flag", "hours"
]
Rows = Any  # an Ibis table: spine rows joined with the records visible to them
Condition = Any  # an Ibis boolean column of such a table
Value = Any  # an Ibis value
Measure = Callable[[Rows, Condition], Value]

NO_RECORD = Text("无记录", "no record")
NO_PEERS = Text("无记录或可比同类不足20户", "no record, or fewer than 20 peers to compare with")


@dataclass(frozen=True, eq=False)
class Grouping:
    """Rows gathered by ``key`` (a counterparty, a month) before features are measured on the groups.

    ``values`` names exact sums or counts of each group; a group exists when some row meets the condition.
    """

    key: Callable[[Rows], Value]
    values: Mapping[str, Measure]
    window_months: int | None = None
    where: Callable[[Rows], Condition] | None = None


@dataclass(frozen=True)
class Link:
    """From a subject to the others that its records of ``item`` name in ``field``, while the link lasts.

    ``reverse``: from the subject that is named to those whose records name it. ``where``: only such records link.
    ``then``: from those on to others. Nobody is linked with itself; several records of one link count once.

    A link lasts while its record is visible, from ``occurred_on`` until the day before the one in the field ``until``
    (default: the one that the catalogue declares). Where an item is reported on change and says no end, a subject's
    latest record alone links. So what is learnt later of a link changes no answer of the past.
    """

    item: str
    field: str
    reverse: bool = False
    until: str | None = None
    where: Callable[[Rows], Condition] | None = None
    then: Link | None = None

    @property
    def steps(self) -> tuple[Link, ...]:
        """This link and those that follow."""
        return (self, *(self.then.steps if self.then else ()))

    @property
    def items(self) -> tuple[str, ...]:
        """The items whose records make the link."""
        return tuple(step.item for step in self.steps)


@dataclass(frozen=True, kw_only=True, eq=False)
class Feature:
    """A number measured on the visible records of one item.

    ``measure(r, w)`` is an Ibis aggregate over the rows ``r`` (all columns of the item, and ``as_of``, ``as_of_day``,
    ``age_days``, ``age_months``: 0 in the as-of's month) under the condition ``w``: in the window (``age_months <=
    window_months``) and ``where(r)``. With a ``grouping``, ``r`` holds one row a group.
    ``via``: the records are those about the others that the subject is linked with; their ``subject_id`` is the
    subject's own, so that ``r.guaranteed == r.subject_id`` finds a guarantee that comes back to it.
    Sum decimals and integers only and go to float64 at the end: then every engine and every path gives the same bits.

    ``direction``: +1 where PD rises with the value, -1 where it falls, 0 where nothing is claimed.
    ``when_empty``: the value where no record meets the condition; None means missing (no record is not zero).
    ``evidence``: which of the records that count tell the most, such as the months past due behind a share of them;
    where none does, all that count are evidence. ``evidence_most``: at most so many, 1 where only the latest counts.
    """

    code: str
    item: str
    segments: tuple[Segment, ...]
    words: Text
    unit: Unit
    direction: Literal[-1, 0, 1]
    measure: Measure
    window_months: int | None = None
    where: Callable[[Rows], Condition] | None = None
    grouping: Grouping | None = None
    via: Link | None = None
    when_empty: float | None = None
    actionable: bool = False
    use: Use = "model"
    missing: Text = NO_RECORD
    evidence: Callable[[Rows], Condition] | None = None
    evidence_most: int | None = None

    @property
    def inputs(self) -> tuple[str, ...]:
        return ()

    @property
    def items(self) -> tuple[str, ...]:
        """The item that is measured, and those that lead to its records."""
        return (self.item, *(self.via.items if self.via else ()))

    def condition(self, rows: Rows) -> Condition:
        """The rows that count: in the window, and ``where`` holds."""
        return condition(rows, self.window_months, self.where)


@dataclass(frozen=True, kw_only=True, eq=False)
class Derived:
    """A number computed from other features (``inputs``) of the same subject and as-of."""

    code: str
    segments: tuple[Segment, ...]
    words: Text
    unit: Unit
    direction: Literal[-1, 0, 1]
    inputs: tuple[str, ...]
    formula: Callable[[Rows], Value]
    actionable: bool = False
    use: Use = "model"
    missing: Text = NO_RECORD
    window_months: int | None = None
    item: str = ""


@dataclass(frozen=True, eq=False)
class PeerGroup:
    """Who is compared with whom: subjects with the same number in every feature of ``by``.

    Where fewer than 20 of them have a value, those alike in ``wider`` instead. The features are measured on records;
    they name groups, no model sees them.
    """

    by: tuple[Feature, ...]
    wider: tuple[Feature, ...]


@dataclass(frozen=True, kw_only=True, eq=False)
class Peer:
    """Where a subject's value of the feature ``of`` stands among its peers': the share below, and half of those alike.

    The peers' values are those at the last month end that is not after the as-of (docs/decisions/0013), so that an
    answer never changes. Missing where the value or the group is, or where even the wider group has fewer than 20
    values. ``of`` is measured on records.
    """

    code: str
    segments: tuple[Segment, ...]
    words: Text
    direction: Literal[-1, 0, 1]
    of: str
    group: PeerGroup
    unit: Unit = "share"
    actionable: bool = False
    use: Use = "model"
    missing: Text = NO_PEERS
    window_months: int | None = None
    item: str = ""

    @property
    def inputs(self) -> tuple[str, ...]:
        return (self.of,)


AnyFeature = Feature | Derived | Peer


def condition(rows: Rows, window_months: int | None, where: Callable[[Rows], Condition] | None) -> Condition:
    """In the last ``window_months`` months (and the as-of's own), and ``where`` holds."""
    import ibis

    inside = rows.age_months <= window_months if window_months is not None else ibis.literal(True)
    return inside & where(rows) if where else inside


def measured(feature: Feature, rows: Rows) -> Value:
    """What ``feature`` measures on ``rows``, in float64; null where no record meets its condition."""
    counts = feature.condition(rows)
    return (rows.count(where=counts) > 0).ifelse(feature.measure(rows, counts).cast("float64"), None)


def ratio(above: Value, below: Value) -> Value:
    """``above / below`` in float64; missing where ``below`` is zero or missing."""
    return above.cast("float64") / below.cast("float64").nullif(0.0)


def total(amount: Value, where: Condition) -> Value:
    """An exact sum of money or of whole numbers, carried to float64 at the end."""
    return amount.sum(where=where).cast("float64")


def year_change(rows: Rows, amount: Value, where: Condition, months: int = 6, least: int = 3) -> Value:
    """The last ``months`` months over the same months a year before; only months that both years report count.

    Missing where fewer than ``least`` months do: a ratio of unlike months would show the season, not the subject.
    """
    import ibis

    new, old, pairs = ibis.literal(0.0), ibis.literal(0.0), ibis.literal(0)
    for age in range(1, months + 1):
        now, before = (
            total(amount, where & (rows.age_months == age)),
            total(amount, where & (rows.age_months == age + 12)),
        )
        both = now.notnull() & before.notnull()
        new, old = new + both.ifelse(now, 0.0), old + both.ifelse(before, 0.0)
        pairs = pairs + both.ifelse(1, 0)
    return (pairs >= least).ifelse(ratio(new, old), ibis.null("float64"))


def latest(rows: Rows, value: Value, where: Condition) -> Value:
    """The value of the latest record (by day, then by record id) that meets the condition."""
    import ibis

    return value.first(where=where & value.notnull(), order_by=[ibis.desc(rows.occurred_on), ibis.desc(rows.record_id)])
