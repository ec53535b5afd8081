"""The API document of the exchange keeps what it promises to an agency."""

from __future__ import annotations

from typing import Any

import pytest
import schemathesis

from records.base import RecordBase
from service.app import create_app
from service.security import Clients


@pytest.mark.parametrize("limits", [{"body_seconds": 5}])
def test_the_document_of_the_exchange_keeps_what_it_promises(exchange_base: RecordBase) -> None:
    from hypothesis import HealthCheck, given, settings

    key = Clients(exchange_base.engine).add("power", "agency", "power")
    schema = schemathesis.openapi.from_asgi("/openapi.json", create_app(exchange_base.settings))
    checks = schemathesis.checks
    checks.load_all_checks()
    chosen = [
        checks.not_a_server_error,
        *(
            checks.CHECKS.get_one(name)
            for name in ("status_code_conformance", "content_type_conformance", "response_schema_conformance")
        ),
    ]
    operations = list(schema.include(tag="exchange").get_all_operations())
    assert len(operations) >= 12
    for operation in operations:

        @given(case=operation.ok().as_strategy())
        @settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck), database=None)
        def conforms(case: Any) -> None:
            case.call_and_validate(headers={"X-API-Key": key}, checks=chosen)

        conforms()
