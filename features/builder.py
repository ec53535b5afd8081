"""Measures for a whole spine: swept where that can be, joined where not, some subjects at a time on all cores."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from threading import Lock
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from features.compiled import CompiledFeatures, Reading
from features.definition import Feature, Grouping
from features.inputs import Read, TooLarge, read
from features.leaves import CannotSweep
from features.plan import plan_of
from features.stored_inputs import NotStored, StoredInputs
from features.sweep_arrays import Questions
from features.sweeping import Sweep, Table, chosen_records

SUBJECTS_AT_ONCE = 50_000
QUESTIONS_AT_ONCE = 60_000
_ONE_AT_A_TIME = Lock()
Floats = npt.NDArray[np.float64]
Rows = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Ways:
    """How each feature is measured: ``sweeps``, and ``joins``: the SQL of passes with the codes that they give."""

    sweeps: tuple[Sweep, ...]
    joins: tuple[tuple[str, tuple[str, ...]], ...]


@dataclass
class Measures:
    """What was measured, NaN where missing. ``undecided``: rows that a sweep could not decide, to be joined."""

    table: Table
    undecided: list[tuple[Sweep, Rows]] = field(default_factory=list)


@cache
def ways(compiled: CompiledFeatures) -> Ways:
    """Sweeps of what can be taken apart, joining passes of what can not."""
    sweeps: list[Sweep] = []
    joins: list[tuple[str, tuple[str, ...]]] = []
    for (reading, grouping), features in compiled.by_pass.items():
        can, left = features, list[Feature]()
        if not _can_be_swept(reading, grouping, features):
            can = [one for one in features if _can_be_swept(reading, grouping, [one])]
            left = [one for one in features if one not in can]
        if can:
            sweeps.append(Sweep(plan_of(reading, grouping, can)))
        if left:
            joins.append((compiled.joining(reading, grouping, left), tuple(one.code for one in left)))
    return Ways(tuple(sweeps), tuple(joins))


def _can_be_swept(reading: Reading, grouping: Grouping | None, features: list[Feature]) -> bool:
    try:
        plan_of(reading, grouping, features)
    except CannotSweep:
        return False
    return True


def measure(connection: Any, compiled: CompiledFeatures, rows: pa.Table) -> dict[str, Floats]:
    """Every measure of ``compiled`` on the numbered spine ``rows``: see ``features.spine.numbered``."""
    found = ways(compiled)
    measures = Measures(Table([one.code for one in compiled.measures], rows.num_rows))
    if found.sweeps and rows.num_rows:
        _sweep(connection, found.sweeps, rows, measures)
    with connection.con.cursor() as cursor:
        for query, codes in found.joins:
            _join(cursor, query, codes, rows, np.arange(rows.num_rows), measures)
        for sweep, places in measures.undecided:
            plan = sweep.plan
            query = compiled.joining(plan.reading, plan.grouping, list(plan.features))
            _join(cursor, query, tuple(one.code for one in plan.features), rows, places, measures)
    return {one.code: measures.table.column(one.code) for one in compiled.measures}


def _sweep(connection: Any, sweeps: tuple[Sweep, ...], rows: pa.Table, measures: Measures) -> None:
    portions = list(_portions(rows))
    workers = min(os.cpu_count() or 1, len(portions))
    if workers == 1:
        for portion in portions:
            _measure_portion(connection, sweeps, portion, measures)
        return
    with ThreadPoolExecutor(workers, thread_name_prefix="sweep") as pool:
        for done in [pool.submit(_measure_portion, connection, sweeps, one, measures) for one in portions]:
            done.result()


@dataclass(frozen=True)
class Portion:
    """Some subjects (subject_id, number), their as-ofs, and the spine row of each as-of."""

    subjects: pa.Table
    questions: Questions
    rows: Rows


def _portions(rows: pa.Table) -> Iterator[Portion]:
    """The spine by subject, each subject's as-ofs ascending."""
    coded = rows["subject_id"].combine_chunks().dictionary_encode()
    names = coded.dictionary.to_numpy(zero_copy_only=False)
    alphabetical = np.argsort(names)
    rank = np.empty(len(names), np.int64)
    rank[alphabetical] = np.arange(len(names))
    subject = rank[coded.indices.to_numpy()]
    instant = rows["as_of"].cast(pa.int64()).to_numpy()
    order = _sorted_by(subject, instant)
    day = rows["as_of_day"].cast(pa.int32()).to_numpy()[order]
    month = rows["as_of_month"].to_numpy()[order].astype(np.int32)
    start = np.searchsorted(subject[order], np.arange(len(names) + 1))
    for first in range(0, len(names), SUBJECTS_AT_ONCE):
        last = min(first + SUBJECTS_AT_ONCE, len(names))
        chosen = slice(int(start[first]), int(start[last]))
        subjects = pa.table(
            {
                "subject_id": pa.array(names[alphabetical[first:last]], pa.string()),
                "number": pa.array(np.arange(last - first), pa.int32()),
            }
        )
        questions = Questions(
            start[first : last + 1] - start[first], instant[order[chosen]], day[chosen], month[chosen]
        )
        yield Portion(subjects, questions, order[chosen])


