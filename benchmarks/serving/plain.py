"""The plain way: FastAPI, an MLflow pyfunc model and ``shap.TreeExplainer`` for each request; no records, no audit.

``PLAIN_MODEL`` names the folder of the saved model and of ``features.json`` (subject -> values, and the columns).
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import orjson
from fastapi import FastAPI
from pydantic import BaseModel

TOLD = 10


class Question(BaseModel):
    """What Huixin is asked, too."""

    subject: str
    purpose: str
    reasons: int = TOLD


def create_app() -> FastAPI:
    import mlflow
    import pandas as pd
    import shap

    folder = Path(os.environ["PLAIN_MODEL"])
    model = mlflow.pyfunc.load_model(str(folder / "model"))
    explainer = shap.TreeExplainer(model.get_raw_model())
    known = orjson.loads((folder / "features.json").read_bytes())
    columns = known["columns"]
    app = FastAPI()

    @app.get("/healthz")
    async def alive() -> dict[str, str]:
        return {"status": "ok"}

    @app.post("/v1/scores")
    def score(asked: Question) -> dict[str, Any]:
        row = pd.DataFrame([known["subjects"][asked.subject]], columns=columns).astype(float)
        pd_ = float(np.ravel(model.predict(row))[0])
        found = explainer.shap_values(row)
        shares = np.ravel(found[1] if isinstance(found, list) else found)
        top = np.argsort(-np.abs(shares))[: asked.reasons]
        reasons = [{"feature": columns[at], "share": float(shares[at])} for at in top]
        return {"subject": asked.subject, "pd": pd_, "reasons": reasons}

    return app
