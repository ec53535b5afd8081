"""Spark's SQL: of an Ibis table, meaning what it means on DuckDB; and of the record base's own queries."""

from __future__ import annotations

from functools import cache
from math import isfinite
from typing import Any


def spark_sql(table: Any) -> str:
    """The SQL of an Ibis table for Spark."""
    compiler = _compiler()
    return str(compiler.to_sqlglot(table.unbind()).sql(dialect=compiler.dialect))


def from_duckdb(query: str) -> str:
    """DuckDB's SQL in Spark's words."""
    import sqlglot
    from sqlglot.expressions import CTE

    parsed = sqlglot.parse_one(query, read="duckdb")
    for named in parsed.find_all(CTE):
        named.set("materialized", None)
    return parsed.sql(dialect="spark")


@cache
def _compiler() -> Any:
    """Ibis' compiler for Spark, where it says other than the one for DuckDB brought back to the same meaning."""
    import ibis.common.exceptions as com
    from ibis.backends.sql.compilers.base import NULL, SQLGlotCompiler
    from ibis.backends.sql.compilers.pyspark import PySparkCompiler
    from sqlglot import expressions as sge

    class SparkCompiler(PySparkCompiler):  # type: ignore[misc]
        __slots__ = ()

        # Missing is null on both engines; NaN is a number. Ibis would take the one for the other on Spark only.
        visit_Field = SQLGlotCompiler.visit_Field
        visit_IsNull = SQLGlotCompiler.visit_IsNull
        visit_NotNull = SQLGlotCompiler.visit_NotNull

        def visit_NonNullLiteral(self, op: Any, *, value: Any, dtype: Any) -> Any:
            if dtype.is_floating() and isfinite(value):
                return self.cast(sge.Literal.number(repr(float(value))), dtype)  # Spark would read a decimal
            return super().visit_NonNullLiteral(op, value=value, dtype=dtype)

        def visit_StringFind(self, op: Any, **parts: Any) -> Any:
            """As wide as on DuckDB: Spark's own is an int, whose products overflow sooner."""
            return self.cast(super().visit_StringFind(op, **parts), op.dtype)

        def visit_DateDelta(self, op: Any, **parts: Any) -> Any:
            return self.cast(super().visit_DateDelta(op, **parts), op.dtype)

        def visit_CountStar(self, op: Any, *, arg: Any, where: Any) -> Any:
            """0, not null, where the condition is null on every row."""
            return self.f.count(sge.Star() if where is None else self.if_(where, 1, NULL))

        def visit_First(self, op: Any, *, arg: Any, where: Any, order_by: Any, include_null: bool) -> Any:
            """Spark's ``first`` has no order: the value at the greatest (or the least) of the keys together."""
            if not order_by:
                return super().visit_First(op, arg=arg, where=where, order_by=order_by, include_null=include_null)
            ways = {bool(key.args.get("desc")) for key in order_by}
            if include_null or len(ways) > 1:
                raise com.UnsupportedOperationError("keys that all go the same way, and values that are not null")
            counts = arg.is_(sge.Not(this=NULL)) if where is None else where & arg.is_(sge.Not(this=NULL))
            keys = self.f.anon.struct(*(key.this for key in order_by))
            pick = self.f.anon.max_by if ways == {True} else self.f.anon.min_by
            return pick(arg, self.if_(counts, keys, NULL))

    return SparkCompiler()
