"""How good are these PDs? Discrimination, calibration and stability, as figures and as data for plots."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from models.grades import GRADES, MasterScale

Floats = npt.NDArray[np.float64]
CALIBRATION_BINS = 10
H_MEASURE_COSTS = 400


def auc(outcome: Floats, pd: Floats) -> float:
    """Probability that a defaulter has the higher PD (ties count half); NaN where one class is absent."""
    from scipy.stats import rankdata

    events = float(outcome.sum())
    others = len(outcome) - events
    if not events or not others:
        return float("nan")
    return float((rankdata(pd)[outcome > 0].sum() - events * (events + 1) / 2) / (events * others))


def gini(outcome: Floats, pd: Floats) -> float:
    """Accuracy ratio: 2 AUC - 1."""
    return 2 * auc(outcome, pd) - 1


def ks(outcome: Floats, pd: Floats) -> float:
    """Largest distance between the distributions of defaulters and of the others (Kolmogorov-Smirnov)."""
    curve = roc(outcome, pd, points=len(pd) + 1)
    return float(np.abs(curve["true_positive"] - curve["false_positive"]).max())


def brier(outcome: Floats, pd: Floats) -> float:
    return float(np.mean((outcome - pd) ** 2))


def log_loss(outcome: Floats, pd: Floats) -> float:
    p = np.clip(pd, 1e-12, 1 - 1e-12)
    return float(-np.mean(outcome * np.log(p) + (1 - outcome) * np.log1p(-p)))


def ece(outcome: Floats, pd: Floats) -> float:
    """Expected calibration error: mean distance of observed rate and mean PD over bins of equal size."""
    bins = calibration(outcome, pd)
    rows = np.array([one["rows"] for one in bins])
    gaps = np.array([abs(one["observed"] - one["mean_pd"]) for one in bins])
    return float((rows * gaps).sum() / rows.sum())


def chance_ece(pd: Floats) -> float:
    """The calibration error that perfectly calibrated PDs would show by chance: E|N| = sqrt(2/pi) sd in each bin."""
    bins = np.array_split(np.sort(pd), min(CALIBRATION_BINS, len(pd)))
    return float(sum(np.sqrt(2 / np.pi * (one * (1 - one)).sum()) for one in bins) / len(pd))


def h_measure(outcome: Floats, pd: Floats) -> float:
    """Share of the loss of the best blind rule that the ranking saves, over costs spread as Beta(1 + P(1), 1 + P(0)).

    Unlike the AUC it weighs costs the same for every model (Hand 2009, with the prior of Hand & Anagnostopoulos
    2014). 0: no better than blind, 1: perfect; NaN where one class is absent.
    """
    from scipy.stats import beta

    share = float(outcome.mean())
    if not 0 < share < 1:
        return float("nan")
    curve = roc(outcome, pd, points=len(pd) + 1)
    prior = beta(1 + share, 2 - share)
    levels = (np.arange(H_MEASURE_COSTS) + 0.5) / H_MEASURE_COSTS
    total, blind = 0.0, 0.0
    for cost in prior.ppf(levels):
        of_rules = cost * (1 - share) * curve["false_positive"] + (1 - cost) * share * (1 - curve["true_positive"])
        total += float(of_rules.min())
        blind += min(cost * (1 - share), (1 - cost) * share)
    return float(1 - total / blind)


def figures(outcome: Floats, pd: Floats) -> dict[str, float]:
    """All the figures above, with the number of rows and of defaults."""
    return {
        "rows": float(len(outcome)),
        "defaults": float(outcome.sum()),
        "auc": auc(outcome, pd),
        "gini": gini(outcome, pd),
        "ks": ks(outcome, pd),
        "brier": brier(outcome, pd),
        "log_loss": log_loss(outcome, pd),
        "h_measure": h_measure(outcome, pd),
        "ece": ece(outcome, pd),
        "mean_pd": float(pd.mean()),
        "observed_rate": float(outcome.mean()),
    }


def bootstrap_interval(
    outcome: Floats, pd: Floats, groups: npt.NDArray[Any] | None = None, rounds: int = 500, seed: int = 20260101
) -> tuple[float, float]:
    """95% interval of the AUC over resampled subjects (percentile bootstrap; rows of a group stay together)."""
    from models.validation.bootstrap import Resampling, percentiles, resampled_auc

    subject = np.arange(len(pd)) if groups is None else groups
    found = percentiles(resampled_auc(outcome, pd, Resampling(subject, rounds, seed)))
    return found.low, found.high


def roc(outcome: Floats, pd: Floats, points: int = 200) -> dict[str, Floats]:
    """False and true positive rates as the cut falls, thinned to about ``points``."""
    order = np.argsort(-pd, kind="stable")
    last = np.append(np.flatnonzero(np.diff(pd[order])), len(pd) - 1)
    true = np.concatenate([[0.0], np.cumsum(outcome[order])[last] / max(outcome.sum(), 1)])
    false = np.concatenate([[0.0], np.cumsum(1 - outcome[order])[last] / max((1 - outcome).sum(), 1)])
    kept = np.unique(np.linspace(0, len(true) - 1, points).astype(int))
    return {"false_positive": false[kept], "true_positive": true[kept]}


def ks_curve(outcome: Floats, pd: Floats, points: int = 200) -> dict[str, Floats]:
    """Shares of defaulters and of the others with a PD up to each value."""
    values = np.unique(np.quantile(pd, np.linspace(0, 1, points)))
    bad, good = np.sort(pd[outcome > 0]), np.sort(pd[outcome == 0])
    return {
        "pd": values,
        "bad": np.searchsorted(bad, values, side="right") / max(len(bad), 1),
        "good": np.searchsorted(good, values, side="right") / max(len(good), 1),
    }


def calibration(outcome: Floats, pd: Floats, bins: int = CALIBRATION_BINS) -> list[dict[str, float]]:
    """Bins of equal size by PD: rows, mean PD, observed rate and its Jeffreys interval."""
    order = np.argsort(pd, kind="stable")
    made = []
    for rows in np.array_split(order, min(bins, len(order))):
        low, high = jeffreys(float(outcome[rows].sum()), len(rows))
        made.append(
            {
                "rows": float(len(rows)),
                "mean_pd": float(pd[rows].mean()),
                "observed": float(outcome[rows].mean()),
                "low": low,
                "high": high,
            }
        )
    return made


def jeffreys(events: float, rows: int, level: float = 0.95) -> tuple[float, float]:
    """Jeffreys interval of a default rate (ECB, Instructions for reporting the validation results, 2019, 2.5.3.1)."""
    from scipy.stats import beta

    tail = (1 - level) / 2
    low = beta.ppf(tail, events + 0.5, rows - events + 0.5)
    high = beta.ppf(1 - tail, events + 0.5, rows - events + 0.5)
    return (0.0 if events == 0 else float(low)), (1.0 if events == rows else float(high))


def grade_table(outcome: Floats, pd: Floats, scale: MasterScale) -> list[dict[str, Any]]:
    """Per grade: rows, share, mean PD, defaults, observed rate and its Jeffreys interval."""
    positions = scale.positions(pd)
    made = []
    for position, grade in enumerate(GRADES):
        inside = positions == position
        rows, defaults = int(inside.sum()), float(outcome[inside].sum())
        low, high = jeffreys(defaults, rows) if rows else (0.0, 1.0)
        made.append(
            {
                "grade": grade,
                "rows": rows,
                "share": rows / len(pd),
                "mean_pd": float(pd[inside].mean()) if rows else None,
                "defaults": defaults,
                "observed": defaults / rows if rows else None,
                "low": low,
                "high": high,
            }
        )
    return made


def psi(expected: Floats, actual: Floats, bins: int = 10) -> float:
    """Population stability index over the deciles of ``expected``; missing values are a bin of their own."""
    edges = np.unique(np.nanquantile(expected, np.linspace(0, 1, bins + 1)[1:-1]))
    shares = []
    for values in (expected, actual):
        place = np.where(np.isnan(values), len(edges) + 1, np.searchsorted(edges, values, side="right"))
        count = np.bincount(place, minlength=len(edges) + 2) + 0.5
        shares.append(count / count.sum())
    return float(((shares[1] - shares[0]) * np.log(shares[1] / shares[0])).sum())
