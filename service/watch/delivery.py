"""The worker that sends events to webhooks: one a process, several webhooks at a time."""

from __future__ import annotations

import os
import secrets
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import structlog
from sqlalchemy.exc import SQLAlchemyError

from records.base import RecordBase
from records.database_watch import DeliveryRow, EventRow, WebhookRow
from service.watch.posting import Answer, post
from service.watch.queue import DeliveryQueue
from service.watch.signature import HEADER, Signer

AT_ONCE = 50  # deliveries to one webhook before others have their turn
TIDY_SECONDS = 3_600.0
STOP_SECONDS = 20.0
log = structlog.get_logger()


class DeliveryWorker:
    """Works the queue until it is stopped."""

    def __init__(self, base: RecordBase) -> None:
        self.settings = base.settings.watch
        self.queue = DeliveryQueue(base.engine, self.settings)
        self.signer = Signer(base.settings)
        self.name = f"{socket.gethostname()[:40]}:{os.getpid()}:{secrets.token_hex(4)}"
        self.stopping = threading.Event()
        self._wake = threading.Event()
        self._free = threading.Semaphore(self.settings.senders)
        self._thread = threading.Thread(target=self._run, name="deliveries", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Finish the deliveries at hand; what is left, another worker sends."""
        self.stopping.set()
        self._wake.set()
        if self._thread.ident is not None:
            self._thread.join(STOP_SECONDS)

    def serve_one(self) -> bool:
        """Send what is due to the next webhook; whether there was one."""
        webhook = self.queue.claim(self.name)
        if webhook is None:
            return False
        self._serve(webhook)
        return True

    def _serve(self, webhook: WebhookRow) -> None:
        try:
            for _ in range(AT_ONCE):
                found = self.queue.next(webhook)
                if found is None or self.stopping.is_set():
                    break
                answer = self._send(webhook, *found)
                self.queue.settle(webhook, found[0], answer)
                if not answer.taken:
                    break
        finally:
            self.queue.release(webhook)

    def _send(self, webhook: WebhookRow, delivery: DeliveryRow, event: EventRow) -> Answer:
        body = event.body.encode()
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "Huixin-Webhooks/1",
            "Huixin-Event-Id": event.event_id,
            "Huixin-Event-Type": event.event_type,
            "Huixin-Delivery-Id": delivery.delivery_id,
            HEADER: self.signer.header(webhook, body),
        }
        return post(webhook.url, body, headers, timeout=self.settings.timeout_seconds, loopback=self.settings.loopback)

    def _run(self) -> None:
        tidied = time.monotonic()
        with ThreadPoolExecutor(self.settings.senders, "sender") as pool:
            while not self.stopping.is_set():
                if not self._free.acquire(timeout=self.settings.look_seconds):
                    continue
                try:
                    webhook = self.queue.claim(self.name)
                    if webhook is not None:
                        pool.submit(self._serve_and_free, webhook)
                        continue
                    if time.monotonic() - tidied >= TIDY_SECONDS:
                        tidied = time.monotonic()
                        self.queue.tidy()
                except Exception as error:  # the thread outlives whatever it is: without it nobody is told anything
                    log.error("the delivery worker pauses", kind=type(error).__name__)
                self._free.release()
                self._wake.wait(self.settings.look_seconds)

    def _serve_and_free(self, webhook: WebhookRow) -> None:
        try:
            with suppress(SQLAlchemyError):  # the lease ends by itself
                self._serve(webhook)
        except Exception as error:
            log.error("a delivery failed", webhook_id=webhook.webhook_id, kind=type(error).__name__)
        finally:
            self._free.release()
