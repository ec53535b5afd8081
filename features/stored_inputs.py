"""Inputs of a sweep from the companions of a base's files: what befell records and subjects is laid over them.

Gives the same records as the item's view does (``records.tables``), and as ``features.links.linked_records`` over it,
without an engine in between; so one subject of millions is read as fast as its records are few.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
import structlog

from features.companions import SUBJECT, Companion, companion_path, write_companion
from features.compiled import duckdb_sql
from features.definition import Link
from features.inputs import Read
from features.links import linked
from features.plan import SweepPlan
from features.sweep_arrays import NEVER_DAY, NEVER_US, WORD, Records
from records.catalogue import Catalogue, Item
from records.tables import Stored

Integers = npt.NDArray[np.int64]
Pairs = tuple[npt.NDArray[Any], npt.NDArray[Any], Integers, Integers]  # subject in order, other, since, until
log = structlog.get_logger()
ALWAYS = np.iinfo(np.int64).min
FEW_SUBJECTS, FEW_ROWS = 100, 100_000
SIEVE_BITS = 20


class NotStored(Exception):
    """There are no companions, and to make them would take longer than to do without."""


@dataclass(frozen=True)
class Members:
    """Whose records count for whom: for ``subject`` (a number) those of ``member``, seen ``since`` and ``until``."""

    subject: npt.NDArray[np.int32]
    member: npt.NDArray[Any]
    since: Integers
    until: Integers

    @property
    def bounded(self) -> bool:
        return bool((self.since != ALWAYS).any() or (self.until != NEVER_US).any())


@dataclass(frozen=True)
class Overlay:
    """What befell the records of an item: for the hash of an id in order, the stretches in which the record is seen.

    Those of ``ids[n]`` lie from ``first[n]`` to the next.
    """

    ids: npt.NDArray[np.uint64]
    first: Integers
    since: Integers
    until: Integers
    sieve: npt.NDArray[np.bool_]


class StoredInputs:
    """The companions of one state of a base, as ``connection`` shows it. Safe between threads."""

    def __init__(self, connection: Any, stored: Stored) -> None:
        self._connection, self._stored = connection, stored
        self._lock = Lock()
        self._companions: dict[Path, Companion] = {}
        self._overlays: dict[tuple[str, Path], Overlay] = {}
        self._pairs: dict[Link, Pairs] = {}
        self._followed: Pairs | None = None

    def read(self, cursor: Any, plan: SweepPlan, query: str, subjects: pa.Table) -> Read:
        """As ``features.inputs.read``; ``query`` reads everybody's own records. Raises ``NotStored``, ``TooLarge``."""
        code, link = plan.reading
        item = Catalogue.load().items.get(code)
        if item is None or not plan.of_the_file:
            raise NotStored
        few = subjects.num_rows <= FEW_SUBJECTS
        companions = self._of_item(cursor, item, plan, query, few)
        members = self._members(cursor, item, link, subjects)
        overlay = self._overlay(cursor, item, companions)
        parts = [part for one in companions if (part := _rows(one, members, overlay))]
        return _joined(plan, parts)

    def any_records(self, cursor: Any, plan: SweepPlan, query: str, subject_id: str) -> bool:
        """Whether anything was ever reported that the plan reads of the subject. Raises as ``read``."""
        asked = pa.table({"subject_id": [subject_id], "number": pa.array([0], pa.int32())})
        return len(self.read(cursor, plan, query, asked).records.subject) > 0

    def _of_item(self, cursor: Any, item: Item, plan: SweepPlan, query: str, few: bool) -> list[Companion]:
        return [self._companion(cursor, Path(file), item, plan, query, few) for file, _ in self._files(item)]

    def _files(self, item: Item) -> Sequence[tuple[str, bool]]:
        return self._stored.files.get(item.code, [])

    def _companion(self, cursor: Any, file: Path, item: Item, plan: SweepPlan, query: str, few: bool) -> Companion:
        path = companion_path(file, plan, query)
        if (known := self._companions.get(path)) is not None:
            return known
        with self._lock:
            if (known := self._companions.get(path)) is not None:
                return known
            try:
                found = Companion.open(path)
            except (FileNotFoundError, ValueError, KeyError):
                found = self._made(cursor, file, item, plan, query, few)
            self._companions[path] = found
        return found

    def _made(self, cursor: Any, file: Path, item: Item, plan: SweepPlan, query: str, few: bool) -> Companion:
        try:
            if few and pq.read_metadata(file).num_rows > FEW_ROWS:
                raise NotStored
            return write_companion(cursor, file, item, plan, query)
        except (OSError, ValueError) as error:
            log.warning("inputs not kept: the views are asked instead", file=file.name, error=str(error))
            raise NotStored from error

    def _members(self, cursor: Any, item: Item, link: Link | None, subjects: pa.Table) -> Members:
        number = subjects["number"].to_numpy().astype(np.int32, copy=False)
        ids = _ids(subjects["subject_id"])
        own = Members(number, ids, np.full(len(ids), ALWAYS), np.full(len(ids), NEVER_US))
        if link is not None:
            own = self._linked(cursor, link, own)
        return self._with_predecessors(cursor, own) if item.inherited else own

    def _linked(self, cursor: Any, link: Link, own: Members) -> Members:
        """Those at the other end of ``link``, of each subject."""
        heads, others, since, until = self._pairs_of(cursor, link)
        first = np.searchsorted(heads, own.member, "left")
        counts = np.searchsorted(heads, own.member, "right") - first
        who, which = _spread(first, counts)
        return Members(own.subject[who], others[which], since[which], until[which])

    def _pairs_of(self, cursor: Any, link: Link) -> Pairs:
        """All pairs that ``link`` makes, by subject; asked once."""
        with self._lock:
            if link not in self._pairs:
                rows = cursor.sql(f"SELECT * FROM ({duckdb_sql(linked(link))}) ORDER BY subject_id").to_arrow_table()
                self._pairs[link] = (
                    _ids(rows["subject_id"]),
                    _ids(rows["other_id"]),
                    _moments(rows["seen_from"], ALWAYS),
                    _moments(rows["seen_until"], NEVER_US),
                )
            return self._pairs[link]

    def _with_predecessors(self, cursor: Any, own: Members) -> Members:
        """And the records of those whose file a member carries on."""
        heirs, members, since, until = self._succession(cursor)
        if not len(heirs):
            return own
        first = np.searchsorted(heirs, own.member, "left")
        counts = np.searchsorted(heirs, own.member, "right") - first
        if not counts.any():
            return own
        who, which = _spread(first, counts)
        return Members(
            np.concatenate([own.subject, own.subject[who]]),
            np.concatenate([own.member, members[which]]),
            np.concatenate([own.since, np.maximum(own.since[who], since[which])]),
            np.concatenate([own.until, np.minimum(own.until[who], until[which])]),
        )

    def _succession(self, cursor: Any) -> Pairs:
        if self._followed is None:
            rows = cursor.sql("SELECT * FROM succession ORDER BY subject_id").to_arrow_table()
            self._followed = (
                _ids(rows["subject_id"]),
                _ids(rows["member_id"]),
                _moments(rows["since"], ALWAYS),
                _moments(rows["until"], NEVER_US),
            )
        return self._followed

    def _overlay(self, cursor: Any, item: Item, companions: list[Companion]) -> Overlay:
        """Of every record that was corrected or hidden at some time."""
        key = (item.code, companions[0].path if companions else Path())
        if key not in self._overlays:
            corrected = _corrections(companions)
            hidden = self._hidden(cursor, item)
            self._overlays[key] = _laid_over(corrected, hidden)
        return self._overlays[key]

    def _hidden(self, cursor: Any, item: Item) -> tuple[npt.NDArray[np.uint64], Integers, Integers]:
        quoted = item.code.replace("'", "''")
        rows = cursor.sql(
            "SELECT hash(record_id) AS h, seen_from, seen_until FROM visibility "
            f"WHERE item = '{quoted}' ORDER BY h, seen_from NULLS FIRST"
        ).to_arrow_table()
        hashes: npt.NDArray[np.uint64] = rows["h"].to_numpy().view(np.uint64)
        return hashes, _moments(rows["seen_from"], ALWAYS), _moments(rows["seen_until"], NEVER_US)


