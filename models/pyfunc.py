"""A bundle as an MLflow pyfunc model, so that ``mlflow models serve`` and Spark give the same numbers."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path
from typing import Any

import mlflow.pyfunc
import numpy as np
import pandas as pd

from models.bundle import Bundle
from models.grades import clipped, unclipped_score
from models.hazard import HORIZONS

PIP_REQUIREMENTS = [f"{name}=={version(name)}" for name in ("huixin", "lightgbm", "mlflow", "numba", "numpy", "pandas")]


class BundleModel(mlflow.pyfunc.PythonModel):  # type: ignore[misc]
    """Feature columns in; pd, score and grade out, or the probabilities of distress."""

    def __init__(self, bundle: Bundle | None = None, fingerprint: str | None = None) -> None:
        self._bundle = bundle
        self._fingerprint = fingerprint

    def load_context(self, context: Any) -> None:
        self._bundle = Bundle.load(Path(context.artifacts["bundle"]), self._fingerprint)

    def predict(self, context: Any, model_input: pd.DataFrame, params: dict[str, Any] | None = None) -> pd.DataFrame:
        return self.answer(model_input)

    def answer(self, rows: pd.DataFrame) -> pd.DataFrame:
        """One row of answers for each row of features (columns by feature code; missing values as NaN)."""
        assert self._bundle is not None  # noqa: S101
        X = rows[list(self._bundle.codes)].to_numpy(np.float64)
        if self._bundle.family == "warning":
            found = self._bundle.distress(X)
            return pd.DataFrame({f"distress_{months}m": found[:, i] for i, months in enumerate(HORIZONS)})
        log_odds = self._bundle.explain(X)[0]
        default = self._bundle.pd(X)
        score = clipped(unclipped_score(log_odds))
        return pd.DataFrame({"pd": default, "score": score, "grade": self._bundle.scale.grades(default)})

    def __getstate__(self) -> dict[str, Any]:
        return {"_bundle": None, "_fingerprint": self._fingerprint}
