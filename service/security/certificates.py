"""The client's certificate, as a trusted proxy tells of it (RFC 8705, mutual TLS ended at the proxy)."""

from __future__ import annotations

import re
from base64 import urlsafe_b64encode
from ipaddress import ip_address

from fastapi import Request

from records.access_settings import AccessSettings

HEXADECIMAL = re.compile(r"[0-9A-Fa-f]{64}")
BASE64URL = re.compile(r"[A-Za-z0-9_-]{43}")


def certificate_of(request: Request, settings: AccessSettings) -> str | None:
    """SHA-256 of the certificate, base64url without padding; None unless a trusted proxy gave exactly one."""
    if not settings.trusted_proxies or request.client is None:
        return None
    try:
        peer = ip_address(request.client.host)
    except ValueError:
        return None
    told = request.headers.getlist(settings.certificate_header)
    if len(told) != 1 or not any(peer in network for network in settings.trusted_proxies):
        return None
    digest = told[0].replace(":", "").strip()
    if HEXADECIMAL.fullmatch(digest):
        return urlsafe_b64encode(bytes.fromhex(digest)).decode().rstrip("=")
    return digest if BASE64URL.fullmatch(digest) else None
