"""What Prometheus is told: requests by route template, and what waits. Never a subject, a client or a path.

With several workers (``huixin serve --workers N``) counters lie in files of a folder that the workers share, and any of
them answers for all (``PROMETHEUS_MULTIPROC_DIR``, the way of prometheus-client).
"""

from __future__ import annotations

import os
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from functools import lru_cache
from threading import Lock

import anyio
from fastapi import FastAPI
from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from records.base import RecordBase
from records.database import UploadRow
from records.database_jobs import JobRow
from records.database_monitoring import MonitoringRow
from records.database_watch import DeliveryRow
from records.exchange import uploads
from records.moment import now
from service.jobs import desk as jobs
from service.readiness import free_bytes
from service.watch import events

SHARED_FOLDER = "PROMETHEUS_MULTIPROC_DIR"
LOOK_SECONDS = 1.0
KEPT_SECONDS = 5.0
LEVELS = ("green", "yellow", "red")
REQUESTS = Counter("huixin_requests_total", "Requests by route, method and status", ("route", "method", "status"))
SECONDS = Histogram("huixin_request_seconds", "Seconds a request took", ("route",))
QUEUE = Gauge(
    "huixin_score_queue", "Questions waiting for the group commit, seen each second", multiprocess_mode="livesum"
)


def observe(route: str, method: str, status: int, seconds: float) -> None:
    """Count a finished request under its route's template, never under what was asked."""
    requests, took = _counters(route, method, status)
    requests.inc()
    took.observe(seconds)


def exposition(base: RecordBase) -> bytes:
    """All metrics in Prometheus' text format: this process's, or all workers' together."""
    if SHARED_FOLDER in os.environ:
        from prometheus_client.multiprocess import MultiProcessCollector

        registry = CollectorRegistry()
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    else:
        registry = REGISTRY
    waiting = CollectorRegistry()
    waiting.register(Waiting(base))
    return generate_latest(registry) + generate_latest(waiting)


@asynccontextmanager
async def watching_queue(app: FastAPI) -> AsyncIterator[None]:
    """Look at the queue of the group commit for as long as the service lives."""

    async def look() -> None:
        while True:
            QUEUE.set(app.state.groups.waiting)
            await anyio.sleep(LOOK_SECONDS)

    async with anyio.create_task_group() as group:
        group.start_soon(look)
        try:
            yield
        finally:
            group.cancel_scope.cancel()
    if SHARED_FOLDER in os.environ:
        from prometheus_client.multiprocess import mark_process_dead

        mark_process_dead(os.getpid())  # type: ignore[no-untyped-call]


class Waiting(Collector):
    """What lies in the operations database, the same for all workers; asked at most each ``KEPT_SECONDS``."""

    def __init__(self, base: RecordBase) -> None:
        self.base = base

    def collect(self) -> Iterator[Metric]:
        yield from _kept(self.base)


_LOCK = Lock()
_KEPT: dict[int, tuple[float, list[Metric]]] = {}


def _kept(base: RecordBase) -> list[Metric]:
    with _LOCK:
        since, found = _KEPT.get(id(base.engine), (0.0, []))
        if not found or time.monotonic() - since > KEPT_SECONDS:
            _KEPT.clear()
            found = list(_look(base))
            _KEPT[id(base.engine)] = (time.monotonic(), found)
        return found


def _look(base: RecordBase) -> Iterator[Metric]:
    up = GaugeMetricFamily("huixin_database_up", "Whether the operations database answers")
    with suppress(OSError):
        yield GaugeMetricFamily("huixin_disk_free_bytes", "Room for the home folder", value=free_bytes(base))
    try:
        with Session(base.engine) as session:
            yield from _queues(session)
    except SQLAlchemyError:
        up.add_metric((), 0)
    else:
        up.add_metric((), 1)
    yield up


def _queues(session: Session) -> Iterator[Metric]:
    deliveries = (events.WAITING, events.DEAD)
    for name, words, state_of, states in (
        ("huixin_jobs", "Jobs that are not settled", JobRow.state, (jobs.QUEUED,)),
        ("huixin_uploads", "Uploads that are not settled", UploadRow.state, uploads.OPEN),
        ("huixin_webhook_deliveries", "Deliveries waiting, and dead letters", DeliveryRow.state, deliveries),
    ):
        counted = select(state_of, func.count()).where(state_of.in_(states)).group_by(state_of)
        found = dict(session.execute(counted).tuples().all())
        family = GaugeMetricFamily(name, words, labels=("state",))
        for state in states:
            family.add_metric((state,), found.get(state, 0))
        yield family
    alarms = GaugeMetricFamily("huixin_model_alarm", "Last monitoring: 0 green, 1 yellow, 2 red", labels=("model",))
    levels = select(MonitoringRow.model_name, MonitoringRow.level).order_by(MonitoringRow.as_of, MonitoringRow.at)
    for model, level in dict(session.execute(levels).tuples().all()).items():
        alarms.add_metric((model,), LEVELS.index(level))
    yield alarms
    oldest = session.scalar(select(func.min(JobRow.created_at)).where(JobRow.state == jobs.QUEUED))
    seconds = (now() - oldest).total_seconds() if oldest else 0.0
    yield GaugeMetricFamily("huixin_job_oldest_seconds", "Age of the oldest unsettled job", value=seconds)


@lru_cache(maxsize=4096)
def _counters(route: str, method: str, status: int) -> tuple[Counter, Histogram]:
    return REQUESTS.labels(route, method, str(status)), SECONDS.labels(route)
