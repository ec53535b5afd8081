"""The scoring service. ``uvicorn service.app:create_app --factory``."""

from __future__ import annotations

import gc
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import FastAPI
from fastapi.staticfiles import StaticFiles
from starlette.concurrency import run_in_threadpool

from records.base import RecordBase
from records.settings import Settings
from records.settings_check import checked_settings
from records.subject_file import SubjectFiles
from scoring.given import GivenScores
from scoring.groups import ScoreGroups
from scoring.rating import Rater
from service import problems
from service.assessing import AssessmentDesk
from service.desk.lawful_steps import LawfulSteps
from service.desk.objections import ObjectionDesk
from service.desk.reports import ReportDesk
from service.exchange import lifespan as exchange_lifespan
from service.exchange import open_exchange
from service.guard import Guard
from service.hot_path import HotPath
from service.jobs.desk import JobDesk
from service.jobs.worker import JobWorker
from service.logs import endure
from service.metrics import watching_queue
from service.pingxintong.desk import PlatformDesk
from service.routes import (
    approvals,
    assessment,
    batches,
    catalogue,
    consents,
    docs,
    files,
    health,
    jobs,
    looks,
    models,
    oauth,
    objections,
    pingxintong,
    repairs,
    reports,
    score_history,
    score_reasons,
    scores,
    uploads,
    warnings,
    watch_lists,
    webhooks,
)
from service.security import Clients
from service.security.consents import Consents
from service.security.declared import document
from service.security.limits import Limits
from service.security.tokens import Tokens
from service.traces import Traces
from service.watch.desk import WatchDesk

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
    warnings,
    watch_lists,
    webhooks,
    pingxintong,
    oauth,
    consents,
    looks,
    approvals,
    health,
    docs,
)
TURN_SECONDS = 0.0005
STATIC = Path(__file__).parent / "pages" / "static"

DESCRIPTION = """
惠信评分服务：能自我解释的评级、来得早的预警。每个评分附全部理由（以分计，合计等于评分）、证据记录编号与预警信号。

Ratings that explain themselves and warnings that come early. Every score comes with all its reasons in points (they add
up to the score), the ids of the records behind them, and early-warning signals.
"""


def create_app(settings: Settings | None = None) -> FastAPI:
    """The service over the installation of ``settings`` (default: the environment)."""
    settings = settings or checked_settings()
    endure(settings.log_level)
    base = RecordBase.open(settings)
    app = FastAPI(
        title="惠信 Huixin",
        version="1.0.0",
        description=DESCRIPTION,
        docs_url=None,
        redoc_url=None,
        openapi_url="/openapi.json",
        lifespan=_lifespan,
        redirect_slashes=False,
    )
    app.state.base = base
    app.state.rater = Rater(base)
    app.state.given = GivenScores(base, app.state.rater.registry)
    app.state.traces = Traces(settings) if settings.traces_url else None
    app.state.groups = ScoreGroups(app.state.rater, app.state.traces and app.state.traces.tracer)
    app.state.files = SubjectFiles(base)
    app.state.clients = Clients(base.engine)
    app.state.recognised = {}
    app.state.tokens = Tokens(base.engine, base.settings)
    app.state.limits = Limits(base.engine, base.settings.access)
    app.state.consents = Consents(base)
    app.state.assessments = AssessmentDesk(base)
    app.state.reports = ReportDesk(base, app.state.rater, app.state.files)
    app.state.objections = ObjectionDesk(base)
    app.state.lawful_steps = LawfulSteps(base)
    app.state.exchange = open_exchange(base)
    app.state.jobs = JobDesk(base)
    app.state.job_worker = JobWorker(app.state.jobs, app.state.rater, app.state.clients)
    app.state.watch = WatchDesk(base, app.state.rater)
    app.state.platforms = PlatformDesk(base, app.state.rater, app.state.exchange.exchange)
    problems.install(app)
    app.add_middleware(HotPath)
    app.add_middleware(Guard)
    app.router.routes.append(scores.HOT)
    for routes in ROUTES:
        app.include_router(routes.router)
    document(app)
    if STATIC.is_dir():
        app.mount("/static", StaticFiles(directory=STATIC), name="static")
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    """The workers of the exchange, of the jobs and of the watch live as long as the service.

    What was loaded at the start stays: it is left out of the search for garbage, which would hold up answers by
    a tenth of a second. Threads take turns every half millisecond: those that commit let go at each statement, and
    would wait ten times as long to go on.
    """
    gc.collect()
    gc.freeze()
    turns = sys.getswitchinterval()
    sys.setswitchinterval(TURN_SECONDS)
    async with (
        watching_queue(app),
        exchange_lifespan(app),
        app.state.job_worker.working(),
        app.state.watch.working(),
    ):
        yield
    if app.state.traces is not None:
        await run_in_threadpool(app.state.traces.close)
    sys.setswitchinterval(turns)
    gc.unfreeze()
