"""What the subjects of a segment have: the values that advice on a score may point to."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

import numpy as np
import numpy.typing as npt
from sqlalchemy import select
from sqlalchemy.orm import Session

from features.online import OnlineFeatures
from records.base import RecordBase
from records.database import FeatureRunRow, LatestFeaturesRow
from records.errors import HuixinError
from records.words import Text

Floats = npt.NDArray[np.float64]
LEAST_PEERS, MOST_READ = 20, 20_000


class NoPeers(HuixinError):
    code: ClassVar[str] = "no-peers"
    status: ClassVar[int] = 503
    title: ClassVar[Text] = Text("尚无同类数据", "No peers to compare with yet")


@dataclass(frozen=True)
class PeerValues:
    """Present values of features by code, each sorted, of ``subjects`` of a segment as of ``as_of``.

    A feature that fewer than 20 of them have a value of is left out, so that no value points to one subject.
    """

    subjects: int
    as_of: datetime
    values: dict[str, Floats]

    @classmethod
    def of(cls, table: Floats, codes: tuple[str, ...], as_of: datetime) -> PeerValues:
        """From ``table`` [subjects, features], NaN where missing."""
        present = {code: np.sort(column[np.isfinite(column)]) for code, column in zip(codes, table.T, strict=True)}
        return cls(len(table), as_of, {code: one for code, one in present.items() if len(one) >= LEAST_PEERS})

    def share_below(self, code: str, value: float) -> float:
        """The share of peers below ``value``, and half of those who have it."""
        known = self.values[code]
        left, right = np.searchsorted(known, value, "left"), np.searchsorted(known, value, "right")
        return float(left + right) / 2 / len(known)

    def share_as_good(self, code: str, value: float, direction: int) -> float:
        """The share of peers whose value is ``value`` or better; ``direction`` is that of the feature on PD."""
        known = self.values[code]
        if direction > 0:
            return float(np.searchsorted(known, value, "right")) / len(known)
        return 1 - float(np.searchsorted(known, value, "left")) / len(known)


class LatestPeers:
    """Peers from the latest features that are kept, read again when those are. Safe between threads."""

    def __init__(self, base: RecordBase) -> None:
        self.base = base
        self._lock = threading.Lock()
        self._online: dict[str, OnlineFeatures] = {}
        self._kept: dict[str, tuple[datetime, PeerValues]] = {}

    def of(self, segment: str) -> PeerValues:
        """At most 20,000 subjects of ``segment``, chosen by their ids, which are hashes. Raises ``NoPeers``."""
        with self._lock, Session(self.base.engine) as session:
            online = self._online.setdefault(segment, OnlineFeatures(self.base, segment))
            run = session.get(FeatureRunRow, segment)
            if run is None or run.fingerprint != online.fingerprint:
                raise _no_peers()
            kept = self._kept.get(segment)
            if kept is None or kept[0] != run.as_of:
                query = select(LatestFeaturesRow.numbers).where(LatestFeaturesRow.segment == segment)
                rows = session.scalars(query.order_by(LatestFeaturesRow.subject_id).limit(MOST_READ)).all()
                if len(rows) < LEAST_PEERS:
                    raise _no_peers()
                table = np.frombuffer(b"".join(rows), "<f8").reshape(len(rows), -1)
                kept = self._kept[segment] = run.as_of, PeerValues.of(table, online.codes, run.as_of)
            return kept[1]


def _no_peers() -> NoPeers:
    return NoPeers(
        Text(
            f"同类最新特征不足 {LEAST_PEERS} 户或尚未计算；请先运行 huixin features refresh",
            f"the latest features of fewer than {LEAST_PEERS} peers are kept; run huixin features refresh first",
        )
    )
