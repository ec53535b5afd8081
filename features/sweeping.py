"""The features of an item for many subjects at many as-ofs: each record is read once, the rest comes from leaves."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from features.inputs import Read, check_sums, restored
from features.plan import SweepPlan
from features.sweep import swept, swept_to
from features.sweep_arrays import EXACT, SUM, Columns, Measured, Questions, Records

Numbers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
SHIFTS = {None: 0, "as_of_day": 1, "as_of_month": 2}
Chosen = npt.NDArray[np.int64] | slice
GROUP_CELLS = 2_000_000
EVERYTHING = slice(None)
CAN_BE_NONE = ("sum", "max", "min", "latest")


class Table:
    """Measures by code over the rows of a spine: ``numbers`` [codes, rows], at first whatever was in memory."""

    def __init__(self, codes: Sequence[str], rows: int) -> None:
        self.numbers = np.empty((len(codes), rows))
        self.place = {code: number for number, code in enumerate(codes)}

    def column(self, code: str) -> Floats:
        """All rows of a measure."""
        found: Floats = self.numbers[self.place[code]]
        return found


@dataclass(frozen=True)
class Direct:
    """A measure that is one leaf, where the leaf ``present`` has counted some record."""

    leaf: int
    present: int


class Sweep:
    """Measures the features of a plan. Made once; safe between threads."""

    def __init__(self, plan: SweepPlan) -> None:
        self.plan = plan
        uses = zip(plan.slots.value.tolist(), plan.slots.kind.tolist(), strict=True)
        self._summed = sorted({value for value, kind in uses if kind == SUM})
        self._place = {name: number for number, name in enumerate(plan.names)}

    @cached_property
    def direct(self) -> dict[str, Direct]:
        """By code, the features that no SQL is needed for."""
        if self.plan.grouping is not None:
            return {}
        found = {code: self._as_direct(measure) for code, measure in self.plan.measures.items()}
        return {code: one for code, one in found.items() if one is not None}

    @cached_property
    def reckoned(self) -> tuple[str, ...]:
        """Codes of the features that SQL reckons from the leaves."""
        return tuple(one.code for one in self.plan.features if one.code not in self.direct)

    @cached_property
    def sql(self) -> str:
        """The reckoned features by row, from the table ``leaves``."""
        import ibis

        plan = self.plan
        leaves = plan.table.to_expr()
        columns = {name: measure.to_expr() for name, measure in plan.measures.items()}
        if plan.grouping is None:
            made = leaves.select("row", **{code: columns[code] for code in self.reckoned})
        else:
            groups = leaves.select("row", **columns)
            made = groups.group_by("row").aggregate(**{one.code: of_groups(one, groups) for one in plan.features})
        return str(ibis.to_sql(made, dialect="duckdb"))

    def measure(
        self, cursor: Any, given: Read, questions: Questions, table: Table, rows: Numbers
    ) -> npt.NDArray[np.bool_]:
        """Write the features of all questions to their ``rows`` of ``table``, NaN where missing.

        Returns which questions are not decided. Raises ``TooLarge`` where sums might leave 64 bits.
        """
        if not len(given.records.subject):
            for one in self.plan.features:
                table.column(one.code)[rows] = np.nan
            return np.zeros(questions.asked, np.bool_)
        check_sums(given.records.values, self._summed)
        if given.keys is not None:
            found_by_sql = self._by_groups(cursor, given, questions)
            undecided = np.zeros(questions.asked, np.bool_)
        else:
            found = swept(given.records, questions, self.plan.reaches, self.plan.slots)
            left = [code for code in self.direct if not self._directly(code, found, questions, table, rows)]
            found_by_sql = self._reckoned(cursor, found, given, questions, left)
            undecided = found.tied
        for code, column in found_by_sql.items():
            table.column(code)[rows] = column
        return undecided

    @cached_property
    def at_once(self) -> bool:
        """Whether every feature is one slot, so that ``measure_at_once`` can be tried."""
        floats = any(value.kind == "float" for value in self.plan.inputs.values)
        distinct = any(leaf.kind == "distinct" for leaf in self.plan.leaves)
        return self.plan.grouping is None and not self.reckoned and not floats and not distinct

    def measure_at_once(
        self, given: Read, questions: Questions, table: Table, rows: Numbers
    ) -> npt.NDArray[np.bool_] | None:
        """As ``measure``, in one go without SQL; ``None`` where that cannot be done. ``given`` lies by subject."""
        check_sums(given.records.values, self._summed)
        columns = self._columns(list(self.direct), table)
        return swept_to(given.records, questions, self.plan.reaches, self.plan.slots, columns, rows, table.numbers)

    def _columns(self, codes: list[str], table: Table) -> Columns:
        found = [self.direct[code] for code in codes]
        values = [self._value(one.leaf) for one in found]
        leaves = [self.plan.leaves[one.leaf] for one in found]
        return Columns(
            np.array([one.leaf for one in found]),
            np.array([one.present for one in found]),
            np.array([leaf.kind in CAN_BE_NONE for leaf in leaves]),
            np.array([SHIFTS[leaf.shift] for leaf in leaves]),
            np.array([10.0**value.scale if value is not None else 1.0 for value in values]),
            np.array([table.place[code] for code in codes]),
        )

    def _reckoned(
        self, cursor: Any, found: Measured, given: Read, questions: Questions, left: list[str]
    ) -> dict[str, Floats]:
        """What SQL has to reckon: always the same features, and ``left`` where numbers are very large."""
        codes = [*self.reckoned, *left]
        if not codes:
            return {}
        cursor.register("leaves", self._leaves(found, given, questions))
        return _spread(cursor.sql(self._all_sql if left else self.sql).to_arrow_table(), codes, questions.asked)

    @cached_property
    def _all_sql(self) -> str:
        """All features by row; for numbers so large that float64 needs care."""
        import ibis

        columns = {code: measure.to_expr() for code, measure in self.plan.measures.items()}
        return str(ibis.to_sql(self.plan.table.to_expr().select("row", **columns), dialect="duckdb"))

    def _by_groups(self, cursor: Any, given: Read, questions: Questions) -> dict[str, npt.NDArray[np.float64]]:
        """Each group is swept as if it were a subject; SQL gathers the groups of a question."""
        plan = self.plan
        members = self._place[plan.measures["members"].name]
        parts = [self._leaves(swept(NO_RECORDS, NO_QUESTIONS, plan.reaches, plan.slots), given, NO_QUESTIONS)]
        for records, part, rows in _groups(given, questions):
            found = swept(records, part, plan.reaches, plan.slots)
            some = np.flatnonzero(found.numbers[members] > 0)
            parts.append(self._leaves(found, given, part, some, rows[some]))
        cursor.register("leaves", pa.concat_tables(parts))
        codes = [one.code for one in plan.features]
        return _spread(cursor.sql(self.sql).to_arrow_table(), codes, questions.asked)

    def _as_direct(self, measure: Any) -> Direct | None:
        """Recognises ``present > 0 then float64(leaf)``, as ``features.definition.measured`` writes it."""
        import ibis.expr.operations as ops

        match measure:
            case ops.IfElse(
                bool_expr=ops.Greater(left=ops.Field(name=present), right=ops.Literal(value=0)),
                true_expr=ops.Cast(arg=ops.Field(name=leaf)),
                false_null_expr=ops.Cast(arg=ops.Literal(value=None)) | ops.Literal(value=None),
            ):
                place = self._place[leaf]
                if self._type(place).is_string() or self._type(place).is_date():
                    return None
                return Direct(place, self._place[present])
        return None

    def _type(self, leaf: int) -> Any:
        return self.plan.types[leaf]

    def _directly(self, code: str, found: Measured, questions: Questions, table: Table, rows: Numbers) -> bool:
        """Write the column; false where a number is too large to be float64 exactly before it is scaled."""
        direct = self.direct[code]
        leaf, value = self.plan.leaves[direct.leaf], self._value(direct.leaf)
        numbers = self._shifted(direct.leaf, found.numbers[direct.leaf], questions, EVERYTHING)
        if value is not None and value.kind == "float" and leaf.kind != "distinct":
            column = restored(numbers)
        else:
            if len(numbers) and max(int(numbers.max()), -int(numbers.min())) >= EXACT:
                return False
            column = numbers.astype(np.float64)
            if value is not None and value.scale and leaf.kind != "distinct":
                column /= 10.0**value.scale
        missing = found.members[direct.present] == 0
        if leaf.kind in CAN_BE_NONE:
            missing |= found.members[direct.leaf] == 0
        column[missing] = np.nan
        table.column(code)[rows] = column
        return True

    def _leaves(
        self,
        found: Measured,
        given: Read,
        questions: Questions,
        chosen: Chosen = EVERYTHING,
        rows: Numbers | None = None,
    ) -> pa.Table:
        """The table ``leaves`` of the ``chosen`` questions, which are named ``rows``."""
        rows = np.arange(questions.asked) if rows is None else rows
        columns = [self._column(number, found, given, questions, chosen) for number in range(len(self.plan.leaves))]
        return pa.table([pa.array(rows), *columns], names=["row", *self.plan.names])

    def _column(self, number: int, found: Measured, given: Read, questions: Questions, chosen: Chosen) -> pa.Array:
        from ibis.formats.pyarrow import PyArrowType

        leaf, value = self.plan.leaves[number], self._value(number)
        numbers = self._shifted(number, found.numbers[number][chosen], questions, chosen)
        missing = found.members[number][chosen] == 0 if leaf.kind in CAN_BE_NONE else None
        if value is None or leaf.shift or leaf.kind in ("count", "distinct", "months"):
            return pa.array(numbers, pa.int64(), mask=missing)
        kind = PyArrowType.from_ibis(self._type(number))
        match value.kind:
            case "decimal":
                return _decimals(numbers, value.scale, missing).cast(kind)
            case "float":
                return pa.array(restored(numbers), pa.float64(), mask=missing)
            case "date":
                return pa.array(numbers.astype(np.int32), pa.int32(), mask=missing).cast(pa.date32())
            case "text":
                texts = given.texts[int(self.plan.slots.value[number])]
                return texts.take(pa.array(numbers, mask=missing)) if len(texts) else pa.nulls(len(numbers), kind)
        whole = pa.array(numbers, pa.int64(), mask=missing)
        return whole.cast(kind) if kind == pa.bool_() else whole

    def _value(self, leaf: int) -> Any:
        place = int(self.plan.slots.value[leaf])
        return self.plan.inputs.values[place] if place >= 0 else None

    def _shifted(self, leaf: int, numbers: Numbers, questions: Questions, chosen: Chosen) -> Numbers:
        """Ages: the as-of's day or month less when the record happened."""
        match self.plan.leaves[leaf].shift:
            case "as_of_day":
                return questions.day[chosen].astype(np.int64) - numbers
            case "as_of_month":
                return questions.month[chosen].astype(np.int64) - numbers
        return numbers


