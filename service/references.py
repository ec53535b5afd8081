"""References that clients give, of authorisations and signed forms: they are kept and audited, so none may be an
identity number."""

from __future__ import annotations

from pydantic import AfterValidator
from pydantic_core import PydanticCustomError

from service.logs import NUMBER


def _without_number(reference: str | None) -> str | None:
    if reference is not None and NUMBER.search(reference):
        raise PydanticCustomError("identity_number", "a reference must not hold an identity number")
    return reference


NO_NUMBER = AfterValidator(_without_number)
