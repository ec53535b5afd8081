"""Every route of the OpenAPI document, asked in every role and in none."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from fastapi import FastAPI
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings

from records.base import RecordBase
from records.settings import Settings
from service.app import create_app
from service.security import ALLOWED, ROLES, Bounds, Clients
from service.security.declared import DECLARED
from tests.records.life import FIRMS, arrears, send

# Where the schema alone does not say what fits.
BODIES = {"POST /v1/jobs": {"segment": "enterprise", "purpose": "review"}}
ONE = settings(max_examples=1, deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck))


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> RecordBase:
    folder: Path = tmp_path_factory.mktemp("matrix")
    made = RecordBase.open(Settings(home=folder / "home"))
    send(made, folder / "door", "tax.arrears", arrears("one"))
    return made


@pytest.fixture(scope="module")
def app(base: RecordBase) -> FastAPI:
    return create_app(base.settings)


@pytest.fixture(scope="module")
def http(app: FastAPI) -> Iterator[TestClient]:
    with TestClient(app, raise_server_exceptions=False) as client:
        yield client


@pytest.fixture(scope="module")
def keys(base: RecordBase) -> dict[str, str]:
    clients, own = Clients(base.engine), Bounds(subject_id=base.resolve(FIRMS[0]))
    return {
        role: clients.add(role, role, "tax" if role == "agency" else None, own if role == "subject" else None)
        for role in ROLES
    }


def test_every_route_declares_what_it_asks_for_and_refuses_every_other_role(
    app: FastAPI, http: TestClient, keys: dict[str, str]
) -> None:
    schema = schemathesis.openapi.from_dict(app.openapi())
    found = {f"{one.ok().method.upper()} {one.ok().path}": one.ok() for one in schema.get_all_operations()}
    assert sorted(found) == sorted(DECLARED), "a route is missing in, or gone from, service/security/declared.py"
    wrong: list[str] = []
    for name, operation in found.items():

        def each_role(case: Any) -> None:
            wrong.extend(_wrong(http, keys, case, name))  # noqa: B023  (called at once)

        settings(ONE)(given(case=operation.as_strategy())(each_role))()
    assert not wrong, "\n".join(wrong)


def _wrong(http: TestClient, keys: dict[str, str], case: Any, name: str) -> Iterator[str]:
    """What one question gets in each role, where it should not."""
    asked = case.as_transport_kwargs(base_url="http://testserver")
    headers = {
        k: v for k, v in dict(asked.pop("headers", {})).items() if k.lower() not in ("x-api-key", "authorization")
    }
    action = DECLARED[name]
    asked.pop("cookies", None)
    if name in BODIES:
        asked["json"] = BODIES[name]
    for role in (None, *ROLES):
        told = headers | ({"X-API-Key": keys[role]} if role else {})
        answer = http.request(**asked, headers=told | {"Accept-Language": "en"})
        refused = answer.status_code == 403 and f"the role {role} may not; roles that may" in answer.text
        if role is None:
            right = (answer.status_code == 401) is (action is not None) or name == "POST /v1/oauth/token"
        elif action is None:
            right = answer.status_code not in (401, 403) or name == "POST /v1/oauth/token"
        elif name.startswith("HEAD"):
            right = (answer.status_code == 403) is (role not in ALLOWED[action])
        else:
            right = refused is (role not in ALLOWED[action]) and answer.status_code != 401
        if not right or (answer.status_code >= 500 and name != "GET /readyz" and answer.status_code != 503):
            yield f"{name} as {role}: {answer.status_code} {answer.text[:200]}"
