"""What a batch does not bring in: reasons as JSON lines, and the refused rows as a CSV file to correct and resend."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from records.batch import Accepted
from records.catalogue import Item
from records.cells import REJECT_COLUMNS
from records.durable import make_durable
from records.identifying import Identifier
from records.reject_rows import as_sent, with_reasons, write_csv
from records.rejections import append_lines, rejected_rows
from records.settling import MEMORY, REASONS
from records.sorted_runs import SortedRuns

PIECE_ROWS = 100_000


class RejectedRows:
    """Collects refused rows under ``folder``; memory stays flat however many they are."""

    def __init__(self, item: Item, identifier: Identifier, folder: Path) -> None:
        self.count = 0
        self._item, self._identifier, self._folder = item, identifier, folder
        self._columns: dict[str, None] = {}
        self._pieces: list[Path] = []
        self._late = np.zeros(0, np.uint8)
        self.late = 0

    def add(self, sent: list[str], accepted: Accepted) -> None:
        """Rows that a check refused, in a chunk that was sent with the columns ``sent``."""
        self._columns |= dict.fromkeys(sent)
        if accepted.refused:
            append_lines(self._lines, accepted.rejections)
            self._keep(accepted.rejected)
            self.count += accepted.refused

    def add_late(self, rows: pl.DataFrame, reason: int, rows_read: int) -> None:
        """Rows (row, record_id) that had passed and are refused by ``settling.REASONS[reason]``."""
        if len(self._late) <= rows_read:
            self._late = np.concatenate([self._late, np.zeros(rows_read + 1 - len(self._late), np.uint8)])
        numbers = rows["row"].to_numpy()
        self._late[numbers] = reason + 1
        append_lines(
            self._lines, rejected_rows(numbers, rows["record_id"], REASONS[reason][0], "text", REASONS[reason][1])
        )
        self.count += rows.height
        self.late += rows.height

    def left(self, frame: pl.DataFrame) -> pl.DataFrame:
        """The rows of ``frame`` that were not refused late."""
        return frame.filter(pl.Series(self._late[frame["row"].to_numpy()] == 0)) if self.late else frame

    def move(self, target: Path, runs: SortedRuns) -> None:
        """Put the reasons to ``target`` (JSON lines) and the rows beside it (CSV), durable."""
        self._keep_late(runs)
        target.parent.mkdir(parents=True, exist_ok=True)
        table = self._folder / "rejected.csv"
        write_csv(self._in_order(), table)
        for made, final in ((self._lines, target), (table, target.with_suffix(".csv"))):
            make_durable(made)
            made.replace(final)
        make_durable(target.parent)

    @property
    def _lines(self) -> Path:
        return self._folder / "rejections.jsonl"

    def _keep(self, piece: pl.DataFrame) -> None:
        path = self._folder / f"rejected-{len(self._pieces)}.parquet"
        pq.write_table(piece.to_arrow(compat_level=pl.CompatLevel.oldest()), path)
        self._pieces.append(path)

    def _keep_late(self, runs: SortedRuns) -> None:
        if not self.late:
            return
        for frame in runs.unordered():
            reasons = self._late[frame["row"].to_numpy()]
            for reason, (field, words) in enumerate(REASONS):
                some = frame.filter(pl.Series(reasons == reason + 1))
                if some.height:
                    told = rejected_rows(some["row"].to_numpy(), some["record_id"], field, "text", words)
                    self._keep(with_reasons(some["row"], self._as_sent(some), told))

    def _as_sent(self, stored: pl.DataFrame) -> pl.DataFrame:
        """Rows in the item's columns as their source would write them."""
        subjects = self._identifier.stored_subjects(stored["subject_kind"], stored["subject_id"], stored["masked"])
        sealed = {"subject_number": self._identifier.sealed(subjects)}
        for name, field in self._item.fields.items():
            if field.type == "subject":
                sealed[name] = self._identifier.sealed(self._identifier.stored_references(stored[name]))
        sent = stored.with_columns(stored["subject_id"].alias("subject_number")).select(list(self._columns))
        return as_sent(sent, stored, sealed)

    def _in_order(self) -> Iterator[pl.DataFrame]:
        """All pieces by row, with every column that was sent."""
        columns = [*self._columns, *REJECT_COLUMNS]
        if self.late:
            yield from self._merged(columns)
            return
        for path in self._pieces:
            piece = pl.read_parquet(path, memory_map=False)
            absent = [pl.lit(None, pl.String).alias(name) for name in columns if name not in piece.columns]
            yield piece.with_columns(absent).select(columns)

    def _merged(self, columns: list[str]) -> Iterator[pl.DataFrame]:
        listed = ", ".join("'" + str(path).replace("'", "''") + "'" for path in self._pieces)
        chosen = ", ".join(f'"{name}"' for name in columns)
        nothing = ", ".join(f'CAST(NULL AS VARCHAR) AS "{name}"' for name in columns if name != "reject_row")
        options: dict[str, Any] = {"memory_limit": MEMORY, "temp_directory": str(self._folder / "spill")}
        with duckdb.connect(config=options) as database:
            found: Any = database.sql(
                f"SELECT {chosen} FROM (SELECT * FROM read_parquet([{listed}], union_by_name = true) UNION ALL BY NAME "
                f"SELECT {nothing} WHERE false) ORDER BY reject_row"
            )
            for batch in found.to_arrow_reader(PIECE_ROWS):
                yield pl.DataFrame(pa.Table.from_batches([batch]))
