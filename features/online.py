"""The latest features of every subject by primary key: computed once a day, and again for whom a batch touches.

What is kept is not an approximation. Between two changes of the base and within one day of Asia/Shanghai no feature can
change, so that what was computed at the beginning of such a time is, bit for bit, what would be computed at any other
moment of it; ``get`` gives it for those moments only, and nothing for others.
"""

from __future__ import annotations

import hashlib
import inspect
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
from sqlalchemy import Connection, delete, func, insert, select, text, update
from sqlalchemy.orm import Session

from features.compiled import compiled, duckdb_sql
from features.definition import AnyFeature, Feature, Link
from features.dictionary import features_for
from features.links import linked
from features.peers import PeerTables, compared
from features.pipeline import FeaturePipeline
from features.spine import SPINE_SCHEMA
from records.base import RecordBase
from records.bulk import execute, marked, moment_out, select_in
from records.database import BatchRow, FeatureRunRow, LatestFeaturesRow, LifecycleRow, SubjectRow, writing
from records.moment import end_of_day, now, shanghai_day

T = TypeVar("T")
AT_ONCE = 2_000
MICROSECOND = timedelta(microseconds=1)
SOON = timedelta(seconds=5)
LATEST = text(
    "SELECT l.numbers, r.fingerprint, r.as_of, r.valid_until, r.state, "
    "(SELECT count(*) FROM batches) + (SELECT count(*) FROM lifecycle) + (SELECT count(*) FROM rewrites) "
    "FROM feature_runs r JOIN latest_features l ON l.segment = r.segment "
    "WHERE r.segment = :segment AND l.subject_id = :subject_id"
).columns(as_of=FeatureRunRow.as_of.type, valid_until=FeatureRunRow.valid_until.type)


RUN = (
    "SELECT r.fingerprint, r.as_of, r.valid_until, r.state, "
    "(SELECT count(*) FROM batches) + (SELECT count(*) FROM lifecycle) + (SELECT count(*) FROM rewrites) "
    "FROM feature_runs r WHERE r.segment = ?"
)
OF_SEGMENT = "SELECT subject_id, numbers, evidence FROM latest_features WHERE subject_id IN ({keys}) AND segment = ?"


@dataclass(frozen=True)
class Kept:
    """What is kept of some subjects: features (float64) and, where known, evidence, by subject id.

    It holds from ``as_of`` until before ``valid_until`` (UTC).
    """

    as_of: datetime
    valid_until: datetime
    rows: dict[str, tuple[npt.NDArray[np.float64], bytes | None]]


@dataclass(frozen=True)
class Refreshed:
    """What a refresh did: ``whole`` where all subjects were computed, else those that were touched."""

    segment: str
    as_of: datetime
    subjects: int
    whole: bool
    seconds: float


