"""Where a subject stands among its peers, who are those of the last month end: so an answer never changes.

The peers' values of a month end are computed once, with the same measures as everything else, and kept as a small
immutable file. Looking a row up is the same for a batch, for Spark's batches and for one row.
"""

from __future__ import annotations

import hashlib
import itertools
import os
import secrets
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from features.definition import Feature, Peer
from features.spine import SPINE_SCHEMA, numbered
from records.moment import end_of_day, month_end, now, shanghai_day

if TYPE_CHECKING:
    from features.compiled import CompiledFeatures
    from records.base import RecordBase

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Measure = Callable[[Any, "CompiledFeatures", pa.Table], Mapping[str, Floats]]
LEAST_PEERS = 20
MOST_VALUES = 20_000  # of a larger group, so many values at even distances in their order: a share moves by 0.00003
MONTHS_IN_MEMORY = 24


@dataclass(frozen=True)
class Values:
    """Sorted values by group: ``keys`` [groups, parts] in order, those of group g from ``start[g]`` to the next."""

    keys: Floats
    start: Ints
    values: Floats

    @classmethod
    def of(cls, keys: Floats, values: Floats) -> Values:
        """``keys`` [rows, parts] and ``values`` [rows]; rows without a group or a value are left out."""
        known = ~np.isnan(values) & ~np.isnan(keys).any(axis=1)
        keys, values = keys[known], values[known]
        groups, place = np.unique(keys, axis=0, return_inverse=True)
        order = np.lexsort((values, place.ravel()))
        bounds = np.searchsorted(place.ravel()[order], np.arange(len(groups) + 1))
        parts = [_thinned(values[order[low:high]]) for low, high in itertools.pairwise(bounds)]
        sizes = np.array([len(part) for part in parts], np.int64)
        start = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
        return cls(groups, start, np.concatenate([*parts, np.empty(0)]))

    def share(self, keys: Floats, values: Floats) -> Floats:
        """The share of the group's values below each of ``values``, and half of those alike; NaN below 20 values."""
        found = np.full(len(values), np.nan)
        if not len(values):
            return found
        asked, place = np.unique(keys, axis=0, return_inverse=True)
        for at, key in enumerate(asked):
            group = np.flatnonzero((self.keys == key).all(axis=1))
            if not len(group):
                continue
            peers = self.values[self.start[group[0]] : self.start[group[0] + 1]]
            rows = np.flatnonzero((place.ravel() == at) & ~np.isnan(values))
            if len(peers) >= LEAST_PEERS:
                below = np.searchsorted(peers, values[rows], "left")
                up_to = np.searchsorted(peers, values[rows], "right")
                found[rows] = (below + up_to) / (2.0 * len(peers))
        return found


MonthPeers = Mapping[str, tuple[Values, Values]]  # by code: in the group, and in the wider one


def months_of(as_of: pa.ChunkedArray) -> list[date]:
    """The month ends whose peers the as-ofs (UTC) are compared with, each once."""
    return sorted({last_month_end(moment) for moment in pc.unique(as_of).to_pylist()})


def last_month_end(as_of: datetime) -> date:
    """The last day of a month that ends no later than ``as_of`` (UTC), in Asia/Shanghai."""
    day = shanghai_day(as_of)
    if as_of >= end_of_day(month_end(day)):
        return month_end(day)
    return day.replace(day=1) - timedelta(days=1)


def attached(
    peers: Sequence[Peer], as_of: pa.ChunkedArray, measures: Mapping[str, Floats], of_month: Mapping[date, MonthPeers]
) -> dict[str, Floats]:
    """The peer features of rows with these as-ofs, from what was measured on them; NaN where missing.

    ``of_month``: the peers of the month ends of ``months_of(as_of)``; one that has none is left out.
    """
    moments, number = np.unique(as_of.to_numpy().astype("datetime64[us]").astype(np.int64), return_inverse=True)
    months = np.array([last_month_end(_instant(one)).toordinal() for one in moments.tolist()])[number.ravel()]
    columns = {peer.code: np.full(len(months), np.nan) for peer in peers}
    for month in np.unique(months).tolist():
        rows = np.flatnonzero(months == month)
        known = of_month.get(date.fromordinal(month))
        if known is None:
            continue
        for peer in peers:
            columns[peer.code][rows] = _standing(peer, known[peer.code], measures, rows)
    return columns


