"""``Idempotency-Key``: a request that is sent again has one effect and gets the answer of the first.

After the IETF draft of the header (draft-ietf-httpapi-idempotency-key-header-07). A route asks for ``Once`` and, after
its own checks of who may ask, lets it do the rest::

    def create(request: Request, asked: Question, client: Asking, once: Once) -> Any:
        allow(client, "create")
        return once.answer(client.client_id, lambda: make(asked), status=201)

Without the header ``answer`` is no more than the call of its function. An effect that can keep its answer in its own
transaction asks for ``answer_with_effect``: then it happens once even where a process is killed between the two.
"""

from __future__ import annotations

import hmac
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from typing import Annotated, Any, ClassVar

from fastapi import Depends, Header, Request
from fastapi.encoders import jsonable_encoder
from fastapi.responses import JSONResponse, Response
from sqlalchemy import Engine, delete, update
from sqlalchemy.exc import IntegrityError, SQLAlchemyError
from sqlalchemy.orm import Session

from records.database import writing
from records.database_answers import AnswerRow
from records.errors import HuixinError
from records.moment import now
from records.words import Text
from scoring.audit import enter
from service.problems import MEDIA_TYPE, Problem

KEPT = timedelta(hours=24)
LEASE, LEASE_WITH_EFFECT = timedelta(seconds=120), timedelta(seconds=10)
PATIENCE_SECONDS, POLL_SECONDS = 2.0, 0.05
KEPT_HEADERS = ("content-type", "etag", "location")
SHORTEST, LONGEST = 16, 255


class BadKey(HuixinError):
    code: ClassVar[str] = "bad-idempotency-key"
    status: ClassVar[int] = 422
    title: ClassVar[Text] = Text("幂等键有误", "Bad idempotency key")


class KeyReused(HuixinError):
    code: ClassVar[str] = "idempotency-key-reused"
    status: ClassVar[int] = 422
    title: ClassVar[Text] = Text("幂等键已用于另一请求", "Idempotency key of another request")


class StillRunning(HuixinError):
    """The first request with this key has no answer yet."""

    code: ClassVar[str] = "still-running"
    status: ClassVar[int] = 409
    title: ClassVar[Text] = Text("同一请求仍在处理", "The same request is still running")
    retry_after: ClassVar[int] = 1


Settle = Callable[[Session, bytes], None]


