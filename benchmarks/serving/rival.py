"""The plain service: LightGBM, 400 trees of 31 leaves, no constraints, on the rows that the champion learnt from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson
from sklearn.metrics import roc_auc_score

from features.online import OnlineFeatures
from features.pipeline import FeaturePipeline
from models.registry import Registry
from models.training_table import learning_days, training_table
from records.base import RecordBase

TREES, LEAVES, RATE = 400, 31, 0.02


@dataclass(frozen=True)
class Rival:
    """The model, where it is saved, and the AUC of both on the champion's validation rows."""

    booster: Any
    folder: Path
    auc: float
    champion_auc: float


def rival(base: RecordBase, segment: str, subjects: list[str], folder: Path) -> Rival:
    """Train, save as an MLflow pyfunc model with the latest features of ``subjects``, and compare."""
    import lightgbm
    import mlflow

    connection = base.connection()
    pipeline = FeaturePipeline(connection, segment)
    learning, judged_on = learning_days(connection, segment)
    table = training_table(connection, pipeline, [*learning, judged_on])
    judged = table.as_of.astype("datetime64[D]") == np.datetime64(judged_on)
    known = ~np.isnan(table.outcome)
    train, test = known & ~judged, known & judged
    classifier = lightgbm.LGBMClassifier(
        n_estimators=TREES, num_leaves=LEAVES, learning_rate=RATE, n_jobs=1, verbose=-1, random_state=1
    )
    classifier.fit(table.X[train], table.outcome[train])
    booster = classifier.booster_
    mlflow.lightgbm.save_model(booster, str(folder / "model"), pip_requirements=["lightgbm"])
    features: dict[str, npt.NDArray[np.float64]] = {}
    with base.engine.connect() as database:
        kept = OnlineFeatures(base, segment).of_many(database, subjects)
    features = {} if kept is None else {subject: row[0] for subject, row in kept.rows.items()}
    told = {"columns": list(pipeline.codes), "subjects": {name: row.tolist() for name, row in features.items()}}
    (folder / "features.json").write_bytes(orjson.dumps(told))
    champion = Registry(base.settings).champion(segment)[0]
    columns = [pipeline.codes.index(code) for code in champion.codes]
    return Rival(
        booster,
        folder,
        float(roc_auc_score(table.outcome[test], booster.predict(table.X[test]))),
        float(roc_auc_score(table.outcome[test], champion.pd(table.X[test][:, columns]))),
    )
