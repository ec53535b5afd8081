"""The client that programs use."""

from __future__ import annotations

from types import TracebackType

import httpx

from huixin_client.caller import Caller
from huixin_client.operations import AllOperations


class HuixinClient(AllOperations):
    """All operations of a service, by resource: ``client.scores.score({"subject": ..., "purpose": "review"})``.

    ``key``: the client's key. With ``client_id`` short-lived tokens are had for it and renewed before they end
    (``scope``: names of actions, default all). ``language`` is that of errors. Errors of the service are ``Problem``;
    busy answers (429, 502, 503, 504) and lost connections are tried again up to ``attempts`` times, changes only where
    they carry an idempotency key. Safe between threads; a context manager.
    """

    def __init__(
        self,
        address: str,
        key: str | None = None,
        *,
        client_id: str | None = None,
        scope: str | None = None,
        language: str = "zh",
        timeout: float = 30.0,
        attempts: int = 4,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        http = httpx.Client(
            base_url=address, timeout=timeout, transport=transport, headers={"Accept-Language": language}
        )
        self._caller = Caller(http, key, client_id=client_id, scope=scope, attempts=attempts)
        super().__init__(self._caller)

    def close(self) -> None:
        self._caller.http.close()

    def __enter__(self) -> HuixinClient:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
