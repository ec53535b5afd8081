"""Secrets of the installation that are made at first use and then stay."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from records.durable import make_durable


def made_once(path: Path, make: Callable[[], bytes]) -> bytes:
    """Content of ``path`` (mode 0600); of two processes that make it at once, one wins and both use it."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        attempt = path.with_name(f"{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
        descriptor = os.open(attempt, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(make())
                file.flush()
                os.fsync(file.fileno())
            with suppress(FileExistsError):
                os.link(attempt, path)
            make_durable(path.parent)
        finally:
            attempt.unlink()
    return path.read_bytes()
