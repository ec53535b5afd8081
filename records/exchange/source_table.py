"""A source's table or view, read by ranges of its watermark.

Every name goes through ``psycopg.sql``; every value is a parameter. Values come as text, as PostgreSQL writes them:
the door reads them as it reads a file.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from records.exchange.connector import Connector
from records.exchange.errors import BadConnector, SourceDown
from records.words import Text

if TYPE_CHECKING:
    import psycopg
    from psycopg.sql import Composable

ROWS_AT_ONCE = 10_000
CONNECT_SECONDS = 20
TIMESTAMP, TIMESTAMPTZ, DATE = "timestamp without time zone", "timestamp with time zone", "date"
WATERMARKS = (TIMESTAMP, TIMESTAMPTZ, DATE, "smallint", "integer", "bigint")


class SourceTable:
    """One relation over one read-only connection; all questions see the same snapshot."""

    def __init__(self, connection: psycopg.Connection[Any], connector: Connector) -> None:
        self._connection = connection
        self.connector = connector
        self._types = self._column_types()
        column = connector.watermark.column
        wanted = {column, *connector.columns.values(), *([connector.key] if connector.key else [])}
        if missing := sorted(wanted - set(self._types)):
            named = ", ".join(missing)
            raise BadConnector(
                Text(f"{connector.relation} 没有列 {named}", f"{connector.relation} has no column {named}")
            )
        if self._types[column] not in WATERMARKS:
            accepted = ", ".join(WATERMARKS)
            raise BadConnector(
                Text(
                    f"水位列 {column} 的类型为 {self._types[column]}；可用：{accepted}",
                    f"the watermark column {column} is of type {self._types[column]}; accepted: {accepted}",
                )
            )

    @classmethod
    @contextmanager
    def connected(cls, connector: Connector) -> Iterator[SourceTable]:
        """Raises ``SourceDown`` where the database does not answer; its own words are told without the URL."""
        import psycopg

        try:
            with psycopg.connect(connector.url(), connect_timeout=CONNECT_SECONDS, autocommit=False) as connection:
                connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
                connection.read_only = True
                connection.execute("SET TIME ZONE 'UTC'; SET DateStyle = 'ISO'; SET IntervalStyle = 'iso_8601'")
                yield cls(connection, connector)
        except psycopg.Error as error:
            kind = type(error).__name__
            raise SourceDown(
                Text(f"{connector.relation}：{kind}", f"{connector.relation}: {kind} (SQLSTATE {error.sqlstate})")
            ) from error

    def next_end(self, after: str | None) -> str | None:
        """The end of the next range: the watermark up to which there are ``batch_rows`` rows, ties included.

        ``None`` where nothing has come. The range stays ``lag`` behind, because transactions commit late.
        """
        from psycopg.sql import SQL

        query = SQL(
            "SELECT max(w)::text FROM (SELECT {w} AS w FROM {relation} WHERE {inside} AND {w} <= {cap} "
            "ORDER BY {w} LIMIT {rows}) AS next"
        ).format(
            w=self._watermark,
            relation=self._relation,
            inside=self._after(after),
            cap=self._cap(),
            rows=self.connector.batch_rows,
        )
        found = self._connection.execute(query).fetchone()
        return str(found[0]) if found and found[0] is not None else None

    def rows(self, after: str | None, end: str, days: frozenset[str]) -> Iterator[list[tuple[str | None, ...]]]:
        """The rows of a range as text: key and watermark first, then ``columns`` in order; oldest first."""
        from psycopg.sql import SQL, Literal

        connector = self.connector
        chosen = [self._text(connector.key, False) if connector.key else SQL("NULL"), self._text_of_watermark()]
        chosen += [self._text(source, batch in days) for batch, source in connector.columns.items()]
        query = SQL("SELECT {chosen} FROM {relation} WHERE {inside} AND {w} <= {end} ORDER BY {w}").format(
            chosen=SQL(", ").join(chosen),
            relation=self._relation,
            inside=self._after(after),
            w=self._watermark,
            end=self._value(Literal(end)),
        )
        with self._connection.cursor(name="pull") as cursor:
            cursor.itersize = ROWS_AT_ONCE
            cursor.execute(query)
            while some := cursor.fetchmany(ROWS_AT_ONCE):
                yield some

    @property
    def _relation(self) -> Composable:
        from psycopg.sql import Identifier

        return Identifier(*self.connector.relation.split("."))

    @property
    def _watermark(self) -> Composable:
        from psycopg.sql import Identifier

        return Identifier(self.connector.watermark.column)

    @property
    def _type(self) -> str:
        return self._types[self.connector.watermark.column]

    def _value(self, literal: Composable) -> Composable:
        from psycopg.sql import SQL

        return SQL("CAST({} AS {})").format(literal, SQL(self._type))

    def _after(self, after: str | None) -> Composable:
        from psycopg.sql import SQL, Literal

        bound = after if after is not None else self.connector.watermark.start
        if bound is None:
            return SQL("{} IS NOT NULL").format(self._watermark)
        return SQL("{} > {}").format(self._watermark, self._value(Literal(bound)))

    def _cap(self) -> Composable:
        from psycopg.sql import SQL, Literal

        lag = Literal(self.connector.watermark.lag)
        if self._type == TIMESTAMPTZ:
            return SQL("now() - make_interval(secs => {})").format(lag)
        zone = Literal(self.connector.watermark.time_zone)
        if self._type == TIMESTAMP:
            return SQL("(now() AT TIME ZONE {}) - make_interval(secs => {})").format(zone, lag)
        if self._type == DATE:
            return SQL("(now() AT TIME ZONE {})::date - {}::int").format(zone, lag)
        return SQL("(SELECT max({w}) FROM {relation}) - {lag}::bigint").format(
            w=self._watermark, relation=self._relation, lag=lag
        )

    def _text_of_watermark(self) -> Composable:
        from psycopg.sql import SQL

        return SQL("{}::text").format(self._watermark)

    def _text(self, column: str, is_day: bool) -> Composable:
        """A column as text; an instant where a day is wanted is the day in Asia/Shanghai."""
        from psycopg.sql import SQL, Identifier

        if is_day and self._types[column] == TIMESTAMPTZ:
            return SQL("({} AT TIME ZONE 'Asia/Shanghai')::date::text").format(Identifier(column))
        if is_day and self._types[column] == TIMESTAMP:
            return SQL("{}::date::text").format(Identifier(column))
        return SQL("{}::text").format(Identifier(column))

    def _column_types(self) -> dict[str, str]:
        schema, relation = self.connector.relation.split(".")
        found = self._connection.execute(
            "SELECT a.attname, format_type(a.atttypid, NULL) FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid "
            "JOIN pg_namespace n ON n.oid = c.relnamespace "
            "WHERE n.nspname = %s AND c.relname = %s AND a.attnum > 0 AND NOT a.attisdropped",
            (schema, relation),
        ).fetchall()
        if not found:
            raise BadConnector(
                Text(f"数据库中没有 {self.connector.relation}", f"the database has no {self.connector.relation}")
            )
        return dict(found)
