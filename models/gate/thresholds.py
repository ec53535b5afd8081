"""What the gate asks for, declared in one place."""

from __future__ import annotations

from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Thresholds:
    """Bounds of every check. Those that rest on few events count only beyond chance (see ``certainty``).

    Discrimination
        ``minimum_auc``, ``minimum_warning_auc``; ``auc_loss_allowed`` against the champion on the same rows.
    Calibration
        ``maximum_ece`` is over what chance alone gives a calibrated model on as many rows. ``pd_ratio`` bounds mean PD
        over observed rate, unless the mean PD lies in the Jeffreys interval of the rate, or the difference is within
        the ``year_level`` interval of one year's defaults at the ``asset_correlation`` (Basel's for revolving retail,
        the least of all). A grade is missed where its mean PD lies outside the interval at ``grade_level``, misses the
        observed rate by more than the factor ``grade_ratio`` (half a notch of the master scale) and no year explains
        it; ``grades_missed_most`` of nine may.
    Leakage
        ``single_feature_auc``: no feature alone discriminates better. ``learning_gap``: AUC on the learning rows,
        cross-fitted, over that out of time; ``claim_gap``: AUC that was registered over what rebuilt rows give.
        ``embargo_loss``, ``feature_embargo_loss``: share of the discrimination (AUC - 0.5) that the model, or one
        feature, may lose where all it sees is one month older.
    Fairness
        ``approval_pd``: whose PD is below is favoured. ``impact_ratio``: four fifths (29 CFR 1607.4 D); groups under
        ``group_share_least`` of the rows are not compared; ``impact_loss``: fall of the ratio against the champion.
    Drift
        ``score_drift``, ``feature_drift``: population stability index. A feature has drifted where also its part of
        the log-odds moved by ``share_moved`` standard deviations; ``drifted_weight_most``: share of the model's weight
        that may rest on such features.
    ``certainty``: how sure an interval has to be before it counts against a challenger.
    """

    minimum_auc: float = 0.65
    minimum_warning_auc: float = 0.6
    auc_loss_allowed: float = 0.01
    maximum_ece: float = 0.03
    pd_ratio: tuple[float, float] = (0.67, 1.5)
    asset_correlation: float = 0.04
    year_level: float = 0.95
    grade_level: float = 0.99
    grade_ratio: float = 1.41
    grades_missed_most: int = 1
    reasons_tolerance: float = 1e-6
    single_feature_auc: float = 0.9
    learning_gap: float = 0.05
    claim_gap: float = 0.05
    embargo_loss: float = 0.25
    feature_embargo_loss: float = 0.5
    approval_pd: float = 0.04
    impact_ratio: float = 0.8
    impact_loss: float = 0.05
    group_share_least: float = 0.02
    group_rows_least: int = 50
    score_drift: float = 0.25
    feature_drift: float = 0.25
    share_moved: float = 0.2
    drifted_weight_most: float = 0.2
    certainty: float = 0.99

    def as_dict(self) -> dict[str, float | list[float]]:
        """JSON-ready."""
        return asdict(self)
