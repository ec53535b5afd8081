"""The registry refuses what is damaged, unknown, unreachable or not let in, says so, and stays quiet otherwise."""

from __future__ import annotations

import shutil
import socket
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from models.boosted import MonotoneBoosted
from models.bundle import Bundle, DamagedModel, code_version
from models.calibration import AffineCalibrator
from models.gate import Check, Verdict
from models.hazard import fit_hazard
from models.registry import NotPromoted, Registry, RegistryUnreachable
from models.scorecard import Scorecard
from records.errors import ModelNotTrained
from records.settings import Settings
from records.words import Text

ASKED = Text("区分度", "discrimination")
YES = Verdict((Check("discrimination", ASKED, True, Text("足够", "enough")),))
NO = Verdict((Check("discrimination", ASKED, False, Text("区分度不足", "discrimination")),))


def rows(count: int = 400) -> tuple[Any, Any]:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(count, 2))
    X[rng.random(X.shape) < 0.1] = np.nan
    return X, (rng.random(count) < 1 / (1 + np.exp(1.5 - np.nan_to_num(X[:, 0])))).astype(float)


def bundles() -> dict[str, Bundle]:
    X, y = rows()
    facts: dict[str, Any] = {
        "segment": "farmer",
        "codes": ("debt", "harvest"),
        "words": {"debt": Text("负债", "debt")},
        "metrics": {"auc": 0.8},
    }
    boosted = MonotoneBoosted((1, -1), trees=30, threads=1).fit(X, y)
    hazard = fit_hazard(
        X, np.where(y > 0, 4.0, np.nan), np.full(len(y), 12.0), np.arange(len(y)), (1, -1), max_trees=20
    )
    return {
        "boosted": Bundle(
            family="boosted",
            explainer=boosted.explainer_,
            calibrator=AffineCalibrator(0.9, -0.1),
            booster_text=boosted.text,
            **facts,
        ),
        "scorecard": Bundle(family="scorecard", explainer=Scorecard((1, -1)).fit(X, y).explainer_, **facts),
        "warning": Bundle(family="warning", explainer=hazard, **facts),
    }


@pytest.fixture(scope="module")
def made() -> dict[str, Bundle]:
    return bundles()


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Registry:
    return Registry(Settings(home=tmp_path_factory.mktemp("registry")))


def files_of(registry: Registry, name: str, version: str) -> Path:
    """Folder of a registered version's bundle."""
    source = registry._client.get_model_version(name, version).source
    model = registry._client.get_logged_model(source.removeprefix("models:/"))
    return Path(model.artifact_location.removeprefix("file://")) / "artifacts" / "bundle"


@pytest.mark.parametrize("family", ["boosted", "scorecard", "warning"])
def test_a_bundle_is_the_same_after_a_folder(made: dict[str, Bundle], tmp_path: Path, family: str) -> None:
    bundle, (X, _) = made[family], rows()
    again = Bundle.load(tmp_path, bundle.save(tmp_path))
    answers = (bundle.distress(X), again.distress(X)) if family == "warning" else (bundle.pd(X), again.pd(X))
    assert answers[0].tobytes() == answers[1].tobytes()
    assert again.words == {"debt": Text("负债", "debt")}
    assert (again.codes, again.metrics, again.calibrator, again.scale, again.booster_text) == (
        bundle.codes,
        bundle.metrics,
        bundle.calibrator,
        bundle.scale,
        bundle.booster_text,
    )


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 cut off", b"no archive"])
def test_unreadable_files_are_named_damaged_even_without_a_fingerprint(
    made: dict[str, Bundle], tmp_path: Path, content: bytes
) -> None:
    made["boosted"].save(tmp_path)
    (tmp_path / "explainer.npz").write_bytes(content)
    with pytest.raises(DamagedModel):
        Bundle.load(tmp_path)
    made["boosted"].save(tmp_path)
    facts = tmp_path / "bundle.json"
    facts.write_text(facts.read_text().replace('"format": 1', '"format": 99'))
    with pytest.raises(DamagedModel, match="format 99"):
        Bundle.load(tmp_path)


