"""A TCP proxy between the sources and the servers, which cuts connections when it is told to."""

from __future__ import annotations

import asyncio
import random
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Literal

Cut = Literal["request", "answer"]
READ = 16 << 10


class Proxy:
    """Listens on a free loopback port; each connection goes to one of the servers that live."""

    def __init__(self, servers: Callable[[], list[int]], rng: random.Random) -> None:
        self._servers, self._rng = servers, rng
        self._loop = asyncio.new_event_loop()
        self._armed: Cut | None = None
        self._fired = threading.Event()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True)
        self._thread.start()
        self._server = asyncio.run_coroutine_threadsafe(
            asyncio.start_server(self._carry, "127.0.0.1", 0), self._loop
        ).result()
        self.port: int = self._server.sockets[0].getsockname()[1]

    def cut(self, what: Cut, seconds: float) -> bool:
        """Cut the next request somewhere in it, or swallow the next answer and cut; whether one came in time."""
        self._fired.clear()
        self._armed = what
        fired = self._fired.wait(seconds)
        self._armed = None
        return fired

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        upstream = await self._connected()
        if upstream is None:
            writer.transport.abort()
            return
        there, back = upstream
        ways = [
            asyncio.ensure_future(self._copy(reader, back, "request")),
            asyncio.ensure_future(self._copy(there, writer, "answer")),
        ]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            for end in (writer, back):
                end.close()

    async def _copy(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, what: Cut) -> None:
        with suppress(OSError):
            while data := await reader.read(READ):
                if self._armed == what:
                    self._armed = None
                    if what == "request":
                        writer.write(data[: self._rng.randrange(len(data))])
                        await writer.drain()
                    self._fired.set()
                    return
                writer.write(data)
                await writer.drain()

    async def _connected(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter] | None:
        ports = self._servers()
        self._rng.shuffle(ports)
        for port in ports:
            with suppress(OSError):
                return await asyncio.open_connection("127.0.0.1", port)
        return None
