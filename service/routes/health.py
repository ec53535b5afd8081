"""Whether the service lives, whether it can answer, and how it has answered so far."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST

from service.metrics import exposition
from service.readiness import readiness

router = APIRouter(tags=["operations"])


@router.get("/healthz", summary="存活 / alive")
async def alive() -> dict[str, str]:  # waits for no thread: they may all be waiting for a database
    return {"status": "ok"}


@router.get("/readyz", summary="就绪 / ready")
def ready(request: Request, response: Response) -> dict[str, Any]:
    """就绪当且仅当数据库应答且已升级、两个分段都有上线模型、磁盘有余；否则 503，并说明缺什么。

    Ready when the database answers and is up to date, both segments have a champion, and the disk has room; otherwise
    503 and what is missing.
    """
    found = readiness(request.app.state.base, request.app.state.rater)
    response.status_code = 200 if found["status"] == "ready" else 503
    return found


@router.get("/metrics", summary="Prometheus 指标 / metrics", response_class=Response)
def metrics(request: Request) -> Response:
    return Response(exposition(request.app.state.base), media_type=CONTENT_TYPE_LATEST)
