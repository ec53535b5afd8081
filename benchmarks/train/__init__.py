"""``huixin bench train``: a full retrain of one segment from its table on, and its scorecard against optbinning's.

The table is made, not real: 200,000 subjects, each at one of four month ends to learn from, and another 200,000 at a
month end a year later to validate on; 150 features with heavy tails, many zeros, gaps and traits in common, two thirds
of them with a declared direction; 4% default. What is timed is ``models.training.train_on``, the very code that
``huixin train`` runs once its tables are built: the boosted model with its cross-validation, the scorecard,
calibration, the early-warning model, the figures of the gate, the validation report with its page, registration in
MLflow.
"""

from __future__ import annotations

import os
from typing import Any

SUBJECTS, FEATURES, SEED = 200_000, 150, 20260101
GOAL_S = 600.0


def run(
    subjects: int = SUBJECTS, features: int = FEATURES, tune: float = 0.0, *, scorecard: bool = True
) -> dict[str, Any]:
    """Measure on a table of ``subjects`` x ``features``; ``tune``: minutes of search for settings, 0 for none.

    Keys: ``seconds`` and ``processor_s`` of the whole and, in ``stages``, of each stage, ``peak_rss_mb``,
    ``goal_s``, ``models`` (AUC, trees and more of what came out), ``scorecard`` (see ``binning.compare``) with
    ``scorecard_ratio``, our seconds over optbinning's.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    from benchmarks.machine import machine
    from benchmarks.train.binning import compare
    from benchmarks.train.retraining import retrain
    from benchmarks.train.rows import JUDGED, LEARNT, World
    from benchmarks.train.showing import show

    facts = machine("lightgbm", "optbinning", "scikit-learn", "mlflow", "numpy")
    world = World.of(features, SEED)
    learnt, judged = world.table(subjects, LEARNT, draw=1), world.table(subjects, (JUDGED,), draw=2)
    figures: dict[str, Any] = {
        "subjects": subjects,
        "features": features,
        "default_rate": float(learnt.outcome.mean()),
        "tune_minutes": tune,
        "goal_s": GOAL_S,
        **retrain(world, learnt, judged, tune),
    }
    if scorecard:
        figures["scorecard"] = compare(world, learnt, judged)
        figures["scorecard_ratio"] = figures["scorecard"]["ratio"]
    figures["machine"] = facts
    show(figures)
    return figures


if __name__ == "__main__":
    run()
