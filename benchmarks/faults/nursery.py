"""Server processes in no time: a process that has imported the service forks one for each line it is told.

``python -m benchmarks.faults.nursery``: a line of JSON with ``port``, ``log`` and ``environment`` on standard input
starts a uvicorn server of its own process, of which the pid is told; each process that ended is told, with how.
"""

from __future__ import annotations

import json
import os
import select
import signal
import sys
from typing import Any

# What met a full disk is tried again before the next fault, not in half a minute.
LATER_SECONDS = 2.0


def main() -> None:
    import alembic.command
    import alembic.config
    import cryptography.hazmat.primitives.asymmetric.ed25519
    import cryptography.hazmat.primitives.ciphers.aead
    import jwt
    import pandera.polars
    import psycopg
    import uvicorn

    import records.erasure
    import service.app
    from records.exchange import worker

    worker.LATER_SECONDS = LATER_SECONDS
    del alembic, cryptography, jwt, pandera, psycopg, uvicorn, records, service
    _tell(ready=True)
    told, living = b"", set[int]()
    while True:
        if select.select([0], [], [], 0.05)[0]:
            more = os.read(0, 1 << 16)
            if not more:
                break
            *lines, told = (told + more).split(b"\n")
            for line in lines:
                living.add(_start(json.loads(line)))
        while (ended := _ended()) is not None:
            living.discard(ended[0])
            _tell(ended=ended[0], status=ended[1])
    for pid in living:
        os.kill(pid, signal.SIGKILL)


def _start(asked: dict[str, Any]) -> int:
    pid = os.fork()
    if pid == 0:
        _serve(asked)
    _tell(started=pid, port=asked["port"])
    return pid


def _serve(asked: dict[str, Any]) -> None:
    """Be the server: what ``uvicorn service.app:create_app --factory`` does once it has imported."""
    status = 1
    try:
        log = os.open(asked["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        for descriptor in (1, 2):
            os.dup2(log, descriptor)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.environ.update(asked["environment"])
        import uvicorn

        uvicorn.run(
            "service.app:create_app",
            factory=True,
            host="127.0.0.1",
            port=asked["port"],
            log_level="warning",
            access_log=False,
        )
        status = 0
    except SystemExit as error:
        status = error.code if isinstance(error.code, int) else 1
    except BaseException as error:
        sys.stderr.write(f"the server did not start: {type(error).__name__}\n")
        sys.stderr.flush()
    finally:
        os._exit(status)


def _ended() -> tuple[int, int] | None:
    try:
        pid, status = os.waitpid(-1, os.WNOHANG)
    except ChildProcessError:
        return None
    return (pid, os.waitstatus_to_exitcode(status)) if pid else None


def _tell(**what: Any) -> None:
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
