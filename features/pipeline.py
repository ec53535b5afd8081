"""Spine and records to features: what was known about each subject at each as-of, and the records behind it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cached_property
from typing import Any

import ibis
import pyarrow as pa
import pyarrow.compute as pc

from features.definition import AnyFeature, Derived, Feature, Grouping, condition
from features.dictionary import features_for, registered
from records.catalogue import Catalogue
from records.moment import SHANGHAI_OFFSET

SPINE_SCHEMA = pa.schema([("subject_id", pa.string()), ("as_of", pa.timestamp("us"))])
KEYS = ["subject_id", "as_of"]


@dataclass(frozen=True)
class Evidence:
    """A record behind a feature's value."""

    item: str
    record_id: str
    occurred_on: date


def visible(records: Any, spine: Any) -> list[Any]:
    """The one rule of what an as-of may see; join predicates between records and spine.

    A record counts at an as-of when the base had recorded it by then, no correction recorded by then supersedes it,
    and its retention had not ended. Without the first line the future leaks into features.
    """
    return [
        records.subject_id == spine.subject_id,
        records.recorded_at <= spine.as_of,
        records.superseded_at.isnull() | (records.superseded_at > spine.as_of),
        records.expires_on.isnull() | (records.expires_on > spine.as_of_day),
        records.occurred_on <= spine.as_of_day,
    ]


class FeaturePipeline:
    """Computes ``features`` (default: the model features of ``segment``) on the records of an Ibis DuckDB backend.

    The SQL is compiled once, on first use. Safe to use from several threads: each question has a cursor of its own.
    """

    def __init__(self, connection: Any, segment: str, features: Sequence[AnyFeature] | None = None) -> None:
        self.connection = connection
        self.segment = segment
        self.features = tuple(features if features is not None else features_for(segment))
        self.codes = tuple(feature.code for feature in self.features)

    def build(self, spine: pa.Table) -> pa.Table:
        """Features of each (subject_id, as_of) of ``spine``, in the spine's order, float64, NaN where missing.

        An unknown subject, or an as-of before the first record, gives a row of empties.
        """
        rows = _numbered(spine.select(KEYS).cast(SPINE_SCHEMA))
        with self.connection.con.cursor() as cursor:
            cursor.register("spine", rows)
            for name, query in self._steps.items():
                cursor.execute(f"CREATE TEMP TABLE {name} AS {query}")
            found = cursor.sql(self._gathering).to_arrow_table()
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
        sources = {code: _measured(registered()[code]) for code in codes}
        items = {feature.item for found in sources.values() for feature in found}
        spine = _numbered(_spine_of(subject_id, as_of))
        behind: dict[str, list[Evidence]] = {}
        with self.connection.con.cursor() as cursor:
            cursor.register("spine", spine)
            for item in sorted(items):
                codes_of_item, query = self._evidence_queries[item]
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

    @cached_property
    def _measures(self) -> list[Feature]:
        """Every feature measured on records, those that derived features need among them."""
        found = {one.code: one for feature in self.features for one in _measured(feature)}
        return list(found.values())

    @cached_property
    def _steps(self) -> dict[str, str]:
        """SQL of one pass an item, and one a grouping, by the name of the table it makes."""
        steps = {}
        for number, (item, grouping) in enumerate(self._passes):
            steps[f"pass_{number}"] = _sql(_pass(item, grouping, self._passes[item, grouping]))
        return steps

    @cached_property
    def _passes(self) -> dict[tuple[str, Grouping | None], list[Feature]]:
        passes: dict[tuple[str, Grouping | None], list[Feature]] = {}
        for feature in self._measures:
            passes.setdefault((feature.item, feature.grouping), []).append(feature)
        return passes

    @cached_property
    def _gathering(self) -> str:
        """SQL that joins the passes to the spine, fills what no record means, and derives the rest."""
        gathered = _spine_table()
        for number, features in enumerate(self._passes.values()):
            columns = {"row": "int64", **{feature.code: "float64" for feature in features}}
            step = ibis.table(columns, name=f"pass_{number}")
            gathered = gathered.left_join(step, "row").drop("row_right")
        filled = {
            feature.code: gathered[feature.code].fill_null(feature.when_empty)
            for feature in self._measures
            if feature.when_empty is not None
        }
        gathered = gathered.mutate(**filled) if filled else gathered
        for feature in _derived(self.features):
            gathered = gathered.mutate(**{feature.code: feature.formula(gathered).cast("float64")})
        return _sql(gathered.order_by("row").select(*self.codes))

    @cached_property
    def _evidence_queries(self) -> dict[str, tuple[list[str], str]]:
        """By item: the codes of its features and the SQL that marks, record by record, which of them counted it."""
        by_item: dict[str, list[Feature]] = {}
        for feature in registered().values():
            if isinstance(feature, Feature) and self.segment in feature.segments:
                by_item.setdefault(feature.item, []).append(feature)
        queries = {}
        for item, features in by_item.items():
            rows = _joined(item, None)
            marks = {feature.code: _evidence_condition(feature, rows) for feature in features}
            table = rows.select("record_id", "occurred_on", **marks)
            queries[item] = ([*marks], _sql(table.order_by([ibis.desc("occurred_on"), ibis.desc("record_id")])))
        return queries


