"""Where subjects stand among their peers, on Spark: executors order the peers' values, and few are collected."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from functools import reduce
from typing import Any

import numpy as np
import pyarrow as pa

from features.definition import Feature, Peer
from features.dictionary import registered
from features.peers import MOST_VALUES, MonthPeers, Values, attached, months_of, subjects_query
from records.moment import end_of_day, shanghai_day

LEVELS = ("by", "wider")
MOST_SUBJECTS = 1 << 40


def months_asked(rows: Any) -> list[date]:
    """The month ends that the as-ofs of the numbered spine ``rows`` are compared at."""
    return months_of(rows.select("as_of").distinct().toArrow()["as_of"])


def peers_spine(session: Any, peers: Sequence[Peer], segment: str, months: Sequence[date]) -> Any:
    """A numbered spine of whoever can be a peer at one of ``months``, by a rule that numbers alike when run again."""
    parts = []
    for month in months:
        moment = f"TIMESTAMP_NTZ '{end_of_day(month).isoformat(' ')}'"
        number = month.year * 12 + month.month
        query = subjects_query(peers, segment).replace("$moment", moment)
        parts.append(
            f"SELECT subject_id, {moment} AS as_of, DATE '{month}' AS as_of_day, "
            f"CAST({number} AS BIGINT) AS as_of_month FROM ({query})"
        )
    asked = f"SELECT * FROM ({' UNION ALL '.join(parts)})"
    return session.sql(
        f"SELECT as_of_month * {MOST_SUBJECTS} + row_number() OVER (PARTITION BY as_of ORDER BY subject_id) AS row, "
        f"subject_id, as_of, as_of_day, as_of_month FROM ({asked})"
    )


def month_peers(measured: Any, peers: Sequence[Peer]) -> dict[date, MonthPeers]:
    """``features.peers.peers_of`` of each month end, from what was ``measured`` on ``peers_spine``."""
    kept = _thinned(_stacked(measured, peers)).toArrow()
    width = max(len(getattr(peer.group, level)) for peer in peers for level in LEVELS)
    keys = np.column_stack([kept[f"key_{at}"].to_numpy() for at in range(width)])
    values, which, level = kept["value"].to_numpy(), kept["peer"].to_numpy(), kept["level"].to_numpy()
    months = np.array([shanghai_day(moment).toordinal() for moment in kept["as_of"].to_pylist()], np.int64)
    found: dict[date, MonthPeers] = {}
    for month in np.unique(months).tolist():
        of_month = {}
        for number, peer in enumerate(peers):
            pair = []
            for place, name in enumerate(LEVELS):
                rows = np.flatnonzero((months == month) & (which == number) & (level == place))
                pair.append(Values.of(keys[rows][:, : len(getattr(peer.group, name))], values[rows]))
            of_month[peer.code] = (pair[0], pair[1])
        found[date.fromordinal(month)] = of_month
    return found


def with_peers(measured: Any, peers: Sequence[Peer], of_month: Mapping[date, MonthPeers]) -> Any:
    """``measured`` (row, as_of, measures) and the peer features, attached by the executors; null where missing."""
    from pyspark.sql.types import DoubleType, StructField, StructType

    told = measured.sparkSession.sparkContext.broadcast(dict(of_month))
    given, read = tuple(peers), [field.name for field in measured.schema if isinstance(field.dataType, DoubleType)]

    def attach(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            table = pa.Table.from_batches([batch])
            measures = {name: table[name].to_numpy().astype(np.float64) for name in read}
            for code, column in attached(given, table["as_of"], measures, told.value).items():
                table = table.append_column(code, pa.array(column, pa.float64(), from_pandas=True))
            yield from table.combine_chunks().to_batches()

    return measured.mapInArrow(
        attach, StructType([*measured.schema.fields, *(StructField(peer.code, DoubleType()) for peer in given)])
    )


def _stacked(measured: Any, peers: Sequence[Peer]) -> Any:
    """A row for each value that is compared: as_of, number of the peer feature, level, the group's keys, value."""
    from pyspark.sql import functions as fn

    width = max(len(getattr(peer.group, level)) for peer in peers for level in LEVELS)
    parts = []
    for number, peer in enumerate(peers):
        of = registered()[peer.of]
        assert isinstance(of, Feature)  # noqa: S101
        value = fn.col(peer.of)
        filled = value if of.when_empty is None else fn.coalesce(value, fn.lit(of.when_empty))
        for place, level in enumerate(LEVELS):
            codes = [one.code for one in getattr(peer.group, level)]
            keys = [fn.col(code) for code in codes] + [fn.lit(0.0)] * (width - len(codes))
            known = measured.filter(reduce(lambda one, other: one & other, [key.isNotNull() for key in keys]))
            named = [key.alias(f"key_{at}") for at, key in enumerate(keys)]
            parts.append(
                known.select(
                    "as_of", fn.lit(number).alias("peer"), fn.lit(place).alias("level"), *named, filled.alias("value")
                ).filter("value IS NOT NULL")
            )
    return reduce(lambda one, other: one.unionAll(other), parts)


def _thinned(stacked: Any) -> Any:
    """The values that ``features.peers`` keeps of a group: all, or so many at even distances in their order."""
    from pyspark.sql import Window
    from pyspark.sql import functions as fn

    group = Window.partitionBy("as_of", "peer", "level", *(name for name in stacked.columns if name.startswith("key_")))
    most = MOST_VALUES
    placed = stacked.select(
        "*",
        (fn.row_number().over(group.orderBy("value")) - 1).cast("bigint").alias("place"),
        fn.count(fn.lit(1)).over(group).alias("size"),
    )
    # place = ((2 k + 1) size) div (2 most) for some k: the least k for which the right side reaches place is tried.
    least = f"((place * {2 * most} + size - 1) div size) div 2"
    reached = f"((2 * ({least}) + 1) * size) div {2 * most}"
    return placed.filter(f"size <= {most} OR (({least}) < {most} AND {reached} = place)").drop("place", "size")
