"""The drift of scores is split over features without a rest."""

from __future__ import annotations

from datetime import date

import numpy as np
import pyarrow as pa
import pytest

from features.dictionary import registered
from features.pipeline import FeaturePipeline
from features.spine import spine
from models.bundle import Bundle
from models.grades import unclipped_score
from models.registry import Registry
from models.score_drift import score_drift, score_drifts
from models.scorecard import Scorecard
from records.base import RecordBase
from records.moment import add_months, month_end
from records.settings import Settings

CODES = ("revenue_month_12m", "tax_arrears_open", "court_defendant_count_12m")


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    rng = np.random.default_rng(3)
    X = rng.normal(0, 1, (1_500, 3))
    X[rng.random(X.shape) < 0.1] = np.nan
    bad = rng.random(1_500) < 1 / (1 + np.exp(2.5 - np.nan_to_num(X) @ np.array([-0.8, 0.9, 0.5])))
    return Bundle("enterprise", "scorecard", CODES, Scorecard((-1, 1, 1)).fit(X, bad).explainer_)


def table(seed: int, shift: float = 0.0, rows: int = 700) -> pa.Table:
    X = np.random.default_rng(seed).normal(0, 1, (rows, 3)) + np.array([0, shift, 0])
    return pa.table({code: X[:, at] for at, code in enumerate(CODES)})


def test_points_add_up_to_the_change_of_the_mean_score(bundle: Bundle) -> None:
    old, new = table(1), table(2, shift=0.7)
    found = score_drift(bundle, "huixin-enterprise", "1", old, new)
    assert found is not None
    assert sum(found.points.values()) == pytest.approx(found.mean.change, abs=1e-9)
    assert max(found.points, key=lambda code: abs(found.points[code])) == "tax_arrears_open"
    scores = [unclipped_score(bundle.explain(np.column_stack([one[code] for code in CODES]))[0]) for one in (old, new)]
    assert found.mean.change == pytest.approx(scores[1].mean() - scores[0].mean())
    assert found.mean.change < 0
    assert found.level != "stable"


def test_of_a_scorecard_they_are_shares_of_bins_times_points(bundle: Bundle) -> None:
    old, new = table(1), table(2, shift=0.7)
    found = score_drift(bundle, "huixin-enterprise", "1", old, new)
    assert found is not None
    _, lines = bundle.explainer.points_table()  # type: ignore[union-attr]
    for at, code in enumerate(CODES):
        by_hand = 0.0
        for line in (one for one in lines if one.feature == at):
            low, high = line.interval or (np.nan, np.nan)
            before, after = (
                ((one[code].to_numpy() >= low) & (one[code].to_numpy() < high)).mean() for one in (old, new)
            )
            by_hand += (after - before) * line.points
        assert found.points[code] == pytest.approx(by_hand, abs=1e-9)


def test_the_same_scores_have_not_moved(bundle: Bundle) -> None:
    found = score_drift(bundle, "huixin-enterprise", "1", table(1), table(1))
    assert found is not None
    assert (found.index, found.level) == (pytest.approx(0), "stable")


def test_without_a_model_or_a_feature_there_is_nothing_to_tell(bundle: Bundle, tmp_path: object) -> None:
    assert score_drift(bundle, "huixin-enterprise", "1", table(1).drop_columns(CODES[0]), table(1)) is None
    assert score_drifts(Registry(Settings(home=tmp_path)), "enterprise", table(1), table(1)) == ()  # type: ignore[arg-type]


def test_the_serving_model_is_told_how_far_its_scores_moved(trained_base: RecordBase, last_day: date) -> None:
    registry = Registry(trained_base.settings)
    serving, version = registry.champion("farmer")
    features = [registered()[code] for code in serving.codes]
    connection = trained_base.connection()
    pipeline = FeaturePipeline(connection, "farmer", features)
    old, new = (
        pipeline.build(spine(connection, "farmer", [day])) for day in (month_end(add_months(last_day, -12)), last_day)
    )
    found = score_drifts(registry, "farmer", old, new)
    assert found[0].version == version
    assert found[0].family == serving.family
    assert {one.family for one in found} >= {"scorecard"}
    for one in found:
        assert sum(one.points.values()) == pytest.approx(one.mean.change, abs=1e-6)
        assert 300 < one.mean.current < 900
