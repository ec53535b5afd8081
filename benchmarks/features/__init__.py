"""``huixin bench features``: point-in-time features against SQL, Polars, pandas and Feast on the same records.

Four kinds of records, 52 measures (counts, sums and maxima over 3, 6, 12 and 24 months, days since the last), all
subjects at one as-of and at 24 month ends. Every contender gives the same numbers, exactly, or the run stops.

``python -m benchmarks.features.shapes`` times the shapes of SQL and Polars that were tried.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

SUBJECTS = 200_000
RIVALS = ("sql", "polars", "pandas", "feast")
GROWTH = (10_000, 100_000, 1_000_000)
REPEATS = 3


def run(
    subjects: int = SUBJECTS,
    rivals: tuple[str, ...] = RIVALS,
    growth: tuple[int, ...] = GROWTH,
    repeats: int = REPEATS,
    feast_python: Path | None = None,
    folder: Path | None = None,
) -> dict[str, Any]:
    """Measure against ``rivals`` at ``subjects`` subjects, and Huixin alone at each size of ``growth``.

    ``rivals``: of sql, polars, pandas and feast; feast needs ``feast_python``, a Python where ``feast[duckdb]`` is
    installed. ``repeats``: rounds, of which medians are taken. Files are made under ``folder`` (default: temporary)
    and removed; five million subjects need some 20 GB. Figures: ``benchmarks.features.running``.
    """
    from benchmarks.features.running import Wanted, figures
    from benchmarks.features.showing import show

    found = figures(Wanted(subjects, rivals, growth, repeats, feast_python, folder))
    show(found)
    return found
