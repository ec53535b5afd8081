"""What became of a batch, in the form in which it is stored, shown and sent to the source."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from datetime import datetime
from typing import Any


@dataclass(frozen=True)
class Receipt:
    """What became of a batch. It is given out only after its records are durable.

    ``quarantine``: path of the rejections (row, field, reason; never a value); ``rejects``: path of the same rows as
    the source sent them, to correct and resend, with sealed tokens in place of identity numbers.
    """

    batch_id: str
    batch_key: str | None
    item: str
    sha256: str
    received_at: datetime
    accepted_at: datetime
    rows_read: int
    rows_accepted: int
    rows_rejected: int
    files: tuple[str, ...]
    quarantine: str | None
    rejects: str | None = None
    source: str = ""
    version: int = 1
    replayed: bool = False

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready; instants in ISO 8601 with the zone."""
        return {
            **asdict(self),
            "received_at": f"{self.received_at.isoformat()}Z",
            "accepted_at": f"{self.accepted_at.isoformat()}Z",
            "files": list(self.files),
        }

    @classmethod
    def from_dict(cls, stored: dict[str, Any]) -> Receipt:
        """The stored receipt of a batch that has been sent before."""
        names = {one.name for one in fields(cls)}
        instants = {
            name: datetime.fromisoformat(stored[name].removesuffix("Z")) for name in ("received_at", "accepted_at")
        }
        kept = {name: value for name, value in stored.items() if name in names}
        return cls(**{**kept, **instants, "files": tuple(stored["files"]), "replayed": True})
