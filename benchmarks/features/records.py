"""Records for the feature benchmark: Parquet files as the base lays them out, made in a stream with flat memory.

Some kinds of records, ``RECORDS_A_SUBJECT`` a subject in all, unevenly shared out; each is recorded days to weeks after
it happened, and one in a hundred corrects the one before it. The files are what ``RecordBase.append`` makes of the same
rows (``same_as_appended`` tries it on a few), without a batch's way through the door, which is measured by
``huixin bench ingest``.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from benchmarks.features.measures import AMOUNTS
from records.base import RecordBase
from records.catalogue import Catalogue, Field, Item
from records.stored_files import write_parquet
from records.tables import Stored, connect

RECORDS_A_SUBJECT = 50
# Share of the records a subject has of each kind: few subjects have very many.
UNEVENNESS = 1.2
FIRST, LAST = date(2022, 1, 1), date(2025, 12, 31)
LAG_DAYS = (1, 45)
CORRECTED, CORRECTION_DAYS = 0.01, (10, 120)
RETURNED = 0.03
BLOCK = 50_000
MIXERS = (0x9E3779B97F4A7C15, 0xD1B54A32D192ED03)
HEXADECIMAL = np.array([f"{number:04x}".encode() for number in range(1 << 16)])
NIGHT = 19 * 3_600_000_000  # 03:00 in Shanghai, when batches of the day before come in
DAY = 86_400_000_000

Numbers = NDArray[np.uint64]
Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Made:
    """Where the records of ``subjects`` subjects lie: a file an item, and one of the subject ids, in order."""

    folder: Path
    subjects: int

    def file(self, item: str) -> Path:
        return self.folder / f"{item}.parquet"

    @property
    def subject_ids(self) -> pa.ChunkedArray:
        return pq.read_table(self.folder / "subjects.parquet")["subject_id"]

    @property
    def rows(self) -> int:
        return sum(int(pq.read_metadata(self.file(item)).num_rows) for item in AMOUNTS)

    @property
    def megabytes(self) -> float:
        return sum(self.file(item).stat().st_size for item in AMOUNTS) / 1e6

    @property
    def companions(self) -> list[Path]:
        """Files that Huixin keeps beside those of records."""
        return [path for item in AMOUNTS for path in self.folder.glob(f"{item}.parquet.*")]

    def remove_companions(self) -> None:
        for path in self.companions:
            path.unlink()

    def connection(self) -> Any:
        """The connection that a base of these files gives (``records.tables.connect``)."""
        items = Catalogue.load().items
        return connect([items[code] for code in AMOUNTS], Stored({i: [(str(self.file(i)), True)] for i in AMOUNTS}))


def make(folder: Path, subjects: int, seed: int = 20260101, ids: pl.Series | None = None) -> Made:
    """Write the records of ``subjects`` subjects under ``folder``; ``ids``: theirs, sorted (default: made up)."""
    folder.mkdir(parents=True)
    made = Made(folder, subjects)
    bounds = [*range(0, subjects, BLOCK), subjects]
    blocks = list(pairwise(bounds))
    with pq.ParquetWriter(folder / "subjects.parquet", pa.schema([("subject_id", pa.string())])) as writer:
        for low, high in blocks:
            writer.write_table(pa.table({"subject_id": _ids(low, high, subjects, ids)}))
    items = Catalogue.load().items
    for number, code in enumerate(AMOUNTS):
        frames = (
            _block(items[code], number, place, _ids(low, high, subjects, ids), seed)
            for place, (low, high) in enumerate(blocks)
        )
        write_parquet(frames, made.file(code))
    return made


def _ids(low: int, high: int, subjects: int, given: pl.Series | None) -> pa.Array:
    """Subject ids of the subjects ``low`` to ``high``: given ones, or 32 hexadecimal characters in rising order."""
    if given is not None:
        return given[low:high].to_arrow(compat_level=pl.CompatLevel.oldest()).cast(pa.string())
    index = np.arange(low, high, dtype=np.uint64)
    step = np.uint64((1 << 64) // subjects - 1)
    front = index * step + _mixed(index, 0) % step
    return _hexadecimal(np.stack([front, _mixed(index, 1)], axis=1))


def _block(item: Item, number: int, place: int, ids: pa.Array, seed: int) -> pl.DataFrame:
    """The records of some subjects, by subject and day."""
    rng = np.random.default_rng([seed, number, place])
    mean = RECORDS_A_SUBJECT / len(AMOUNTS)
    counts = rng.poisson(rng.gamma(UNEVENNESS, mean / UNEVENNESS, len(ids)))
    whose = np.repeat(np.arange(len(ids)), counts)
    rows = len(whose)
    length = (LAST - FIRST).days + 1
    days = np.sort(whose * length + rng.integers(0, length, rows)) % length + FIRST.toordinal() - _EPOCH
    soonest, latest = np.log(LAG_DAYS).tolist()
    lag = np.exp(rng.uniform(soonest, latest, rows)).astype(np.int64)
    corrects = _correcting(whose, rng)
    days[corrects] = days[corrects - 1]
    lag[corrects] = lag[corrects - 1] + rng.integers(*CORRECTION_DAYS, len(corrects))
    names = _record_ids(number, place, rows)
    superseded = np.full(rows, -1)
    superseded[corrects] = corrects - 1
    columns: dict[str, Any] = {
        "record_id": names,
        "subject_id": ids.take(pa.array(whose)),
        "subject_kind": pa.repeat(pa.scalar("enterprise"), rows),
        "occurred_on": pa.array(days.astype(np.int32)).cast(pa.date32()),
        "recorded_at": pa.array((days + lag) * DAY - DAY + NIGHT, pa.timestamp("us")),
        "supersedes": names.take(pa.array(superseded, mask=superseded < 0)),
    }
    for name, field in item.fields.items():
        columns[name] = _values(field, days, rng, returns=item.code == "tax.invoice")
    return pl.DataFrame(pl.from_arrow(pa.table(columns, schema=item.arrow_schema)))


_EPOCH = date(1970, 1, 1).toordinal()


def _correcting(whose: Integers, rng: np.random.Generator) -> Integers:
    """Rows that correct the row before them, of the same subject; that one corrects none."""
    chosen = rng.random(len(whose)) < CORRECTED
    chosen[1:] &= whose[1:] == whose[:-1]
    chosen[:1] = False
    chosen[1:] &= ~chosen[:-1]
    return np.flatnonzero(chosen)


def _record_ids(number: int, place: int, rows: int) -> pa.Array:
    """Unique and in no order, 16 hexadecimal characters: odd multiples permute the 64-bit numbers."""
    index = np.arange(rows, dtype=np.uint64) + np.uint64((number << 56) + (place << 32) + 1)
    return _hexadecimal((index * np.uint64(MIXERS[0]))[:, None])


def _mixed(index: Numbers, which: int) -> Numbers:
    found = (index + np.uint64(1)) * np.uint64(MIXERS[which])
    return (found ^ (found >> np.uint64(29))) * np.uint64(MIXERS[1 - which])


def _hexadecimal(numbers: Numbers) -> pa.Array:
    """Each row of numbers as text, 16 characters a number."""
    shifts = np.array([48, 32, 16, 0], np.uint64)
    parts = (numbers[:, :, None] >> shifts) & np.uint64(0xFFFF)
    content = HEXADECIMAL[parts.astype(np.int64)]
    width = 16 * numbers.shape[1]
    offsets = np.arange(len(numbers) + 1, dtype=np.int32) * width
    return pa.StringArray.from_buffers(
        len(numbers), pa.py_buffer(offsets), pa.py_buffer(np.ascontiguousarray(content).tobytes())
    )


def _values(field: Field, days: Integers, rng: np.random.Generator, *, returns: bool) -> pa.Array:
    """Plausible values: amounts spread over some powers of ten, most counts 0, codes and names from short lists."""
    count = len(days)
    match field.type:
        case "money" | "decimal":
            scale = 2 if field.type == "money" else 4
            units = np.round(np.exp(rng.normal(8.5, 1.4, count)) * 10**scale).astype(np.int64)
            if returns:
                units[rng.random(count) < RETURNED] *= -1
            return _decimals(units, scale)
        case "integer":
            return pa.array(np.maximum(rng.integers(-40, 60, count), 0))
        case "code":
            return pa.array(list(field.codes or {})).take(pa.array(rng.integers(0, len(field.codes or {}), count)))
        case "date":
            return pa.array(days.astype(np.int32)).cast(pa.date32())
        case _:
            return pa.array([f"P{number:05}" for number in range(5_000)]).take(pa.array(rng.integers(0, 5_000, count)))


def _decimals(units: Integers, scale: int) -> pa.Array:
    """Exact decimals of 18 digits from whole numbers of their last place."""
    words = np.stack([units, units >> 63], axis=1)
    return pa.Array.from_buffers(pa.decimal128(18, scale), len(units), [None, pa.py_buffer(words.tobytes())])


def same_as_appended(folder: Path, subjects: int = 1_000) -> bool:
    """Whether batches of the same records, appended to a base under ``folder``, give the same tables."""
    base, made, _ = appended(folder, subjects)
    one, other = base.connection(tuple(AMOUNTS)), made.connection()
    return all(_table(one, code).equals(_table(other, code)) for code in AMOUNTS)


def appended(folder: Path, subjects: int) -> tuple[RecordBase, Made, list[str]]:
    """A base under ``folder`` with the records of so many subjects; the same, made here; the subjects' numbers."""
    from county.numbers import enterprise_numbers
    from records.settings import Settings

    base = RecordBase.open(Settings(home=folder / "home"))
    numbers = enterprise_numbers(np.arange(subjects)).tolist()
    known = pl.DataFrame({"subject_id": base.identity.subject_ids("uscc", numbers), "subject_number": numbers})
    known = known.sort("subject_id")
    made = make(folder / "made", subjects, ids=known["subject_id"])
    for code in AMOUNTS:
        batch = folder / f"{code}.csv"
        rows = pl.read_parquet(made.file(code)).join(known, on="subject_id").drop("subject_id", "subject_kind")
        several = len(base.catalogue.item(code).subject_kinds) > 1
        rows.with_columns([pl.lit("enterprise").alias("subject_kind")] if several else []).write_csv(batch)
        base.append(batch, code, history=True)
        batch.unlink()
    return base, made, numbers


def _table(connection: Any, code: str) -> pa.Table:
    query = f"SELECT * FROM {Catalogue.load().item(code).table} ORDER BY record_id"
    with connection.con.cursor() as cursor:
        return cursor.sql(query).to_arrow_table()
