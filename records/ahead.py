"""Work done ahead in threads of its own, a step before it is asked for."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from queue import Empty, Full, Queue
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")
DEPTH = 1
PATIENCE = 0.1


def ahead(source: Iterable[T]) -> Iterator[T]:
    """The same as ``source``, its next part being made while this one is used; errors come in their place."""
    ready: Queue[tuple[T | None, BaseException | None, bool]] = Queue(DEPTH)
    stopped = threading.Event()

    def put(part: tuple[T | None, BaseException | None, bool]) -> bool:
        while not stopped.is_set():
            try:
                ready.put(part, timeout=PATIENCE)
            except Full:
                continue
            return True
        return False

    def work() -> None:
        try:
            for part in source:
                if not put((part, None, False)):
                    return
        except BaseException as error:  # it is raised again where the part is asked for
            put((None, error, True))
        else:
            put((None, None, True))

    worker = threading.Thread(target=work, name="ahead", daemon=True)
    worker.start()
    try:
        while True:
            try:
                part, error, done = ready.get(timeout=PATIENCE)
            except Empty:
                continue
            if error is not None:
                raise error
            if done:
                return
            yield part  # type: ignore[misc]
    finally:
        stopped.set()
        worker.join()


def side_by_side(work: Callable[[T], R], source: Iterable[T], workers: int) -> Iterator[R]:
    """``work`` on each part of ``source``, some at a time, the results in the order of the parts."""
    begun: deque[Future[R]] = deque()
    with ThreadPoolExecutor(workers, thread_name_prefix="side-by-side") as pool:
        try:
            for part in source:
                begun.append(pool.submit(work, part))
                if len(begun) == workers:
                    yield begun.popleft().result()
            while begun:
                yield begun.popleft().result()
        finally:
            for future in begun:
                future.cancel()
