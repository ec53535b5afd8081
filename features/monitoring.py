"""Everything that has moved about a segment's inputs between two days: features, codes, population, silent sources."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from features.code_values import CodeDrift, code_drift, compared_codes
from features.definition import AnyFeature
from features.dictionary import features_for
from features.drift import BadComparison, FeatureDrift, Level, SourceDrift, Two, by_source, check_days, compare
from features.peers import PeerTables
from features.pipeline import FeaturePipeline
from features.plain import plain
from features.poison import Poisoned, poisoned
from features.spine import known_since, spine
from records.as_of import VISIBLE, moments
from records.catalogue import Catalogue
from records.catalogue.kinds import KIND_WORDS
from records.moment import add_months, end_of_day
from records.protected import PROTECTED_FIELDS
from records.words import Text

if TYPE_CHECKING:
    from records.base import RecordBase

NEW_MONTHS = 12
Progress = Callable[[int], None]


@dataclass(frozen=True)
class Population:
    """Who is compared: subjects known at each day, those who joined in between, the share whose file is under a year
    old; ``composition``: subjects by what their registration says last."""

    subjects: Two
    joined: int
    young: Two
    composition: tuple[CodeDrift, ...]


@dataclass(frozen=True)
class Drift:
    """What ``huixin features drift`` finds. ``tables``: the features themselves, reference and current."""

    segment: str
    reference: date
    current: date
    features: tuple[FeatureDrift, ...]
    sources: tuple[SourceDrift, ...]
    population: Population
    codes: tuple[CodeDrift, ...]
    poisoned: tuple[Poisoned, ...]
    tables: tuple[pa.Table, pa.Table]

    @property
    def level(self) -> Level:
        """``large`` where a feature moved much or a silence looks good; ``moderate`` where else a look is needed."""
        silent = [one for one in self.poisoned if one.silence.cause != "never"]
        coded = (*self.codes, *self.population.composition)
        levels = {one.worst for one in self.features} | {one.level for one in coded}
        if "large" in levels or any(one.reads_as == "good" for one in silent):
            return "large"
        return "moderate" if "moderate" in levels or silent else "stable"

    def as_dict(self) -> dict[str, Any]:
        """Plain data without the tables; what is not a number is null."""
        found: dict[str, Any] = {"level": self.level}
        return found | {one.name: plain(getattr(self, one.name)) for one in fields(self) if one.name != "tables"}


def monitor(
    base: RecordBase,
    segment: str,
    reference: date,
    current: date,
    *,
    features: Sequence[AnyFeature] | None = None,
    progress: Progress | None = None,
) -> Drift:
    """Compare the features of ``segment`` (default: those for models) at the end of two days.

    Progress counts to 4. Raises ``BadComparison`` for an unknown kind of subject, for days in the wrong order, and
    where at one of them no subject was known.
    """
    done = progress or (lambda _: None)
    check_segment(segment)
    check_days(reference, current)
    used = tuple(features if features is not None else features_for(segment))
    peers = PeerTables.of(base)
    connection = base.connection()
    pipeline = FeaturePipeline(connection, segment, used, peers)
    old, new = (pipeline.build(spine(connection, segment, [day])) for day in (reference, current))
    done(1)
    moved = compare(old, new, used)
    done(2)
    codes = code_drift(connection, segment, used, reference, current)
    population = _population(connection, segment, reference, current)
    done(3)
    silent = poisoned(base, segment, current, pipeline=pipeline)
    done(4)
    return Drift(segment, reference, current, moved, by_source(moved), population, codes, tuple(silent), (old, new))


def check_segment(segment: str) -> None:
    """Raises ``BadComparison`` unless ``segment`` is a kind of subject that has features."""
    if segment not in KIND_WORDS:
        accepted = ", ".join(KIND_WORDS)
        raise BadComparison(
            Text(
                f"没有主体类别“{segment[:40]}”；可用：{accepted}",
                f"no kind of subject '{segment[:40]}'; accepted: {accepted}",
            )
        )


def _population(connection: Any, segment: str, reference: date, current: date) -> Population:
    since = known_since(connection, segment)["known_since"]
    known, young = [], []
    for day in (reference, current):
        by_then = pc.sum(pc.less_equal(since, _moment(day))).as_py() or 0
        before = pc.sum(pc.less_equal(since, _moment(add_months(day, -NEW_MONTHS)))).as_py() or 0
        known.append(by_then)
        young.append((by_then - before) / by_then if by_then else 0.0)
    composition = _composition(connection, segment, reference, current)
    return Population(Two(*known), known[1] - known[0], Two(*young), composition)


def _composition(connection: Any, segment: str, reference: date, current: date) -> tuple[CodeDrift, ...]:
    """Subjects by each code of their latest registration: of the items that say when a subject has ended."""
    found = []
    for item in Catalogue.load().items.values():
        names = [name for name, one in item.fields.items() if one.type == "code" and name not in PROTECTED_FIELDS]
        if not item.ended_when or segment not in item.subject_kinds or not names:
            continue
        counts = [_latest_codes(connection, segment, item.table, names, day) for day in (reference, current)]
        for at, name in enumerate(names):
            values = sorted(counts[0][at].keys() | counts[1][at].keys())
            pairs = {value: (counts[0][at].get(value, 0), counts[1][at].get(value, 0)) for value in values}
            if pairs:
                found.append((item.code, name, pairs))
    tested = sum(len(pairs) for *_, pairs in found)
    return tuple(compared_codes(item, name, pairs, tested) for item, name, pairs in found)


def _latest_codes(connection: Any, segment: str, table: str, names: list[str], day: date) -> list[dict[str, int]]:
    """For each field, subjects by the value of their latest record that is visible at the end of ``day``."""
    columns = ", ".join(f'"{name}": "{name}"' for name in names)
    query = (
        f"SELECT last FROM (SELECT arg_max({{{columns}}}, (occurred_on, recorded_at, record_id)) AS last FROM {table} "
        f"WHERE {VISIBLE} AND subject_kind = $segment GROUP BY subject_id)"
    )
    with connection.con.cursor() as cursor:
        asked = {**moments(end_of_day(day)), "segment": segment}
        rows = cursor.sql(query, params=asked).to_arrow_table()["last"]
    found = []
    for name in names:
        said = pc.struct_field(rows, name).drop_null().to_numpy(zero_copy_only=False)
        values, counts = np.unique(said, return_counts=True)
        found.append(dict(zip(values.tolist(), counts.tolist(), strict=True)))
    return found


def _moment(day: date) -> pa.Scalar:
    return pa.scalar(end_of_day(day), pa.timestamp("us"))
