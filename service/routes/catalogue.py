"""``/v1/catalogue`` and ``/catalogue``: the public information catalogue, as data and as a page."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from records.catalogue import Catalogue
from service.pages.render import catalogue_page

router = APIRouter(tags=["catalogue"])


@router.get("/v1/catalogue", summary="信用信息目录 / information catalogue")
def catalogue(request: Request) -> list[dict[str, Any]]:
    """全部来源、目录项与字段，公开。 / Every source, item and field; public."""
    return [source.model_dump(mode="json") for source in request.app.state.base.catalogue.sources.values()]


@router.get("/catalogue", summary="信用信息目录网页 / the catalogue as a page", response_class=HTMLResponse)
def page(request: Request) -> HTMLResponse:
    """可检索、可打印的目录网页，公开。 / The catalogue to search and print; public."""
    return HTMLResponse(_page(request.app.state.base.catalogue), headers={"Cache-Control": "public, max-age=600"})


@lru_cache(maxsize=4)
def _page(shown: Catalogue) -> str:
    return catalogue_page(shown)
