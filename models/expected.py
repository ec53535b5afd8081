"""How well a model does before outcomes are known: what its own calibrated PDs let one expect."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from models.calibration import AffineCalibrator
from models.grades import pd_of
from records.words import Text

Floats = npt.NDArray[np.float64]
DRAWS = 400
LEAST_EVENTS = 30
LIMITS = Text(
    "估计以 PD 校准良好、特征与违约的关系未变为前提：总体变化看得见，关系本身变化（概念漂移）看不见，须待结果到期",
    "the estimate presupposes that PDs are calibrated and that features relate to default as before: it sees a change "
    "of population, not of that relation (concept drift), which only matured outcomes show",
)


@dataclass(frozen=True)
class Expected:
    """What outcomes of rows with these PDs will show, if the PDs hold.

    ``auc`` with the interval in which 95% of all possible outcomes fall, ``brier``, ``log_loss``, ``defaults`` with
    its interval, ``rows``. ``recalibrated``: PDs were first carried to what a reference sample showed.
    """

    rows: int
    auc: float
    auc_low: float
    auc_high: float
    brier: float
    log_loss: float
    defaults: float
    defaults_low: float
    defaults_high: float
    recalibrated: bool


def expected(
    log_odds: Floats, reference: tuple[Floats, Floats] | None = None, *, draws: int = DRAWS, seed: int = 0
) -> Expected:
    """Confidence-based performance estimation for log-odds of default [n].

    Each row defaults with its PD; figures are those of such outcomes on average, their intervals those of ``draws``
    random outcomes (the estimator CBPE of NannyML, here in closed form where there is one). ``reference``: log-odds and
    outcomes of rows that are known; with 30 defaults or more they recalibrate the PDs first, affinely on the log-odds.
    """
    recalibrated = reference is not None and reference[1].sum() >= LEAST_EVENTS
    if reference is not None and recalibrated:
        log_odds = AffineCalibrator.fit(*reference).log_odds(log_odds)
    pd = pd_of(log_odds)
    p = np.clip(pd, 1e-12, 1 - 1e-12)
    found, totals = _drawn(p, draws, seed)
    low, high = np.percentile(found, [2.5, 97.5]) if len(found) else (np.nan, np.nan)
    fewest, most = np.percentile(totals, [2.5, 97.5])
    return Expected(
        len(pd),
        expected_auc(p),
        float(low),
        float(high),
        float(np.mean(p * (1 - p))),
        float(-np.mean(p * np.log(p) + (1 - p) * np.log1p(-p))),
        float(p.sum()),
        float(fewest),
        float(most),
        recalibrated,
    )


def expected_auc(pd: Floats) -> float:
    """Expected share of pairs of a defaulter and another that are ranked rightly, each row defaulting with its PD.

    The ratio of both expectations: sum over i != j of p_i (1 - p_j) [p_i > p_j, ties half], over the same without the
    bracket. NaN for fewer than two rows.
    """
    if len(pd) < 2:
        return float("nan")
    values, where = np.unique(pd, return_inverse=True)
    bad = np.bincount(where, pd, len(values))
    good = np.bincount(where, 1 - pd, len(values))
    own = float((pd * (1 - pd)).sum())
    below = np.cumsum(good) - good
    right = float((bad * below).sum() + 0.5 * ((bad * good).sum() - own))
    return right / (float(pd.sum()) * float((1 - pd).sum()) - own)


def _drawn(pd: Floats, draws: int, seed: int) -> tuple[Floats, Floats]:
    """AUC and number of defaults of random outcomes; draws without both classes have no AUC."""
    from scipy.stats import rankdata

    ranks = rankdata(pd)
    rng = np.random.default_rng(seed)
    found, totals = [], []
    for _ in range(draws):
        bad = rng.random(len(pd)) < pd
        events = int(bad.sum())
        totals.append(events)
        if 0 < events < len(pd):
            found.append((ranks[bad].sum() - events * (events + 1) / 2) / (events * (len(pd) - events)))
    return np.array(found), np.array(totals, np.float64)
