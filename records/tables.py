"""The committed Parquet files as one table an item, with what befell each record folded in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
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
    learnt of the succession.
    """
    import ibis

    backend = ibis.duckdb.connect()
    backend.raw_sql("SET TimeZone = 'UTC'")
    _keep(backend, "visibility", stored.visibility)
    chosen, steps = list(items), list(following)
    hidden = set(stored.visibility["item"].to_pylist())
    own = {item.code: _own(item, stored.files.get(item.code, []), item.code in hidden) for item in [*chosen, *steps]}
    followed = closure(_successions(backend, steps, own))
    _keep(backend, "succession", followed)
    views = []
    for item in chosen:
        follows = followed.num_rows > 0 and item.inherited
        views.append(f"CREATE VIEW {item.table} AS {_carried(own[item.code]) if follows else own[item.code]}")
    backend.con.execute(";".join(views))
    return backend


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


def _own(item: Item, files: list[tuple[str, bool]], hidden: bool) -> str:
    """The records of ``item`` under the subject that they were reported of."""
    columns = ", ".join(
        f'CAST(r."{one.name}" AS {SQL_TYPES[str(one.type)]}) AS "{one.name}"'
        for one in item.arrow_schema
        if one.name != "recorded_at"
    )
    corrected = _corrections(item, [path for path, corrections in files if corrections])
    recorded, superseded, joins = "r.recorded_at", "CAST(NULL AS TIMESTAMP)", ""
    if corrected:
        superseded = "s.superseded_at"
        joins = f" LEFT JOIN ({corrected}) s ON r.record_id = s.corrected"
    if hidden:
        recorded, superseded = f"greatest({recorded}, v.seen_from)", f"least({superseded}, v.seen_until)"
        joins += f" LEFT JOIN visibility v ON v.item = '{item.code}' AND r.record_id = v.record_id"
    moments = f"CAST({recorded} AS TIMESTAMP) AS recorded_at, {superseded} AS superseded_at, {_expiry(item)}"
    return f"SELECT {columns}, {moments} FROM {_rows(item, files)} r{joins}"


def _rows(item: Item, files: list[tuple[str, bool]]) -> str:
    """All rows of the files in the item's present columns; what a version did not have is null."""
    if not files:
        return f"(SELECT {nothing(item)} WHERE false)"
    listed = _listed(path for path, _ in files)
    if item.version == 1:
        return f"read_parquet({listed})"
    return (
        f"(SELECT * FROM read_parquet({listed}, union_by_name = true) "
        f"UNION ALL BY NAME SELECT {nothing(item)} WHERE false)"
    )


def _corrections(item: Item, files: list[str]) -> str:
    if not files:
        return ""
    return (
        "SELECT supersedes AS corrected, min(recorded_at) AS superseded_at "
        f"FROM read_parquet({_listed(files)}) WHERE supersedes IS NOT NULL GROUP BY supersedes"
    )


def _carried(own: str) -> str:
    return (
        f"WITH own AS NOT MATERIALIZED ({own}) SELECT * FROM own"
        " UNION ALL SELECT own.* REPLACE (c.subject_id AS subject_id, "
        "greatest(own.recorded_at, c.since) AS recorded_at, least(own.superseded_at, c.until) AS superseded_at) "
        "FROM own JOIN succession c ON own.subject_id = c.member_id"
    )


def _successions(backend: Any, items: Iterable[Item], own: Mapping[str, str]) -> pa.Table:
    """Subject, predecessor, since, until, as the records of all items that declare a succession say."""
    found = [SUCCESSION_SCHEMA.empty_table()]
    for item in items:
        if item.succession is None:
            continue
        listed = {name: ", ".join(f"'{code}'" for code in codes) for name, codes in item.succession.when.items()}
        where = "".join(f' AND "{name}" IN ({codes})' for name, codes in listed.items())
        query = (
            f'SELECT subject_id, "{item.succession.predecessor}", recorded_at, superseded_at FROM ({own[item.code]}) '
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
