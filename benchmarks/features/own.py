"""Huixin's side: the pipeline that training and scoring use, on the connection that a base gives.

What it reads of a file it keeps beside the file, once (``features.companions``); ``build_first`` pays for that anew.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import pyarrow as pa

from benchmarks.features.measures import COLUMNS, SEGMENT, features
from benchmarks.features.records import Made
from features.pipeline import FeaturePipeline
from features.spine import SPINE_SCHEMA


def build(made: Made, ids: pa.ChunkedArray, as_ofs: Sequence[datetime]) -> list[pa.Table]:
    """All measures of all subjects at all as-ofs, from one question; a table an as-of."""
    found = FeaturePipeline(made.connection(), SEGMENT, features()).build(spine(ids, as_ofs))
    measures = found.select([column.code for column in COLUMNS])
    return [measures.slice(number * len(ids), len(ids)) for number in range(len(as_ofs))]


def build_first(made: Made, ids: pa.ChunkedArray, as_ofs: Sequence[datetime]) -> list[pa.Table]:
    """The same from the Parquet files alone: what ``features.companions`` keeps beside them is made again."""
    made.remove_companions()
    return build(made, ids, as_ofs)


def spine(ids: pa.ChunkedArray, as_ofs: Sequence[datetime]) -> pa.Table:
    """Every subject at each as-of, as ``features.spine.spine`` lists them."""
    parts = [[ids, pa.chunked_array([pa.repeat(pa.scalar(as_of, pa.timestamp("us")), len(ids))])] for as_of in as_ofs]
    return pa.concat_tables([pa.table(part, schema=SPINE_SCHEMA) for part in parts])
