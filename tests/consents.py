"""Authorisations that subjects of a test have given."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from records.base import RecordBase
from records.moment import now
from service.security import PURPOSES
from service.security.consents import Authorisation, BadConsent, Consents


def consent(base: RecordBase, reference: str, *subjects: str, purposes: Iterable[str] = PURPOSES) -> None:
    """``subjects`` authorise any client under ``reference``, for a year; once filed, again is no error."""
    for subject in subjects:
        until = now() + timedelta(days=365)
        given = Authorisation(reference, subject, tuple(purposes), until, document="DA-TEST")
        try:
            Consents(base).file(given, "test")
        except BadConsent:
            continue