class OnlineFeatures:
    """The latest ``features`` (default: the model features) of ``segment``. Safe between threads and processes."""

    def __init__(self, base: RecordBase, segment: str, features: Sequence[AnyFeature] | None = None) -> None:
        self.base, self.segment = base, segment
        self._features = tuple(features if features is not None else features_for(segment))
        self.codes = tuple(one.code for one in self._features)

    @cached_property
    def fingerprint(self) -> str:
        """Which features, and how they are measured: the text of the code and of the catalogue that say so."""
        import duckdb

        import records.catalogue

        told = hashlib.sha256(repr((self.codes, duckdb.__version__)).encode())
        code = {Path(inspect.getfile(one.measure)) for one in self._features if isinstance(one, Feature)}
        code |= set(Path(__file__).parent.glob("*.py")) | set(Path(records.catalogue.__file__).parent.glob("*.toml"))
        for path in sorted(code):
            told.update(path.read_bytes())
        return told.hexdigest()

    def get(self, subject_id: str, as_of: datetime | None = None) -> dict[str, float] | None:
        """The features of a subject at ``as_of`` (UTC; default: now), or ``None`` where they are not kept for it."""
        moment = as_of or now()
        with self.base.engine.connect() as connection:
            row = connection.execute(LATEST, {"segment": self.segment, "subject_id": subject_id}).one_or_none()
        if row is None or row[4] != row[5] or not row.as_of <= moment < row.valid_until:
            return None
        if row.fingerprint != self.fingerprint:
            return None
        return dict(zip(self.codes, np.frombuffer(row.numbers, "<f8").tolist(), strict=True))

    def of_many(self, connection: Connection, subject_ids: Sequence[str]) -> Kept | None:
        """What is kept of ``subject_ids`` (those of whom something is), ``None`` where it does not hold any more."""
        span = self.span(connection)
        if span is None:
            return None
        found = select_in(connection, OF_SEGMENT, [*dict.fromkeys(subject_ids)], (self.segment,))
        rows = {one: (np.frombuffer(numbers, "<f8"), evidence) for one, numbers, evidence in found}
        return Kept(*span, rows)

    def span(self, connection: Connection) -> tuple[datetime, datetime] | None:
        """From when until before when (UTC) what is kept holds; ``None`` where it does not hold any more."""
        found = execute(connection, marked(connection, RUN), (self.segment,))
        run = found[0] if found else None
        if run is None or run[3] != run[4] or run[0] != self.fingerprint:
            return None
        return moment_out(run[1]), moment_out(run[2])

    def keep_evidence(self, connection: Connection, kept_as_of: datetime, found: Mapping[str, bytes]) -> None:
        """Keep evidence by subject id beside the features that were kept at ``kept_as_of``, if they still are."""
        run = select(FeatureRunRow.as_of).where(FeatureRunRow.segment == self.segment)
        if connection.scalar(run) != kept_as_of:
            return
        row = LatestFeaturesRow
        for subject_id, evidence in found.items():
            of_subject = (row.segment == self.segment, row.subject_id == subject_id)
            connection.execute(update(row).where(*of_subject).values(evidence=evidence))

    def refresh(self) -> Refreshed:
        """Bring the kept features up to now: those of touched subjects, or all where day or features are others."""
        started = time.perf_counter()
        peers = PeerTables.of(self.base)
        connection, state = self._opened()
        as_of = now()
        with Session(self.base.engine) as session:
            before = session.get(FeatureRunRow, self.segment)
            lifecycle = bool(session.scalar(select(func.count()).select_from(LifecycleRow)))
        run = FeatureRunRow(
            segment=self.segment,
            fingerprint=self.fingerprint,
            as_of=as_of,
            valid_until=self._valid_until(connection, as_of),
            state=state,
            files=sorted(path for of_item in connection.stored.files.values() for path, _ in of_item),
        )
        whole = before is None or before.fingerprint != run.fingerprint or not before.as_of < as_of < before.valid_until
        if whole or before is None:
            ids = self.base.subjects(self.segment)["subject_id"]
        else:
            ids = self._of_the_segment(self._touched(connection, before, lifecycle))
        spine = pa.table([ids, pa.repeat(pa.scalar(as_of, pa.timestamp("us")), len(ids))], schema=SPINE_SCHEMA)
        built = FeaturePipeline(connection, self.segment, self._features, peers=peers).build(spine)
        self._keep(built, run, before, whole)
        return Refreshed(self.segment, as_of, built.num_rows, whole, time.perf_counter() - started)

    def _opened(self) -> tuple[Any, int]:
        """The records, and the state of the base that they are of; begins when the last batch can be seen."""
        while True:
            state = self.base.state()
            self._wait_for_the_latest()
            connection = self.base.connection(self._items())
            if self.base.state() == state:
                return connection, state

    def _of_the_segment(self, subject_ids: set[str]) -> pa.Array:
        found: list[str] = []
        with Session(self.base.engine) as session:
            for some in _portions(sorted(subject_ids), AT_ONCE):
                query = select(SubjectRow.subject_id).where(SubjectRow.kind == self.segment)
                found += session.scalars(query.where(SubjectRow.subject_id.in_(some)))
        return pa.array(sorted(found), pa.string())

    def _items(self) -> tuple[str, ...]:
        made = compiled(self._features, self.segment)
        return tuple(sorted({*made.items, *(code for one in compared(made.peers) for code in one.items)}))

    def _wait_for_the_latest(self) -> None:
        """Batches are stamped a moment ahead of their commit: begin when the last one can be seen."""
        with Session(self.base.engine) as session:
            latest = [session.scalar(select(func.max(BatchRow.accepted_at)))]
            latest.append(
                session.scalar(
                    select(func.max(LifecycleRow.recorded_at)).where(LifecycleRow.recorded_at < now() + SOON)
                )
            )
        ahead = max((one - now() for one in latest if one is not None), default=timedelta(0))
        time.sleep(max(0.0, min(ahead, SOON).total_seconds()))

    def _valid_until(self, connection: Any, as_of: datetime) -> datetime:
        """The end of the day, or the first moment before it at which a record comes into sight or out of it."""
        until = end_of_day(shanghai_day(as_of)) + MICROSECOND
        for name in ("seen_from", "seen_until"):
            for moment in pa.compute.unique(connection.stored.visibility[name]).drop_null().to_pylist():
                if as_of < moment < until:
                    until = moment
        return until

    def _touched(self, connection: Any, before: FeatureRunRow, lifecycle: bool) -> set[str]:
        """Subjects whose features may have changed: whom new files are about, and all who are linked with them."""
        known_files = set(before.files)
        touched: set[str] = set()
        for item, files in connection.stored.files.items():
            fields = ["subject_id", *self._naming(item)]
            for path, _ in files:
                if path not in known_files:
                    for column in pq.read_table(path, columns=fields).columns:
                        touched |= set(pa.compute.unique(column).drop_null().to_pylist())
        if lifecycle:
            with Session(self.base.engine) as session:
                since = before.as_of - SOON
                touched |= set(session.scalars(select(LifecycleRow.subject_id).where(LifecycleRow.recorded_at > since)))
        return touched | self._linked_with(connection, touched)

    def _naming(self, code: str) -> list[str]:
        item = self.base.catalogue.item(code)
        return [name for name, field in item.fields.items() if field.type == "subject"]

    def _linked_with(self, connection: Any, touched: set[str]) -> set[str]:
        """Those who carry on the file of a touched subject, or reach one by a link that some feature follows."""
        found: set[str] = set()
        if not touched:
            return found
        with connection.con.cursor() as cursor:
            cursor.register("touched", pa.table({"member_id": pa.array(sorted(touched), pa.string())}))
            heirs = cursor.sql("SELECT DISTINCT subject_id FROM succession JOIN touched USING (member_id)")
            found |= {row[0] for row in heirs.fetchall()}
            cursor.register("touched", pa.table({"other_id": pa.array(sorted(touched | found), pa.string())}))
            for link in _ways(one.via for one in compiled(self._features, self.segment).measures):
                pairs = duckdb_sql(linked(link))
                rows = cursor.sql(f"SELECT DISTINCT p.subject_id FROM ({pairs}) p JOIN touched USING (other_id)")
                found |= {row[0] for row in rows.fetchall()}
        return found

    def _keep(self, built: pa.Table, run: FeatureRunRow, before: FeatureRunRow | None, whole: bool) -> None:
        numbers = np.column_stack([built[code].to_numpy() for code in self.codes]).astype("<f8")
        ids = built["subject_id"].to_pylist()
        with writing(self.base.engine) as session:
            now_there = session.get(FeatureRunRow, self.segment)
            if (now_there.as_of if now_there else None) != (before.as_of if before else None):
                return  # another process was faster, with the same features of the same records
            of_segment = delete(LatestFeaturesRow).where(LatestFeaturesRow.segment == self.segment)
            if whole:
                session.execute(of_segment)
            for some in _portions(range(len(ids)), AT_ONCE):
                if not whole:
                    session.execute(of_segment.where(LatestFeaturesRow.subject_id.in_([ids[at] for at in some])))
                rows = [
                    {"segment": self.segment, "subject_id": ids[at], "numbers": numbers[at].tobytes()} for at in some
                ]
                session.execute(insert(LatestFeaturesRow), rows)
            session.merge(run)


def _ways(links: Iterable[Link | None]) -> list[Link]:
    """Each link, and the way to each of its steps but the last, once."""
    found: dict[Link, None] = {}
    for link in links:
        while link is not None:
            found[link] = None
            steps = link.steps
            if len(steps) == 1:
                break
            shorter: Link | None = None
            for step in reversed(steps[:-1]):
                shorter = replace(step, then=shorter)
            link = shorter
    return list(found)


def _portions(things: Iterable[T], size: int) -> Iterator[list[T]]:
    whole = iter(things)
    while some := list(islice(whole, size)):
        yield some
