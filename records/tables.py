"""The committed Parquet files as one table an item, with what makes a record invisible again beside it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from records.catalogue import Item

SQL_TYPES = {
    "string": "VARCHAR",
    "int64": "BIGINT",
    "bool": "BOOLEAN",
    "date32[day]": "DATE",
    "timestamp[us]": "TIMESTAMP",
    "decimal128(18, 2)": "DECIMAL(18,2)",
    "decimal128(18, 4)": "DECIMAL(18,4)",
}


def connect(items: Iterable[Item], files: Mapping[str, list[tuple[str, bool]]]) -> Any:
    """An Ibis DuckDB backend with a view for each of ``items``, named ``item.table``.

    ``files`` gives, by item code, each Parquet file and whether it holds corrections. Beside the stored
    columns a view has

    - ``superseded_at``: when the first record that supersedes this one was recorded (UTC), or null;
    - ``expires_on``: for adverse items, the day from which the record may no longer be shown: conduct end plus
      retention (Regulation on the credit reporting industry, Art. 16: five years), null while the conduct lasts.
    """
    import ibis

    backend = ibis.duckdb.connect()
    backend.raw_sql("SET TimeZone = 'UTC'")
    for item in items:
        backend.raw_sql(f"CREATE VIEW {item.table} AS {_select(item, files.get(item.code, []))}")
    return backend


def quoted_files(paths: Iterable[str]) -> str:
    """``read_parquet([...])`` over ``paths``."""
    listed = ", ".join("'" + path.replace("'", "''") + "'" for path in paths)
    return f"read_parquet([{listed}])"


def _select(item: Item, files: list[tuple[str, bool]]) -> str:
    columns = ", ".join(
        f'CAST(r."{field.name}" AS {SQL_TYPES[str(field.type)]}) AS "{field.name}"' for field in item.arrow_schema
    )
    if not files:
        nothing = ", ".join(f'CAST(NULL AS {SQL_TYPES[str(f.type)]}) AS "{f.name}"' for f in item.arrow_schema)
        rows = f"(SELECT {nothing} WHERE false)"
    else:
        rows = quoted_files(path for path, _ in files)
    correcting = [path for path, corrections in files if corrections]
    if not correcting:
        return f"SELECT {columns}, CAST(NULL AS TIMESTAMP) AS superseded_at, {_expiry(item)} FROM {rows} r"
    first = (
        "SELECT supersedes AS corrected, min(recorded_at) AS superseded_at "
        f"FROM {quoted_files(correcting)} WHERE supersedes IS NOT NULL GROUP BY supersedes"
    )
    return (
        f"SELECT {columns}, s.superseded_at, {_expiry(item)} "
        f"FROM {rows} r LEFT JOIN ({first}) s ON r.record_id = s.corrected"
    )


def _expiry(item: Item) -> str:
    if item.conduct_ends is None:
        return "CAST(NULL AS DATE) AS expires_on"
    return f'CAST(r."{item.conduct_ends}" + INTERVAL {int(item.retention_years or 0)} YEAR AS DATE) AS expires_on'
