"""The model registry: bundles kept in MLflow, found again by segment and alias, refused when damaged."""

from __future__ import annotations

import logging
import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stderr
from dataclasses import dataclass
from functools import cached_property
from io import StringIO
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import urlsplit

import numpy as np
import numpy.typing as npt
import orjson

from models.bundle import BUNDLE_FILES, Bundle, DamagedModel
from models.gate import Thresholds, Verdict
from models.tracking import EXPERIMENT, Dataset, log_datasets, model_run, training_run
from records.errors import HuixinError, ModelNotTrained
from records.moment import now
from records.settings import Settings
from records.words import Text

Floats = npt.NDArray[np.float64]
CHAMPION, CHALLENGER, FORMER = "champion", "challenger", "former"
REPLACED = "replaced"
LONGEST_TAG = 4_000
WARNING = "warning"
ABSENT = ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE", "NOT_FOUND")
QUIET = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "30",
}


class NotPromoted(HuixinError):
    code: ClassVar[str] = "not-promoted"
    status: ClassVar[int] = 409
    title: ClassVar[Text] = Text("未通过准入", "Refused by the gate")


class NothingToRollBackTo(HuixinError):
    code: ClassVar[str] = "nothing-to-roll-back-to"
    status: ClassVar[int] = 409
    title: ClassVar[Text] = Text("没有可回退的版本", "Nothing to roll back to")


