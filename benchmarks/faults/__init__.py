"""``huixin bench faults``: what survives when servers, senders, connections, disks and the database fail.

Eight sources push batches of their own items over REST, each with a sender process of its own, to real uvicorn servers
over one base; meanwhile faults strike at instants that a seed decides. Nothing acknowledged may be lost, nothing
unacknowledged may be visible, and every batch has to be whole after its source has sent it again.

Nothing is imported here before it is needed: the senders are of the standard library only, and start at once.
"""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from benchmarks.faults.running import Plan

FAULTS = 200
ENGINES = ("sqlite", "postgresql")


def run(faults: int = FAULTS, engine: str = "both", seed: int = 1) -> dict[str, Any]:
    """``faults`` faults on each engine (``sqlite``, ``postgresql`` or ``both``); figures of each."""
    from benchmarks.faults.running import Plan
    from benchmarks.machine import machine
    from huixin.console import say
    from records.settings import Settings

    chosen = [one for one in ENGINES if engine in (one, "both")]
    figures: dict[str, Any] = {"machine": machine("sqlalchemy", "uvicorn", "duckdb")}
    for one in chosen:
        figures[one] = run_one(Plan(engine=one, faults=faults, seed=seed), Settings().home.resolve() / "faults")
        told = figures[one]
        say(
            f"{one}：{told['faults']} 次故障，{told['batches']} 批，已回执 {told['acknowledged']}，丢失 {told['lost']}",
            f"{one}: {told['faults']} faults, {told['batches']} batches, acknowledged {told['acknowledged']}, lost "
            f"{told['lost']}, visible without a receipt {told['unacknowledged_visible']}, not whole after resend "
            f"{told['incomplete_after_resend']}, {told['seconds']} s",
        )
    return figures


def run_one(plan: Plan, parent: Path) -> dict[str, Any]:
    """One run in a folder of its own under ``parent``, which stays there only where something was found."""
    from benchmarks.faults.running import Run
    from huixin.console import progress

    folder = parent / f"{plan.engine}-{secrets.token_hex(3)}"
    with progress(f"故障（{plan.engine}）", f"faults ({plan.engine})", plan.faults) as done:
        return Run(plan, folder, done).figures()
