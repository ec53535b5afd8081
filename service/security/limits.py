"""How much a client may ask: a token bucket in each worker, and a daily quota over all of them."""

from __future__ import annotations

import math
import threading
import time
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from datetime import time as day_time
from typing import ClassVar

from sqlalchemy import Engine, delete

from records.access_settings import AccessSettings
from records.database import writing
from records.database_access import QuotaRow
from records.errors import HuixinError
from records.moment import SHANGHAI_OFFSET, now, shanghai_day
from records.words import Text
from service.security.roles import Client

SHARE = 100


class TooManyRequests(HuixinError):
    code: ClassVar[str] = "too-many-requests"
    status: ClassVar[int] = 429
    title: ClassVar[Text] = Text("请求过多", "Too many requests")

    def __init__(self, text: Text, retry_after: int) -> None:
        super().__init__(text)
        self.retry_after = retry_after


@dataclass
class _Purse:
    """What one client may still ask of this worker."""

    tokens: float
    filled_at: float
    day: date | None = None
    held: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)


class Limits:
    """The limits of all clients, as this worker holds them."""

    def __init__(self, engine: Engine, settings: AccessSettings) -> None:
        self.engine = engine
        self.settings = settings
        self._purses: dict[str, _Purse] = {}

    def take(self, client: Client) -> dict[str, str]:
        """One request of ``client``; the ``RateLimit`` headers of its answer. Raises ``TooManyRequests``.

        The headers are those of draft-ietf-httpapi-ratelimit-headers-10. With a daily quota a worker takes shares of
        at most 100 requests from the database: the quota is never exceeded, and a worker that stops loses its share.
        """
        rate, burst = self._rate(client)
        purse = self._purses.setdefault(client.client_id, _Purse(burst, time.monotonic()))
        with purse.lock:
            moment = time.monotonic()
            purse.tokens = min(burst, purse.tokens + (moment - purse.filled_at) * rate)
            purse.filled_at = moment
            if purse.tokens < 1:
                wait = math.ceil((1 - purse.tokens) / rate)
                raise TooManyRequests(
                    Text(f"每秒至多 {rate:g} 次；{wait} 秒后再试", f"at most {rate:g} a second; wait {wait} s"), wait
                )
            per_day = client.per_day or self.settings.per_day
            if per_day is not None:
                self._take_of_day(client, purse, per_day)
            purse.tokens -= 1
            return {
                "RateLimit-Policy": f'"burst";q={burst:.0f};w={math.ceil(burst / rate)}',
                "RateLimit": f'"burst";r={int(purse.tokens)};t={math.ceil((burst - purse.tokens) / rate)}',
            }

    def _rate(self, client: Client) -> tuple[float, float]:
        """Requests a second, and how many at once."""
        if client.per_second is None:
            return self.settings.per_second, self.settings.burst
        return client.per_second, max(1.0, 2 * client.per_second)

    def _take_of_day(self, client: Client, purse: _Purse, per_day: int) -> None:
        moment = now()
        today = shanghai_day(moment)
        if purse.day != today:
            purse.day, purse.held = today, 0
        if not purse.held:
            purse.held = self._share(client.client_id, today, per_day)
        if not purse.held:
            wait = _until_tomorrow(moment, today)
            raise TooManyRequests(
                Text(f"今日 {per_day} 次额度已用完", f"today's quota of {per_day} requests is used up"), wait
            )
        purse.held -= 1

    def _share(self, client_id: str, today: date, per_day: int) -> int:
        with writing(self.engine) as session:
            row = session.get(QuotaRow, (client_id, today))
            if row is None:
                session.execute(delete(QuotaRow).where(QuotaRow.client_id == client_id, QuotaRow.day < today))
                row = QuotaRow(client_id=client_id, day=today, given=0)
                session.add(row)
            share = max(0, min(SHARE, math.ceil(per_day / 20), per_day - row.given))
            row.given += share
            return share


def _until_tomorrow(moment: datetime, today: date) -> int:
    midnight = datetime.combine(today + timedelta(days=1), day_time.min) - SHANGHAI_OFFSET
    return math.ceil((midnight - moment).total_seconds())
