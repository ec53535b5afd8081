"""``huixin bench serving``: explained scores over HTTP against a constant answer and against a plain service.

One uvicorn worker at a time on loopback, the load from a process of its own: ``wrk`` for the peak where the machine has
it, an open-loop generator for the tail. Features, evidence, audit and commits are the real ones. ``--home``: a trained
installation; else a small county is made and trained in a temporary folder.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any


def run(home: Path | None = None) -> dict[str, Any]:
    """All figures; see ``benchmarks.serving.running``."""
    from benchmarks.serving.running import measured

    return measured(home)
