"""Servers of MLflow for the tests: started on a free loopback port, asked until they answer, ended by their id."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def own_environment(**more: str) -> dict[str, str]:
    """This process's environment without the tracking server, experiment and run that MLflow leaves in it."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MLFLOW_")}
    return kept | {"MLFLOW_DISABLE_TELEMETRY": "true"} | more


@contextmanager
def serving(command: Sequence[str], port: int, log: Path, *, health: str, **environment: str) -> Iterator[str]:
    """Run ``command`` until the block ends; yields its address once ``health`` answers."""
    address = f"http://127.0.0.1:{port}"
    with log.open("wb") as output:
        process = subprocess.Popen(
            list(command), env=own_environment(**environment), stdout=output, stderr=output, start_new_session=True
        )
        try:
            for _ in range(1_200):
                try:
                    urllib.request.urlopen(f"{address}{health}", timeout=1).close()
                    break
                except OSError:
                    assert process.poll() is None, log.read_text(errors="replace")[-3_000:]
                    time.sleep(0.1)
            else:
                raise AssertionError(f"no answer: {log.read_text(errors='replace')[-3_000:]}")
            yield address
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(30)
