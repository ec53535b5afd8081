"""The watch inside the service: its workers live as long as the service."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio

from records.base import RecordBase
from scoring.rating import Rater
from service.watch.delivery import DeliveryWorker
from service.watch.lists import WatchLists
from service.watch.turns import WatchLoop
from service.watch.webhooks import Webhooks


class WatchDesk:
    """Watch lists, webhooks and the workers of this process."""

    def __init__(self, base: RecordBase, rater: Rater) -> None:
        self.settings = base.settings.watch
        self.lists = WatchLists(base)
        self.webhooks = Webhooks(base)
        self.worker = DeliveryWorker(base)
        self.loop = WatchLoop(base, rater)

    @asynccontextmanager
    async def working(self) -> AsyncIterator[None]:
        """The workers that the settings ask for, until the end of the block."""
        asked: list[DeliveryWorker | WatchLoop] = [self.worker] if self.settings.deliver else []
        asked += [self.loop] if self.settings.evaluate else []
        for one in asked:
            one.start()
        try:
            yield
        finally:
            for one in asked:
                await anyio.to_thread.run_sync(one.stop)
