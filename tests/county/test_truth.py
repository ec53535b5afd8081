"""What the county says of distress is true of the process that it runs."""

from __future__ import annotations

import numpy as np
import pytest

from county import CountyPlan
from county.plan import Nature
from county.process import PAYING, early_enforcement_rate, live, shared_shocks
from county.truth import DISTRESS_HORIZONS, true_distress, true_pd
from models.validation import auc

PLAN = CountyPlan()


@pytest.mark.parametrize("nature", [PLAN.enterprise, PLAN.farmer], ids=["enterprise", "farmer"])
def test_the_true_distress_is_what_happens(nature: Nature) -> None:
    rng = np.random.default_rng(11)
    subjects, burn_in = 60_000, 60
    shocks = shared_shocks(nature, 2_000, burn_in + 13, rng)[rng.integers(0, 2_000, subjects)]
    alone = np.full(subjects, -1)
    history = live(nature, shocks, np.zeros(subjects, np.int64), alone, burn_in, rng)
    asked = history.status[:, 0] == PAYING
    found = true_distress(nature, history)[:, 0]
    assert (found[~asked] == 1).all()
    assert (np.diff(found[asked], axis=1) > 0).all()
    assert (found[asked, 2] > true_pd(nature, history)[asked, 0]).all()
    rate = early_enforcement_rate(history.health)
    begun = (history.status != PAYING) | (rng.random(rate.shape) < 1 - np.exp(-rate))
    for column, months in enumerate(DISTRESS_HORIZONS):
        happened = begun[asked, 1 : months + 1].any(axis=1).astype(float)
        expected = found[asked, column]
        chance = np.sqrt((expected * (1 - expected)).sum()) / len(expected)
        assert abs(happened.mean() - expected.mean()) < 4 * chance + 0.01 * expected.mean()
        assert auc(happened, expected) > 0.75
