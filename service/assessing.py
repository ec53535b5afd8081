"""Assessments that the service gives out: worked out once for all who ask, each reader seeing what is theirs."""

from __future__ import annotations

import threading
from collections import OrderedDict
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from records.assessment import Assessment, assess, known_source
from records.base import RecordBase
from records.database import NothingToReportRow
from records.errors import NotAllowed
from records.moment import now, parse_as_of
from records.words import Text
from service.security import Client, allow

KEPT = 8
FRESH = timedelta(minutes=10)
Key = tuple[int, str | None, int, datetime]


class AssessmentDesk:
    """The latest assessments of one base. An assessment reads all records: one is worked out at a time, and kept."""

    def __init__(self, base: RecordBase) -> None:
        self.base = base
        self._lock = threading.Lock()
        self._kept: OrderedDict[Key, Assessment] = OrderedDict()

    def ask(self, client: Client, month: str | None, months: int, as_of: str | None, source: str | None) -> Assessment:
        """What ``client`` may see of the assessment of ``month``: a regulator all, an agency its own source.

        Without an as-of, what was worked out in the last ten minutes is given again, unless anything came since.
        Raises ``NotAllowed``, ``UnknownSource``, ``BadMonth``, ``BadMoment``.
        """
        allow(client, "assess")
        own = source if client.role == "regulator" else _own_source(client, source)
        if own is not None:
            known_source(self.base.catalogue, own)
        found = self._found(month, months, as_of)
        if own is None:
            return found
        public = frozenset(item.code for item in self.base.catalogue.items.values() if item.disclosure == "public")
        return found.of_source(own, frozenset(self.base.catalogue.items) if client.role == "regulator" else public)

    def _found(self, month: str | None, months: int, as_of: str | None) -> Assessment:
        moment = parse_as_of(as_of)
        slot = moment if as_of is not None else datetime.min + (moment - datetime.min) // FRESH * FRESH
        key = (self._state(), month, months, slot)
        with self._lock:
            if key not in self._kept:
                self._kept[key] = assess(self.base, month, months=months, as_of=moment if as_of else now())
                while len(self._kept) > KEPT:
                    self._kept.popitem(last=False)
            self._kept.move_to_end(key)
            return self._kept[key]

    def _state(self) -> int:
        with Session(self.base.engine) as session:
            words = session.scalar(select(func.count()).select_from(NothingToReportRow)) or 0
        return self.base.state() + words


def _own_source(client: Client, asked: str | None) -> str:
    """The source that an agency's client reports for. Raises ``NotAllowed`` for any other."""
    if client.source is None or asked not in (None, client.source):
        raise NotAllowed(
            Text(
                "报送单位只能查看本单位的考核；此调用方未归属来源或所问并非本单位",
                "an agency sees its own assessment only; this client has no source, or asked about another one",
            )
        )
    return client.source
