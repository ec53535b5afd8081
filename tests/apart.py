"""In a thread of its own: tests of pages leave a running loop in the one that they were in."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any


def apart(function: Callable[..., Any], *args: Any) -> Any:
    """What ``function`` returns where no loop runs: it may run one."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(function, *args).result()
