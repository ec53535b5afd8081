"""Runs in MLflow: one parent a training, one child a model, each tied to the rows that it comes from."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from features.dictionary import registered
from features.lineage import items_behind, sources_behind
from records.moment import shanghai_day

Floats = npt.NDArray[np.float64]
EXPERIMENT = "huixin"
DIGEST_LENGTH = 36  # the longest that MLflow keeps
PROJECT_RUN = "MLFLOW_RUN_ID"


@dataclass(frozen=True)
class Dataset:
    """Rows of a segment that a model learnt from or was validated on, by what can make them again.

    The same records, as-ofs and features give the same ``fingerprint`` (SHA-256 over features and outcomes).
    """

    context: Literal["learning", "validation"]
    segment: str
    as_ofs: tuple[date, ...]
    rows: int
    defaults: int
    fingerprint: str
    codes: tuple[str, ...]

    @classmethod
    def of(
        cls,
        context: Literal["learning", "validation"],
        segment: str,
        codes: Sequence[str],
        outcome: Floats,
        as_of: npt.NDArray[np.datetime64],
        fingerprint: str,
    ) -> Dataset:
        """The dataset of rows with these outcomes and as-ofs."""
        days = tuple(shanghai_day(moment.item()) for moment in np.unique(as_of.astype("datetime64[us]")))
        return cls(context, segment, days, len(outcome), int(outcome.sum()), fingerprint, tuple(codes))

    @property
    def name(self) -> str:
        return f"huixin-{self.segment}-{self.context}"

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready: as-ofs, size, fingerprint, and each feature with the items and sources that it rests on."""
        known = registered()
        features = [
            {"code": code}
            if code not in known
            else {
                "code": code,
                "direction": known[code].direction,
                "items": items_behind(known[code]),
                "sources": sources_behind(known[code]),
            }
            for code in self.codes
        ]
        return {
            "segment": self.segment,
            "as_ofs": [day.isoformat() for day in self.as_ofs],
            "rows": self.rows,
            "defaults": self.defaults,
            "fingerprint": self.fingerprint,
            "features": features,
        }


def typical(X: Floats) -> Floats:
    """The median of each feature's present values [features], 0 where there are none: a row that is nobody's."""
    found = np.zeros(X.shape[1])
    for column in range(X.shape[1]):
        present = X[np.isfinite(X[:, column]), column]
        found[column] = np.median(present) if len(present) else 0.0
    return found


def log_datasets(datasets: Sequence[Dataset]) -> None:
    """Tie ``datasets`` to the active run, and keep the whole lineage as ``lineage.json`` beside."""
    import mlflow
    from mlflow.data.meta_dataset import MetaDataset
    from mlflow.types.schema import ColSpec, Schema

    for one in datasets:
        schema = Schema([*(ColSpec("double", code) for code in one.codes), ColSpec("double", "outcome")])
        found = MetaDataset(_source(one), name=one.name, digest=one.fingerprint[:DIGEST_LENGTH], schema=schema)
        tags = {
            "fingerprint": one.fingerprint,
            "as_ofs": ", ".join(day.isoformat() for day in one.as_ofs),
            "rows": str(one.rows),
            "defaults": str(one.defaults),
        }
        mlflow.log_input(found, context=one.context, tags=tags)
    if datasets:
        mlflow.log_dict({one.context: one.as_dict() for one in datasets}, "lineage.json")


@contextmanager
def training_run(segment: str, parameters: dict[str, Any]) -> Iterator[str]:
    """The parent run of a training of ``segment``; runs begun inside become its children. Yields its id.

    Under ``mlflow run`` the project's own run becomes the parent, where it belongs to the same store and experiment.
    """
    import mlflow

    handed = os.environ.pop(PROJECT_RUN, None)
    adopted = handed if handed and _is_ours(handed) else None
    tags = {"segment": segment, "kind": "training"}
    if handed and not adopted:
        tags["project_run"] = handed
    name = f"{segment}-training"
    nested = mlflow.active_run() is not None
    with mlflow.start_run(run_id=adopted, run_name=None if adopted else name, nested=nested, tags=tags) as run:
        log_new_parameters(run.info.run_id, parameters)
        yield str(run.info.run_id)


@contextmanager
def model_run(name: str) -> Iterator[Any]:
    """The run of one model: a child of the training that is going on, if any."""
    import mlflow

    os.environ.pop(PROJECT_RUN, None)
    with mlflow.start_run(run_name=name, nested=mlflow.active_run() is not None) as run:
        yield run


def log_new_parameters(run_id: str, parameters: dict[str, Any]) -> None:
    """Log those parameters that the run does not have: MLflow refuses to change one."""
    import mlflow

    kept = mlflow.get_run(run_id).data.params
    mlflow.log_params({key: value for key, value in parameters.items() if key not in kept})


def _is_ours(run_id: str) -> bool:
    """Whether the store knows the run, in Huixin's experiment."""
    import mlflow
    from mlflow.exceptions import MlflowException

    try:
        run = mlflow.get_run(run_id)
        experiment = mlflow.get_experiment_by_name(EXPERIMENT)
    except MlflowException:
        return False
    return experiment is not None and run.info.experiment_id == experiment.experiment_id


def _source(dataset: Dataset) -> Any:
    """Where the rows come from, as MLflow names sources: the base of records, never a file."""
    from mlflow.data.dataset_source import DatasetSource

    class RecordBaseSource(DatasetSource):  # type: ignore[misc]
        """Rows that the feature pipeline makes of the records of a base."""

        @staticmethod
        def _get_source_type() -> str:
            return "huixin-records"

        def load(self) -> Any:
            raise NotImplementedError("rows are made again by huixin features build, from the records")

        @staticmethod
        def _can_resolve(raw_source: Any) -> bool:
            return False

        @classmethod
        def _resolve(cls, raw_source: Any) -> Any:
            raise NotImplementedError

        def to_dict(self) -> dict[str, Any]:
            days = [day.isoformat() for day in dataset.as_ofs]
            return {"segment": dataset.segment, "as_ofs": days, "fingerprint": dataset.fingerprint}

        @classmethod
        def from_dict(cls, source_dict: dict[str, Any]) -> Any:
            return cls()

    return RecordBaseSource()
