"""Spine and records to features on Spark: the expressions that DuckDB runs, the same bits, for any size of table."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from functools import cached_property, reduce
from math import ceil
from pathlib import Path
from typing import Any

import pyarrow as pa

from features.compiled import CompiledFeatures, compiled
from features.definition import AnyFeature
from features.dictionary import features_for
from features.peers import compared
from features.spark.dialect import spark_sql
from features.spark.folders import NewFolder
from features.spark.peers import month_peers, months_asked, peers_spine, with_peers
from features.spark.session import failures
from features.spark.spine import keep_numbered
from features.spark.tables import SparkTables
from features.spine import SPINE_SCHEMA, numbered

Progress = Callable[[int], None]
PASSES_TOGETHER = 8  # a plan grows with the square of what is joined in it
PARTS_AT_ONCE = 4  # so that passes over few records do not leave the executors idle


class SparkPipeline:
    """Computes ``features`` (default: the model features of ``segment``) on the records of ``tables``."""

    def __init__(self, tables: SparkTables, segment: str, features: Sequence[AnyFeature] | None = None) -> None:
        self.tables = tables
        self.segment = segment
        self.features = tuple(features if features is not None else features_for(segment))
        self.codes = tuple(feature.code for feature in self.features)
        self._compiled = compiled(self.features, segment, spark_sql)

    @property
    def steps(self) -> int:
        """How many steps ``progress`` is told of: some passes over records each, and putting them together."""
        measured = [self._compiled, self._compared] if self._compiled.peers else [self._compiled]
        return sum(ceil(len(one.passes) / PASSES_TOGETHER) for one in measured) + 1

    @cached_property
    def _compared(self) -> CompiledFeatures:
        """What is measured on the peers of month ends."""
        return compiled(compared(self._compiled.peers), self.segment, spark_sql)

    def build(self, spine: pa.Table, progress: Progress | None = None) -> pa.Table:
        """The table that ``FeaturePipeline.build`` makes, brought to this process: for spines that fit into its memory.

        Raises ``BadSpine`` for anything but a table of subjects and instants.
        """
        asked = numbered(spine)
        with failures(), self._found(self.tables.session.createDataFrame(asked), progress) as found:
            made = found.toArrow().sort_by("row")
        schema = pa.schema([*SPINE_SCHEMA, *((code, pa.float64()) for code in self.codes)])
        return made.select(schema.names).cast(schema)

    def build_to(self, spine: Any, folder: str | Path, progress: Progress | None = None) -> int:
        """Write what ``build`` makes as Parquet files into the new ``folder``, in no order; returns how many rows.

        ``spine``: an Arrow table, a Spark data frame, or the path of Parquet files, with subject_id and as_of.
        Rows go from executor to storage, never through this process. ``folder``: a path that every executor sees, or
        the address of a storage that Spark knows; it is there only when all is written.
        Raises ``BadSpine``, or ``FolderTaken`` where something is in ``folder`` already.
        """
        with failures(), NewFolder(self.tables.session, folder) as new:
            rows, count = keep_numbered(self.tables.session, spine, new.inside("_spine"))
            with self._found(rows, progress) as found:
                found.drop("row").write.mode("append").parquet(new.address)
            new.remove("_spine")
        return count

    @contextmanager
    def _found(self, rows: Any, progress: Progress | None) -> Iterator[Any]:
        """A data frame of row, subject_id, as_of and the features of ``rows``, which are a numbered spine."""
        from pyspark.sql import functions as fn

        done = 0

        def step() -> None:
            nonlocal done
            done += 1
            if progress:
                progress(done)

        with self._measured(rows, self._compiled, step) as measured:
            if self._compiled.peers:
                measured = self._with_peers(rows, measured, step)
            with self.tables.lock:
                measured.createOrReplaceTempView("measured")
                finished = self.tables.session.sql(self._compiled.write(self._compiled.finished))
            values = [fn.coalesce(finished[code], fn.lit(float("nan"))).alias(code) for code in self.codes]
            yield rows.select("row", *SPINE_SCHEMA.names).join(finished.select("row", *values), "row")
        step()

    def _with_peers(self, rows: Any, measured: Any, step: Callable[[], None]) -> Any:
        peers, months = self._compiled.peers, months_asked(rows)
        if not months:
            return with_peers(measured, peers, {})
        spine = peers_spine(self.tables.session, peers, self.segment, months)
        with self._measured(spine, self._compared, step) as of_peers:
            return with_peers(measured, peers, month_peers(of_peers, peers))

    @contextmanager
    def _measured(self, rows: Any, measures: CompiledFeatures, step: Callable[[], None]) -> Iterator[Any]:
        """A data frame of row, as_of and ``measures`` of the numbered spine ``rows``; null where missing."""
        with self.tables.lock:
            rows.createOrReplaceTempView("spine")
            passes = [self.tables.session.sql(query) for query in measures.passes]
        parts = [_joined(rows.select("row"), some).persist() for some in _batched(passes)]
        try:
            for _ in _carried_out(parts):
                step()
            yield _joined(rows.select("row", "as_of"), parts)
        finally:
            for one in parts:
                one.unpersist()


def _batched(passes: Sequence[Any]) -> Iterator[Sequence[Any]]:
    return (passes[at : at + PASSES_TOGETHER] for at in range(0, len(passes), PASSES_TOGETHER))


def _joined(rows: Any, passes: Iterable[Any]) -> Any:
    """``rows`` with what each of ``passes`` measured on them; null where it has nothing of a row."""
    return reduce(lambda table, one: table.join(one, "row", "left"), passes, rows)


def _carried_out(parts: Sequence[Any]) -> Iterator[None]:
    """Once for each of ``parts``, when it is computed."""
    with ThreadPoolExecutor(PARTS_AT_ONCE) as pool:
        for done in as_completed([pool.submit(one.count) for one in parts]):
            done.result()
            yield