class RegistryUnreachable(HuixinError):
    code: ClassVar[str] = "registry-unreachable"
    status: ClassVar[int] = 503
    title: ClassVar[Text] = Text("模型登记库无法访问", "The model registry cannot be reached")


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

    @contextmanager
    def training(self, segment: str, parameters: dict[str, Any]) -> Iterator[str]:
        """One training as a run of its own; models that are registered inside become its children. Yields its id."""
        self._prepare_experiment()
        with training_run(segment, parameters) as run_id:
            try:
                yield run_id
            finally:
                self._prepare_experiment()

    def register(
        self,
        bundle: Bundle,
        parameters: dict[str, Any],
        metrics: dict[str, float],
        reports: dict[str, Any],
        *,
        datasets: Sequence[Dataset] = (),
        example: Floats | None = None,
    ) -> ModelVersion:
        """Log a run with ``bundle`` as a pyfunc model and register it; returns the new version, without an alias.

        ``datasets``: what it learnt from and was validated on. ``example`` [features]: typical values for the input
        example, of nobody in particular (default zeros).
        """
        import mlflow
        import pandas as pd

        from models.pyfunc import PIP_REQUIREMENTS, BundleModel

        name = model_name(bundle.segment, warning=bundle.family == WARNING)
        self._prepare_experiment()
        known = {key: value for key, value in metrics.items() if value == value}
        with tempfile.TemporaryDirectory() as folder, model_run(f"{bundle.segment}-{bundle.family}") as run:
            marks = bundle.save(Path(folder) / "bundle")
            mlflow.log_params(parameters)
            log_datasets(datasets)
            for report, content in reports.items():
                if isinstance(content, str):
                    mlflow.log_text(content, report)
                else:
                    mlflow.log_dict(content, report if report.endswith(".json") else f"{report}.json")
            shown = pd.DataFrame([_typical(bundle, example)])
            model = BundleModel(bundle, marks)
            info = mlflow.pyfunc.log_model(
                name=name,
                python_model=model,
                artifacts={"bundle": str(Path(folder) / "bundle")},
                signature=mlflow.models.infer_signature(shown, model.answer(shown)),
                input_example=shown,
                pip_requirements=PIP_REQUIREMENTS,
            )
            mlflow.log_metrics(known, model_id=info.model_id)
            tags = {
                "fingerprint": marks,
                "family": bundle.family,
                "segment": bundle.segment,
                "synthetic": str(bundle.synthetic).lower(),
                "data_fingerprint": bundle.data_fingerprint,
                "code_version": bundle.code_version,
                "training_run": run.data.tags.get("mlflow.parentRunId", run.info.run_id),
            }
            mlflow.set_tags(tags)
            with redirect_stderr(StringIO()):  # MLflow says on stderr what the caller reports itself
                found = mlflow.register_model(info.model_uri, name, tags=tags)
        return ModelVersion(name, str(found.version), bundle.family, (), metrics, marks)

    def promote(self, name: str, version: str, verdict: Verdict, *, actor: str = "training") -> None:
        """Let a version serve. Raises ``NotPromoted``, and changes nothing, where the gate's ``verdict`` is no.

        There is no other way to become champion for the first time, and none by force. The version remembers which one
        it replaced, for ``rollback``.
        """
        self.record_verdict(name, version, verdict)
        if not verdict.passed:
            reasons_zh, reasons_en = (
                "；".join(no.zh for no in verdict.reasons),
                "; ".join(no.en for no in verdict.reasons),
            )
            raise NotPromoted(Text(f"{name} 版本 {version}：{reasons_zh}", f"{name} version {version}: {reasons_en}"))
        former = self._alias(name, CHAMPION)
        tags = {"promoted_at": f"{now():%FT%TZ}", "promoted_by": actor}
        if former is not None and former != version:
            tags[REPLACED] = former
        self._tag(name, version, tags)
        self._client.set_registered_model_alias(name, CHAMPION, version)
        if self._alias(name, CHALLENGER) == version:
            self._client.delete_registered_model_alias(name, CHALLENGER)
        if REPLACED in tags:
            self._client.set_registered_model_alias(name, FORMER, former)

    def rollback(self, segment: str, *, actor: str, reason: str, warning: bool = False) -> tuple[str, str]:
        """Let the former champion of ``segment`` serve again; returns the version that served and the one that does.

        The former one is the version that the champion replaced when it was promoted; its files are checked before
        anything changes, and then one write to the registry moves the alias: whoever asks sees either the one or the
        other. Raises ``NothingToRollBackTo``, ``DamagedModel``, ``ModelNotTrained``.
        """
        name = model_name(segment, warning=warning)
        serving = self.champion_version(segment, warning=warning)
        former = self._client.get_model_version(name, serving).tags.get(REPLACED)
        if not former or former == serving:
            raise NothingToRollBackTo(
                Text(f"{name} 版本 {serving} 之前没有上线过的版本", f"no version of {name} served before {serving}")
            )
        self.bundle(name, former)
        tags = {"rolled_back_at": f"{now():%FT%TZ}", "rolled_back_by": actor, "rolled_back_why": reason[:LONGEST_TAG]}
        self._tag(name, serving, {**tags, "rolled_back_to": former})
        self._client.set_registered_model_alias(name, CHAMPION, former)
        self._tag(name, former, {"restored_at": tags["rolled_back_at"], "restored_by": actor})
        self._client.set_registered_model_alias(name, FORMER, serving)
        return serving, former

    def stand(self, name: str, version: str) -> None:
        """Let a version be the challenger: it does not serve, but wants to."""
        self._client.set_registered_model_alias(name, CHALLENGER, version)

    def record_verdict(self, name: str, version: str, verdict: Verdict) -> None:
        """Keep with a version what the gate said of it: tags, and every check in ``gate.json`` of its run."""
        tags = {"gate": "passed" if verdict.passed else "refused", "gate_at": f"{now():%FT%TZ}"}
        tags["gate_reasons"] = "; ".join(no.en for no in verdict.reasons)[:LONGEST_TAG]
        tags["gate_reasons_zh"] = "；".join(no.zh for no in verdict.reasons)[:LONGEST_TAG]
        self._tag(name, version, tags)
        run_id = self._client.get_model_version(name, version).run_id
        if run_id:
            self._client.log_dict(run_id, {**verdict.as_dict(), "thresholds": Thresholds().as_dict()}, "gate.json")

    def verdict(self, name: str, version: str) -> dict[str, Any] | None:
        """What the gate said last of a version, as ``Verdict.as_dict`` tells it; None where it was not asked."""
        run_id = self._client.get_model_version(name, version).run_id
        return None if run_id is None else self.report(run_id, "gate.json")

    def version_report(self, name: str, version: str, report: str) -> dict[str, Any] | None:
        """A JSON file of a version's run, such as ``validation.json``; None where there is none."""
        found = None if self._empty else self._asked(lambda: self._client.get_model_version(name, version))
        return None if found is None or not found.run_id else self.report(found.run_id, report)

    def report(self, run_id: str, name: str) -> dict[str, Any] | None:
        """A JSON file of a run; None where there is none."""
        import mlflow

        with tempfile.TemporaryDirectory() as folder:
            try:
                local = self._client.download_artifacts(run_id, name, folder)
            except (mlflow.exceptions.MlflowException, OSError):
                return None
            found: dict[str, Any] = orjson.loads(Path(local).read_bytes())
            return found

    def parameters(self, name: str, version: str) -> dict[str, str]:
        """The parameters that a version's run was logged with."""
        run_id = self._client.get_model_version(name, version).run_id
        return dict(self._client.get_run(run_id).data.params) if run_id else {}

    def tags(self, name: str, version: str) -> dict[str, str]:
        """The tags of a version: fingerprints, what the gate said, who promoted it or took it back."""
        return dict(self._client.get_model_version(name, version).tags)

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

    def challenger_version(self, segment: str, *, warning: bool = False) -> str | None:
        """Version that wants to serve; None where there is none."""
        return self._alias(model_name(segment, warning=warning), CHALLENGER)

    def bundle(self, name: str, version: str) -> Bundle:
        """A registered bundle by name and version, its files checked against the registered fingerprint.

        Raises ``ModelNotTrained`` for an unknown version, ``DamagedModel`` for files that are absent, changed, or
        were registered without a fingerprint, ``RegistryUnreachable``.
        """
        import mlflow

        found = None if self._empty else self._asked(lambda: self._client.get_model_version(name, version))
        if found is None:
            raise ModelNotTrained(Text(f"{name} 没有版本 {version}", f"{name} has no version {version}"))
        expected = found.tags.get("fingerprint")
        if not expected:
            raise DamagedModel(
                Text(
                    f"{name} 版本 {version} 未登记指纹", f"{name} version {version} is registered without a fingerprint"
                )
            )
        with tempfile.TemporaryDirectory() as folder:
            try:
                local = self._downloaded(found, folder)
            except (mlflow.exceptions.MlflowException, OSError) as error:
                raise DamagedModel(
                    Text(
                        f"{name} 版本 {version} 的文件无法取得（{type(error).__name__}）",
                        f"the files of {name} version {version} cannot be had ({type(error).__name__})",
                    )
                ) from error
            return Bundle.load(_bundle_folder(local), expected)

    def versions(self) -> list[ModelVersion]:
        """Every registered version, the newest of each name first."""
        if self._empty:
            return []
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

    def _tag(self, name: str, version: str, tags: dict[str, str]) -> None:
        for key, value in tags.items():
            self._client.set_model_version_tag(name, version, key, value)

    def _downloaded(self, version: Any, folder: str) -> Path:
        """Files of a registered version, asked of this registry's own store: ``models:/`` asks MLflow's global one."""
        import mlflow

        place = version.source
        if place.startswith("models:/"):
            place = self._client.get_logged_model(place.removeprefix("models:/")).artifact_location
        local = mlflow.artifacts.download_artifacts(
            artifact_uri=place, dst_path=folder, tracking_uri=self._uri, registry_uri=self._uri
        )
        return Path(local)

    @property
    def _uri(self) -> str:
        return self.settings.tracking_uri

    @cached_property
    def _client(self) -> Any:
        for variable, value in QUIET.items():
            os.environ.setdefault(variable, value)
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

    @property
    def _empty(self) -> bool:
        """Nothing was ever registered here: known without the seconds that MLflow takes to make its database."""
        return self.settings.mlflow_uri is None and not (self.settings.home / "mlflow.db").exists()

    def _alias(self, name: str, alias: str) -> str | None:
        if self._empty:
            return None
        found = self._asked(lambda: self._client.get_model_version_by_alias(name, alias))
        return None if found is None else str(found.version)

    def _asked(self, question: Callable[[], Any]) -> Any:
        """MLflow's answer, None where it knows no such thing. Raises ``RegistryUnreachable`` where there is none."""
        from mlflow.exceptions import MlflowException
        from sqlalchemy.exc import SQLAlchemyError

        try:
            return question()
        except (MlflowException, SQLAlchemyError, OSError) as error:
            why = getattr(error, "error_code", type(error).__name__)
            if why in ABSENT:
                return None
            host = urlsplit(self._uri).hostname or self._uri
            raise RegistryUnreachable(
                Text(f"MLflow（{host}）没有应答：{why}", f"MLflow ({host}) gave no answer: {why}")
            ) from error


def _typical(bundle: Bundle, example: Floats | None) -> dict[str, float]:
    """An input row by feature code; what no row of the example holds is zero, so that the signature says float64."""
    values = np.zeros(len(bundle.codes)) if example is None else np.nan_to_num(example, posinf=0.0, neginf=0.0)
    return dict(zip(bundle.codes, values.astype(np.float64).tolist(), strict=True))


def _bundle_folder(downloaded: Path) -> Path:
    """Where in a downloaded pyfunc model the bundle lies."""
    return next((path.parent for path in sorted(downloaded.rglob(BUNDLE_FILES[0]))), downloaded)
