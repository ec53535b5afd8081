"""Who is asking: the client of a request, by its token or its key, and within its limits."""

from __future__ import annotations

import hmac
from typing import Annotated

from fastapi import Depends, Header, Request

from records.errors import NotAuthenticated
from records.words import Text
from service.security.certificates import certificate_of
from service.security.clients import Clients
from service.security.limits import Limits
from service.security.roles import Client
from service.security.tokens import Tokens


def client_of(
    request: Request,
    x_api_key: Annotated[str | None, Header(description="调用方密钥 / the client's key")] = None,
    authorization: Annotated[
        str | None,
        Header(description="Bearer 令牌，见 POST /v1/oauth/token / a bearer token from POST /v1/oauth/token"),
    ] = None,
) -> Client:
    """The authenticated client of a request. Raises ``NotAuthenticated``, ``TooManyRequests``."""
    state = request.app.state
    certificate = certificate_of(request, state.base.settings.access)
    if authorization is not None:
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer" or x_api_key is not None:
            raise NotAuthenticated(
                Text("Authorization 须为 Bearer 令牌，且不与 X-API-Key 并用", "give either a Bearer token or X-API-Key")
            )
        tokens: Tokens = state.tokens
        client = tokens.read(token.strip(), certificate)
    else:
        clients: Clients = state.clients
        client = clients.authenticate(x_api_key)
    bound_to_certificate(client, certificate)
    limit(request, client)
    return client


def bound_to_certificate(client: Client, certificate: str | None) -> None:
    """Raises ``NotAuthenticated`` where the client must show a certificate and did not show this one."""
    if client.certificate is not None and not hmac.compare_digest(client.certificate, certificate or ""):
        raise NotAuthenticated(
            Text("此调用方须出示其登记的客户端证书", "this client must show the certificate that it is bound to")
        )


def limit(request: Request, client: Client) -> None:
    """Counts a request; its answer tells what is left. Raises ``TooManyRequests``."""
    limits: Limits = request.app.state.limits
    request.state.limit_headers = limits.take(client)


Asking = Annotated[Client, Depends(client_of)]
