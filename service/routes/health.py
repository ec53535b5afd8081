"""Whether the service lives, whether it can answer, and how it has answered so far."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, Counter, Histogram, generate_latest
from starlette.types import Scope

from records.errors import HuixinError

router = APIRouter(tags=["operations"])
REQUESTS = Counter("huixin_requests_total", "Requests by route, method and status", ("route", "method", "status"))
SECONDS = Histogram("huixin_request_seconds", "Seconds a request took", ("route",))


@router.get("/healthz", summary="存活 / alive")
def alive() -> dict[str, str]:
    return {"status": "ok"}


@router.get("/readyz", summary="就绪 / ready")
def ready(request: Request, response: Response) -> dict[str, Any]:
    """就绪当且仅当两个分段都有上线模型。 / Ready when both segments have a champion."""
    segments = {}
    for segment in ("enterprise", "farmer"):
        try:
            segments[segment] = request.app.state.rater.serving(segment).rating_version
        except HuixinError as error:
            segments[segment] = error.code
            response.status_code = 503
    return {"status": "ready" if response.status_code != 503 else "not ready", "champions": segments}


@router.get("/metrics", summary="Prometheus 指标 / metrics", response_class=Response)
def metrics() -> Response:
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)


@lru_cache(maxsize=4096)
def _counters(route: str, method: str, status: int) -> tuple[Counter, Histogram]:
    return REQUESTS.labels(route, method, str(status)), SECONDS.labels(route)


def observe(scope: Scope, status: int, seconds: float) -> None:
    """Count a finished request under its route's template, never under what was asked."""
    requests, took = _counters(getattr(scope.get("route"), "path", "other"), scope["method"], status)
    requests.inc()
    took.observe(seconds)
