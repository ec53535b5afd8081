"""Which action each route asks for; a route that is not here has not been thought through, and a test says so."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI

from service.security.roles import ACTIONS, ALLOWED, Action

# None: open to anybody. What an action allows may be narrowed further, to the own source, subject or cases.
DECLARED: dict[str, Action | None] = {
    "POST /v1/scores": "score",
    "GET /v1/scores": "read",
    "GET /v1/scores/{score_id}": "read",
    "POST /v1/scores/{score_id}/replay": "replay",
    "GET /v1/subjects/{subject_id}/grades": "read",
    "GET /v1/scores/{score_id}/explanation": "read",
    "GET /v1/scores/{score_id}/counterfactuals": "read",
    "GET /v1/subjects/{subject_id}/file": "file",
    "GET /v1/subjects/{subject_id}/file.html": "file",
    "POST /v1/objections": "object",
    "GET /v1/objections": "cases",
    "GET /v1/objections/{case_id}": "cases",
    "POST /v1/objections/{case_id}/answer": "answer",
    "POST /v1/repairs": "repair",
    "GET /v1/repairs": "cases",
    "GET /v1/repairs/{case_id}": "cases",
    "POST /v1/repairs/{case_id}/proposal": "propose",
    "POST /v1/repairs/{case_id}/approval": "approve",
    "POST /v1/repairs/{case_id}/refusal": "approve",
    "POST /v1/erasures": "erase",
    "GET /v1/erasures": "cases",
    "POST /v1/erasures/{case_id}/approval": "approve",
    "POST /v1/erasures/{case_id}/refusal": "approve",
    "POST /v1/scores/batch": "score",
    "POST /v1/jobs": "score",
    "GET /v1/jobs/{job_id}": "score",
    "GET /v1/jobs/{job_id}/result": "score",
    "DELETE /v1/jobs/{job_id}": "score",
    "POST /v1/reports": "report",
    "GET /v1/reports/{report_id}": "report",
    "GET /v1/warnings": "warnings",
    "GET /v1/subjects/{subject_id}/warnings": "warnings",
    "POST /v1/watch-lists": "watch",
    "GET /v1/watch-lists": "watch",
    "GET /v1/watch-lists/{watch_list_id}": "watch",
    "DELETE /v1/watch-lists/{watch_list_id}": "watch",
    "POST /v1/watch-lists/{watch_list_id}/entries": "watch",
    "GET /v1/watch-lists/{watch_list_id}/entries": "watch",
    "DELETE /v1/watch-lists/{watch_list_id}/entries/{subject_id}": "watch",
    "POST /v1/webhooks": "webhooks",
    "GET /v1/webhooks": "webhooks",
    "GET /v1/webhooks/{webhook_id}": "webhooks",
    "DELETE /v1/webhooks/{webhook_id}": "webhooks",
    "POST /v1/webhooks/{webhook_id}/secret": "webhooks",
    "POST /v1/webhooks/{webhook_id}/ping": "webhooks",
    "GET /v1/webhooks/{webhook_id}/deliveries": "webhooks",
    "POST /v1/webhooks/{webhook_id}/deliveries/{delivery_id}/redeliver": "webhooks",
    "GET /v1/models": "list",
    "GET /v1/models/{name}/monitoring": "monitor",
    "GET /v1/models/{name}/versions/{version}": "list",
    "GET /v1/models/{name}/versions/{version}/card": "list",
    "GET /v1/catalogue": None,
    "GET /catalogue": None,
    "POST /v1/uploads": "push",
    "PATCH /v1/uploads/{upload_id}": "push",
    "HEAD /v1/uploads/{upload_id}": "receipts",
    "GET /v1/uploads/{upload_id}": "receipts",
    "DELETE /v1/uploads/{upload_id}": "push",
    "GET /v1/uploads/{upload_id}/receipt": "receipts",
    "GET /v1/uploads/{upload_id}/rejects": "receipts",
    "POST /v1/batches": "push",
    "GET /v1/batches": "receipts",
    "GET /v1/batches/{batch_id}/receipt": "receipts",
    "GET /v1/batches/{batch_id}/rejects": "receipts",
    "POST /v1/nothing-to-report": "push",
    "GET /v1/receipts/key": None,
    "GET /v1/assessment": "assess",
    "GET /v1/assessment/page": "assess",
    "POST /v1/oauth/token": None,
    "POST /v1/consents": "consent",
    "GET /v1/consents": "consents",
    "POST /v1/consents/{consent_id}/withdrawal": "consent",
    "GET /v1/looks": "looks",
    "POST /v1/approvals/promotions": "promote",
    "GET /v1/approvals": "approvals",
    "POST /v1/approvals/{approval_id}/approval": "approve",
    "POST /v1/approvals/{approval_id}/rejection": "approvals",
    "POST /v1/pingxintong/applications": "apply",
    "GET /v1/pingxintong/applications": "apply",
    "GET /v1/pingxintong/applications/{application_id}": "apply",
    "POST /v1/pingxintong/applications/{application_id}/decision": "apply",
    "POST /v1/pingxintong/applications/{application_id}/outcomes": "apply",
    "GET /healthz": None,
    "GET /readyz": None,
    "GET /metrics": None,
}


def document(app: FastAPI) -> None:
    """Have the OpenAPI document of ``app`` name each operation's scheme of proof, scope and roles."""
    plain = app.openapi

    def told() -> dict[str, Any]:
        if app.openapi_schema is None:
            _tell(plain())
        return plain()

    app.openapi = told  # type: ignore[method-assign]


def _tell(found: dict[str, Any]) -> None:
    flow = {"tokenUrl": "/v1/oauth/token", "scopes": {action: ", ".join(sorted(ALLOWED[action])) for action in ACTIONS}}
    found.setdefault("components", {})["securitySchemes"] = {
        "token": {"type": "oauth2", "flows": {"clientCredentials": flow}},
        "key": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
    }
    for path, operations in found["paths"].items():
        for method, operation in operations.items():
            action = DECLARED.get(f"{method.upper()} {path}")
            operation["security"] = [] if action is None else [{"token": [action]}, {"key": []}]
            if action is not None:
                operation["x-roles"] = sorted(ALLOWED[action])
