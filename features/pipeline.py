"""Spine and records to features: what was known about each subject at each as-of, and the records behind it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from features.compiled import compiled, measured_on
from features.definition import AnyFeature
from features.dictionary import features_for, registered
from records.moment import SHANGHAI_OFFSET

SPINE_SCHEMA = pa.schema([("subject_id", pa.string()), ("as_of", pa.timestamp("us"))])
KEYS = ["subject_id", "as_of"]


@dataclass(frozen=True)
class Evidence:
    """A record behind a feature's value."""

    item: str
    record_id: str
    occurred_on: date


class FeaturePipeline:
    """Computes ``features`` (default: the model features of ``segment``) on the records of an Ibis DuckDB backend.

    The SQL is compiled once a process. Safe to use from several threads: each question has a cursor of its own.
    """

    def __init__(self, connection: Any, segment: str, features: Sequence[AnyFeature] | None = None) -> None:
        self.connection = connection
        self.segment = segment
        self.features = tuple(features if features is not None else features_for(segment))
        self.codes = tuple(feature.code for feature in self.features)
        self._compiled = compiled(self.features, segment)

    def build(self, spine: pa.Table) -> pa.Table:
        """Features of each (subject_id, as_of) of ``spine``, in the spine's order, float64, NaN where missing.

        An unknown subject, or an as-of before the first record, gives a row of empties.
        """
        rows = _numbered(spine.select(KEYS).cast(SPINE_SCHEMA))
        with self.connection.con.cursor() as cursor:
            cursor.register("spine", rows)
            for name, query in self._compiled.steps.items():
                cursor.execute(f"CREATE TEMP TABLE {name} AS {query}")
            found = cursor.sql(self._compiled.gathering).to_arrow_table()
        columns = {code: _with_nan(found[code]) for code in self.codes}
        return pa.table({"subject_id": rows["subject_id"], "as_of": rows["as_of"], **columns})

    def one(self, subject_id: str, as_of: datetime) -> dict[str, float]:
        """The features of one subject at one as-of, the same bits as ``build`` gives."""
        row = self.build(_spine_of(subject_id, as_of))
        return {code: float(row[code][0].as_py()) for code in self.codes}

    def evidence(
        self, subject_id: str, as_of: datetime, codes: Iterable[str], limit: int = 5
    ) -> dict[str, tuple[Evidence, ...]]:
        """For each feature of ``codes``, at most ``limit`` visible records that it counted, the latest first."""
        sources = {code: measured_on(registered()[code]) for code in codes}
        items = {feature.item for found in sources.values() for feature in found}
        spine = _numbered(_spine_of(subject_id, as_of))
        behind: dict[str, list[Evidence]] = {}
        with self.connection.con.cursor() as cursor:
            cursor.register("spine", spine)
            for item in sorted(items):
                codes_of_item, query = self._compiled.evidence_queries[item]
                for record_id, occurred_on, *counted in cursor.execute(query).fetchall():
                    for code, counts in zip(codes_of_item, counted, strict=True):
                        if counts:
                            behind.setdefault(code, []).append(Evidence(item, record_id, occurred_on))
        answer = {}
        for code, found in sources.items():
            records = {record for feature in found for record in behind.get(feature.code, [])}
            latest_first = sorted(records, key=lambda one: (one.occurred_on, one.record_id), reverse=True)
            answer[code] = tuple(latest_first[:limit])
        return answer


def _numbered(spine: pa.Table) -> pa.Table:
    """The spine with row numbers, the as-of's day in Asia/Shanghai, and that day's month counted from year 0."""
    days = pc.add(spine["as_of"], pa.scalar(timedelta(0) + SHANGHAI_OFFSET, pa.duration("us"))).cast(
        pa.date32(), safe=False
    )
    months = pc.add(pc.multiply(pc.year(days), 12), pc.month(days))
    return pa.table(
        {
            "row": pa.array(range(spine.num_rows), pa.int64()),
            "subject_id": spine["subject_id"],
            "as_of": spine["as_of"],
            "as_of_day": days,
            "as_of_month": months,
        }
    )


def _spine_of(subject_id: str, as_of: datetime) -> pa.Table:
    return pa.table([pa.array([subject_id]), pa.array([as_of], pa.timestamp("us"))], schema=SPINE_SCHEMA)


def _with_nan(column: pa.ChunkedArray) -> pa.ChunkedArray:
    return pc.fill_null(column.cast(pa.float64()), float("nan"))