def peers_of(
    peers: Sequence[Peer], segment: str, connection: Any, month: date, measure: Measure
) -> dict[str, tuple[Values, Values]]:
    """The peers' values at the end of ``month`` of all subjects of ``segment`` that had a group by then.

    ``measure`` measures compiled features on the records of ``connection``.
    """
    from features.compiled import compiled

    spine = numbered(_spine(peers, segment, connection, end_of_day(month)))
    measured = measure(connection, compiled(compared(peers), segment), spine)
    made = {}
    for peer in peers:
        of = _filled(peer, measured)
        made[peer.code] = (
            Values.of(_keys(peer.group.by, measured), of),
            Values.of(_keys(peer.group.wider, measured), of),
        )
    return made


def compared(peers: Sequence[Peer]) -> tuple[Feature, ...]:
    """What has to be measured for ``peers``: the features that they compare, and those that name the groups."""
    from features.dictionary import registered

    known = registered()
    found: dict[str, Feature] = {}
    for peer in peers:
        of = known[peer.of]
        assert isinstance(of, Feature)  # noqa: S101
        found |= {one.code: one for one in (of, *peer.group.by, *peer.group.wider)}
    return tuple(found.values())


class PeerTables:
    """The peers of month ends, made at first need; kept in ``folder`` where one is given, else in memory alone.

    ``mark`` stands for everything that can change what was known at a past month end: erasures, and histories that
    another system learnt earlier. Files of other marks are removed. A month end is kept on disk only if it lay before
    the records were opened: before that, more can become known of it.
    """

    def __init__(self, folder: Path | None = None, mark: str = "", opened_at: datetime | None = None) -> None:
        self.folder = folder
        self.mark = mark
        self.opened_at = opened_at or now()
        self._lock = Lock()
        self._kept: OrderedDict[tuple[str, date, str], MonthPeers] = OrderedDict()
        if folder is not None and folder.is_dir():
            for path in folder.glob("*.npz"):
                if path.stem.rpartition("-")[2] != mark:
                    path.unlink(missing_ok=True)

    @classmethod
    def of(cls, base: RecordBase) -> PeerTables:
        """Those of ``base``, kept in its folder. Ask for them before the records are opened."""
        from sqlalchemy import func, select
        from sqlalchemy.orm import Session

        from records.database import BatchRow, LifecycleRow
        from records.visibility import GONE

        with Session(base.engine) as session:
            gone = session.scalar(select(func.count()).select_from(LifecycleRow).where(LifecycleRow.action.in_(GONE)))
            learnt = session.scalar(select(func.count()).select_from(BatchRow).where(BatchRow.history))
        return cls(base.settings.peers_folder, f"{gone or 0}x{learnt or 0}")

    def standing(
        self,
        compiled: CompiledFeatures,
        connection: Any,
        rows: pa.Table,
        measures: Mapping[str, Floats],
        measure: Measure,
    ) -> dict[str, Floats]:
        """The peer features of the numbered spine ``rows``, from what was measured on them; NaN where missing.

        ``measure`` measures compiled features on the records of ``connection``, for the peers of month ends that are
        not known yet.
        """
        peers = compiled.peers
        if not peers:
            return {}
        comparable = np.any([_comparable(peer, measures) for peer in peers], axis=0)
        months = months_of(rows["as_of"].filter(pa.array(comparable)))
        found = {month: self.month(peers, compiled.segment, connection, month, measure) for month in months}
        return attached(peers, rows["as_of"], measures, found)

    def month(self, peers: Sequence[Peer], segment: str, connection: Any, month: date, measure: Measure) -> MonthPeers:
        """The peers at the end of ``month``, from memory, from disk, or made now."""
        fingerprint = _fingerprint(peers, segment)
        key = segment, month, fingerprint
        with self._lock:
            found = self._kept.get(key)
            if found is None:
                path = self._path(segment, month, fingerprint)
                found = _read(path, peers) if path is not None else None
                if found is None:
                    found = peers_of(peers, segment, connection, month, measure)
                    if path is not None:
                        _write(path, found, peers)
            self._kept[key] = found
            self._kept.move_to_end(key)
            while len(self._kept) > MONTHS_IN_MEMORY:
                self._kept.popitem(last=False)
            return found

    def _path(self, segment: str, month: date, fingerprint: str) -> Path | None:
        if self.folder is None or end_of_day(month) >= self.opened_at:
            return None
        return self.folder / f"{segment}-{month}-{fingerprint}-{self.mark}.npz"


def _fingerprint(peers: Sequence[Peer], segment: str) -> str:
    """What decides the peers' values: which they are, how they are grouped, and how everything is measured."""
    from features.compiled import compiled

    told = [[peer.code, peer.of, *(one.code for one in (*peer.group.by, *peer.group.wider))] for peer in peers]
    measured = compared(peers)
    fills = [one.when_empty for one in measured]
    told_so = repr((told, fills, LEAST_PEERS, MOST_VALUES, compiled(measured, segment).passes))
    return hashlib.sha256(told_so.encode()).hexdigest()[:16]


