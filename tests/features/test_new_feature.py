"""One new feature, declared in a file as a user would, appears everywhere, and no other file is changed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from county import CountyPlan, generate
from features.checks import BadFeature
from features.dictionary import dictionary, features_for, registered
from features.pipeline import FeaturePipeline
from features.spine import spine
from huixin.cli import app
from models.registry import Registry
from models.training import train
from records.base import RecordBase
from records.settings import Settings
from scoring.rating import Rater

PLAN = CountyPlan(
    subjects=700, months=36, block=700, seed=11, enterprise_share=1.0,
    people_share=0, institution_share=0, organisation_share=0, government_share=0,
)  # fmt: skip
CODE = "loan_late_days_9m"
DECLARED = """
from features.measures import summed
from records.words import Text

FEATURES = [
    summed("loan_late_days_9m", "loan.account_month", ("enterprise",), Text("近9个月逾期天数合计", "days past due, last 9 months together"),
           "days_past_due", unit="days", months=9),
]
"""  # noqa: E501


@pytest.fixture
def own_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    (tmp_path / "my_features.py").write_text(DECLARED, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("HUIXIN_FEATURE_MODULES", "my_features")
    registered.cache_clear()
    yield
    registered.cache_clear()


def filled(folder: Path) -> RecordBase:
    """A base of enterprises, their loans and what courts say of them."""
    base = RecordBase.open(Settings(home=folder / "home"))
    for block in generate(PLAN):
        for item in ("loan.account_month", "court.enforcement", "court.dishonest"):
            pq.write_table(block.tables[item], folder / f"{item}.parquet")
            base.append(folder / f"{item}.parquet", item, history=True)
    return base


@pytest.mark.usefixtures("own_module")
def test_a_feature_of_ones_own_is_trained_on_served_explained_and_documented(tmp_path: Path) -> None:
    assert CODE in {one.code for one in features_for("enterprise")}
    assert CODE in {one.code for one in dictionary("enterprise")}
    listed = CliRunner().invoke(app, ["features", "list", "--segment", "enterprise"])
    assert CODE in listed.output

    base = filled(tmp_path)
    train(base, "enterprise", synthetic=True)
    bundle, _ = Registry(base.settings).champion("enterprise")
    assert CODE in bundle.codes
    assert bundle.words[CODE].zh == "近9个月逾期天数合计"

    as_of = PLAN.month_ends[-1]
    connection = base.connection()
    made = FeaturePipeline(connection, "enterprise").build(spine(connection, "enterprise", [as_of]))
    late = made["subject_id"].filter(pc.greater(made[CODE], 0)).to_pylist()
    rating = Rater(base).rate(late[0], as_of)
    reasons = {one.feature: one for one in rating.reasons}
    assert rating.features[CODE] > 0
    assert reasons[CODE].words.en == "days past due, last 9 months together"
    assert reasons[CODE].value == rating.features[CODE]
    assert {one.item for one in reasons[CODE].evidence} == {"loan.account_month"}
    assert np.isclose(rating.base_points + sum(one.points for one in rating.reasons) + rating.clip_points, rating.score)


def test_a_module_that_cannot_be_read_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "without_features.py").write_text("x = 1", encoding="utf-8")
    (tmp_path / "with_strangers.py").write_text("FEATURES = [1]", encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    for name, says in (("nowhere", "nowhere"), ("without_features", "FEATURES"), ("with_strangers", "no feature: 1")):
        monkeypatch.setenv("HUIXIN_FEATURE_MODULES", name)
        registered.cache_clear()
        with pytest.raises(BadFeature, match=says):
            registered()
    monkeypatch.delenv("HUIXIN_FEATURE_MODULES")
    registered.cache_clear()
    assert CODE not in registered()
