"""Who is at risk of distress, how long each was seen, and what a model learns of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from county import CountyPlan
from features.dictionary import features_for
from features.pipeline import FeaturePipeline
from huixin.county_base import fill
from models.early_warning import learn_hazard
from models.follow_up import FollowUp, follow_up, follow_up_days, in_distress
from models.validation import auc
from records.base import RecordBase
from records.moment import end_of_day
from records.settings import Settings

PLAN = CountyPlan(subjects=1_500, months=26, block=1_500, enterprise_share=0.02, seed=4)
CODES = {"loan_overdue_months_share_12m", "loan_dpd_now", "power_late_days_month_3m", "season_margin_12m"}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small county of farmers, with its truth."""
    folder = tmp_path_factory.mktemp("farmers")
    fill(RecordBase.open(Settings(home=folder)), PLAN, folder / "truth.parquet")
    return folder


@pytest.fixture(scope="module")
def pipeline(home: Path) -> FeaturePipeline:
    base = RecordBase.open(Settings(home=home))
    return FeaturePipeline(base.connection(), "farmer", [one for one in features_for("farmer") if one.code in CODES])


@pytest.fixture(scope="module")
def seen(pipeline: FeaturePipeline) -> FollowUp:
    return follow_up(pipeline.connection, pipeline, PLAN.month_ends[5:])


def truth_of(found: FollowUp, home: Path) -> np.ndarray:
    days = (found.as_of + np.timedelta64(8, "h")).astype("datetime64[D]")
    asked = pl.DataFrame({"subject_id": found.subject.tolist(), "month_end": days})
    known = pl.read_parquet(home / "truth.parquet")
    return np.asarray(asked.join(known, on=["subject_id", "month_end"], how="left")["distress_12m"].to_numpy())


def test_nobody_at_risk_is_in_distress_already(seen: FollowUp, home: Path, pipeline: FeaturePipeline) -> None:
    truth = truth_of(seen, home)
    late = (truth == 1).mean()  # what a bank reported too late, or not yet, cannot be known
    assert late < 0.003
    asked = pl.DataFrame({"subject_id": seen.subject.tolist(), "as_of": seen.as_of}).to_arrow()
    assert not in_distress(pipeline.connection, asked).any()


def test_rows_are_seen_to_the_end_of_what_is_known(seen: FollowUp) -> None:
    last = np.datetime64(end_of_day(PLAN.month_ends[-1]))
    whole = np.round((last - seen.as_of) / np.timedelta64(1, "D") / 30.44)
    assert (seen.followed == np.minimum(whole, 12)).all()
    assert set(seen.followed) == set(range(13))
    happened = ~np.isnan(seen.months_to_distress)
    assert (seen.months_to_distress[happened] >= 1).all()
    assert (seen.months_to_distress[happened] <= seen.followed[happened]).all()


def test_the_true_hazard_is_true_of_what_is_seen(seen: FollowUp, home: Path) -> None:
    year = seen.followed == 12
    truth, outcome = truth_of(seen, home)[year], (~np.isnan(seen.months_to_distress[year])).astype(float)
    known = truth < 1
    assert outcome[known].mean() == pytest.approx(truth[known].mean(), rel=0.25)
    assert auc(outcome[known], truth[known]) > 0.75


def test_what_is_learned_later_changes_nothing_of_what_was_known(pipeline: FeaturePipeline) -> None:
    known_at = end_of_day(PLAN.month_ends[17])
    days = follow_up_days(pipeline.connection, "farmer", known_at)
    assert days[0] == PLAN.month_ends[5]
    assert days[-1] == PLAN.month_ends[15]  # the month that ends at the moment is not reported yet
    found = follow_up(pipeline.connection, pipeline, days, known_at)
    assert found.followed.min() == 1
    assert found.followed.max() == 11
    assert (np.nan_to_num(found.months_to_distress, nan=1) <= found.followed).all()


def test_thinned_rows_stand_for_all(seen: FollowUp, pipeline: FeaturePipeline) -> None:
    thin = follow_up(pipeline.connection, pipeline, PLAN.month_ends[5:], most_rows=3_000)
    assert 2_500 < len(thin.X) < 3_300
    assert thin.weight.sum() == pytest.approx(len(seen.X), rel=0.05)
    distress = ~np.isnan(thin.months_to_distress)
    assert thin.weight[distress].sum() == pytest.approx((~np.isnan(seen.months_to_distress)).sum(), rel=0.1)
    assert thin.fingerprint != seen.fingerprint


def test_a_model_learns_from_records_what_comes_later(seen: FollowUp, pipeline: FeaturePipeline) -> None:
    known_at = end_of_day(PLAN.month_ends[13])
    learned = learn_hazard(pipeline.connection, pipeline, known_at, seed=1)
    assert learned is not None
    asked = seen.where((seen.as_of == np.datetime64(known_at)) & (seen.followed == 12))
    found = learned.model.distress(asked.X)
    outcome = (~np.isnan(asked.months_to_distress)).astype(float)
    assert auc(outcome, found[:, -1]) > 0.62
    print(
        "LEV",
        found.mean(axis=0),
        outcome.mean(),
        learned.model.odds,
        learned.model.slope,
        (asked.months_to_distress <= 6).mean(),
        (asked.months_to_distress <= 3).mean(),
    )
    learned_from = seen.where((seen.as_of < np.datetime64(known_at)) & (seen.followed >= 3))
    within = learned_from.months_to_distress <= 3  # a small county has good and bad years: its level is the past one's
    assert learned.model.distress(learned_from.X)[:, 0].mean() == pytest.approx(within.mean(), rel=0.3)
    assert learn_hazard(pipeline.connection, pipeline, end_of_day(PLAN.month_ends[3]), seed=1) is None