@dataclass(frozen=True)
class Asked:
    """What a request asks once: its key, if it has one, and the digest of all that it asks."""

    engine: Engine
    key: str | None
    digest: str
    route: str

    def answer(self, client_id: str, act: Callable[[], Any], status: int = 200) -> Any:
        """What ``act`` gives, the first time; the same answer again for the same key and request, for 24 hours.

        ``act`` gives a ``Response`` or what JSON can hold, answered with ``status``. Where it raises, nothing is kept
        and the key may be used again. Of several at once one acts and the others wait for its answer for 2 s. Where a
        process dies between the effect and its answer, the key is free again after 120 s, and the effect may happen
        twice. Blocks: call it from a worker thread. Raises ``KeyReused`` for another request under the key,
        ``StillRunning`` while the first has no answer.
        """
        if self.key is None:
            return act()
        found = self._claim(client_id, self.key, LEASE)
        if isinstance(found, Response):
            return found
        with self._claimed(client_id, self.key, found):
            made = act()
            given = made if isinstance(made, Response) else JSONResponse(jsonable_encoder(made), status)
        with writing(self.engine) as session:
            self._settle(session, client_id, self.key, found, given)
        return given

    def answer_with_effect(self, client_id: str, act: Callable[[Settle | None], Response]) -> Response:
        """As ``answer``; ``act`` calls what it is given in the transaction of its effect, with the JSON of its answer.

        So effect and answer are there both or neither, whenever a process or the database dies; what the key was
        claimed for and did not come about may be tried again after 10 s. The call raises ``StillRunning``, and the
        effect must not happen, where the claim has passed to another attempt.
        """
        if self.key is None:
            return act(None)
        key, found = self.key, self._claim(client_id, self.key, LEASE_WITH_EFFECT)
        if isinstance(found, Response):
            return found

        def settle(session: Session, body: bytes) -> None:
            given = Response(body, media_type="application/json")
            if not self._settle(session, client_id, key, found, given):
                raise _running()

        with self._claimed(client_id, key, found):
            return act(settle)

    def _claim(self, client_id: str, key: str, lease: timedelta) -> str | Response:
        """This attempt's name, where nobody has answered; else the answer of the one before."""
        patience, attempt = time.monotonic() + PATIENCE_SECONDS, ""
        repeated: Response | None = None
        while True:
            with suppress(IntegrityError), self._claiming() as session:  # of two new ones the second looks again
                moment = now()
                session.execute(
                    delete(AnswerRow).where(AnswerRow.expires_at <= moment, AnswerRow.client_id == client_id)
                )
                row = session.get(AnswerRow, (client_id, _hash(key)), with_for_update=True)
                if row is not None and not hmac.compare_digest(row.digest, self.digest):
                    raise _reused()
                if row is not None and row.status is not None:
                    repeated, attempt = _again(row), row.attempt
                    break
                if row is None or row.leased_until <= moment:
                    attempt = secrets.token_hex(16)
                    claim = AnswerRow(client_id=client_id, key_hash=_hash(key), digest=self.digest, attempt=attempt)
                    claim.claimed_at, claim.leased_until, claim.expires_at = moment, moment + lease, moment + KEPT
                    session.merge(claim)
                    break
            if time.monotonic() >= patience:
                raise _running()
            time.sleep(POLL_SECONDS)
        if repeated is None:
            return attempt
        with writing(self.engine) as session:
            enter(session, client_id, "answer.repeat", payload={"route": self.route, "first": attempt})
        return repeated

    @contextmanager
    def _claiming(self) -> Iterator[Session]:
        """A transaction on the table of answers alone: on PostgreSQL it waits for nobody but who has the same key."""
        if self.engine.dialect.name == "sqlite":
            with writing(self.engine) as session:
                yield session
        else:
            with Session(self.engine) as session, session.begin():
                yield session

    @contextmanager
    def _claimed(self, client_id: str, key: str, attempt: str) -> Iterator[None]:
        """Gives the claim up where what it was for did not come about."""
        try:
            yield
        except BaseException:
            with suppress(SQLAlchemyError):  # a database that is away: the lease ends by itself
                self._give_up(client_id, key, attempt)
            raise

    def _give_up(self, client_id: str, key: str, attempt: str) -> None:
        mine = (AnswerRow.client_id == client_id, AnswerRow.key_hash == _hash(key), AnswerRow.attempt == attempt)
        with writing(self.engine) as session:
            session.execute(delete(AnswerRow).where(*mine, AnswerRow.status.is_(None)))

    @staticmethod
    def _settle(session: Session, client_id: str, key: str, attempt: str, given: Response) -> bool:
        """Whether the claim was still this attempt's."""
        mine = (AnswerRow.client_id == client_id, AnswerRow.key_hash == _hash(key), AnswerRow.attempt == attempt)
        headers = {name: given.headers[name] for name in KEPT_HEADERS if name in given.headers}
        kept = {"status": given.status_code, "headers": headers, "body": bytes(given.body)}
        done = session.execute(update(AnswerRow).where(*mine, AnswerRow.status.is_(None)).values(**kept))
        return bool(done.rowcount)  # type: ignore[attr-defined]


async def asked_once(
    request: Request,
    idempotency_key: Annotated[
        str | None,
        Header(
            description="幂等键：16 至 255 个可见 ASCII 字符，例如随机 UUID；24 小时内同一键的同一请求只生效一次 / "
            "16 to 255 visible ASCII characters, such as a random UUID: the same request under the same key has one "
            "effect within 24 hours"
        ),
    ] = None,
) -> Asked:
    """What the request asks, to be done once. Raises ``BadKey``. Reads the whole body: not for routes that stream."""
    engine, route = request.app.state.base.engine, f"{request.method} {request.url.path}"
    if idempotency_key is None:
        return Asked(engine, None, "", route)
    visible = all("!" <= one <= "~" for one in idempotency_key)
    if not visible or not SHORTEST <= len(idempotency_key) <= LONGEST:
        raise BadKey(
            Text(
                f"Idempotency-Key 应为 {SHORTEST} 至 {LONGEST} 个可见 ASCII 字符，例如随机 UUID",
                f"Idempotency-Key takes {SHORTEST} to {LONGEST} visible ASCII characters, such as a random UUID",
            )
        )
    told = f"{route}?{request.url.query}\n".encode() + await request.body()
    return Asked(engine, idempotency_key, hmac.digest(idempotency_key.encode(), told, "sha256").hex(), route)


Once = Annotated[Asked, Depends(asked_once)]
STILL_RUNNING_ANSWER: dict[int | str, dict[str, Any]] = {
    409: {
        "model": Problem,
        "description": "同一请求仍在处理 / the same request is still running",
        "content": {MEDIA_TYPE: {}},
    }
}


def _hash(key: str) -> str:
    return sha256(key.encode()).hexdigest()


def _again(row: AnswerRow) -> Response:
    headers = {**(row.headers or {}), "Idempotency-Replayed": "true"}
    return Response(row.body or b"", row.status or 200, headers)


def _running() -> StillRunning:
    return StillRunning(Text("请稍后以同一键重试", "try again shortly with the same key"))


def _reused() -> KeyReused:
    return KeyReused(
        Text(
            "此 Idempotency-Key 已用于内容不同的请求；每个新请求请用新键",
            "this Idempotency-Key came with a different request before; take a new key for each new request",
        )
    )
