"""How good are these PDs? Figures, backtests, fairness, stability, and the report that gathers them."""

from __future__ import annotations

from models.validation.figures import (
    CALIBRATION_BINS,
    H_MEASURE_COSTS,
    auc,
    bootstrap_interval,
    brier,
    calibration,
    chance_ece,
    ece,
    figures,
    gini,
    grade_table,
    h_measure,
    jeffreys,
    ks,
    ks_curve,
    log_loss,
    psi,
    roc,
)

__all__ = [
    "CALIBRATION_BINS",
    "H_MEASURE_COSTS",
    "auc",
    "bootstrap_interval",
    "brier",
    "calibration",
    "chance_ece",
    "ece",
    "figures",
    "gini",
    "grade_table",
    "h_measure",
    "jeffreys",
    "ks",
    "ks_curve",
    "log_loss",
    "psi",
    "roc",
]