def test_the_code_version_names_package_and_commit() -> None:
    assert code_version().split("+")[0].count(".") == 2


def test_only_a_passed_verdict_promotes(registry: Registry, made: dict[str, Bundle], capfd: Any) -> None:
    first = registry.register(made["boosted"], {"seed": 1}, {"auc": 0.8}, {"curve": {"x": [1]}})
    registry.promote(first.name, first.version, YES)
    second = registry.register(replace(made["scorecard"]), {"seed": 2}, {"auc": 0.5}, {})
    with pytest.raises(NotPromoted, match="discrimination"):
        registry.promote(second.name, second.version, NO)
    assert registry.champion_version("farmer") == first.version
    registry.stand(second.name, second.version)
    listed = {one.version: one for one in registry.versions()}
    assert listed[first.version].aliases == ("champion",)
    assert listed[second.version].aliases == ("challenger",)
    tags = registry._client.get_model_version(second.name, second.version).tags
    assert (tags["gate"], tags["gate_reasons"], tags["segment"]) == ("refused", "discrimination", "farmer")
    said = capfd.readouterr()
    assert "🏃" not in said.out + said.err
    assert "Registered model" not in said.out + said.err


def test_an_old_version_still_answers_after_another_serves(registry: Registry, made: dict[str, Bundle]) -> None:
    X, _ = rows()
    old = registry.register(made["boosted"], {}, {}, {})
    registry.promote(old.name, old.version, YES)
    new = registry.register(made["scorecard"], {}, {}, {})
    registry.promote(new.name, new.version, YES)
    assert registry.champion("farmer")[0].family == "scorecard"
    assert registry.bundle(old.name, old.version).pd(X).tobytes() == made["boosted"].pd(X).tobytes()


def test_a_changed_lost_or_unmarked_artifact_is_refused(registry: Registry, made: dict[str, Bundle]) -> None:
    version = registry.register(made["boosted"], {}, {}, {})
    folder = files_of(registry, version.name, version.version)
    facts = folder / "bundle.json"
    kept = facts.read_text()
    facts.write_text(kept.replace("0.9,", "0.1,"))
    with pytest.raises(DamagedModel, match="fingerprint"):
        registry.bundle(version.name, version.version)
    facts.write_text(kept)
    assert registry.bundle(version.name, version.version).segment == "farmer"
    shutil.rmtree(folder.parents[1])
    with pytest.raises(DamagedModel):
        registry.bundle(version.name, version.version)
    unmarked = registry.register(made["boosted"], {}, {}, {})
    registry._client.delete_model_version_tag(unmarked.name, unmarked.version, "fingerprint")
    with pytest.raises(DamagedModel, match="without a fingerprint"):
        registry.bundle(unmarked.name, unmarked.version)


def test_unknown_versions_and_segments_are_told_from_failures(registry: Registry, made: dict[str, Bundle]) -> None:
    name = registry.register(made["warning"], {}, {}, {}).name
    with pytest.raises(ModelNotTrained, match="no version 999"):
        registry.bundle(name, "999")
    with pytest.raises(ModelNotTrained, match="huixin train --segment enterprise"):
        registry.champion("enterprise")
    with pytest.raises(ModelNotTrained):
        registry.champion("farmer", warning=True)


def test_an_untrained_home_is_told_at_once_and_left_as_it_is(tmp_path: Path) -> None:
    empty = Registry(Settings(home=tmp_path / "home"))
    started = time.monotonic()
    with pytest.raises(ModelNotTrained):
        empty.champion_version("farmer")
    assert empty.versions() == []
    assert time.monotonic() - started < 0.5
    assert not (tmp_path / "home").exists()


def test_a_server_that_is_down_is_not_taken_for_an_empty_registry(tmp_path: Path) -> None:
    down = Registry(Settings(home=tmp_path, mlflow_uri=f"http://user:secret@127.0.0.1:{free_port()}"))
    with pytest.raises(RegistryUnreachable, match=r"127\.0\.0\.1") as refused:
        down.champion("farmer")
    assert "secret" not in str(refused.value)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
