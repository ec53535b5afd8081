"""A source's sender, a process of its own, of the standard library only.

``python -m benchmarks.faults.agency FOLDER PORT SEED``.
It sends what lies in its outbox, one batch after the other, until each has a receipt: it goes on from the offset that
it is told, and after any failure asks again under the same key. SIGUSR1 makes it drop its connection in mid-body.
"""

from __future__ import annotations

import http.client
import json
import random
import signal
import socket
import sys
import time
from base64 import b64encode
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from benchmarks.faults.outbox import Batch, Outbox

CHUNK = (4 << 10, 96 << 10)
ANSWER_SECONDS = 40
WAIT_MOST = 1.0
TRY_AGAIN = frozenset({408, 410, 429, 500, 502, 503, 507})
ASK_AGAIN = frozenset({"wrong-offset", "not-receiving", "upload-busy", "wrong-checksum", "spool-lost", "gave-up"})


class Broken(Exception):
    """This attempt is over; another may do better."""


class Agency:
    """Sends for one source."""

    def __init__(self, outbox: Outbox, port: int, key: str, rng: random.Random) -> None:
        self.outbox, self.port, self.rng = outbox, port, rng
        self.headers = {"X-API-Key": key, "Accept-Language": "en"}
        self.drop_next = False
        self._connection: http.client.HTTPConnection | None = None

    def run(self) -> None:
        while True:
            ended = self.outbox.ended
            waiting = self.outbox.waiting()
            for batch in waiting:
                self._settle(batch)
            if ended and not waiting:
                return
            time.sleep(0.1)

    def _settle(self, batch: Batch) -> None:
        content = self.outbox.content(batch)
        while True:
            try:
                receipt = self._push(batch, content) if batch.direct else self._upload(batch, content)
            except (Broken, OSError, http.client.HTTPException) as error:
                self._close()
                if not isinstance(error, Broken):
                    self._note(0, type(error).__name__)
                time.sleep(self.rng.uniform(0.05, WAIT_MOST))
            else:
                self.outbox.keep_receipt(batch, receipt)
                return

    def _push(self, batch: Batch, content: bytes) -> bytes:
        query = urlencode({"item": batch.item, "batch_key": batch.key, "ending": batch.ending})
        _, body, _ = self._ask("POST", f"/v1/batches?{query}", content)
        return body

    def _upload(self, batch: Batch, content: bytes) -> bytes:
        told = {name: getattr(batch, name) for name in ("item", "ending", "size", "sha256")}
        declared = json.dumps(told | {"batch_key": batch.key}).encode()
        _, body, _ = self._ask("POST", "/v1/uploads", declared, {"Content-Type": "application/json"})
        state = json.loads(body)
        root, offset = f"/v1/uploads/{state['upload_id']}", state["offset"]
        while offset < batch.size:
            chunk = content[offset : offset + self.rng.randint(*CHUNK)]
            digest = b64encode(sha256(chunk).digest()).decode()
            headers = {
                "Upload-Offset": str(offset),
                "Content-Type": "application/offset+octet-stream",
                "Content-Digest": f"sha-256=:{digest}:",
            }
            _, _, found = self._ask("PATCH", root, chunk, headers)
            offset = int(found["Upload-Offset"])
        while True:
            status, body, _ = self._ask("GET", f"{root}/receipt?wait=5")
            if status == 200:
                return body
            if json.loads(body)["state"] == "receiving":
                raise Broken

    def _ask(
        self, method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None
    ) -> tuple[int, bytes, http.client.HTTPMessage]:
        """Status, body and headers of a good answer. Raises ``Broken`` for what may be asked again."""
        connection = self._connected()
        if body and self.drop_next:
            self._drop(connection, method, path, body, headers or {})
        connection.request(method, path, body, self.headers | (headers or {}))
        answer = connection.getresponse()
        content = answer.read()
        if answer.status < 300:
            return answer.status, content, answer.headers
        self._note(answer.status, _code(content))
        if answer.status in TRY_AGAIN or _code(content) in ASK_AGAIN:
            with suppress(ValueError):
                time.sleep(min(float(answer.headers.get("Retry-After", "0")), WAIT_MOST))
            raise Broken
        raise SystemExit(f"{method} {path.partition('?')[0]}: {answer.status} {_code(content)}")

    def _drop(
        self, connection: http.client.HTTPConnection, method: str, path: str, body: bytes, headers: dict[str, str]
    ) -> None:
        """Begin the request, send some of its body, and hang up."""
        self.drop_next = False
        (self.outbox.folder / "dropped").touch()
        connection.putrequest(method, path)
        for name, value in (self.headers | headers | {"Content-Length": str(len(body))}).items():
            connection.putheader(name, value)
        connection.endheaders(body[: self.rng.randrange(len(body))])
        raise Broken

    def _connected(self) -> http.client.HTTPConnection:
        if self._connection is None:
            self._connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=ANSWER_SECONDS)
            self._connection.connect()
            self._connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return self._connection

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _note(self, status: int, code: str) -> None:
        with (self.outbox.folder / "answers").open("a") as file:
            file.write(f"{status} {code}\n")


def _code(content: bytes) -> str:
    """The problem that an answer tells of."""
    with suppress(ValueError, AttributeError):
        found: Any = json.loads(content)
        return str(found.get("type", "")).rpartition(":")[2]
    return ""


def main() -> None:
    folder, port, seed = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    agency = Agency(Outbox(folder), port, (folder / "key").read_text(), random.Random(seed))  # noqa: S311

    def drop(*_: object) -> None:
        agency.drop_next = True

    signal.signal(signal.SIGUSR1, drop)
    agency.run()


if __name__ == "__main__":
    main()