def _comparable(peer: Peer, measures: Mapping[str, Floats]) -> npt.NDArray[np.bool_]:
    """Which rows have a value and a group."""
    grouped = ~np.isnan(_keys(peer.group.wider, measures)).any(axis=1)
    return np.asarray(grouped & ~np.isnan(_filled(peer, measures)))


def _standing(peer: Peer, known: tuple[Values, Values], measures: Mapping[str, Floats], rows: Ints) -> Floats:
    values = _filled(peer, measures)[rows]
    narrow, wide = known
    found = np.full(len(rows), np.nan)
    for group, by in ((narrow, peer.group.by), (wide, peer.group.wider)):
        keys = _keys(by, measures)[rows]
        open_ = np.flatnonzero(np.isnan(found) & ~np.isnan(values) & ~np.isnan(keys).any(axis=1))
        found[open_] = group.share(keys[open_], values[open_])
    return found


def _filled(peer: Peer, measures: Mapping[str, Floats]) -> Floats:
    """The values that are compared, with what no record means filled in."""
    from features.dictionary import registered

    of, column = registered()[peer.of], measures[peer.of]
    assert isinstance(of, Feature)  # noqa: S101
    return column if of.when_empty is None else np.where(np.isnan(column), of.when_empty, column)


def _keys(by: Sequence[Feature], measures: Mapping[str, Floats]) -> Floats:
    return np.column_stack([measures[one.code] for one in by])


def _spine(peers: Sequence[Peer], segment: str, connection: Any, moment: datetime) -> pa.Table:
    """Whoever had a record by then that names a group."""
    with connection.con.cursor() as cursor:
        query = f"{subjects_query(peers, segment)} ORDER BY 1"
        ids = cursor.sql(query, params={"moment": moment}).to_arrow_table()["subject_id"]
    as_of = pa.repeat(pa.scalar(moment, pa.timestamp("us")), len(ids))
    return pa.table([ids, as_of], schema=SPINE_SCHEMA)


def subjects_query(peers: Sequence[Peer], segment: str) -> str:
    """The SQL of subject_id of whoever had a record by ``$moment`` that names a group, in no order."""
    from records.catalogue import Catalogue

    items = Catalogue.load().items
    tables = sorted({items[one.item].table for peer in peers for one in (*peer.group.by, *peer.group.wider)})
    parts = " UNION ".join(
        f"SELECT subject_id FROM {table} WHERE subject_kind = '{segment}' AND recorded_at <= $moment"
        for table in tables
    )
    return f"SELECT DISTINCT subject_id FROM ({parts})"


def _thinned(values: Floats) -> Floats:
    if len(values) <= MOST_VALUES:
        return values
    return values[(np.arange(MOST_VALUES) * 2 + 1) * len(values) // (2 * MOST_VALUES)]


def _instant(microseconds: int) -> datetime:
    return datetime(1970, 1, 1) + timedelta(microseconds=microseconds)


def _arrays(found: MonthPeers, peers: Sequence[Peer]) -> Iterator[tuple[str, npt.NDArray[Any]]]:
    for number, peer in enumerate(peers):
        for level, values in enumerate(found[peer.code]):
            for name in ("keys", "start", "values"):
                yield f"{number}_{level}_{name}", getattr(values, name)


def _write(path: Path, found: MonthPeers, peers: Sequence[Peer]) -> None:
    """The file appears whole or not at all; of two processes that make the same one, either may win."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.stem}.{os.getpid()}-{secrets.token_hex(4)}")
    with unfinished.open("wb") as file:
        np.savez_compressed(file, **dict(_arrays(found, peers)))  # type: ignore[arg-type]
    unfinished.replace(path)


def _read(path: Path, peers: Sequence[Peer]) -> MonthPeers | None:
    """What was kept; None where nothing was, or where the file cannot be read: then it is made anew."""
    try:
        with np.load(path, allow_pickle=False) as held:
            return {
                peer.code: (
                    Values(held[f"{number}_0_keys"], held[f"{number}_0_start"], held[f"{number}_0_values"]),
                    Values(held[f"{number}_1_keys"], held[f"{number}_1_start"], held[f"{number}_1_values"]),
                )
                for number, peer in enumerate(peers)
            }
    except (OSError, ValueError, KeyError, EOFError):
        return None
