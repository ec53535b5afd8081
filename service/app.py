"""The scoring service. ``uvicorn service.app:create_app --factory``."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import structlog
from fastapi import FastAPI, Request, Response
from fastapi.staticfiles import StaticFiles

from records.base import RecordBase
from records.settings import Settings
from records.subject_file import SubjectFiles
from records.words import Text
from scoring.given import GivenScores
from scoring.rating import Rater
from service import problems
from service.assessing import AssessmentDesk
from service.desk.lawful_steps import LawfulSteps
from service.desk.objections import ObjectionDesk
from service.desk.reports import ReportDesk
from service.exchange import body_limit, open_exchange
from service.exchange import lifespan as exchange_lifespan
from service.jobs.desk import JobDesk
from service.jobs.worker import JobWorker
from service.logs import endure
from service.routes import (
    assessment,
    batches,
    catalogue,
    docs,
    files,
    health,
    jobs,
    models,
    objections,
    repairs,
    reports,
    score_history,
    score_reasons,
    scores,
    uploads,
)
from service.security import Clients

MAXIMUM_BODY = 64 * 1024
LISTS = {"POST /v1/scores/batch": 1 << 20, "POST /v1/jobs": 1 << 20}  # of subjects
ROUTES = (
    scores,
    jobs,
    score_history,
    score_reasons,
    files,
    reports,
    objections,
    repairs,
    models,
    catalogue,
    uploads,
    batches,
    assessment,
    health,
    docs,
)
STATIC = Path(__file__).parent / "pages" / "static"
log = structlog.get_logger()

DESCRIPTION = """
惠信评分服务：能自我解释的评级、来得早的预警。每个评分附全部理由（以分计，合计等于评分）、证据记录编号与预警信号。

Ratings that explain themselves and warnings that come early. Every score comes with all its reasons in points (they add
up to the score), the ids of the records behind them, and early-warning signals.
"""


def create_app(settings: Settings | None = None) -> FastAPI:
    """The service over the installation of ``settings`` (default: the environment)."""
    endure()
    base = RecordBase.open(settings or Settings())
    app = FastAPI(
        title="惠信 Huixin",
        version="1.0.0",
        description=DESCRIPTION,
        docs_url=None,
        redoc_url=None,
        openapi_url="/openapi.json",
        lifespan=_lifespan,
    )
    app.state.base = base
    app.state.rater = Rater(base)
    app.state.given = GivenScores(base, app.state.rater.registry)
    app.state.files = SubjectFiles(base)
    app.state.clients = Clients(base.engine)
    app.state.assessments = AssessmentDesk(base)
    app.state.reports = ReportDesk(base, app.state.rater, app.state.files)
    app.state.objections = ObjectionDesk(base)
    app.state.lawful_steps = LawfulSteps(base)
    app.state.exchange = open_exchange(base)
    app.state.jobs = JobDesk(base)
    app.state.job_worker = JobWorker(app.state.jobs, app.state.rater, app.state.clients)
    problems.install(app)
    app.middleware("http")(_guard)
    for routes in ROUTES:
        app.include_router(routes.router)
    if STATIC.is_dir():
        app.mount("/static", StaticFiles(directory=STATIC), name="static")
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    """The workers of the exchange and of the jobs live as long as the service."""
    async with exchange_lifespan(app), app.state.job_worker.working():
        yield


async def _guard(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
    """A request id, a body limit, security headers, and one log line without what was asked about."""
    request.state.request_id = problems.request_id()
    started = time.perf_counter()
    length = request.headers.get("content-length", "0")
    counted = body_limit(request)
    most = counted or LISTS.get(f"{request.method} {request.url.path}", MAXIMUM_BODY)
    if (
        not length.isdecimal()
        or int(length) > most
        or (counted is None and "chunked" in request.headers.get("transfer-encoding", ""))
    ):
        title = Text("请求过大", "Request too large")
        detail = Text(
            f"请求体至多 {most} 字节，并须给出长度",
            f"a body of known length, at most {most} bytes, is accepted",
        )
        response: Response = problems.problem(request, "too-large", 413, title, detail)
    else:
        response = await call_next(request)
    response.headers["X-Request-Id"] = request.state.request_id
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["X-Frame-Options"] = "DENY"
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers["Content-Security-Policy"] = (
        "default-src 'none'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; "
        "img-src 'self' data:; font-src 'self'; connect-src 'self'; frame-ancestors 'none'"
    )
    if not request.url.path.startswith("/static"):
        response.headers.setdefault("Cache-Control", "no-store")
    health.observe(request, response.status_code, time.perf_counter() - started)
    return response