def _sorted_by(subject: Rows, instant: Rows) -> Rows:
    """The order of rows by subject, then by instant. A spine is often sorted already, or a row of sorted blocks."""
    moments = np.unique(instant)
    key = subject * len(moments) + np.searchsorted(moments, instant)
    if (np.diff(key) >= 0).all():
        return np.arange(len(key))
    return np.argsort(key, kind="stable")


def _measure_portion(connection: Any, sweeps: tuple[Sweep, ...], portion: Portion, measures: Measures) -> None:
    with connection.con.cursor() as cursor:
        for sweep in sweeps:
            try:
                given = _given(connection, cursor, sweep, portion)
                _measure(cursor, sweep, given, portion, measures)
            except TooLarge:
                measures.undecided.append((sweep, portion.rows))


def _given(connection: Any, cursor: Any, sweep: Sweep, portion: Portion) -> Read:
    """From the companions of the base's files where there are any, else by asking the item's view."""
    if (stored := stored_inputs(connection)) is not None:
        with suppress(NotStored):
            return stored.read(cursor, sweep.plan, sweep.plan.own_query, portion.subjects)
    return read(cursor, sweep.plan, sweep.plan.query, portion.subjects)


def stored_inputs(connection: Any) -> StoredInputs | None:
    """The inputs kept beside the files that ``connection`` reads, or ``None`` for records that lie in no files."""
    stored = getattr(connection, "stored", None)
    if stored is None:
        return None
    with _ONE_AT_A_TIME:
        if not isinstance(getattr(connection, "stored_inputs", None), StoredInputs):
            connection.stored_inputs = StoredInputs(connection, stored)
    found: StoredInputs = connection.stored_inputs
    return found


def without_records(connection: Any, compiled: CompiledFeatures, subject_id: str) -> set[Reading]:
    """What features read of which it is known that there was never a record for the subject."""
    found: set[Reading] = set()
    if (stored := stored_inputs(connection)) is None:
        return found
    with connection.con.cursor() as cursor:
        for sweep in ways(compiled).sweeps:
            if sweep.plan.grouping is None:
                with suppress(NotStored, TooLarge):
                    if not stored.any_records(cursor, sweep.plan, sweep.plan.own_query, subject_id):
                        found.add(sweep.plan.reading)
    return found


def _measure(cursor: Any, sweep: Sweep, given: Read, portion: Portion, measures: Measures) -> None:
    if sweep.at_once:
        sorted_given = _by_subject(given)
        tied = sweep.measure_at_once(sorted_given, portion.questions, measures.table, portion.rows)
        if tied is not None:
            if tied.any():
                measures.undecided.append((sweep, portion.rows[tied]))
            return
    for part, first, last in _parts(given, portion.questions):
        start = portion.questions.start
        cells = slice(int(start[first]), int(start[last]))
        asked = Questions(
            start[first : last + 1] - start[first],
            portion.questions.instant[cells],
            portion.questions.day[cells],
            portion.questions.month[cells],
        )
        rows = portion.rows[cells]
        tied = sweep.measure(cursor, part, asked, measures.table, rows)
        if tied.any():
            measures.undecided.append((sweep, rows[tied]))


def _parts(given: Read, questions: Questions) -> Iterator[tuple[Read, int, int]]:
    """What was read of some subjects at a time, and the numbers of the first and past the last of them."""
    subject = given.records.subject
    if questions.asked <= QUESTIONS_AT_ONCE:
        yield given, 0, len(questions.start) - 1
        return
    order = None if (np.diff(subject) >= 0).all() else np.argsort(subject, kind="stable")
    by_subject = subject if order is None else subject[order]
    first = 0
    while first < len(questions.start) - 1:
        most = questions.start[first] + QUESTIONS_AT_ONCE
        last = max(int(np.searchsorted(questions.start, most, "right")) - 1, first + 1)
        bounds = np.searchsorted(by_subject, [first, last])
        chosen = slice(int(bounds[0]), int(bounds[1])) if order is None else order[bounds[0] : bounds[1]]
        records = chosen_records(given.records, chosen, first)
        yield Read(records, given.texts, None if given.keys is None else given.keys[chosen]), first, last
        first = last


def _by_subject(given: Read) -> Read:
    """The same, the records of a subject together."""
    subject = given.records.subject
    if (np.diff(subject) >= 0).all():
        return given
    order = np.argsort(subject, kind="stable")
    keys = None if given.keys is None else given.keys[order]
    return Read(chosen_records(given.records, order), given.texts, keys)


def _join(cursor: Any, query: str, codes: tuple[str, ...], rows: pa.Table, places: Rows, measures: Measures) -> None:
    """Measures of the spine rows at ``places`` by joining."""
    cursor.register("spine", rows if len(places) == rows.num_rows else rows.take(pa.array(places)))
    found = cursor.sql(query).to_arrow_table()
    at = found["row"].to_numpy()
    for code in codes:
        measures.table.column(code)[places] = np.nan
        measures.table.column(code)[at] = found[code].cast(pa.float64()).to_numpy()
