"""One attempt to send a body: to a checked address, within a time, without following anybody elsewhere."""

from __future__ import annotations

import http.client
import socket
import ssl
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from urllib.parse import SplitResult, urlsplit

from service.watch.addresses import NotPublic, resolved

ANSWER_MOST = 4_096  # of the answer's body; it is read and forgotten


@dataclass(frozen=True)
class Answer:
    """What came of an attempt: ``status`` of an HTTP answer, or the ``problem`` in its way."""

    status: int | None
    problem: str | None
    seconds: float

    @property
    def taken(self) -> bool:
        return self.status is not None and 200 <= self.status < 300


def post(url: str, body: bytes, headers: Mapping[str, str], *, timeout: float, loopback: bool) -> Answer:
    """Send ``body`` to ``url``. Never raises: whatever goes wrong is the answer's ``problem``.

    ``timeout``: seconds from the connection to the answer's head, all together.
    """
    started = time.monotonic()
    status, problem = None, None
    try:
        status = _post(urlsplit(url), body, headers, timeout, loopback)
    except NotPublic:
        problem = "address-not-public"
    except socket.gaierror:
        problem = "unknown-host"
    except TimeoutError:
        problem = "timeout"
    except ssl.SSLError:
        problem = "tls"
    except (OSError, http.client.HTTPException, ValueError):
        problem = "timeout" if time.monotonic() - started >= timeout else "connection"
    if status is not None and not 200 <= status < 300:
        problem = "redirect" if 300 <= status < 400 else "status"
    return Answer(status, problem, round(time.monotonic() - started, 3))


def _post(parts: SplitResult, body: bytes, headers: Mapping[str, str], timeout: float, loopback: bool) -> int:
    host, secure = parts.hostname or "", parts.scheme == "https"
    port = parts.port or (443 if secure else 80)
    addresses = resolved(host, port, loopback=loopback)
    until = time.monotonic() + timeout
    with _connected(addresses, port, until) as raw, _cut_off(raw, until):
        connection = http.client.HTTPConnection(host, port)
        connection.sock = _trusted().wrap_socket(raw, server_hostname=host) if secure else raw
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        try:
            connection.request("POST", target, body, {"Host": parts.netloc, "Connection": "close", **headers})
            answer = connection.getresponse()
            if time.monotonic() >= until:  # a head that was cut off reads like one that ended
                raise TimeoutError
            with suppress(OSError, http.client.HTTPException):
                answer.read(ANSWER_MOST)
            return answer.status
        finally:
            connection.close()


@contextmanager
def _connected(addresses: list[str], port: int, until: float) -> Iterator[socket.socket]:
    """A connection to the first of ``addresses`` that answers: these very addresses were checked."""
    for number, address in enumerate(addresses, start=1):
        try:
            raw = socket.create_connection((address, port), timeout=max(until - time.monotonic(), 0.01))
            break
        except OSError:
            if number == len(addresses):
                raise
    raw.settimeout(max(until - time.monotonic(), 0.01))
    with raw:
        yield raw


@contextmanager
def _cut_off(raw: socket.socket, until: float) -> Iterator[None]:
    """Break the connection off when time is up, however slowly the other side keeps talking."""
    held = raw.dup()

    def cut() -> None:
        with suppress(OSError):
            held.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(max(until - time.monotonic(), 0.01), cut)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()
        held.close()


@cache
def _trusted() -> ssl.SSLContext:
    return ssl.create_default_context()
