"""Pulling from a source's PostgreSQL by watermark, each range exactly once.

A range (pulled_to, pulling_to] is committed before it is read, and is the batch's key. Killed anywhere, the next pull
takes the same range under the same key, and the base knows whether it has it. Only then does ``pulled_to`` move.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from records.catalogue import Item
from records.database import BatchRow, WatermarkRow, writing
from records.exchange.changes import CHANGE_COLUMNS, keep_changes
from records.exchange.connector import Connector
from records.exchange.hub import Exchange
from records.exchange.source_table import SourceTable
from records.moment import now
from records.receipt import Receipt

BYTES_A_CELL = 32


@dataclass(frozen=True)
class Pulled:
    """One range: its end, the rows that the source had in it, and the receipt where any of them was news."""

    end: str
    rows: int
    receipt: Receipt | None


class Puller:
    """Pulls what ``connector`` names into the base of ``exchange``."""

    def __init__(self, exchange: Exchange, connector: Connector) -> None:
        self.exchange = exchange
        self.connector = connector
        self.engine = exchange.base.engine
        self.item: Item = exchange.base.catalogue.item(connector.item)
        self.columns = [*connector.columns, *connector.constants]

    def ranges(self) -> Iterator[Pulled]:
        """Pull range after range until nothing new is left."""
        while (pulled := self.pull()) is not None:
            yield pulled

    def pull(self) -> Pulled | None:
        """Pull the next range, or the one that was begun; ``None`` where nothing has come.

        Raises ``SourceDown``, ``BadConnector`` or what the door says of the batch; then the range stays to be pulled.
        """
        self.exchange.spool.check_room(self._expected_bytes())
        with self.exchange.private.file("_pulled.parquet", self._expected_bytes()) as path:
            with SourceTable.connected(self.connector) as source:
                bounds = self._claimed(source)
                if bounds is None:
                    return None
                after, end = bounds
                key = f"pull:{self.connector.name}:{after or ''}:{end}"
                known = self._receipt(key)
                rows = 0 if known else self._fetch(source, after, end, path)
            receipt = known or (self._append(path, key) if rows else None)
        self._move(after, end)
        return Pulled(end, rows, receipt)

    def _claimed(self, source: SourceTable) -> tuple[str | None, str] | None:
        """The range that is being pulled; where there is none, the next one, committed before a row of it is read."""
        name = self.connector.name
        while True:
            with Session(self.engine) as session:
                row = session.get(WatermarkRow, name)
                after, end = (row.pulled_to, row.pulling_to) if row else (None, None)
            if end is not None:
                return after, end
            if (end := source.next_end(after)) is None:
                return None
            with writing(self.engine) as session:
                row = session.get(WatermarkRow, name) or WatermarkRow(connector=name)
                if (row.pulled_to, row.pulling_to) == (after, None):
                    row.pulling_to, row.updated_at = end, now()
                    session.add(row)
                    return after, end

    def _fetch(self, source: SourceTable, after: str | None, end: str, path: Path) -> int:
        """The range's rows as a Parquet file of text in the batch's columns; returns how many the source had."""
        schema = pa.schema([(name, pa.string()) for name in (*CHANGE_COLUMNS, *self.columns)])
        constants = tuple(self.connector.constants.values())
        count = 0
        with pq.ParquetWriter(path, schema) as writer:
            for some in source.rows(after, end, self.connector.days(self.item)):
                count += len(some)
                values = list(zip(*((*row, *constants) for row in some), strict=True))
                writer.write_table(pa.table([pa.array(one, pa.string()) for one in values], schema=schema))
        return count

    def _append(self, path: Path, key: str) -> Receipt | None:
        """The batch through the door; where rows change in place, only those that are new or changed."""
        batch = path.with_name(f"{self.connector.name}.parquet")
        if self.connector.key is None:
            _without_changes(path, batch)
        elif not keep_changes(self.exchange.base, self.item, self.connector.version, path, batch):
            return None
        version = self.connector.version
        receipt = self.exchange.append(batch, self.item.code, version=version, batch_key=key, channel="pull")
        with writing(self.engine) as session:
            payload = {"batch_id": receipt.batch_id, "item": receipt.item, "batch_key": key}
            self.exchange.enter(session, f"connector {self.connector.name}", "batch.accepted", payload)
        return receipt

    def _receipt(self, key: str) -> Receipt | None:
        with Session(self.engine) as session:
            found = session.scalars(select(BatchRow).where(BatchRow.batch_key == key)).first()
            return Receipt.from_dict(found.receipt) if found else None

    def _move(self, after: str | None, end: str) -> None:
        """The range is done, unless another process has said so before."""
        same = WatermarkRow.pulled_to.is_(None) if after is None else WatermarkRow.pulled_to == after
        with writing(self.engine) as session:
            session.connection().execute(
                update(WatermarkRow)
                .where(WatermarkRow.connector == self.connector.name, same, WatermarkRow.pulling_to == end)
                .values(pulled_to=end, pulling_to=None, updated_at=now())
            )

    def _expected_bytes(self) -> int:
        return self.connector.batch_rows * len(self.columns) * BYTES_A_CELL


def start_again(exchange: Exchange, connector: Connector) -> None:
    """Forget how far a connector has pulled. What the base has already, it refuses or leaves out."""
    with writing(exchange.base.engine) as session:
        row = session.get(WatermarkRow, connector.name)
        if row is not None:
            session.delete(row)


def _without_changes(path: Path, batch: Path) -> None:
    with pq.ParquetFile(path) as source:
        kept = [name for name in source.schema_arrow.names if name not in CHANGE_COLUMNS]
        schema = pa.schema([(name, pa.string()) for name in kept])
        with pq.ParquetWriter(batch, schema) as writer:
            for some in source.iter_batches(columns=kept):
                writer.write_batch(some)