def _pass(item: str, grouping: Grouping | None, features: list[Feature]) -> Any:
    """One aggregation over the visible records of an item, by spine row."""
    rows = _joined(item, _longest_window(features, grouping))
    if grouping is None:
        measures = {one.code: one.measure(rows, one.condition(rows)).cast("float64") for one in features}
        return rows.group_by("row").aggregate(**measures)
    counts = condition(rows, grouping.window_months, grouping.where)
    values = {name: measure(rows, counts) for name, measure in grouping.values.items()}
    groups = rows.group_by(row=rows.row, key=grouping.key(rows)).aggregate(**values, members=rows.count(where=counts))
    groups = groups.filter(groups.members > 0)
    measures = {
        one.code: one.measure(groups, one.where(groups) if one.where else ibis.literal(True)).cast("float64")
        for one in features
    }
    return groups.group_by("row").aggregate(**measures)


def _joined(item: str, window_months: int | None) -> Any:
    """Spine rows with the records visible to them, none older than the longest window that is asked for."""
    records = _record_table(item)
    spine = _spine_table()
    predicates = visible(records, spine)
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


def _record_table(item: str) -> Any:
    declared = Catalogue.load().item(item)
    schema = declared.arrow_schema.append(pa.field("superseded_at", pa.timestamp("us")))
    return ibis.table(ibis.Schema.from_pyarrow(schema.append(pa.field("expires_on", pa.date32()))), name=declared.table)


def _spine_table() -> Any:
    columns = {
        "row": "int64",
        "subject_id": "string",
        "as_of": "timestamp(6)",
        "as_of_day": "date",
        "as_of_month": "int64",
    }
    return ibis.table(columns, name="spine")


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


def _measured(feature: AnyFeature) -> list[Feature]:
    """The features measured on records that ``feature`` comes from; itself, if it is one."""
    if isinstance(feature, Feature):
        return [feature]
    return [found for code in feature.inputs for found in _measured(registered()[code])]


def _derived(features: Iterable[AnyFeature]) -> list[Derived]:
    """Derived features in the order in which they can be computed, inputs first."""
    ordered: dict[str, Derived] = {}
    for feature in features:
        if isinstance(feature, Derived):
            for inner in _derived(registered()[code] for code in feature.inputs):
                ordered[inner.code] = inner
            ordered[feature.code] = feature
    return list(ordered.values())


def _evidence_condition(feature: Feature, rows: Any) -> Any:
    grouping = feature.grouping
    found = condition(rows, grouping.window_months, grouping.where) if grouping else feature.condition(rows)
    return found.fill_null(False)


def _with_nan(column: pa.ChunkedArray) -> pa.ChunkedArray:
    return pc.fill_null(column.cast(pa.float64()), float("nan"))


def _sql(table: Any) -> str:
    return str(ibis.to_sql(table, dialect="duckdb"))
