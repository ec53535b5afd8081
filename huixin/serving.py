"""A scoring service in a process of its own on a free loopback port, for as long as it is needed."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, ClassVar

import orjson

from records.errors import HuixinError
from records.settings import Settings
from records.words import Text

START_SECONDS = 180


class ServiceDidNotAnswer(HuixinError):
    code: ClassVar[str] = "service-did-not-answer"
    status: ClassVar[int] = 503
    title: ClassVar[Text] = Text("服务没有应答", "The service did not answer")


@contextmanager
def running(settings: Settings, more: Mapping[str, str] | None = None) -> Iterator[str]:
    """Start the service over ``settings``, yield its address once it is alive, stop it at the end.

    The process gets the home folder of ``settings``, and ``more`` beside this process's environment.
    """
    port = free_port()
    environment = os.environ | {"HUIXIN_HOME": str(settings.home)} | dict(more or {})
    command = [sys.executable, "-m", "uvicorn", "service.app:create_app", "--factory", "--log-level", "warning"]
    process = subprocess.Popen([*command, "--host", "127.0.0.1", "--port", str(port)], env=environment)  # noqa: S603
    try:
        address = f"http://127.0.0.1:{port}"
        _wait(address, process)
        yield address
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def asked_server(settings: Settings, asked: dict[str, str], key: str) -> dict[str, Any]:
    """The answer of a freshly started service to one question."""
    with running(settings) as address:
        request = urllib.request.Request(  # noqa: S310  (loopback)
            f"{address}/v1/scores",
            orjson.dumps(asked),
            {"Content-Type": "application/json", "X-API-Key": key},
        )
        try:
            with urllib.request.urlopen(request, timeout=60) as response:  # noqa: S310
                answer = orjson.loads(response.read())
        except urllib.error.URLError as error:
            raise ServiceDidNotAnswer(
                Text(f"评分请求失败：{error}", f"the request for a score failed: {error}")
            ) from error
    assert isinstance(answer, dict)  # noqa: S101
    return answer


def _wait(address: str, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until and process.poll() is None:
        try:
            with urllib.request.urlopen(f"{address}/healthz", timeout=2):  # noqa: S310
                return
        except OSError:
            time.sleep(0.1)
    raise ServiceDidNotAnswer(Text(f"{START_SECONDS} 秒内未启动", f"it did not start within {START_SECONDS} seconds"))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
