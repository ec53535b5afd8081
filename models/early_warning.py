"""From records to an early-warning model: of every month end, years that are not over among them."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, NamedTuple

import numpy as np

from features.pipeline import FeaturePipeline
from models.bundle import Bundle
from models.follow_up import MOST_ROWS, follow_up, follow_up_days
from models.hazard import HazardModel, fit_hazard
from records.moment import end_of_day

MINIMUM_EVENTS = 30


def learn_warning(connection: Any, pipeline: FeaturePipeline, common: dict[str, Any]) -> Bundle | None:
    """The model of what was known at the validation moment; ``common`` holds the bundle's facts (seed, codes, ...).

    None where too little distress had been seen by then.
    """
    found = learn_hazard(connection, pipeline, end_of_day(common["validated_as_of"]), common["seed"])
    if found is None:
        return None
    known = {**common, "trained_as_ofs": found.days, "data_fingerprint": found.fingerprint}
    return Bundle(family="warning", explainer=found.model, **known)


class Learned(NamedTuple):
    """A hazard model, the month ends that it learned from, and the fingerprint of its rows."""

    model: HazardModel
    days: tuple[date, ...]
    fingerprint: str


def learn_hazard(connection: Any, pipeline: FeaturePipeline, known_at: datetime, seed: int) -> Learned | None:
    """A hazard model of what was known at ``known_at``; None where fewer than 30 subjects had fallen into distress."""
    days = follow_up_days(connection, pipeline.segment, known_at)
    if not days:
        return None
    seen = follow_up(connection, pipeline, days, known_at, most_rows=MOST_ROWS, seed=seed)
    if len(np.unique(seen.subject[~np.isnan(seen.months_to_distress)])) < MINIMUM_EVENTS:
        return None
    model = fit_hazard(
        seen.X,
        seen.months_to_distress,
        seen.followed,
        seen.subject,
        tuple(one.direction for one in pipeline.features),
        weight=seen.weight,
        seed=seed,
    )
    return Learned(model, tuple(days), seen.fingerprint)
