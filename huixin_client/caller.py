"""One request: its credentials, its attempts, and what becomes of an error."""

from __future__ import annotations

import random
import re
import threading
import time
import uuid
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import httpx

AGAIN = frozenset({429, 502, 503, 504})
SAFE = frozenset({"GET", "HEAD", "PUT", "DELETE", "OPTIONS"})
FIRST_WAIT, LONGEST_WAIT = 0.2, 30.0
TOKEN_MARGIN = 30.0
JSON = re.compile(r"application/([\w.-]+\+)?json\s*(;|$)", re.IGNORECASE)
TOKEN_PATH = "/v1/oauth/token"  # noqa: S105  (an address)


class Problem(Exception):
    """What the service said was wrong (RFC 9457), in both languages where it did."""

    def __init__(self, status: int, content: Mapping[str, Any]) -> None:
        self.status = status
        self.type = str(content.get("type", "about:blank"))
        self.title = str(content.get("title", content.get("error", "")))
        self.detail = str(content.get("detail", content.get("error_description", "")))
        self.zh, self.en = content.get("zh"), content.get("en")
        self.request_id = content.get("request_id")
        self.errors = content.get("errors")
        super().__init__(f"{status} {self.title}: {self.detail}")


class Caller:
    """Sends requests for ``AllOperations``. ``http`` knows the address; ``attempts`` counts the first one too."""

    def __init__(
        self,
        http: httpx.Client,
        key: str | None,
        *,
        client_id: str | None = None,
        scope: str | None = None,
        attempts: int = 4,
    ) -> None:
        self.http, self.attempts = http, attempts
        self._key, self._client_id, self._scope = key, client_id, scope
        self._lock = threading.Lock()
        self._token: str | None = None
        self._token_until = 0.0

    def call(
        self,
        method: str,
        template: str,
        *,
        path: Mapping[str, Any] | None = None,
        query: Mapping[str, Any] | None = None,
        headers: Mapping[str, Any] | None = None,
        json: Any = None,
        form: Mapping[str, str] | None = None,
        content: bytes | None = None,
    ) -> Any:
        """What JSON answers hold; bytes of others; of HEAD the headers; None where there is none.

        What is None in ``query`` and ``headers`` is not sent. Raises ``Problem``, ``httpx.TransportError``.
        """
        address = template.format(**{name: quote(str(value), safe="") for name, value in (path or {}).items()})
        sent = {name: str(value) for name, value in (headers or {}).items() if value is not None}
        asked = {name: _written(value) for name, value in (query or {}).items() if value is not None}
        body: dict[str, Any] = {"json": json} if json is not None else {}
        body |= {"data": form} if form is not None else {}
        body |= {"content": content} if content is not None else {}
        answer = self._answer(method, address, sent, {"params": asked, **body})
        if answer.status_code >= 400:
            raise Problem(answer.status_code, _problem(answer))
        if method == "HEAD":
            return dict(answer.headers)
        if answer.status_code in (204, 304) or not answer.content:
            return None
        return answer.json() if JSON.match(answer.headers.get("content-type", "")) else answer.content

    def _answer(self, method: str, address: str, sent: dict[str, str], body: dict[str, Any]) -> httpx.Response:
        repeatable = method in SAFE or "Idempotency-Key" in sent
        renewed, attempt = False, 1
        while True:
            last = attempt >= self.attempts
            try:
                answer = self.http.request(method, address, headers=sent | self._credentials(address), **body)
            except httpx.TransportError as error:
                if last or not (repeatable or isinstance(error, httpx.ConnectError)):
                    raise
                wait = None
            else:
                if answer.status_code == 401 and self._token is not None and not renewed:
                    self._token, renewed = None, True
                    continue
                if answer.status_code not in AGAIN or last or not repeatable:
                    return answer
                wait = answer.headers.get("retry-after")
            time.sleep(_wait(attempt, wait))
            attempt += 1

    def _credentials(self, address: str) -> dict[str, str]:
        if self._key is None or address == TOKEN_PATH:
            return {}
        if self._client_id is None:
            return {"X-API-Key": self._key}
        with self._lock:
            if self._token is None or time.monotonic() > self._token_until:
                form = {"grant_type": "client_credentials", "client_id": self._client_id, "client_secret": self._key}
                form |= {"scope": self._scope} if self._scope else {}
                answer = self.http.post(TOKEN_PATH, data=form)
                if answer.status_code >= 400:
                    raise Problem(answer.status_code, _problem(answer))
                told = answer.json()
                self._token = told["access_token"]
                self._token_until = time.monotonic() + max(float(told["expires_in"]) - TOKEN_MARGIN, 1.0)
            return {"Authorization": f"Bearer {self._token}"}


def new_key() -> str:
    """An idempotency key that nobody guesses."""
    return str(uuid.uuid4())


def _problem(answer: httpx.Response) -> Mapping[str, Any]:
    try:
        found = answer.json()
    except ValueError:
        found = None
    return found if isinstance(found, dict) else {"title": answer.reason_phrase, "detail": answer.text[:500]}


def _wait(attempt: int, told: str | None) -> float:
    """Seconds until the next attempt: as told, else twice as long each time, with chance in it."""
    if told is not None and told.isdecimal():
        return min(float(told), LONGEST_WAIT)
    return min(FIRST_WAIT * 2.0 ** (attempt - 1) * random.uniform(1, 1.5), LONGEST_WAIT)  # noqa: S311


def _written(value: Any) -> Any:
    return str(value).lower() if isinstance(value, bool) else value
