"""The OpenAPI document against the service, by Schemathesis, every check on, in every role and without a key."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from itertools import cycle
from typing import Any

from fastapi import FastAPI

HEADERS = ("x-api-key", "authorization")


def conforming(
    app: FastAPI, keys: Mapping[str | None, str | None], examples: int, only: str | None = None
) -> dict[str, Any]:
    """Figures of ``examples`` cases an operation, asked in turn with ``keys``; ``findings``: failures by check.

    ``only``: the operations whose path holds this.
    """
    import schemathesis
    from hypothesis import HealthCheck, given, settings
    from schemathesis.core.failures import FailureGroup
    from schemathesis.openapi.checks import RejectedPositiveData

    schemathesis.checks.load_all_checks()
    checks = schemathesis.checks.CHECKS.get_all()
    schema = schemathesis.openapi.from_asgi("/openapi.json", app)
    roles, asked, findings, meaning = cycle(keys), Counter[str](), Counter[str](), Counter[str]()
    quiet = settings(
        max_examples=examples, deadline=None, database=None, suppress_health_check=list(HealthCheck), derandomize=True
    )
    for result in schema.get_all_operations():
        operation = result.ok()  # type: ignore[union-attr]
        if only is not None and only not in operation.path:
            continue

        def conforms(case: Any) -> None:
            role = next(roles)
            key = keys[role]
            case.headers = {name: value for name, value in case.headers.items() if name.lower() not in HEADERS}
            asked[str(role)] += 1
            answer = case.call(headers={"X-API-Key": key} if key else {})
            try:
                case.validate_response(answer, checks=checks)
            except FailureGroup as error:
                for one in error.exceptions:
                    if case.path == "/readyz" and answer.status_code == 503:
                        continue  # an installation without models is not ready, and says so
                    if isinstance(one, RejectedPositiveData) and _of_meaning(answer):
                        meaning[f"{case.method} {case.path}"] += 1
                        continue
                    what = f"{type(one).__name__}: {str(one).strip().splitlines()[0][:160]}"
                    findings[f"{case.method} {case.path} as {role}: {what}"] += 1

        quiet(given(case=operation.as_strategy())(conforms))()
    return {
        "cases": sum(asked.values()),
        "by_role": dict(asked),
        "refused_for_their_meaning": sum(meaning.values()),
        "checks": [one.__name__ for one in checks],
        "findings": dict(findings.most_common()),
    }


def _of_meaning(answer: Any) -> bool:
    """A refusal that names what is wrong with a value which the schema allows: a day that is none, a foreign cursor."""
    problem = str(answer.json().get("type") or answer.json().get("error"))
    return answer.status_code in (400, 413, 415, 422) and not problem.endswith((":bad-request", ":http-400"))