@dataclass(frozen=True)
class _Part:
    """Rows of one companion: ``place`` of each in its columns, its subject, and when it is seen."""

    companion: Companion
    place: Integers
    whole: bool
    subject: npt.NDArray[np.int32]
    recorded: Integers
    gone: Integers

    def column(self, name: str) -> Any:
        if self.whole and len(self.place):
            return self.companion.part(name, int(self.place[0]), int(self.place[-1]) + 1)
        return self.companion.column(name)[self.place]


def _rows(companion: Companion, members: Members, overlay: Overlay) -> _Part | None:
    """The rows of the members, each as often as there are stretches in which it is seen."""
    subjects, start = companion.column("subjects"), companion.column("start")
    if not len(subjects) or not len(members.member):
        return None
    at = np.searchsorted(subjects, members.member)
    known = np.flatnonzero(subjects[np.minimum(at, len(subjects) - 1)] == members.member)
    if not len(known):
        return None
    first, last = start[at[known]], start[at[known] + 1]
    counts = last - first
    _, place = _spread(first, counts)
    whole = bool((first[1:] == last[:-1]).all())
    part = _Part(companion, place, whole, np.repeat(members.subject[known], counts), place, place)
    recorded = part.column("recorded").astype(np.int64, copy=True)
    gone = np.full(len(place), NEVER_US)
    if members.bounded:
        recorded = np.maximum(recorded, np.repeat(members.since[known], counts))
        gone = np.repeat(members.until[known], counts)
    if not len(overlay.ids):
        return _Part(companion, place, whole, part.subject, recorded, gone)
    return _with_overlay(part, recorded, gone, overlay)


