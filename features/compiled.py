"""Features to SQL, once for each set of features: one pass an item, one a grouping, and one that derives the rest."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache, cached_property
from typing import Any

import ibis

from features.definition import AnyFeature, Derived, Feature, Grouping, Link, Peer, condition, measured
from features.dictionary import registered, unknown_feature
from features.links import linked_records, record_table
from records.as_of import visible

Write = Callable[[Any], str]  # an Ibis table to an engine's SQL
Reading = tuple[str, Link | None]  # an item, and the link to those whose records are read (None: the subject's own)


class CompiledFeatures:
    """The SQL of ``features`` as ``write`` writes it, made on first use; independent of any connection."""

    def __init__(self, features: tuple[AnyFeature, ...], segment: str, write: Write) -> None:
        self.features = features
        self.segment = segment
        self.write = write
        self.codes = tuple(feature.code for feature in features)
        self.known = {**registered(), **{feature.code: feature for feature in features}}

    def measured_on(self, code: str) -> list[Feature]:
        """The features measured on records that the feature ``code`` comes from. Raises ``UnknownFeature``."""
        if code not in self.known:
            raise unknown_feature(code)
        feature = self.known[code]
        if isinstance(feature, Feature):
            return [feature]
        return [found for inner in feature.inputs for found in self.measured_on(inner)]

    @cached_property
    def measures(self) -> list[Feature]:
        """Every feature measured on records, those that derived features need among them."""
        found = {one.code: one for feature in self.features for one in self.measured_on(feature.code)}
        for peer in self.peers:
            found |= {one.code: one for one in (*peer.group.by, *peer.group.wider)}
        return list(found.values())

    @cached_property
    def peers(self) -> list[Peer]:
        """Every feature that compares a subject with its peers, those that derived features need among them."""
        inner = [self.known[code] for one in self._derived(self.features) for code in one.inputs]
        return list(dict.fromkeys(one for one in (*self.features, *inner) if isinstance(one, Peer)))

    @cached_property
    def passes(self) -> list[str]:
        """SQL of one pass an item, and one a grouping: measures by spine row, only of rows that have records."""
        return [self.joining(reading, grouping, found) for (reading, grouping), found in self.by_pass.items()]

    def joining(self, reading: Reading, grouping: Grouping | None, features: list[Feature]) -> str:
        """SQL of one pass that joins the spine with the records of ``reading``."""
        return self.write(_pass(reading, grouping, features))

    @property
    def items(self) -> tuple[str, ...]:
        """The items whose records the features are measured on or reached by."""
        return tuple(sorted({code for one in self.measures for code in one.items}))

    @cached_property
    def by_pass(self) -> dict[tuple[Reading, Grouping | None], list[Feature]]:
        """The measures by what they read, and how it is grouped."""
        passes: dict[tuple[Reading, Grouping | None], list[Feature]] = {}
        for feature in self.measures:
            passes.setdefault((reading_of(feature), feature.grouping), []).append(feature)
        return passes

    @cached_property
    def finish(self) -> str:
        """SQL over the table ``measured`` (row, all measures): the features alone, by row."""
        return self.write(self.finished.order_by("row").select(*self.codes))

    @cached_property
    def derive(self) -> str:
        """SQL over the table ``measured``: row, and the derived features alone."""
        codes = [feature.code for feature in self.features if isinstance(feature, Derived)]
        return self.write(self.finished.select("row", *codes))

    @property
    def finished(self) -> Any:
        """Row and features from the table ``measured`` (row, all measures, all peers): fills and derives the rest."""
        given = [*(one.code for one in self.measures), *(one.code for one in self.peers)]
        columns = {"row": "int64", **dict.fromkeys(given, "float64")}
        measured = ibis.table(columns, name="measured")
        filled = {
            feature.code: measured[feature.code].fill_null(feature.when_empty)
            for feature in self.measures
            if feature.when_empty is not None
        }
        measured = measured.mutate(**filled) if filled else measured
        for feature in self._derived(self.features):
            measured = measured.mutate(**{feature.code: feature.formula(measured).cast("float64")})
        return measured.select("row", *self.codes)

    @cached_property
    def evidence_queries(self) -> dict[Reading, tuple[dict[str, Feature], str]]:
        """By what is read: its features by code, and the SQL that marks each record, row by row, the latest first.

        A feature's mark of a record is 0 where it does not count, 1 where it counts, 2 where it tells the most.
        """
        by_reading: dict[Reading, dict[str, Feature]] = {}
        for feature in self.known.values():
            if isinstance(feature, Feature) and self.segment in feature.segments:
                by_reading.setdefault(reading_of(feature), {})[feature.code] = feature
        queries = {}
        for reading, features in by_reading.items():
            rows = _joined(reading, None)
            marks = {code: _mark(feature, rows) for code, feature in features.items()}
            table = rows.select("row", "record_id", "occurred_on", **marks)
            newest_first = table.order_by(["row", ibis.desc("occurred_on"), ibis.desc("record_id")])
            queries[reading] = (features, self.write(newest_first))
        return queries

    def _derived(self, features: Iterable[AnyFeature]) -> list[Derived]:
        """Derived features in the order in which they can be computed, inputs first."""
        ordered: dict[str, Derived] = {}
        for feature in features:
            if isinstance(feature, Derived):
                for inner in self._derived(self.known[code] for code in feature.inputs):
                    ordered[inner.code] = inner
                ordered[feature.code] = feature
        return list(ordered.values())


def duckdb_sql(table: Any) -> str:
    """The SQL of an Ibis table for DuckDB."""
    return str(ibis.to_sql(table, dialect="duckdb"))


@cache
def compiled(features: tuple[AnyFeature, ...], segment: str, write: Write = duckdb_sql) -> CompiledFeatures:
    """The compiled form of ``features``, shared by all pipelines of this process."""
    return CompiledFeatures(features, segment, write)


def reading_of(feature: Feature) -> Reading:
    """What a feature reads; all features of one reading are measured in one pass."""
    return feature.item, feature.via


def _pass(reading: Reading, grouping: Grouping | None, features: list[Feature]) -> Any:
    """One aggregation over the visible records of a reading, by spine row."""
    rows = _joined(reading, _longest_window(features, grouping))
    if grouping is None:
        return rows.group_by("row").aggregate(**{one.code: measured(one, rows) for one in features})
    counts = condition(rows, grouping.window_months, grouping.where)
    values = {name: measure(rows, counts) for name, measure in grouping.values.items()}
    groups = rows.group_by(row=rows.row, key=grouping.key(rows)).aggregate(**values, members=rows.count(where=counts))
    groups = groups.filter(groups.members > 0)
    measures = {
        one.code: one.measure(groups, one.where(groups) if one.where else ibis.literal(True)).cast("float64")
        for one in features
    }
    return groups.group_by("row").aggregate(**measures)


def _joined(reading: Reading, window_months: int | None) -> Any:
    """Spine rows with the records visible to them, none older than the longest window that is asked for."""
    spine = _spine_table()
    item, link = reading
    asking = spine.select("subject_id").distinct()
    records = record_table(item) if link is None else linked_records(item, link, asking)
    predicates = [records.subject_id == spine.subject_id, *visible(records, spine)]
    if window_months is not None:
        predicates.append(records.occurred_on >= spine.as_of_day - ibis.interval(days=31 * (window_months + 1)))
    joined = spine.join(records, predicates, rname="{name}_of_record")
    return joined.mutate(
        age_days=joined.as_of_day.delta(joined.occurred_on, unit="day"),
        age_months=joined.as_of_month - (joined.occurred_on.year() * 12 + joined.occurred_on.month()),
    )


def _longest_window(features: list[Feature], grouping: Grouping | None) -> int | None:
    windows = [grouping.window_months] if grouping else [feature.window_months for feature in features]
    known = [window for window in windows if window is not None]
    return max(known) if len(known) == len(windows) else None


def _spine_table() -> Any:
    columns = {
        "row": "int64",
        "subject_id": "string",
        "as_of": "timestamp(6)",
        "as_of_day": "date",
        "as_of_month": "int64",
    }
    return ibis.table(columns, name="spine")


def _mark(feature: Feature, rows: Any) -> Any:
    grouping = feature.grouping
    counts = condition(rows, grouping.window_months, grouping.where) if grouping else feature.condition(rows)
    tells = feature.evidence(rows) if feature.evidence else ibis.literal(False)
    return ibis.cases((counts & tells, 2), (counts, 1), else_=0).cast("int8")
