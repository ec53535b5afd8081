"""The models that serve a segment now, and how much of what they weigh is known about a subject."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from features.pipeline import Evidence
from models.bundle import Bundle
from models.hazard import HORIZONS, HazardModel
from records.words import Text
from scoring.signals import Explained, alarm_reasons, rules

Confidence = Literal["high", "medium", "low"]
Floats = npt.NDArray[np.float64]
HIGH_CONFIDENCE, MEDIUM_CONFIDENCE = 0.75, 0.4
NOTHING_KNOWN = Text("该时点之前没有任何可用记录", "no usable record was known at that moment")
NO_WARNING_MODEL = Text(
    "尚无上线的预警模型，困境概率暂缺", "no early-warning model serves yet: no probabilities of distress"
)


@dataclass(frozen=True)
class Serving:
    """The models of a segment that serve now; ratings are given also while no early-warning model does."""

    rating: Bundle
    rating_version: str
    warning: Bundle | None
    warning_version: str | None

    def distress(self, columns: Mapping[str, npt.NDArray[np.float64]]) -> npt.NDArray[np.float64]:
        """Probabilities [n, 3] of distress from feature columns by code; NaN where no early-warning model serves."""
        if self.warning is None:
            return np.full((len(next(iter(columns.values()))), len(HORIZONS)), np.nan)
        return self.warning.distress(np.column_stack([columns[code] for code in self.warning.codes]))

    def why(self, features: Mapping[str, float], evidence: Mapping[str, tuple[Evidence, ...]]) -> Explained | None:
        """What raises and lowers the odds of distress, where they are high enough for the model's alarm."""
        if self.warning is None or not isinstance(self.warning.explainer, HazardModel):
            return None
        hazard, codes, alarm = self.warning.explainer, self.warning.codes, rules()[1]
        row = np.array([[features[code] for code in codes]])
        if alarm.severity(float(hazard.distress(row)[0, HORIZONS.index(alarm.horizon)])) is None:
            return None
        shares = hazard.explain(row)[1][0]
        made = alarm_reasons(features, dict(zip(codes, shares.tolist(), strict=True)), evidence)
        return Explained(made, hazard.base_odds(alarm.horizon))


def known_shares(weights: Floats, rows: Floats) -> Floats:
    """The share of what the model weighs that is known of each of ``rows`` [n, features]; NaN: missing."""
    kept = np.where(np.isnan(rows), 0.0, weights)
    return np.asarray(kept.sum(axis=1) / (weights.sum() or 1.0), np.float64)


def confidence(known: float, *, anything: bool) -> tuple[Confidence, tuple[Text, ...]]:
    """How far a rating can be trusted on which the ``known`` share is on record; what to say where it is little."""
    if known >= HIGH_CONFIDENCE:
        return "high", ()
    note = Text(
        f"资料有限：模型所看重信息中仅 {known:.0%} 有记录，评分仅供参考",
        f"thin file: only {known:.0%} of what the model weighs is on record; take the score with care",
    )
    if known >= MEDIUM_CONFIDENCE:
        return "medium", (note,)
    return "low", (note,) if anything else (note, NOTHING_KNOWN)