def _with_overlay(part: _Part, recorded: Integers, gone: Integers, overlay: Overlay) -> _Part:
    ids = part.column("id")
    maybe = np.flatnonzero(overlay.sieve[(ids >> np.uint64(64 - SIEVE_BITS)).astype(np.int64)])
    at = np.searchsorted(overlay.ids, ids[maybe])
    hit = overlay.ids[np.minimum(at, len(overlay.ids) - 1)] == ids[maybe]
    rows, at = maybe[hit], at[hit]
    counts = overlay.first[at + 1] - overlay.first[at]
    one = overlay.first[at]
    seen_from, seen_until = recorded[rows], gone[rows]
    recorded[rows] = np.maximum(seen_from, overlay.since[one])
    gone[rows] = np.minimum(seen_until, overlay.until[one])
    more = counts > 1
    if not more.any():
        return _Part(part.companion, part.place, part.whole, part.subject, recorded, gone)
    again = np.repeat(np.flatnonzero(more), counts[more] - 1)
    within = np.arange(len(again)) - np.repeat(np.cumsum(counts[more] - 1) - (counts[more] - 1), counts[more] - 1) + 1
    stretch = one[again] + within
    return _Part(
        part.companion,
        np.concatenate([part.place, part.place[rows[again]]]),
        False,
        np.concatenate([part.subject, part.subject[rows[again]]]),
        np.concatenate([recorded, np.maximum(seen_from[again], overlay.since[stretch])]),
        np.concatenate([gone, np.minimum(seen_until[again], overlay.until[stretch])]),
    )


