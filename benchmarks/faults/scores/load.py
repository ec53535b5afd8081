"""Who asks for scores while things fail, in a process of its own: ``python -m benchmarks.faults.scores.load``.

Open loop: a new question leaves at each moment that the rate sets, whatever has become of the earlier ones. A question
that has no answer is asked again under its idempotency key until it has one, after waits that double from 0.5 to 8 s;
every fifth is asked again also after it was answered. Every attempt is a line of JSON on standard output. Standard
input tells it to ``go``, to ``drain`` (no new questions; it says so when none is open), to ``end``.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
import time
import uuid
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import httpx

AGAIN_SECONDS, AGAIN_MOST_SECONDS = 0.5, 8.0
GIVE_UP_SECONDS = 90.0
TIMEOUT = httpx.Timeout(30.0)
ASKED_TWICE = 0.2


@dataclass(frozen=True)
class Plan:
    """Whom to ask about, as of a day or now, and how often a second."""

    port: int
    key: str
    subjects: list[str]
    rate: float
    seed: int = 1


class Load:
    """The questions that are open."""

    def __init__(self, plan: Plan, http: httpx.AsyncClient) -> None:
        self.plan, self.http = plan, http
        self.rng = random.Random(plan.seed)  # noqa: S311
        self.going = asyncio.Event()
        self.open: set[asyncio.Task[None]] = set()

    async def ask_on(self) -> None:
        """Questions at the rate, for ever; moments that a pause has passed over are not made up for."""
        due = time.monotonic()
        while True:
            if not self.going.is_set():
                await self.going.wait()
                due = time.monotonic()
            task = asyncio.create_task(self._question())
            self.open.add(task)
            task.add_done_callback(self.open.discard)
            due += 1 / self.plan.rate
            await asyncio.sleep(max(0.0, due - time.monotonic()))

    async def _question(self) -> None:
        key, subject = str(uuid.UUID(int=self.rng.getrandbits(128))), self.rng.choice(self.plan.subjects)
        twice, until = self.rng.random() < ASKED_TWICE, time.monotonic() + GIVE_UP_SECONDS
        wait = AGAIN_SECONDS
        while not await self._attempt(key, subject):
            if time.monotonic() > until:
                _tell(given_up=key)
                return
            await asyncio.sleep(wait * self.rng.uniform(0.5, 1.0))
            wait = min(2 * wait, AGAIN_MOST_SECONDS)
        if twice:
            await self._attempt(key, subject)

    async def _attempt(self, key: str, subject: str) -> bool:
        """Whether it was answered with a score."""
        told: dict[str, Any] = {"key": key, "at": time.time()}
        try:
            answer = await self.http.post(
                "/v1/scores",
                json={"subject": subject, "purpose": "loan_application", "reasons": 3, "language": "en"},
                headers={"Idempotency-Key": key},
            )
            told |= _said(answer)
        except httpx.HTTPError as error:
            told["broken"] = type(error).__name__
        _tell(**told, until=time.time())
        return "score_id" in told


def _said(answer: httpx.Response) -> dict[str, Any]:
    said: dict[str, Any] = {"status": answer.status_code}
    try:
        content = answer.json()
    except ValueError:
        return said | {"no_json": answer.text[:200]}
    if answer.status_code != 200:
        return said | {"problem": content.get("type"), "retry_after": answer.headers.get("retry-after")}
    named = {name: content[name] for name in ("score_id", "subject_id", "model_version", "score")}
    repeated = "idempotency-replayed" in answer.headers
    return said | named | {"sha256": sha256(answer.content).hexdigest(), "repeated": repeated}


def _tell(**what: Any) -> None:
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


async def main() -> None:
    plan = Plan(**json.loads(sys.stdin.readline()))
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=20)
    address = f"http://127.0.0.1:{plan.port}"
    async with httpx.AsyncClient(
        base_url=address, headers={"X-API-Key": plan.key}, timeout=TIMEOUT, limits=limits
    ) as http:
        load = Load(plan, http)
        asking = asyncio.create_task(load.ask_on())
        while (line := await asyncio.to_thread(sys.stdin.readline)) and line != "end\n":
            if line == "go\n":
                load.going.set()
            else:
                load.going.clear()
                await asyncio.sleep(2 / plan.rate)
                await asyncio.gather(*load.open)
                _tell(drained=True)
        asking.cancel()


if __name__ == "__main__":
    asyncio.run(main())
