"""The committed Parquet files as one table an item, with what befell each record folded in."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from records.catalogue import Item
from records.succession import SUCCESSION_SCHEMA, closure

SQL_TYPES = {
    "string": "VARCHAR",
    "int64": "BIGINT",
    "bool": "BOOLEAN",
    "date32[day]": "DATE",
    "timestamp[us]": "TIMESTAMP",
    "decimal128(18, 2)": "DECIMAL(18,2)",
    "decimal128(18, 4)": "DECIMAL(18,4)",
}
VISIBILITY_SCHEMA = pa.schema(
    {
        "item": pa.string(),
        "record_id": pa.string(),
        "seen_from": pa.timestamp("us"),
        "seen_until": pa.timestamp("us"),
    }
)

Scan = Callable[[Item, Sequence[str]], str]  # files of an item to the SQL of their rows, in its present columns


@dataclass(frozen=True)
class Stored:
    """What is stored: by item code, each Parquet file and whether it holds corrections; and when records are seen.

    ``visibility``: for each record that was hidden at some time, the stretches in which it is not
    (``VISIBILITY_SCHEMA``, UTC; null means without end).
    """

    files: Mapping[str, list[tuple[str, bool]]]
    visibility: pa.Table = field(default_factory=VISIBILITY_SCHEMA.empty_table)


def connect(items: Iterable[Item], stored: Stored, following: Iterable[Item] = ()) -> Any:
    """An Ibis DuckDB backend with a view for each of ``items``, named ``item.table``.

    ``following``: the items whose records say who carries on whose file.

    Beside the stored columns a view has

    - ``superseded_at``: when a correction, a withdrawal, a credit repair or a sealing took the record out of sight
      (UTC), or null;
    - ``expires_on``: for adverse items, the day from which the record may no longer be shown: conduct end plus
      retention (Regulation on the credit reporting industry, Art. 16: five years), null while the conduct lasts.

    A record that came into sight again has a row for each stretch, with ``recorded_at`` its beginning. A subject that
    carries on another's file (``records.succession``) has the other's records too, from the moment at which the base
    learnt of the succession. ``backend.stored`` is ``stored``.
    """
    import ibis

    backend = ibis.duckdb.connect()
    backend.raw_sql("SET TimeZone = 'UTC'")
    _keep(backend, "visibility", stored.visibility)
    followed = closure(_successions(backend, following, stored))
    _keep(backend, "succession", followed)
    views = [f"CREATE VIEW {table} AS {query}" for table, query in queries(items, stored, followed).items()]
    if views:
        backend.con.execute(";".join(views))
    backend.stored = stored
    return backend


def queries(items: Iterable[Item], stored: Stored, followed: pa.Table, scan: Scan | None = None) -> dict[str, str]:
    """By name of a table, the query (DuckDB's SQL) behind its view, over files as ``scan`` reads them.

    The queries join the tables ``visibility`` (of ``stored``) and ``succession`` (``followed``, of ``connect``).
    """
    hidden = set(stored.visibility["item"].to_pylist())
    found = {}
    for item in items:
        own = _own(item, stored.files.get(item.code, []), item.code in hidden, scan or _parquet)
        found[item.table] = _carried(item, own) if followed.num_rows > 0 and item.inherited else own
    return found


def quoted_files(paths: Iterable[str]) -> str:
    """``read_parquet([...])`` over ``paths``."""
    return f"read_parquet({_listed(paths)})"


def nothing(item: Item) -> str:
    """The select list of a row of ``item`` in which every column is null, in its type."""
    return ", ".join(f'CAST(NULL AS {SQL_TYPES[str(one.type)]}) AS "{one.name}"' for one in item.arrow_schema)


def _keep(backend: Any, name: str, rows: pa.Table) -> None:
    """``rows`` as a table of the database itself, so that every cursor of it sees them."""
    with backend.con.cursor() as cursor:
        cursor.register("given", rows)
        cursor.execute(f"CREATE TABLE {name} AS SELECT * FROM given")


def _own(item: Item, files: list[tuple[str, bool]], hidden: bool, scan: Scan) -> str:
    """The records of ``item`` under the subject that they were reported of."""
    columns = ", ".join(
        f'CAST(r."{one.name}" AS {SQL_TYPES[str(one.type)]}) AS "{one.name}"'
        for one in item.arrow_schema
        if one.name != "recorded_at"
    )
    corrected = _corrections(item, [path for path, corrections in files if corrections], scan)
    recorded, superseded, joins = "r.recorded_at", "CAST(NULL AS TIMESTAMP)", ""
    if corrected:
        superseded = "s.superseded_at"
        joins = f" LEFT JOIN ({corrected}) s ON r.record_id = s.corrected"
    if hidden:
        recorded, superseded = f"greatest({recorded}, v.seen_from)", f"least({superseded}, v.seen_until)"
        joins += f" LEFT JOIN visibility v ON v.item = '{item.code}' AND r.record_id = v.record_id"
    moments = f"CAST({recorded} AS TIMESTAMP) AS recorded_at, {superseded} AS superseded_at, {_expiry(item)}"
    rows = scan(item, [path for path, _ in files]) if files else f"(SELECT {nothing(item)} WHERE false)"
    return f"SELECT {columns}, {moments} FROM {rows} r{joins}"


def _parquet(item: Item, files: Sequence[str]) -> str:
    """All rows of the files in the item's present columns; what a version did not have is null."""
    if item.version == 1:
        return quoted_files(files)
    return (
        f"(SELECT * FROM read_parquet({_listed(files)}, union_by_name = true) "
        f"UNION ALL BY NAME SELECT {nothing(item)} WHERE false)"
    )


def _corrections(item: Item, files: list[str], scan: Scan) -> str:
    if not files:
        return ""
    return (
        "SELECT supersedes AS corrected, min(recorded_at) AS superseded_at "
        f"FROM {scan(item, files)} WHERE supersedes IS NOT NULL GROUP BY supersedes"
    )


def _carried(item: Item, own: str) -> str:
    """``own``, and the records of the files that a subject carries on."""
    columns = {one.name: f'own."{one.name}"' for one in item.arrow_schema if one.name != "recorded_at"} | {
        "subject_id": "c.subject_id",
        "recorded_at": "greatest(own.recorded_at, c.since)",
        "superseded_at": "least(own.superseded_at, c.until)",
        "expires_on": "own.expires_on",
    }
    listed = ", ".join(f'{value} AS "{name}"' for name, value in columns.items())
    return (
        f"WITH own AS NOT MATERIALIZED ({own}) SELECT * FROM own"
        f" UNION ALL SELECT {listed} FROM own JOIN succession c ON own.subject_id = c.member_id"
    )


def _successions(backend: Any, items: Iterable[Item], stored: Stored) -> pa.Table:
    """Subject, predecessor, since, until, as the records of all items that declare a succession say."""
    steps = list(items)
    own = queries(steps, stored, SUCCESSION_SCHEMA.empty_table())
    found = [SUCCESSION_SCHEMA.empty_table()]
    for item in steps:
        if item.succession is None:
            continue
        listed = {name: ", ".join(f"'{code}'" for code in codes) for name, codes in item.succession.when.items()}
        where = "".join(f' AND "{name}" IN ({codes})' for name, codes in listed.items())
        query = (
            f'SELECT subject_id, "{item.succession.predecessor}", recorded_at, superseded_at FROM ({own[item.table]}) '
            f'WHERE "{item.succession.predecessor}" IS NOT NULL{where}'
        )
        with backend.con.cursor() as cursor:
            rows = cursor.sql(query).to_arrow_table()
        found.append(rows.rename_columns(SUCCESSION_SCHEMA.names).cast(SUCCESSION_SCHEMA))
    return pa.concat_tables(found)


def _expiry(item: Item) -> str:
    if item.conduct_ends is None:
        return "CAST(NULL AS DATE) AS expires_on"
    return f'CAST(r."{item.conduct_ends}" + INTERVAL {int(item.retention_years or 0)} YEAR AS DATE) AS expires_on'


def _listed(paths: Iterable[str]) -> str:
    return "[" + ", ".join("'" + path.replace("'", "''") + "'" for path in paths) + "]"
