"""The model registry: bundles kept in MLflow, found again by segment and alias, refused when damaged."""

from __future__ import annotations

import logging
import os
import tempfile
from contextlib import redirect_stderr
from dataclasses import dataclass
from functools import cached_property
from io import StringIO
from pathlib import Path
from typing import Any

from models.bundle import BUNDLE_FILES, Bundle
from records.errors import ModelNotTrained
from records.settings import Settings
from records.words import Text

EXPERIMENT = "huixin"
CHAMPION, CHALLENGER = "champion", "challenger"
WARNING = "warning"


@dataclass(frozen=True)
class ModelVersion:
    """One registered version as lists show it."""

    name: str
    version: str
    family: str
    aliases: tuple[str, ...]
    metrics: dict[str, float]
    fingerprint: str


def model_name(segment: str, *, warning: bool = False) -> str:
    """``huixin-<segment>`` for ratings, ``huixin-<segment>-warning`` for early warning."""
    return f"huixin-{segment}-{WARNING}" if warning else f"huixin-{segment}"


class Registry:
    """MLflow's tracking store and registry as Huixin uses them."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    def register(
        self, bundle: Bundle, parameters: dict[str, Any], metrics: dict[str, float], reports: dict[str, Any]
    ) -> ModelVersion:
        """Log a run with ``bundle`` as a pyfunc model and register it; returns the new version, without an alias."""
        import mlflow
        import pandas as pd

        from models.pyfunc import PIP_REQUIREMENTS, BundleModel

        name = model_name(bundle.segment, warning=bundle.family == WARNING)
        self._prepare_experiment()
        with tempfile.TemporaryDirectory() as folder, mlflow.start_run(run_name=f"{bundle.segment}-{bundle.family}"):
            marks = bundle.save(Path(folder) / "bundle")
            mlflow.log_params(parameters)
            mlflow.log_metrics({key: value for key, value in metrics.items() if value == value})
            for report, content in reports.items():
                mlflow.log_dict(content, f"{report}.json")
            example = pd.DataFrame([dict.fromkeys(bundle.codes, 0.0)])
            model = BundleModel(bundle)
            info = mlflow.pyfunc.log_model(
                name=name,
                python_model=model,
                artifacts={"bundle": str(Path(folder) / "bundle")},
                signature=mlflow.models.infer_signature(example, model.answer(example)),
                input_example=example,
                pip_requirements=PIP_REQUIREMENTS,
            )
            with redirect_stderr(StringIO()):  # MLflow says on stderr what the caller reports itself
                found = mlflow.register_model(info.model_uri, name)
        tags = {"fingerprint": marks, "family": bundle.family, "synthetic": str(bundle.synthetic).lower()}
        for key, value in tags.items():
            self._client.set_model_version_tag(name, found.version, key, value)
        return ModelVersion(name, str(found.version), bundle.family, (), metrics, marks)

    def set_alias(self, name: str, alias: str, version: str) -> None:
        self._client.set_registered_model_alias(name, alias, version)

    def champion(self, segment: str, *, warning: bool = False) -> tuple[Bundle, str]:
        """The serving bundle of a segment and its version. Raises ``ModelNotTrained`` or ``DamagedModel``."""
        version = self.champion_version(segment, warning=warning)
        return self.bundle(model_name(segment, warning=warning), version), version

    def champion_version(self, segment: str, *, warning: bool = False) -> str:
        """Version that serves now; cheap enough to ask often. Raises ``ModelNotTrained``."""
        name = model_name(segment, warning=warning)
        found = self._alias(name, CHAMPION)
        if found is None:
            raise ModelNotTrained(
                Text(
                    f"{name} 尚无上线版本；请先运行 huixin train --segment {segment}",
                    f"{name} has no champion yet; run huixin train --segment {segment} first",
                )
            )
        return found

    def bundle(self, name: str, version: str) -> Bundle:
        """A registered bundle by name and version, its files checked against the registered fingerprint."""
        import mlflow

        found = self._client.get_model_version(name, version)
        uri = f"models:/{name}/{version}"
        with tempfile.TemporaryDirectory() as folder:
            local = Path(mlflow.artifacts.download_artifacts(artifact_uri=uri, dst_path=folder, tracking_uri=self._uri))
            return Bundle.load(_bundle_folder(local), found.tags.get("fingerprint"))

    def versions(self) -> list[ModelVersion]:
        """Every registered version, the newest of each name first."""
        listed = []
        for model in self._client.search_registered_models():
            aliases: dict[str, list[str]] = {}
            for alias, version in (model.aliases or {}).items():
                aliases.setdefault(str(version), []).append(alias)
            for found in self._client.search_model_versions(f"name = '{model.name}'"):
                metrics = dict(self._client.get_run(found.run_id).data.metrics) if found.run_id else {}
                tags = found.tags
                marks = tuple(sorted(aliases.get(str(found.version), [])))
                family, fingerprint_ = tags.get("family", ""), tags.get("fingerprint", "")
                listed.append(ModelVersion(model.name, str(found.version), family, marks, metrics, fingerprint_))
        return sorted(listed, key=lambda one: (one.name, -int(one.version)))

    @property
    def _uri(self) -> str:
        return self.settings.tracking_uri

    @cached_property
    def _client(self) -> Any:
        os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
        os.environ.setdefault("DO_NOT_TRACK", "true")
        os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
        import mlflow

        for noisy in ("mlflow", "alembic"):
            logging.getLogger(noisy).setLevel(logging.ERROR)
        self.settings.home.mkdir(parents=True, exist_ok=True)
        mlflow.set_tracking_uri(self._uri)
        return mlflow.MlflowClient(tracking_uri=self._uri, registry_uri=self._uri)

    def _prepare_experiment(self) -> None:
        """The experiment that all runs belong to; made with Huixin's artifact folder unless a server keeps them."""
        import mlflow

        client = self._client
        mlflow.set_tracking_uri(self._uri)
        mlflow.set_registry_uri(self._uri)
        if client.get_experiment_by_name(EXPERIMENT) is None:
            own = None if self._uri.startswith("http") else self.settings.artifact_folder.as_uri()
            client.create_experiment(EXPERIMENT, artifact_location=own)
        mlflow.set_experiment(EXPERIMENT)

    def _alias(self, name: str, alias: str) -> str | None:
        import mlflow

        try:
            return str(self._client.get_model_version_by_alias(name, alias).version)
        except mlflow.exceptions.MlflowException:
            return None


def _bundle_folder(downloaded: Path) -> Path:
    """Where in a downloaded pyfunc model the bundle lies."""
    return next((path.parent for path in sorted(downloaded.rglob(BUNDLE_FILES[0]))), downloaded)
