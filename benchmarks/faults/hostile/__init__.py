"""Hostile requests: whatever is sent, by whomever, there is a clear refusal, and nothing changes."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any


def run(requests: int = 100_000, examples: int = 100, seed: int = 1) -> dict[str, Any]:
    """Figures of so many fuzzed requests over a small county, of slow and half-sent ones, and of the document.

    ``examples``: cases of Schemathesis an operation, in turn in every role.
    """
    from benchmarks.faults.hostile.document import conforming
    from benchmarks.faults.hostile.fuzzing import fuzzed, keys_of_roles
    from benchmarks.faults.hostile.sockets import slow_and_cut
    from county import CountyPlan
    from huixin.console import progress
    from huixin.county_base import fill
    from records.base import RecordBase
    from records.settings import Settings
    from service.app import create_app

    with tempfile.TemporaryDirectory() as temporary:
        base = RecordBase.open(Settings(home=Path(temporary) / "home"))
        fill(base, CountyPlan(subjects=300, months=24, block=300, seed=8), Path(temporary) / "truth.parquet")
        with progress("敌意请求", "hostile requests", requests) as done:
            figures: dict[str, Any] = {"fuzz": fuzzed(base, requests, seed, done)}
        figures["sockets"] = slow_and_cut(base)
        figures["document"] = conforming(create_app(base.settings), keys_of_roles(base, "document"), examples)
    return figures
