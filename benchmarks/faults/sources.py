"""The eight sources: what they report, how their batches are made, and their sender processes."""

from __future__ import annotations

import io
import json
import os
import random
import signal
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import polars as pl

from benchmarks.faults.outbox import Batch, Outbox
from benchmarks.ingest_rows import make_rows
from records.catalogue import Catalogue, Item

ITEMS = {
    "tax": ("tax.filing", "tax.arrears"),
    "power": ("power.usage",),
    "water": ("water.usage", "water.arrears"),
    "court": ("court.enforcement", "court.case"),
    "social_insurance": ("social_insurance.contribution",),
    "bank": ("loan.account_month", "loan.guarantee"),
    "environment": ("environment.emission", "environment.penalty"),
    "village": ("village.household", "village.household_member"),
}
ENDINGS = ("csv", "csv", "csv.gz", "jsonl", "jsonl.gz", "parquet")
DIRECT = 0.2
ALL_BAD = 0.03
NUMBERS_KEPT = 50
ROOT = Path(__file__).parents[2]


class Source:
    """One source: its outbox, and the process that sends what lies there."""

    def __init__(
        self, name: str, folder: Path, catalogue: Catalogue, rows: tuple[int, int], rng: random.Random
    ) -> None:
        folder.mkdir(parents=True)
        self.name = name
        self.outbox = Outbox(folder)
        self.numbers: set[str] = set()
        self._items = [catalogue.item(code) for code in ITEMS[name]]
        self._rows, self._rng = rows, rng
        self._made = 0
        self._sender: subprocess.Popen[bytes] | None = None

    def make_batch(self) -> Batch:
        """Put another batch into the outbox."""
        rng = self._rng
        item, direct = rng.choice(self._items), rng.random() < DIRECT
        rows = rng.randint(20, 200) if direct else rng.randint(*self._rows)
        key = f"{self.name}-{self._made:04d}"
        self._made += 1
        bad = (
            range(rows)
            if rng.random() < ALL_BAD
            else sorted(rng.sample(range(rows), rng.choice((0, 0, 1, rows // 20))))
        )
        frame = self._frame(item, key, rows, list(bad))
        ending = rng.choice(ENDINGS)
        content = _written(frame, ending)
        batch = Batch(
            key=key,
            source=self.name,
            item=item.code,
            ending=ending,
            rows=rows,
            bad=tuple(bad),
            size=len(content),
            sha256=sha256(content).hexdigest(),
            direct=direct,
        )
        self.outbox.put(batch, content)
        return batch

    def start_sender(self, port: int) -> None:
        command = [sys.executable, "-S", "-m", "benchmarks.faults.agency", str(self.outbox.folder), str(port)]
        self._sender = subprocess.Popen([*command, str(self._rng.randrange(1 << 30))], cwd=ROOT)

    def kill_sender(self, port: int) -> None:
        """kill -9, and another in its place, which knows only what lies in the outbox."""
        assert self._sender is not None
        self._sender.kill()
        self._sender.wait()
        self.start_sender(port)

    def drop_connection(self) -> None:
        assert self._sender is not None
        self._sender.send_signal(signal.SIGUSR1)

    @property
    def dropped(self) -> bool:
        """Whether the sender has dropped a connection since this was asked last."""
        mark = self.outbox.folder / "dropped"
        if mark.exists():
            mark.unlink()
            return True
        return False

    def sender_status(self) -> int | None:
        """``None`` while it runs."""
        return self._sender.poll() if self._sender else None

    def stop_sender(self) -> None:
        if self._sender is not None and self._sender.poll() is None:
            self._sender.kill()
            self._sender.wait()

    def _frame(self, item: Item, key: str, rows: int, bad: list[int]) -> pl.DataFrame:
        """Rows as sent, every column as text; those of ``bad`` with a wrong check character or an impossible day."""
        frame = next(make_rows(item, rows, self._rng.randrange(1 << 30)))
        numbers, days = frame["subject_number"].to_list(), frame["occurred_on"].to_list()
        for name in ("subject_number", *(name for name, field in item.fields.items() if field.type == "subject")):
            self._keep_numbers(frame[name].drop_nulls().to_list())
        for row in bad:
            if row % 2:
                days[row] = "2025-02-31"
            else:
                numbers[row] = numbers[row][:-1] + ("0" if numbers[row][-1] != "0" else "1")
        ids = [f"{key}-{row}" for row in range(rows)]
        return frame.with_columns(
            pl.Series("record_id", ids), pl.Series("subject_number", numbers), pl.Series("occurred_on", days)
        )

    def _keep_numbers(self, numbers: list[str]) -> None:
        """Some of the numbers that were sent, to be looked for on the disks."""
        self.numbers.update(self._rng.sample(numbers, min(NUMBERS_KEPT, len(numbers))))


def _written(frame: pl.DataFrame, ending: str) -> bytes:
    import gzip

    buffer = io.BytesIO()
    if ending == "parquet":
        frame.write_parquet(buffer)
        return buffer.getvalue()
    if ending.startswith("csv"):
        frame.write_csv(buffer)
    else:
        for row in frame.iter_rows(named=True):
            buffer.write(json.dumps(row, ensure_ascii=False).encode() + os.linesep.encode())
    return gzip.compress(buffer.getvalue(), 1) if ending.endswith(".gz") else buffer.getvalue()
