"""The Parquet file of an accepted batch, and the subjects that it names, written in one pass over its sorted rows."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from itertools import chain, islice
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from records.id_hashes import index_of

ROW_GROUP = 50_000
COMPANION = ".inputs"
# Of rows sorted by subject level 1 makes files as small as the default level 3, in less time.
COMPRESSION_LEVEL = 1
SUBJECTS = pa.schema(
    {
        "subject_id": pa.large_string(),
        "subject_kind": pa.large_string(),
        "first": pa.timestamp("us"),
        "masked": pa.large_string(),
    }
)
NAMED = pa.schema({"subject_id": pa.large_string()})


def companion_of(file: Path, name: str) -> Path:
    """Where something that was reckoned from a file of records lies; it goes with the file (``remove_file``)."""
    return file.with_name(f"{file.name}.{name}{COMPANION}")


def remove_file(file: Path) -> None:
    """Remove a file of records and all that was reckoned from it, whether or not it is there."""
    file.unlink(missing_ok=True)
    index_of(file).unlink(missing_ok=True)
    for companion in file.parent.glob(f"{file.name}.*{COMPANION}*"):
        companion.unlink(missing_ok=True)


def file_of(companion: Path) -> Path | None:
    """The file of records that a companion goes with; ``None`` for what is no companion."""
    if COMPANION not in companion.suffixes:
        return None
    return companion.with_name(f"{companion.name.split('.parquet.')[0]}.parquet")


def write_parquet(frames: Iterator[pl.DataFrame], path: Path) -> None:
    """``frames`` of one schema, in their order, as one Parquet file (zstd, row groups of 50,000 rows); flat memory."""
    first = next(frames)
    second = next(frames, None)
    if second is None:
        first.write_parquet(path, compression_level=COMPRESSION_LEVEL, row_group_size=ROW_GROUP)
        return
    from polars.io.plugins import register_io_source

    failed: list[BaseException] = []

    def rows(
        columns: list[str] | None, predicate: pl.Expr | None, most: int | None, _: int | None
    ) -> Iterator[pl.DataFrame]:
        try:
            yield from islice(chain([first, second], frames), most)
        except BaseException as error:  # Polars would tell of it in its own words only
            failed.append(error)
            raise

    try:
        register_io_source(rows, schema=first.schema).sink_parquet(
            path, compression_level=COMPRESSION_LEVEL, row_group_size=ROW_GROUP, maintain_order=True
        )
    except pl.exceptions.PolarsError:
        if failed:
            raise failed[0] from None
        raise


class SubjectLists:
    """Which subjects the rows of a file are about, kept on disk beside it; ``stamp`` where a row says no moment."""

    def __init__(self, folder: Path, stamp: datetime) -> None:
        self._about = pq.ParquetWriter(folder / "subjects.parquet", SUBJECTS)
        self._stamp = pl.lit(stamp, pl.Datetime("us"))

    def add(self, frame: pl.DataFrame) -> None:
        """``frame`` with the stored columns and ``masked``, sorted by subject."""
        who = frame.select("subject_id", "subject_kind")
        begins = pl.any_horizontal(pl.all() != pl.all().shift(1)).fill_null(True)
        number = who.select(begins.cum_sum())["subject_id"]
        about = (
            frame.select("subject_id", "subject_kind", "recorded_at", "masked", number=number)
            .group_by("number", maintain_order=True)
            .agg(
                pl.col("subject_id", "subject_kind").first(),
                first=pl.col("recorded_at").fill_null(self._stamp).min(),
                masked=pl.col("masked").first(),
            )
        )
        self._about.write_table(_arrow(about.drop("number")).cast(SUBJECTS))

    def close(self) -> None:
        self._about.close()


class NamedSubjects:
    """Ids of subjects that fields name, kept on disk, repetitions and all."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "named.parquet"
        self._writer: pq.ParquetWriter | None = None

    def add(self, subject_ids: pl.Series) -> None:
        if len(subject_ids):
            self._writer = self._writer or pq.ParquetWriter(self.path, NAMED)
            self._writer.write_table(pa.table({"subject_id": subject_ids.to_arrow()}).cast(NAMED))

    def close(self) -> Path | None:
        """The file, or ``None`` where no subject is named."""
        if self._writer is None:
            return None
        self._writer.close()
        return self.path


def subjects_in(folder: Path) -> Iterator[tuple[str, str, datetime, str]]:
    """Subject id, kind, the earliest moment and the masked number; a subject of very many rows more than once."""
    with pq.ParquetFile(folder / "subjects.parquet") as file:
        for batch in file.iter_batches():
            yield from pl.DataFrame(batch).rows()


def _arrow(frame: pl.DataFrame) -> pa.Table:
    return frame.to_arrow(compat_level=pl.CompatLevel.oldest())