def _joined(plan: SweepPlan, parts: list[_Part]) -> Read:
    """The columns of all parts, one after the other; codes of texts count on from part to part."""

    def column(name: str, kind: Any) -> Any:
        return np.concatenate([np.zeros(0, kind), *(part.column(name) for part in parts)]).astype(kind, copy=False)

    def stacked(names: list[str], kind: Any) -> Any:
        return np.stack([column(name, kind) for name in names]) if names else np.zeros((0, 0), kind)

    inputs = plan.inputs
    rows = sum(len(part.place) for part in parts)
    values = np.zeros((len(inputs.values), rows), np.int64)
    texts: dict[int, pa.Array] = {}
    for number, value in enumerate(inputs.values):
        name, before, known = f"v{number}", 0, [""][:0]
        done = 0
        for part in parts:
            codes = part.column(name)
            values[number, done : done + len(codes)] = codes + before if value.kind == "text" else codes
            done += len(codes)
            if value.kind == "text":
                known += part.companion.texts.get(name, [])
                before = len(known)
        texts[number] = pa.array(known, pa.string())
    expires = [
        part.column("expires") if "expires" in part.companion.columns else np.full(len(part.place), NEVER_DAY, np.int32)
        for part in parts
    ]
    records = Records(
        subject=np.concatenate([np.zeros(0, np.int32), *(part.subject for part in parts)]),
        recorded=np.concatenate([np.zeros(0, np.int64), *(part.recorded for part in parts)]),
        gone=np.concatenate([np.zeros(0, np.int64), *(part.gone for part in parts)]),
        occurred=column("occurred", np.int32),
        expires=np.concatenate([np.zeros(0, np.int32), *expires]),
        begins=stacked([f"b{number}" for number in range(len(inputs.begins))], np.int32),
        ends=stacked([f"e{number}" for number in range(len(inputs.ends))], np.int32),
        bits=stacked([f"w{word}" for word in range(-(-len(inputs.conditions) // WORD))], np.int64).view(np.uint64),
        values=values,
    )
    return Read(records, texts, column("key", np.int64) if inputs.key is not None else None)


def _corrections(companions: list[Companion]) -> tuple[npt.NDArray[np.uint64], Integers]:
    """Hashes of the ids that some record corrects, in order, and when the first correction was recorded."""
    ids = np.concatenate([np.zeros(0, np.uint64), *(one.column("corrected") for one in companions)])
    moments = np.concatenate([np.zeros(0, np.int64), *(one.column("corrected_at") for one in companions)])
    order = np.lexsort((moments, ids))
    ids, moments = ids[order], moments[order]
    first = np.ones(len(ids), np.bool_)
    first[1:] = ids[1:] != ids[:-1]
    return ids[first], moments[first]


def _laid_over(
    corrected: tuple[npt.NDArray[np.uint64], Integers], hidden: tuple[npt.NDArray[np.uint64], Integers, Integers]
) -> Overlay:
    only = ~np.isin(corrected[0], hidden[0])
    count = int(only.sum())
    ids = np.concatenate([hidden[0], corrected[0][only]])
    since = np.concatenate([hidden[1], np.full(count, ALWAYS)])
    until = np.concatenate([hidden[2], corrected[1][only]])
    if len(hidden[0]) and len(corrected[0]):
        at = np.minimum(np.searchsorted(corrected[0], hidden[0]), len(corrected[0]) - 1)
        both = corrected[0][at] == hidden[0]
        until[: len(hidden[0])][both] = np.minimum(hidden[2][both], corrected[1][at[both]])
    order = np.argsort(ids, kind="stable")
    ids, since, until = ids[order], since[order], until[order]
    begins = np.ones(len(ids), np.bool_)
    begins[1:] = ids[1:] != ids[:-1]
    sieve = np.zeros(1 << SIEVE_BITS, np.bool_)
    sieve[(ids >> np.uint64(64 - SIEVE_BITS)).astype(np.int64)] = True
    return Overlay(ids[begins], np.append(np.flatnonzero(begins), len(ids)), since, until, sieve)


def _spread(first: Integers, counts: Integers) -> tuple[Integers, Integers]:
    """For stretches of ``counts`` from ``first`` on: the number of the stretch and the place, for each place in it."""
    number = np.repeat(np.arange(len(first)), counts)
    return number, np.arange(len(number)) + np.repeat(first - (np.cumsum(counts) - counts), counts)


def _ids(column: pa.ChunkedArray) -> npt.NDArray[Any]:
    return np.array(column.to_pylist(), SUBJECT) if len(column) else np.zeros(0, SUBJECT)


def _moments(column: pa.ChunkedArray, nothing: int) -> Integers:
    found: Integers = column.cast(pa.timestamp("us")).cast(pa.int64()).fill_null(nothing).to_numpy()
    return found
