"""``/v1/catalogue``: the public information catalogue."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request

router = APIRouter(prefix="/v1", tags=["catalogue"])


@router.get("/catalogue", summary="信用信息目录 / information catalogue")
def catalogue(request: Request) -> list[dict[str, Any]]:
    """全部来源、目录项与字段，公开。 / Every source, item and field; public."""
    return [source.model_dump(mode="json") for source in request.app.state.base.catalogue.sources.values()]
