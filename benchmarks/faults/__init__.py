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
PARTS = ("exchange", "scores", "hostile")
REQUESTS, EXAMPLES = 100_000, 100


def run(
    faults: int = FAULTS,
    engine: str = "both",
    seed: int = 1,
    parts: tuple[str, ...] = PARTS,
    requests: int = REQUESTS,
    home: Path | None = None,
) -> dict[str, Any]:
    """Figures of each of ``parts``.

    ``exchange``: ``faults`` faults on each engine (``sqlite``, ``postgresql`` or ``both``); ``scores``: see
    ``benchmarks.faults.scores``, over a copy of ``home``; ``hostile``: see ``benchmarks.faults.hostile``.
    """
    figures: dict[str, Any] = {}
    if "scores" in parts:
        from benchmarks.faults import scores

        figures["scores"] = scores.run(home, seed)
    if "hostile" in parts:
        from benchmarks.faults import hostile

        figures["hostile"] = hostile.run(requests, EXAMPLES, seed)
    return figures | (_exchange(faults, engine, seed) if "exchange" in parts else {})


def _exchange(faults: int, engine: str, seed: int) -> dict[str, Any]:
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