def of_groups(feature: Any, groups: Any) -> Any:
    """What a feature with a grouping measures on its groups, in float64."""
    import ibis

    counts = feature.where(groups) if feature.where else ibis.literal(True)
    return feature.measure(groups, counts).cast("float64")


def _groups(given: Read, questions: Questions) -> Iterator[tuple[Records, Questions, Numbers]]:
    """Records with a number for each group in place of the subject, the groups' as-ofs, and whose row each is."""
    assert given.keys is not None  # noqa: S101
    subject = given.records.subject
    order = np.lexsort((given.keys, subject))
    begins = np.ones(len(order), np.bool_)
    begins[1:] = (np.diff(subject[order]) != 0) | (np.diff(given.keys[order]) != 0)
    firsts = np.flatnonzero(begins)
    owners = subject[order][firsts]
    cells = np.concatenate([[0], np.cumsum(questions.start[owners + 1] - questions.start[owners])])
    borders = np.concatenate([firsts, [len(order)]])
    group = 0
    while group < len(firsts):
        most = max(int(np.searchsorted(cells, cells[group] + GROUP_CELLS, "right")) - 1, group + 1)
        chosen = order[borders[group] : borders[most]]
        number = np.repeat(np.arange(most - group), np.diff(borders[group : most + 1]))
        counts = np.diff(cells[group : most + 1])
        start = np.concatenate([[0], np.cumsum(counts)])
        rows = np.arange(start[-1]) + np.repeat(questions.start[owners[group:most]] - start[:-1], counts)
        part = Questions(start, questions.instant[rows], questions.day[rows], questions.month[rows])
        yield chosen_records(given.records, chosen)._replace(subject=number.astype(np.int32)), part, rows
        group = most


