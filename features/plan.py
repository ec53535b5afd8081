"""What a sweep has to read and to reckon for a set of features: one plan an item, and one a grouping.

Made once from the Ibis measures; independent of any connection.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property
from typing import Any

import numpy as np

from features.checks import SPINE_COLUMNS
from features.compiled import Reading
from features.definition import Feature, Grouping, condition, measured
from features.leaves import CannotSweep, Leaf, Op, leaf_of, reductions, with_the_month
from features.links import linked_records
from features.sweep_arrays import KINDS, WORD, Reaches, Slots
from records.catalogue import Catalogue


@dataclass(frozen=True)
class Value:
    """A column of values: how it becomes a whole number. ``scale``: digits after the point of a decimal."""

    op: Op
    kind: str
    scale: int = 0


@dataclass
class Inputs:
    """Expressions over the records of an item, each once: what a sweep reads."""

    values: list[Value] = field(default_factory=list)
    conditions: list[tuple[Op, ...]] = field(default_factory=list)
    begins: list[tuple[Op, ...]] = field(default_factory=list)
    ends: list[tuple[Op, ...]] = field(default_factory=list)
    key: Op | None = None


@dataclass(frozen=True)
class SweepPlan:
    """How the ``features`` of one ``reading`` are swept.

    ``leaves`` with their Ibis types, in the order of the slots; ``names``: the column of each in the table ``leaves``;
    ``measures``: Ibis columns over that table, by feature code; with a grouping by the name of the group's value.
    """

    reading: Reading
    grouping: Grouping | None
    features: tuple[Feature, ...]
    inputs: Inputs
    leaves: tuple[Leaf, ...]
    types: tuple[Any, ...]
    reaches: Reaches
    slots: Slots
    measures: dict[str, Op]
    names: tuple[str, ...]
    table: Op

    @cached_property
    def of_the_file(self) -> bool:
        """Whether the inputs are the same for whomever a record counts, and whatever befalls it."""
        import ibis.expr.operations as ops

        inputs = self.inputs
        read = [value.op for value in inputs.values] + ([inputs.key] if inputs.key is not None else [])
        read += [op for some in (*inputs.conditions, *inputs.begins, *inputs.ends) for op in some]
        fields = {found.name for op in read for found in op.find(ops.Field)}
        return not fields & {"subject_id", "recorded_at", "superseded_at"}

    @cached_property
    def query(self) -> str:
        """SQL (DuckDB) of the inputs: subject_id, the four moments, and values, days and conditions by number.

        It reads the item's view; where the reading follows a link, for the subjects in the table ``asked`` the records
        of those at its other end.
        """
        return self.own_query if self.reading[1] is None else self._inputs_query(follow=True)

    @cached_property
    def own_query(self) -> str:
        """The same of everybody's own records, whatever link the reading follows."""
        return self._inputs_query(follow=False)

    def _inputs_query(self, follow: bool) -> str:
        import ibis
        import ibis.expr.operations as ops

        item, link = self.reading
        rows = analysis_rows(item)
        columns: dict[str, Any] = {
            name: rows[name] for name in ("subject_id", "recorded_at", "superseded_at", "occurred_on", "expires_on")
        }
        for number, value in enumerate(self.inputs.values):
            columns[f"v{number}"] = _plain(value)
        for name, bounds, pick in (("b", self.inputs.begins, ibis.greatest), ("e", self.inputs.ends, ibis.least)):
            for number, days in enumerate(bounds):
                found = [day.to_expr().cast("date") for day in days]
                columns[f"{name}{number}"] = pick(*found) if len(found) > 1 else found[0]
        for word in range(-(-len(self.inputs.conditions) // WORD)):
            columns[f"w{word}"] = _bits(self.inputs.conditions[word * WORD : (word + 1) * WORD])
        if self.inputs.key is not None:
            columns["key"] = self.inputs.key.to_expr().hash()
        if link is None or not follow:
            return str(ibis.to_sql(rows.select(**columns), dialect="duckdb"))
        found = linked_records(item, link, ibis.table({"subject_id": "string"}, name="asked"))
        fields = {ops.Field(rows.op(), name): ops.Field(found.op(), name) for name in found.columns}
        linked = {name: column.op().replace(fields).to_expr() for name, column in columns.items()}
        return str(ibis.to_sql(found.select(**linked), dialect="duckdb"))


def plan_of(reading: Reading, grouping: Grouping | None, features: Sequence[Feature]) -> SweepPlan:
    """The plan of one pass, made once. Raises ``CannotSweep``."""
    return _plan_of(reading, grouping, tuple(features))


@cache
def _plan_of(reading: Reading, grouping: Grouping | None, features: tuple[Feature, ...]) -> SweepPlan:
    import ibis
    import ibis.expr.operations as ops

    rows = analysis_rows(reading[0])
    if grouping is None:
        exprs = {one.code: measured(one, rows) for one in features}
    else:
        counts = condition(rows, grouping.window_months, grouping.where)
        exprs = {name: measure(rows, counts) for name, measure in grouping.values.items()}
        exprs["members"] = rows.count(where=counts)
    found: dict[Op, Leaf] = {}
    for expr in exprs.values():
        found |= {reduction: leaf_of(reduction, rows) for reduction in reductions(expr)}
    leaves = sorted(dict.fromkeys(found.values()), key=lambda leaf: _order(leaf, found))
    inputs = Inputs(key=None if grouping is None else with_the_month(grouping.key(rows).op()))
    reaches, slots = _numbered(leaves, inputs)
    types = {leaf: reduction.dtype for reduction, leaf in found.items()}
    names = tuple(f"leaf_{number}" for number in range(len(leaves)))
    typed = {name: types[leaf] for name, leaf in zip(names, leaves, strict=True)}
    table = ibis.table({"row": "int64", **typed}, name="leaves").op()
    columns = {reduction: ops.Field(table, names[leaves.index(leaf)]) for reduction, leaf in found.items()}
    measures = {name: expr.op().replace(columns) for name, expr in exprs.items()}
    for name, measure in measures.items():
        if any(one.rel is not table for one in measure.find(ops.Field)):
            raise CannotSweep(f"{name} reads columns outside of its reductions")
    return SweepPlan(
        reading=reading,
        grouping=grouping,
        features=tuple(features),
        inputs=inputs,
        leaves=tuple(leaves),
        types=tuple(types[leaf] for leaf in leaves),
        reaches=reaches,
        slots=slots,
        measures=measures,
        names=names,
        table=table,
    )


@cache
def analysis_rows(item: str) -> Any:
    """The item's columns and those of an as-of as one unbound Ibis table, named as the item's view."""
    import ibis
    import pyarrow as pa

    declared = Catalogue.load().item(item)
    schema = declared.arrow_schema.append(pa.field("superseded_at", pa.timestamp("us")))
    columns = dict(ibis.Schema.from_pyarrow(schema.append(pa.field("expires_on", pa.date32()))))
    return ibis.table({**columns, **SPINE_COLUMNS}, name=declared.table)


def _order(leaf: Leaf, found: dict[Op, Leaf]) -> tuple[Any, ...]:
    """Leaves of one reach lie together."""
    reaches = list(dict.fromkeys(one.reach for one in found.values()))
    return reaches.index(leaf.reach), KINDS[leaf.kind]


def _numbered(leaves: Sequence[Leaf], inputs: Inputs) -> tuple[Reaches, Slots]:
    """Reaches and slots with their expressions put into ``inputs``."""
    reaches = list(dict.fromkeys(leaf.reach for leaf in leaves))
    places = [reaches.index(leaf.reach) for leaf in leaves]
    first = np.searchsorted(places, np.arange(len(reaches) + 1)).astype(np.int32)

    def numbers(found: Sequence[int]) -> Any:
        return np.array(found, np.int32)

    numbered_reaches = Reaches(
        numbers([reach.youngest for reach in reaches]),
        numbers([-1 if reach.oldest is None else reach.oldest for reach in reaches]),
        numbers([_place(reach.begins, inputs.begins) for reach in reaches]),
        numbers([_place(reach.ends, inputs.ends) for reach in reaches]),
    )
    slots = Slots(
        first,
        numbers([KINDS[leaf.kind] for leaf in leaves]),
        numbers([_place(leaf.keep, inputs.conditions) for leaf in leaves]),
        numbers([-1 if leaf.value is None else _place_of_value(leaf, inputs.values) for leaf in leaves]),
    )
    return numbered_reaches, slots


def _place(what: tuple[Op, ...], known: list[tuple[Op, ...]]) -> int:
    if not what:
        return -1
    if what not in known:
        known.append(what)
    return known.index(what)


def _place_of_value(leaf: Leaf, known: list[Value]) -> int:
    value = _value(leaf)
    if value not in known:
        known.append(value)
    return known.index(value)


def _value(leaf: Leaf) -> Value:
    op = leaf.value
    assert op is not None  # noqa: S101
    if leaf.kind == "distinct":
        return Value(op, "hash")
    kinds = [
        ("decimal", op.dtype.is_decimal()),
        ("integer", op.dtype.is_integer() or op.dtype.is_boolean()),
        ("date", op.dtype.is_date()),
        ("float", op.dtype.is_floating()),
        ("text", op.dtype.is_string() and leaf.kind == "latest"),
    ]
    for kind, holds in kinds:
        if holds:
            return Value(op, kind, op.dtype.scale or 0 if kind == "decimal" else 0)
    raise CannotSweep(f"{leaf.kind} of a value of type {op.dtype}")


def _plain(value: Value) -> Any:
    """The expression of a column of values; its type is one that ``features.inputs`` knows how to carry over."""
    expr = value.op.to_expr()
    match value.kind:
        case "hash":
            return expr.hash()
        case "integer":
            return expr.cast("int64")
        case "float":
            return expr.cast("float64")
    return expr


def _bits(conditions: Sequence[tuple[Op, ...]]) -> Any:
    """The conditions that hold, as the bits of a whole number."""
    import ibis

    word: Any = None
    for number, parts in enumerate(conditions):
        holds = parts[0].to_expr()
        for part in parts[1:]:
            holds = holds & part.to_expr()
        bit = ibis.ifelse(holds.fill_null(False), ibis.literal(1 << number, "int64"), ibis.literal(0, "int64"))
        word = bit if word is None else word + bit
    return word
