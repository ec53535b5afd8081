"""``/docs``: the interactive document, with its scripts served from here."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import HTMLResponse

router = APIRouter(include_in_schema=False)


@router.get("/docs")
def docs() -> HTMLResponse:
    """The OpenAPI document as a page; nothing of it comes from another host."""
    return get_swagger_ui_html(
        openapi_url="/openapi.json",
        title="惠信 Huixin API",
        swagger_js_url="/static/swagger-ui/swagger-ui-bundle.js",
        swagger_css_url="/static/swagger-ui/swagger-ui.css",
        swagger_favicon_url="data:,",
    )
