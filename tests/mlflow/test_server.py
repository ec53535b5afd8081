"""A real MLflow server on PostgreSQL: runs, rows, versions, verdicts, roll-backs; and MLflow serves a model."""

from __future__ import annotations

import json
import os
import sys
import threading
import urllib.request
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pytest

from models.bundle import Bundle, DamagedModel
from models.calibration import AffineCalibrator
from models.comparison import compare_versions
from models.gate import Verdict
from models.registry import NothingToRollBackTo, Registry
from models.tracking import Dataset
from records.settings import Settings
from tests.databases import own_database
from tests.mlflow.serving import free_port, serving
from tests.models.gated import CODES, background, failed, trained, verdict, year

ROOT = Path(__file__).parents[2]
LEARNT, JUDGED = year(1), year(2)
AS_OF = np.full(len(JUDGED.X), np.datetime64("2024-12-31T15:59:59.999999", "us"))


@pytest.fixture(scope="module")
def server(postgres: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The tracking server as ``mlflow/start-tracking-server`` starts it, on PostgreSQL."""
    folder, port = tmp_path_factory.mktemp("server"), free_port()
    environment = {
        "HUIXIN_PYTHON": sys.executable,
        "HUIXIN_MLFLOW_PORT": str(port),
        "HUIXIN_MLFLOW_WORKERS": "1",
        "HUIXIN_MLFLOW_BACKEND": own_database(postgres, "mlflow").replace("postgresql://", "postgresql+psycopg://", 1),
        "HUIXIN_MLFLOW_ARTIFACTS": str(folder / "artifacts"),
    }
    command = [str(ROOT / "mlflow" / "start-tracking-server")]
    with serving(command, port, folder / "log", health="/health", **environment) as address:
        yield address


@pytest.fixture(scope="module")
def registry(server: str, tmp_path_factory: pytest.TempPathFactory) -> Registry:
    return Registry(Settings(home=tmp_path_factory.mktemp("home"), mlflow_uri=server))


@pytest.fixture(scope="module")
def good() -> Bundle:
    return replace(trained(LEARNT), metrics={"auc": 0.8, "auc_learning": 0.8}, weights=dict.fromkeys(CODES, 0.4))


@pytest.fixture(scope="module")
def passed(good: Bundle) -> Verdict:
    found = verdict(good, JUDGED, background(LEARNT, JUDGED))
    assert found.passed
    return found


def registered(registry: Registry, bundle: Bundle, **parameters: Any) -> str:
    return registry.register(bundle, parameters, bundle.metrics, {}).version


def test_a_training_is_one_run_with_a_child_a_model_and_its_rows(registry: Registry, good: Bundle) -> None:
    rows = Dataset.of("learning", "farmer", CODES, JUDGED.outcome, AS_OF, "f" * 64)
    with registry.training("farmer", {"seed": 7}) as parent:
        made = [
            registry.register(good, {"family": name}, {"auc": 0.8}, {}, datasets=(rows,), example=np.full(4, 0.5))
            for name in ("one", "two")
        ]
    client = mlflow.MlflowClient(registry.settings.mlflow_uri)
    run = client.get_run(parent)
    assert run.data.params == {"seed": "7"}
    assert run.info.status == "FINISHED"
    children = client.search_runs([run.info.experiment_id], f"tags.mlflow.parentRunId = '{parent}'")
    assert len(children) == 2
    dataset = children[0].inputs.dataset_inputs[0]
    assert dataset.dataset.name == "huixin-farmer-learning"
    assert "2024-12-31" in dataset.dataset.source
    assert {one["name"] for one in json.loads(dataset.dataset.schema)["mlflow_colspec"]} == {*CODES, "outcome"}
    assert {tag.key: tag.value for tag in dataset.tags}["fingerprint"] == "f" * 64
    lineage = registry.report(children[0].info.run_id, "lineage.json")
    assert lineage is not None
    assert lineage["learning"]["defaults"] == int(JUDGED.outcome.sum())
    assert registry.tags(made[0].name, made[0].version)["training_run"] == parent
    model = mlflow.pyfunc.load_model(f"models:/{made[0].name}/{made[0].version}")
    assert [one.name for one in model.metadata.signature.inputs] == list(CODES)
    assert model.input_example.iloc[0].to_list() == [0.5] * 4


def test_under_mlflow_run_the_project_run_is_the_parent(registry: Registry, good: Bundle, monkeypatch: Any) -> None:
    with registry.training("farmer", {}):
        pass
    client = mlflow.MlflowClient(registry.settings.mlflow_uri)
    experiment = client.get_experiment_by_name("huixin")
    assert experiment is not None
    project = client.create_run(experiment.experiment_id)
    client.log_param(project.info.run_id, "seed", "1")
    monkeypatch.setenv("MLFLOW_RUN_ID", project.info.run_id)
    with registry.training("farmer", {"seed": "2", "segment": "farmer"}) as parent:
        assert parent == project.info.run_id
    assert client.get_run(parent).data.params == {"seed": "1", "segment": "farmer"}
    elsewhere = client.create_run("0").info.run_id
    monkeypatch.setenv("MLFLOW_RUN_ID", elsewhere)
    with registry.training("farmer", {}) as parent:
        assert parent != elsewhere
    assert client.get_run(parent).data.tags["project_run"] == elsewhere


def test_the_verdict_is_kept_with_the_version(registry: Registry, good: Bundle, passed: Verdict) -> None:
    version = registered(registry, good)
    assert registry.verdict("huixin-farmer", version) is None
    registry.promote("huixin-farmer", version, passed, actor="an analyst")
    kept = registry.verdict("huixin-farmer", version)
    assert kept is not None
    assert kept["passed"] is True
    assert kept["thresholds"]["impact_ratio"] == 0.8
    assert {one["code"] for one in kept["checks"]} >= {"monotone", "calibration-by-grade", "leakage-embargo"}
    tags = registry.tags("huixin-farmer", version)
    assert (tags["gate"], tags["promoted_by"]) == ("passed", "an analyst")
    bent = verdict(good, JUDGED, background(LEARNT, JUDGED, claimed_auc=0.99))
    assert failed(bent)
    registry.record_verdict("huixin-farmer", version, bent)
    tags = registry.tags("huixin-farmer", version)
    assert tags["gate"] == "refused"
    assert "leakage suspected" in tags["gate_reasons"]
    assert "疑似泄漏" in tags["gate_reasons_zh"]


def test_a_rollback_lets_the_former_champion_serve_and_remembers_who_and_why(
    registry: Registry, good: Bundle, passed: Verdict
) -> None:
    first, second, third = (registered(registry, good, number=number) for number in range(3))
    for version in (first, second, third):
        registry.promote("huixin-farmer", version, passed)
    registry.promote("huixin-farmer", third, passed)  # again: it must not replace itself
    assert registry.rollback("farmer", actor="on duty", reason="PSI") == (third, second)
    assert registry.champion_version("farmer") == second
    tags = registry.tags("huixin-farmer", third)
    assert (tags["rolled_back_by"], tags["rolled_back_why"], tags["rolled_back_to"]) == ("on duty", "PSI", second)
    assert registry.tags("huixin-farmer", second)["restored_by"] == "on duty"
    assert registry.rollback("farmer", actor="on duty", reason="still") == (second, first)
    listed = {one.version: one.aliases for one in registry.versions() if one.name == "huixin-farmer"}
    assert "champion" in listed[first]


def test_a_rollback_never_lands_on_a_damaged_version_nor_on_nothing(
    registry: Registry, good: Bundle, passed: Verdict
) -> None:
    own = replace(good, segment="enterprise")
    only = registered(registry, own)
    registry.promote("huixin-enterprise", only, passed)
    with pytest.raises(NothingToRollBackTo, match="before"):
        registry.rollback("enterprise", actor="x", reason="y")
    later = registered(registry, own)
    registry.promote("huixin-enterprise", later, passed)
    registry._client.set_model_version_tag("huixin-enterprise", only, "fingerprint", "0" * 64)
    with pytest.raises(DamagedModel):
        registry.rollback("enterprise", actor="x", reason="y")
    assert registry.champion_version("enterprise") == later


def test_whoever_asks_during_rollbacks_sees_the_one_or_the_other(
    registry: Registry, good: Bundle, passed: Verdict
) -> None:
    old, new = registered(registry, good), registered(registry, good)
    registry.promote("huixin-farmer", old, passed)
    registry.promote("huixin-farmer", new, passed)
    seen, done = set(), threading.Event()

    def ask() -> None:
        while not done.is_set():
            seen.add(registry.champion_version("farmer"))

    asking = threading.Thread(target=ask)
    asking.start()
    for _ in range(3):
        registry.rollback("farmer", actor="x", reason="y")
        registry.promote("huixin-farmer", new, passed)
    done.set()
    asking.join()
    assert seen <= {old, new}
    assert new in seen


def test_versions_are_compared(registry: Registry, good: Bundle) -> None:
    worse = replace(good, metrics={"auc": 0.7}, weights=dict.fromkeys(CODES[:2], 0.1))
    one, other = registered(registry, good, trees=10, seed=1), registered(registry, worse, trees=20, seed=1)
    found = compare_versions(registry, "farmer", [one, other])
    assert found.metrics["auc"] == (0.8, 0.7)
    assert found.parameters == {"trees": ("10", "20")}
    assert found.weights["delays"][1] is None
    assert found.gate == (None, None)
    assert json.loads(json.dumps(found.as_dict()))["name"] == "huixin-farmer"


def test_two_registries_in_one_process_do_not_mix(registry: Registry, good: Bundle, tmp_path: Path) -> None:
    own = Registry(Settings(home=tmp_path))
    other = replace(good, calibrator=AffineCalibrator(0.5, -1.0))
    here, there = registered(own, other), registered(registry, good)
    assert own.bundle("huixin-farmer", here).pd(JUDGED.X).tobytes() == other.pd(JUDGED.X).tobytes()
    assert registry.bundle("huixin-farmer", there).pd(JUDGED.X).tobytes() == good.pd(JUDGED.X).tobytes()


def test_a_model_that_mlflow_serves_gives_the_same_bits(
    server: str, registry: Registry, good: Bundle, passed: Verdict, tmp_path: Path
) -> None:
    version = registered(registry, good)
    registry.promote("huixin-farmer", version, passed)
    port = free_port()
    command = [sys.executable, "-m", "mlflow", "models", "serve", "-m", "models:/huixin-farmer@champion"]
    command += ["--env-manager", "local", "--port", str(port), "--host", "127.0.0.1", "--workers", "1"]
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"  # MLflow starts uvicorn by name
    X = JUDGED.X[:50].copy()
    X[3, 1] = np.nan
    asked = {"columns": list(CODES), "data": [[None if np.isnan(v) else v for v in row] for row in X.tolist()]}
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/invocations",
        json.dumps({"dataframe_split": asked}).encode(),
        {"Content-Type": "application/json"},
    )
    with serving(command, port, tmp_path / "log", health="/ping", MLFLOW_TRACKING_URI=server, PATH=path):
        answers = json.loads(urllib.request.urlopen(request, timeout=60).read())["predictions"]
    assert [one["pd"].hex() for one in answers] == [value.hex() for value in good.pd(X).tolist()]
    assert [one["grade"] for one in answers] == good.scale.grades(good.pd(X))
