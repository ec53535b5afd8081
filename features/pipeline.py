"""Spine and records to features: what was known about each subject at each as-of, and the records behind it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from features.builder import measure, without_records
from features.compiled import compiled, reading_of
from features.definition import AnyFeature, Derived, Feature
from features.dictionary import features_for
from features.peers import PeerTables
from features.spine import numbered, spine_of, spine_of_many

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Evidence:
    """A record behind a feature's value."""

    item: str
    record_id: str
    occurred_on: date


class FeaturePipeline:
    """Computes ``features`` (default: the model features of ``segment``) on the records of an Ibis DuckDB backend.

    ``peers``: the peers of month ends that are known already (default: made at first need, for this pipeline alone).
    The SQL is compiled once a process. Safe to use from several threads: each question has a cursor of its own.
    """

    def __init__(
        self,
        connection: Any,
        segment: str,
        features: Sequence[AnyFeature] | None = None,
        peers: PeerTables | None = None,
    ) -> None:
        self.peers = peers or PeerTables()
        self.connection = connection
        self.segment = segment
        self.features = tuple(features if features is not None else features_for(segment))
        self.codes = tuple(feature.code for feature in self.features)
        self._compiled = compiled(self.features, segment)

    def build(self, spine: pa.Table) -> pa.Table:
        """Features of each (subject_id, as_of) of ``spine``, in the spine's order, float64, NaN where missing.

        An unknown subject, or an as-of before the first record, gives a row of empties; an empty spine, an empty table.
        Raises ``BadSpine`` for anything but a table of subjects and instants.
        """
        rows = numbered(spine)
        measures = measure(self.connection, self._compiled, rows)
        measures |= self.peers.standing(self._compiled, self.connection, rows, measures, measure)
        columns = self._finished(measures, rows.num_rows)
        return pa.table({"subject_id": rows["subject_id"], "as_of": rows["as_of"], **columns})

    def _finished(self, measures: Mapping[str, Floats], rows: int) -> dict[str, Floats]:
        """The features from what was measured: what no record means is filled in, and the rest is derived."""
        columns = {}
        for feature in self.features:
            if not isinstance(feature, Derived):
                column = columns[feature.code] = measures[feature.code]
                if isinstance(feature, Feature) and feature.when_empty is not None:
                    column[np.isnan(column)] = feature.when_empty
        if derived := [feature.code for feature in self.features if isinstance(feature, Derived)]:
            known = {code: pa.array(column, from_pandas=True) for code, column in measures.items()}
            with self.connection.con.cursor() as cursor:
                cursor.register("measured", pa.table({"row": np.arange(rows), **known}))
                found = cursor.sql(self._compiled.derive).to_arrow_table()
            place = found["row"].to_numpy()
            for code in derived:
                columns[code] = np.full(rows, np.nan)
                columns[code][place] = found[code].to_numpy()
        return {code: columns[code] for code in self.codes}

    def one(self, subject_id: str, as_of: datetime) -> dict[str, float]:
        """The features of one subject at one as-of, the same bits as ``build`` gives."""
        row = self.build(spine_of(subject_id, as_of))
        return {code: float(row[code][0].as_py()) for code in self.codes}

    def evidence(
        self, subject_id: str, as_of: datetime, codes: Iterable[str], limit: int = 5
    ) -> dict[str, tuple[Evidence, ...]]:
        """For each feature of ``codes``, at most ``limit`` visible records that it counted, the latest first.

        Those that tell the most where the feature says which; those of all its inputs for a derived feature.
        Raises ``UnknownFeature``.
        """
        return self.evidence_of_many([(subject_id, as_of)], codes, limit)[0]

    def evidence_of_many(
        self, asked: Sequence[tuple[str, datetime]], codes: Iterable[str], limit: int = 5
    ) -> list[dict[str, tuple[Evidence, ...]]]:
        """``evidence`` of each subject at its as-of; many take little longer than one, since each record is read once.

        Raises ``UnknownFeature``.
        """
        sources = {code: self._compiled.measured_on(code) for code in codes}
        readings = dict.fromkeys(reading_of(feature) for found in sources.values() for feature in found)
        behind: list[dict[str, Sequence[Evidence]]] = [{} for _ in asked]
        with self.connection.con.cursor() as cursor:
            cursor.register("spine", numbered(spine_of_many(asked)))
            empty = without_records(self.connection, self._compiled, asked[0][0]) if len(asked) == 1 else set()
            for reading in readings:
                if reading not in empty:
                    features, query = self._compiled.evidence_queries[reading]
                    records = cursor.sql(query).to_arrow_table()
                    starts = np.searchsorted(records["row"].to_numpy(), np.arange(len(asked) + 1)).tolist()
                    marks = {code: records[code].to_numpy() for code in features}
                    for found, first, last in zip(behind, starts, starts[1:], strict=False):
                        if first < last:
                            some = records.slice(first, last - first)
                            for code, feature in features.items():
                                found[code] = _of_records(feature, some, marks[code][first:last], limit)
        return [
            {
                code: _latest([record for one in measured for record in found.get(one.code, ())], limit)
                for code, measured in sources.items()
            }
            for found in behind
        ]


def _of_records(feature: Feature, records: pa.Table, marks: npt.NDArray[np.int8], limit: int) -> list[Evidence]:
    """The records [n] that tell the most of a feature, by its ``marks`` [n] of them."""
    return [
        Evidence(feature.item, records["record_id"][at].as_py(), records["occurred_on"][at].as_py())
        for at in _telling(feature, marks, limit)
    ]


def _telling(feature: Feature, marks: npt.NDArray[np.int8], limit: int) -> list[int]:
    """Positions of the records that tell the most, or else of those that count."""
    found = np.flatnonzero(marks == 2)
    found = found if len(found) else np.flatnonzero(marks == 1)
    return [int(at) for at in found[: min(limit, feature.evidence_most or limit)]]


def _latest(records: Iterable[Evidence], limit: int) -> tuple[Evidence, ...]:
    ordered = sorted(set(records), key=lambda one: (one.occurred_on, one.record_id), reverse=True)
    return tuple(ordered[:limit])
