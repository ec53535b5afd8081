"""A receiver of webhooks that fails, dawdles and comes back as a test tells it to."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Behaviour = int | str  # a status, or "hang", "drip", "redirect"


class Receiver(ThreadingHTTPServer):
    """``plan``: how the next requests are answered (afterwards 200); ``got``: headers and body of each."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.plan: deque[Behaviour] = deque()
        self.got: list[tuple[dict[str, str], bytes]] = []
        self.arrived = threading.Semaphore(0)
        self.over = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/hook?from=huixin"

    def ids(self) -> list[str]:
        return [headers["Huixin-Event-Id"] for headers, _ in self.got]


class _Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        behaviour = self.server.plan.popleft() if self.server.plan else 200
        self.server.got.append((dict(self.headers.items()), body))
        self.server.arrived.release()
        if behaviour == "hang":
            self.server.over.wait(30)
            return
        if behaviour == "drip":
            self.wfile.write(b"HTTP/1.1 200 OK\r\n")
            while not self.server.over.wait(0.05):
                try:
                    self.wfile.write(b"X-Drop: 1\r\n"[:3])
                except OSError:
                    return
            return
        self.send_response(302 if behaviour == "redirect" else int(behaviour))
        if behaviour == "redirect":
            self.send_header("Location", f"http://127.0.0.1:{self.server.server_port}/elsewhere")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        pass


@contextmanager
def receiving() -> Iterator[Receiver]:
    server = Receiver()
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.over.set()
        server.shutdown()
        server.server_close()
        thread.join(10)
