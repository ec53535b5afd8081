"""``huixin serve`` and ``huixin verify-audit``: the running service and its trail."""

from __future__ import annotations

import os
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer

from huixin.console import say
from records.errors import BadSettings
from records.words import Text

HUNG_SECONDS = 60  # a worker that loads models on a busy machine is silent for longer than uvicorn's 5 s


def serve(
    host: Annotated[str, typer.Option(help="监听地址 · address to listen on")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="端口 · port", min=0, max=65535)] = 8000,
    workers: Annotated[int, typer.Option(help="工作进程数 · worker processes", min=1)] = 1,
    tls_certificate: Annotated[Path | None, typer.Option(help="服务证书 PEM · certificate of the service")] = None,
    tls_key: Annotated[Path | None, typer.Option(help="其私钥 PEM · its private key")] = None,
    client_ca: Annotated[
        Path | None, typer.Option(help="只接受由此签发的客户端证书 · clients must show a certificate issued by this CA")
    ] = None,
) -> None:
    """启动评分服务 · start the scoring service."""
    import uvicorn

    from records.settings_check import checked_settings
    from service.logs import endure

    settings = checked_settings()
    endure(settings.log_level)
    _check_tls(tls_certificate, tls_key, client_ca)
    root = f"http{'s' if tls_certificate else ''}://{host}:{port}"
    say(f"评分接口：POST {root}/v1/scores", f"scores: POST {root}/v1/scores")
    say(f"接口文档：{root}/docs 与 {root}/openapi.json", f"documentation: {root}/docs and {root}/openapi.json")
    say(f"健康检查：{root}/healthz 与 {root}/readyz", f"health: {root}/healthz and {root}/readyz")
    say("新增调用方：huixin client add NAME --role platform", "add a client: huixin client add NAME --role platform")
    with _shared_metrics(workers):
        uvicorn.run(
            "service.app:create_app",
            factory=True,
            host=host,
            port=port,
            workers=workers,
            log_level="warning",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            ssl_certfile=tls_certificate,
            ssl_keyfile=tls_key,
            ssl_ca_certs=None if client_ca is None else str(client_ca),
            ssl_cert_reqs=ssl.CERT_NONE if client_ca is None else ssl.CERT_REQUIRED,
            timeout_graceful_shutdown=settings.drain_seconds,
            timeout_worker_healthcheck=HUNG_SECONDS,
        )


@contextmanager
def _shared_metrics(workers: int) -> Iterator[None]:
    """A folder where several workers keep their counters, so that any of them answers ``/metrics`` for all."""
    if workers == 1 or "PROMETHEUS_MULTIPROC_DIR" in os.environ:
        yield
        return
    with TemporaryDirectory(prefix="huixin-metrics-") as folder:
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = folder
        try:
            yield
        finally:
            del os.environ["PROMETHEUS_MULTIPROC_DIR"]


def _check_tls(certificate: Path | None, key: Path | None, client_ca: Path | None) -> None:
    """Raises ``BadSettings`` where a part of TLS is missing or not a file."""
    if (certificate is None) != (key is None) or (client_ca is not None and certificate is None):
        raise BadSettings(
            Text(
                "--tls-certificate 与 --tls-key 须同时给出，--client-ca 须与二者并用",
                "give --tls-certificate and --tls-key together, and --client-ca only with them",
            )
        )
    for path in (certificate, key, client_ca):
        if path is not None and not path.is_file():
            raise BadSettings(Text(f"没有文件 {path}", f"no file {path}"))


audit = typer.Typer(no_args_is_help=True, help="审计链 · the audit trail")


@audit.command("anchor")
def anchor(
    out: Annotated[Path, typer.Option(help="写入此文件；请另处保存 · file to write; keep it elsewhere")],
) -> None:
    """导出每日锚点 · write each day's last entry and its hash, to be kept where nobody can write who can write here."""
    import orjson

    from records.base import RecordBase
    from records.settings import Settings
    from scoring.audit import anchors

    made = anchors(RecordBase.open(Settings()).engine)
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_bytes(orjson.dumps(made, option=orjson.OPT_INDENT_2))
    days, entries = len(made["days"]), made["last"][0]
    say(f"{days} 日、{entries} 条的锚点已写入 {out}", f"anchors of {days} days, {entries} entries, written to {out}")


def verify_audit(
    anchors: Annotated[Path | None, typer.Option(help="另行保存的锚点文件 · anchors that were kept elsewhere")] = None,
) -> None:
    """核验审计链 · verify the hash chain of the audit trail, its days, its end, and anchors kept elsewhere."""
    from records.base import RecordBase
    from records.settings import Settings
    from scoring.audit import read_anchors, verify

    kept = read_anchors(anchors) if anchors else {}
    report = verify(RecordBase.open(Settings()).engine, kept)
    if report.sound:
        say(f"审计链完整：{report.entries} 条", f"the audit trail is whole: {report.entries} entries")
        if anchors:
            say(f"与 {report.anchors} 个锚点相符", f"it agrees with {report.anchors} anchors")
        return
    for fault in report.faults:
        say(fault.zh, fault.en)
    raise typer.Exit(1)
