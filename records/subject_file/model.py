"""What a subject's file says, as plain data: facts with their sources, links, contradictions, disputes, gaps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any, Literal

from records.catalogue import KeyGroup, SubjectKind, Use
from records.catalogue.kinds import Disclosure, Polarity
from records.plain import plain
from records.words import Language, Text

View = Literal["public", "government", "authorised"]
# What each view shows: public information to anybody, shared information to agencies, all of it with authorisation.
SHOWN: Mapping[View, frozenset[Disclosure]] = {
    "public": frozenset({"public"}),
    "government": frozenset({"public", "government"}),
    "authorised": frozenset({"public", "government", "authorised"}),
}
VIEW_WORDS: Mapping[View, Text] = {
    "public": Text("社会公开信息", "public information"),
    "government": Text("公开与政务共享信息", "public information and what agencies share"),
    "authorised": Text("全部信息（含须授权查询者）", "all information, that needing authorisation too"),
}


@dataclass(frozen=True)
class SubjectRef:
    """A subject as others see it: never its identity number. ``name`` is that of a body, from its registration."""

    subject_id: str
    kinds: tuple[SubjectKind, ...]
    masked: str
    name: str | None = None


@dataclass(frozen=True)
class FieldValue:
    """One field of a record: its words, its value as JSON has it, and the value in words."""

    name: str
    words: Text
    value: Any
    said: Text


@dataclass(frozen=True)
class FieldChange:
    """What a correction changed in a field."""

    name: str
    words: Text
    before: Text
    after: Text


@dataclass(frozen=True)
class Step:
    """Something in the life of a record: a correction, an objection and its outcome, a restoration."""

    at: datetime
    what: Text
    reason: str | None = None
    legal_basis: str | None = None
    record_id: str | None = None
    changes: tuple[FieldChange, ...] = ()


@dataclass(frozen=True)
class Dispute:
    """An objection that is open at the as-of (Regulation on the credit reporting industry, Art. 25)."""

    item: str
    words: Text
    record_id: str
    since: datetime
    reason: str | None


@dataclass(frozen=True)
class FileRecord:
    """A record that the file shows.

    ``expires_on``: the day from which it may no longer be shown; None where it does not expire or the conduct lasts.
    ``reported_of``: the subject that it was reported of, where this one carries on that subject's file.
    """

    item: str
    record_id: str
    occurred_on: date
    recorded_at: datetime
    fields: tuple[FieldValue, ...]
    expires_on: date | None = None
    dispute: Dispute | None = None
    history: tuple[Step, ...] = ()
    reported_of: SubjectRef | None = None


@dataclass(frozen=True)
class ItemRecords:
    """The records of one item: how many there are in all, and the newest of them, the newest first."""

    item: str
    words: Text
    source: str
    source_words: Text
    polarity: Polarity
    disclosure: Disclosure
    legal_basis: str
    total: int
    first_on: date
    last_on: date
    records: tuple[FileRecord, ...]


@dataclass(frozen=True)
class Membership:
    """A key group 重点人群 that a person is in, by a live record of its register; ``lapsed_on``: its validity ended."""

    group: KeyGroup
    words: Text
    item: str
    source_words: Text
    record_id: str
    since: date
    lapsed_on: date | None
    fields: tuple[FieldValue, ...]


@dataclass(frozen=True)
class Link:
    """A relation with another subject, as one or several records say.

    ``role`` is borne by this subject where ``bears`` is true, else by the other one. ``until``: its last day.
    ``stated_by``: (item code, record id) of each record that says so, the newest first.
    """

    other: SubjectRef
    role: str
    words: Text
    bears: bool
    since: date
    until: date | None
    current: bool
    share_percent: str | None
    amount: str | None
    stated_by: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Successor:
    """Whose file this one carries on, or who carries this one on; and from when to when the base knows of it."""

    other: SubjectRef
    since: datetime
    until: datetime | None


@dataclass(frozen=True)
class Claim:
    """What one source says about a fact."""

    item: str
    source_words: Text
    field_words: Text
    record_id: str
    occurred_on: date
    recorded_at: datetime
    said: Text
    authoritative: bool


@dataclass(frozen=True)
class Contradiction:
    """One fact, claimed differently; the authoritative claim first, where there is one."""

    words: Text
    claims: tuple[Claim, ...]


@dataclass(frozen=True)
class Gap:
    """Records that the law ordered to erase: that there were some is told, what they said is not."""

    item: str
    words: Text
    erased_at: datetime
    records: int
    legal_basis: str


@dataclass(frozen=True)
class MonthCount:
    """How many records of a polarity happened in a month (its first day)."""

    month: date
    polarity: Polarity
    records: int


@dataclass(frozen=True)
class SourceConsulted:
    """An agency that may report about such a subject, and how much it has."""

    source: str
    words: Text
    items: int
    records: int
    latest: datetime | None


@dataclass(frozen=True)
class SubjectFile:
    """Everything that the base may show of ``subject`` in ``view`` for ``use`` as of ``as_of`` (UTC)."""

    subject: SubjectRef
    as_of: datetime
    view: View
    use: Use
    known_since: datetime | None
    records: int
    notes: tuple[Text, ...]
    basics: tuple[FileRecord, ...]
    key_groups: tuple[Membership, ...]
    items: tuple[ItemRecords, ...]
    months: tuple[MonthCount, ...]
    links: tuple[Link, ...]
    links_total: int
    carries_on: tuple[Successor, ...]
    carried_on_by: tuple[Successor, ...]
    contradictions: tuple[Contradiction, ...]
    disputes: tuple[Dispute, ...]
    gaps: tuple[Gap, ...]
    sources: tuple[SourceConsulted, ...]

    def of_polarity(self, polarity: Polarity) -> tuple[ItemRecords, ...]:
        """The items of a polarity that the file has records of."""
        return tuple(one for one in self.items if one.polarity == polarity)

    def count(self, polarity: Polarity) -> int:
        return sum(one.total for one in self.of_polarity(polarity))

    def as_dict(self, language: Language | None = None) -> dict[str, Any]:
        """JSON-ready; texts in ``language``, or in both as {"zh", "en"}."""
        made = plain(asdict(self), language)
        assert isinstance(made, dict)  # noqa: S101
        return made
