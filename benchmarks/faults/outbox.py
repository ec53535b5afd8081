"""What a source has to send, and the receipts it was given: a folder on its side. Standard library only.

A batch is a file and, beside it, its description; both stay until the end of a run. Whatever is killed at whatever
instant, what lies there is whole: files come into place by renaming.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

DONE = "no-more"


@dataclass(frozen=True)
class Batch:
    """One batch of ``rows`` rows, from 0; row ``n`` has the record id ``<key>-<n>``, those of ``bad`` are wrong."""

    key: str
    source: str
    item: str
    ending: str
    rows: int
    bad: tuple[int, ...]
    size: int
    sha256: str
    direct: bool

    @property
    def good_ids(self) -> set[str]:
        """Ids of the records that the base has to keep."""
        bad = set(self.bad)
        return {f"{self.key}-{row}" for row in range(self.rows) if row not in bad}


class Outbox:
    """The folder of one source; its sender and the test look into it at once."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def put(self, batch: Batch, content: bytes) -> None:
        _put(self.folder / f"{batch.key}.content", content)
        _put(self.folder / f"{batch.key}.batch", json.dumps(asdict(batch)).encode())

    def content(self, batch: Batch) -> bytes:
        return (self.folder / f"{batch.key}.content").read_bytes()

    def batches(self) -> Iterator[Batch]:
        """Every batch, the first one first."""
        for path in sorted(self.folder.glob("*.batch")):
            found = json.loads(path.read_bytes())
            yield Batch(**found | {"bad": tuple(found["bad"])})

    def waiting(self) -> list[Batch]:
        """Batches without a receipt."""
        return [batch for batch in self.batches() if self.receipt(batch) is None]

    def keep_receipt(self, batch: Batch, receipt: bytes) -> None:
        _put(self.folder / f"{batch.key}.receipt", receipt)

    def receipt(self, batch: Batch) -> bytes | None:
        """The receipt as the service answered it, byte for byte."""
        path = self.folder / f"{batch.key}.receipt"
        return path.read_bytes() if path.exists() else None

    def end(self) -> None:
        """Nothing more will be put."""
        (self.folder / DONE).touch()

    @property
    def ended(self) -> bool:
        return (self.folder / DONE).exists()


def _put(path: Path, content: bytes) -> None:
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    partial.write_bytes(content)
    partial.replace(path)
