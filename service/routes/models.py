"""``/v1/models``: which models there are, and which one serves."""

from __future__ import annotations

from fastapi import APIRouter, Request
from pydantic import BaseModel

from service.problems import PROBLEMS
from service.routes.scores import Asking
from service.security import allow

router = APIRouter(prefix="/v1", tags=["models"], responses=PROBLEMS)


class ModelAnswer(BaseModel):
    """A registered model version; ``aliases`` says whether it serves (champion) or wants to (challenger)."""

    name: str
    version: str
    family: str
    aliases: list[str]
    metrics: dict[str, float]


@router.get("/models", summary="模型版本 / model versions")
def models(request: Request, client: Asking) -> list[ModelAnswer]:
    """已登记的模型版本与验证指标。 / Registered versions and their validation figures."""
    allow(client, "list")
    return [
        ModelAnswer(
            name=one.name, version=one.version, family=one.family, aliases=list(one.aliases), metrics=one.metrics
        )
        for one in request.app.state.rater.registry.versions()
    ]
