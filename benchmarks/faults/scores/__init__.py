"""Scores under faults: what was acknowledged is stored and audited once, and the service recovers by itself.

Two workers of a real service over a copy of a trained installation, its operations on PostgreSQL, answer an open-loop
load with idempotency keys, while a worker is killed, the database stands still or is stopped, disks fill, a model's
file is damaged, and another model is promoted.
"""

from __future__ import annotations

import secrets
import tempfile
from pathlib import Path
from typing import Any


def run(home: Path | None = None, seed: int = 1) -> dict[str, Any]:
    """Figures of each fault. ``home``: a trained installation, which is copied; else a county is made and trained."""
    from benchmarks.faults.scores.installation import county
    from benchmarks.faults.scores.running import Plan, Run
    from huixin.console import progress
    from records.settings import Settings

    plan = Plan(seed=seed)
    with tempfile.TemporaryDirectory() as temporary:
        trained = Settings(home=home) if home else county(Path(temporary) / "home")
        folder = Settings().home.resolve() / "faults" / f"scores-{secrets.token_hex(3)}"
        with progress("故障（评分）", "faults (scores)", len(plan.kinds)) as done:
            return Run(plan, trained, folder, done).figures()
