"""``huixin serve`` and ``huixin verify-audit``: the running service and its trail."""

from __future__ import annotations

from typing import Annotated

import typer

from huixin.console import say


def serve(
    host: Annotated[str, typer.Option(help="监听地址 · address to listen on")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="端口 · port", min=0, max=65535)] = 8000,
    workers: Annotated[int, typer.Option(help="工作进程数 · worker processes", min=1)] = 1,
) -> None:
    """启动评分服务 · start the scoring service."""
    import uvicorn

    root = f"http://{host}:{port}"
    say(f"评分接口：POST {root}/v1/scores", f"scores: POST {root}/v1/scores")
    say(f"接口文档：{root}/docs 与 {root}/openapi.json", f"documentation: {root}/docs and {root}/openapi.json")
    say(f"健康检查：{root}/healthz 与 {root}/readyz", f"health: {root}/healthz and {root}/readyz")
    say("新增调用方：huixin client add NAME --role platform", "add a client: huixin client add NAME --role platform")
    uvicorn.run(
        "service.app:create_app",
        factory=True,
        host=host,
        port=port,
        workers=workers,
        log_level="warning",
        access_log=False,
    )


def verify_audit() -> None:
    """核验审计链 · verify the hash chain of the audit trail."""
    from records.base import RecordBase
    from records.settings import Settings
    from scoring.audit import verify

    report = verify(RecordBase.open(Settings()).engine)
    if report.sound:
        say(f"审计链完整：{report.entries} 条", f"the audit trail is whole: {report.entries} entries")
        return
    for fault in report.faults:
        say(fault.zh, fault.en)
    raise typer.Exit(1)
