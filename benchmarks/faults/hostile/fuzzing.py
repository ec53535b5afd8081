"""Hostile requests in every role against the service in this process, straight at its ASGI door."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any
from urllib.parse import unquote_to_bytes

import orjson
from sqlalchemy import Engine, select

from benchmarks.faults.hostile.requests import NUMBERS, Hostile, Hostiles
from records.base import RecordBase
from records.every_table import every_table
from service.app import create_app
from service.security import ROLES, Bounds, Clients

LOOKS_EACH = 250
# What is written of refusals, looks and counts; everything else is state.
WRITTEN_OF_LOOKS = {"audit", "audit_anchor", "audit_days", "quotas"}
MISSING = {"model-not-trained", "features-not-ready"}
LEAKS = (b"60493830617283", b"root:x:", b"Traceback (most", b"key_hash", b"sqlalchemy")
SAFE = {"GET", "HEAD", "OPTIONS"}


@dataclass
class Found:
    """What came of the requests."""

    statuses: Counter[str] = field(default_factory=Counter)
    spoilt: Counter[str] = field(default_factory=Counter)
    accepted: Counter[str] = field(default_factory=Counter)
    findings: Counter[str] = field(default_factory=Counter)


def fuzzed(base: RecordBase, requests: int, seed: int, done: Callable[[int], None] = lambda _: None) -> dict[str, Any]:
    """``requests`` hostile ones, their roles by chance; figures, and what went against the promise."""
    subject = str(base.subjects("enterprise")["subject_id"][0].as_py())
    keys = keys_of_roles(base, f"fuzz-{seed}")
    app = create_app(base.settings)
    hostiles = Hostiles(app.openapi(), seed, {"subject_id": subject})
    found = asyncio.run(_all(app, base.engine, hostiles, keys, requests, done))
    found.findings.update(_kept(base.engine))
    return {
        "requests": requests,
        "statuses": dict(sorted(found.statuses.items())),
        "spoilt": dict(found.spoilt),
        "operations": len(hostiles.operations),
        "roles": len(keys),
        "accepted_writes": dict(found.accepted),
        "findings": dict(found.findings.most_common(40)),
    }


def keys_of_roles(base: RecordBase, name: str) -> dict[str | None, str | None]:
    """The keys of new clients, by role; and none."""
    subject = str(base.subjects("enterprise")["subject_id"][0].as_py())
    clients, own = Clients(base.engine), Bounds(subject_id=subject)
    keys: dict[str | None, str | None] = {None: None}
    for role in ROLES:
        source, bounds = "tax" if role == "agency" else None, own if role == "subject" else None
        keys[role] = clients.add(f"{name}-{role}", role, source, bounds)
    return keys


def digest(engine: Engine) -> str:
    """SHA-256 over every row of every table, but those that tell of looks and refusals."""
    total = sha256()
    with engine.connect() as connection:
        for table in every_table().sorted_tables:
            if table.name not in WRITTEN_OF_LOOKS:
                rows = connection.execute(select(table).order_by(*table.primary_key.columns))
                total.update(table.name.encode() + repr([tuple(row) for row in rows]).encode())
    return total.hexdigest()


async def ask(app: Any, one: Hostile, key: str | None, peer: str = "192.0.2.1") -> tuple[int, bytes, bytes]:
    """Status, headers and body that ``one`` gets; status 0 where the application raised and said nothing."""
    headers = [*one.headers, *([(b"x-api-key", key.encode())] if key else [])]
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": one.method,
        "scheme": "http",
        "path": unquote_to_bytes(one.path).decode(errors="replace"),
        "raw_path": one.path,
        "query_string": one.query,
        "root_path": "",
        "headers": headers,
        "client": (peer, 1),
        "server": ("testserver", 80),
        "state": {},
    }
    body = [one.body]
    told: dict[str, Any] = {"status": 0, "headers": b"", "body": b""}

    async def receive() -> dict[str, Any]:
        if body:
            return {"type": "http.request", "body": body.pop(), "more_body": False}
        return {"type": "http.disconnect"}

    async def send(message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            told["status"] = message["status"]
            told["headers"] = b"\n".join(name + b": " + value for name, value in message["headers"])
        else:
            told["body"] += message.get("body", b"")

    try:
        await app(scope, receive, send)
    except Exception as error:
        told["body"] += f"raised {type(error).__name__}".encode()
    return told["status"], told["headers"], told["body"]


async def _all(
    app: Any,
    engine: Engine,
    hostiles: Hostiles,
    keys: dict[str | None, str | None],
    requests: int,
    done: Callable[[int], None],
) -> Found:
    found, before = Found(), digest(engine)
    roles, rng = list(keys), random.Random(hostiles.rng.random())  # noqa: S311
    for number in range(1, requests + 1):
        one, role = hostiles.one(), rng.choice(roles)
        status, headers, body = await ask(app, one, keys[role])
        found.statuses[str(status)] += 1
        found.spoilt[one.spoilt] += 1
        for wrong in _wrong(status, headers, body):
            found.findings[f"{one.operation} as {role}, {one.spoilt} spoilt: {wrong}"] += 1
        accepted = 200 <= status < 300 and one.method not in SAFE
        if accepted:
            found.accepted[f"{one.operation}, {one.spoilt} spoilt"] += 1
        if accepted or number % LOOKS_EACH == 0 or number == requests:
            after = digest(engine)
            if after != before and not accepted:
                found.findings[f"something changed before request {number}"] += 1
            before = after
            done(number)
    return found


def _wrong(status: int, headers: bytes, body: bytes) -> list[str]:
    """What is wrong with an answer."""
    found = []
    if status == 0 or (status >= 500 and not (status == 503 and _missing(body))):
        found.append(f"{status} {body[:160].decode(errors='replace')}")
    if b"\r" in headers or b"\nx-injected" in headers.lower():
        found.append("a header that was injected")
    if any(number.encode() in headers + body for number in NUMBERS):
        found.append("an identity number echoed")
    found += [f"{leak.decode()} told" for leak in LEAKS if leak in body and b"openapi" not in body[:20]]
    if status >= 400 and body and status not in (404, 405) and not body.startswith(b"{"):
        found.append(f"{status} without a problem document")
    return found


def _missing(body: bytes) -> bool:
    """A service without models says so; and ``/readyz`` what is missing."""
    try:
        told = orjson.loads(body)
    except orjson.JSONDecodeError:
        return False
    return told.get("status") == "not ready" or str(told.get("type")).rpartition(":")[2] in MISSING


def _kept(engine: Engine) -> list[str]:
    """Identity numbers of the fuzzing that stand in a table, also in the trail."""
    found = []
    with engine.connect() as connection:
        for table in every_table().sorted_tables:
            for row in connection.execute(select(table)):
                if any(number in str(tuple(row)) for number in NUMBERS):
                    found.append(f"an identity number in clear in {table.name}")
                    break
    return found
