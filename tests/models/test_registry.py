"""Bundles are kept, found and served with the same bits; the gate keeps bad ones out."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import mlflow
import pandas as pd
import pytest

from features.dictionary import features_for
from features.pipeline import FeaturePipeline
from models.bundle import Bundle, DamagedModel, Family
from models.calibration import AffineCalibrator
from models.gate import Check, Thresholds, Verdict, judge
from models.promotion import promote_version
from models.registry import Registry
from models.training import train
from models.training_table import TooLittleToLearn, learning_days, training_table
from records.base import RecordBase
from records.errors import ModelNotTrained
from records.settings import Settings
from records.words import Text

YES = Verdict((Check("discrimination", Text("区分度", "discrimination"), True, Text("足够", "enough")),))


@pytest.fixture(scope="module")
def registry(trained_settings: Settings) -> Registry:
    return Registry(trained_settings)


@pytest.fixture(scope="module")
def judged(trained_base: RecordBase) -> Any:
    """The out-of-time rows of the enterprise segment."""
    connection = trained_base.connection()
    return training_table(
        connection, FeaturePipeline(connection, "enterprise"), [learning_days(connection, "enterprise")[1]]
    )


def test_the_library_is_not_shadowed_by_the_folder() -> None:
    assert "site-packages" in str(mlflow.__file__)
    assert not (Path(__file__).parents[2] / "mlflow" / "__init__.py").exists()


def test_training_registers_both_families_and_a_warning_model(registry: Registry) -> None:
    versions = registry.versions()
    names = {(one.name, one.family) for one in versions}
    for segment in ("enterprise", "farmer"):
        assert {(f"huixin-{segment}", "boosted"), (f"huixin-{segment}", "scorecard")} <= names
        assert (f"huixin-{segment}-warning", "warning") in names
        assert registry.champion(segment)[0].segment == segment
    assert all(0.6 < one.metrics["auc"] < 0.95 for one in versions if one.family != "warning")


@pytest.mark.parametrize("segment", ["enterprise", "farmer"])
def test_the_model_reaches_most_of_what_can_be_known(trained_base: RecordBase, segment: str) -> None:
    from huixin.oracle import validate
    from models.validation import gini

    found = validate(trained_base, segment, trained_base.settings.home / "demo" / "truth.parquet")
    assert gini(found.outcome, found.pd) / gini(found.outcome, found.true_pd) > 0.6


def test_a_saved_bundle_gives_the_same_bits(registry: Registry, judged: Any, tmp_path: Path) -> None:
    bundle, version = registry.champion("enterprise")
    marks = bundle.save(tmp_path / "b")
    again = Bundle.load(tmp_path / "b", marks)
    assert again.explain(judged.X)[0].tobytes() == bundle.explain(judged.X)[0].tobytes()
    assert registry.bundle("huixin-enterprise", version).pd(judged.X).tobytes() == bundle.pd(judged.X).tobytes()


def test_a_damaged_bundle_is_refused(registry: Registry, tmp_path: Path) -> None:
    bundle, _ = registry.champion("farmer")
    marks = bundle.save(tmp_path / "b")
    path = tmp_path / "b" / "explainer.npz"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(DamagedModel, match="fingerprint"):
        Bundle.load(tmp_path / "b", marks)
    with pytest.raises(DamagedModel):
        Bundle.load(tmp_path / "absent")


def test_no_model_no_score(tmp_path: Path) -> None:
    with pytest.raises(ModelNotTrained, match="huixin train"):
        Registry(Settings(home=tmp_path / "empty")).champion("enterprise")


def test_training_says_what_is_missing(base: RecordBase) -> None:
    with pytest.raises(TooLittleToLearn, match="no monthly records"):
        train(base, "enterprise")


def challenger(registry: Registry) -> Bundle:
    return registry.champion("enterprise")[0]


class _Backwards:
    """An explainer that turns the ranking round."""

    def __init__(self, inner: Any) -> None:
        self.inner = inner

    def explain(self, X: Any) -> Any:
        margin, contributions, base = self.inner.explain(X)
        return -margin, -contributions, -base

    def to_arrays(self) -> Any:
        return self.inner.to_arrays()


class _Forgetful(_Backwards):
    """An explainer whose contributions leave something out."""

    def explain(self, X: Any) -> Any:
        margin, contributions, base = self.inner.explain(X)
        return margin, contributions * 0.9, base


def test_the_gate_refuses_with_reasons(registry: Registry, judged: Any) -> None:
    good = challenger(registry)
    directions = tuple(one.direction for one in features_for("enterprise"))
    easy = Thresholds(maximum_ece=0.06)

    def refusals(bundle: Bundle, champion: Bundle | None = None, theirs: Any = None) -> str:
        found = judge(bundle, champion, judged.X, judged.outcome, theirs, directions, easy)
        assert found.passed == (not found.reasons)
        return " | ".join(f"{one.en} {one.zh}" for one in found.reasons)

    assert refusals(good) == ""
    shifted = replace(good, calibrator=AffineCalibrator(1.0, 3.0))
    assert "calibration" in refusals(shifted)
    backwards = replace(good, explainer=_Backwards(good.explainer), calibrator=AffineCalibrator(1.0, -6.0))
    assert "discrimination" in refusals(backwards)
    assert "declared direction" in refusals(backwards)
    assert "worse than the champion" in refusals(backwards, good, judged.X)
    assert "reasons miss" in refusals(replace(good, explainer=_Forgetful(good.explainer)))


def test_promotion_by_hand_goes_through_the_gate(trained_base: RecordBase, registry: Registry) -> None:
    version = registry.champion_version("farmer")
    verdict = promote_version(trained_base, "farmer", version)
    assert verdict.passed or verdict.reasons
    assert registry.champion_version("farmer") == version
    with pytest.raises(ModelNotTrained, match="accepted"):
        promote_version(trained_base, "farmer", "999")


@pytest.mark.parametrize("family", ["boosted", "scorecard"])
def test_the_registered_pyfunc_gives_the_same_bits(registry: Registry, judged: Any, family: Family) -> None:
    one = next(v for v in registry.versions() if v.name == "huixin-enterprise" and v.family == family)
    bundle = registry.bundle(one.name, one.version)
    mlflow.set_tracking_uri(registry.settings.tracking_uri)
    mlflow.set_registry_uri(registry.settings.tracking_uri)
    model = mlflow.pyfunc.load_model(f"models:/{one.name}/{one.version}")
    answer = model.predict(pd.DataFrame(judged.X[:20], columns=list(bundle.codes)))
    assert answer["pd"].to_numpy().tobytes() == bundle.pd(judged.X[:20]).tobytes()
    example = model.input_example.iloc[0]
    assert not example.isna().any()
    assert (example != 0).mean() > 0.2


def test_training_logs_one_run_with_its_models_and_rows(registry: Registry) -> None:
    client = mlflow.MlflowClient(registry.settings.tracking_uri)
    tags = [registry.tags(one.name, one.version) for one in registry.versions() if "enterprise" in one.name]
    (parent,) = {one["training_run"] for one in tags}
    assert client.get_run(parent).data.tags["mlflow.runName"] == "enterprise-training"
    run = client.get_run(client.get_model_version("huixin-enterprise", "1").run_id)
    assert {one.dataset.name for one in run.inputs.dataset_inputs} == {
        "huixin-enterprise-learning",
        "huixin-enterprise-validation",
    }
    lineage = registry.report(run.info.run_id, "lineage.json")
    assert lineage is not None
    assert lineage["learning"]["fingerprint"] == registry.champion("enterprise")[0].data_fingerprint
    assert max(lineage["learning"]["as_ofs"]) < min(lineage["validation"]["as_ofs"])
    assert all(one["sources"] for one in lineage["learning"]["features"])


def test_the_champion_passed_every_check_on_its_training(registry: Registry) -> None:
    for segment in ("enterprise", "farmer"):
        kept = registry.verdict(f"huixin-{segment}", registry.champion_version(segment))
        assert kept is not None
        codes = {one["code"] for one in kept["checks"]}
        assert {"leakage-embargo", "leakage-visibility", "drift-scores", "calibration-by-grade"} <= codes
        assert ("fairness-head_sex_female" in codes) == (segment == "farmer")
        assert all(one["passed"] for one in kept["checks"])