def chosen_records(records: Records, chosen: Chosen, first_subject: int = 0) -> Records:
    """Some of the records, their subjects numbered from ``first_subject``."""

    def rows_of(columns: Any) -> Any:
        return columns[:, chosen] if len(columns) else columns

    return Records(
        records.subject[chosen] - np.int32(first_subject),
        records.recorded[chosen],
        records.gone[chosen],
        records.occurred[chosen],
        records.expires[chosen],
        rows_of(records.begins),
        rows_of(records.ends),
        rows_of(records.bits),
        rows_of(records.values),
    )


def _decimals(numbers: Numbers, scale: int, missing: npt.NDArray[np.bool_] | None) -> pa.Array:
    words = np.empty((len(numbers), 2), np.int64)
    words[:, 0], words[:, 1] = numbers, numbers >> 63
    whole = pa.Array.from_buffers(pa.decimal128(38, scale), len(numbers), [None, pa.py_buffer(words)])
    return whole if missing is None else pa.compute.if_else(pa.array(~missing), whole, None)


def _spread(measures: pa.Table, codes: list[str], rows: int) -> dict[str, npt.NDArray[np.float64]]:
    """Columns of measures by row, NaN where a row has none."""
    found = {code: np.full(rows, np.nan) for code in codes}
    place = measures["row"].to_numpy()
    for code in codes:
        found[code][place] = measures[code].cast(pa.float64()).to_numpy()
    return found


def _nothing() -> tuple[Records, Questions]:
    whole, days = np.zeros(0, np.int64), np.zeros(0, np.int32)
    none = np.zeros((0, 0), np.int32)
    records = Records(days, whole, whole, days, days, none, none, none.astype(np.uint64), none.astype(np.int64))
    return records, Questions(np.zeros(1, np.int64), whole, days, days)


NO_RECORDS, NO_QUESTIONS = _nothing()
