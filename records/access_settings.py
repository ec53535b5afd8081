"""How clients prove who they are, and how much they may ask. Read from the environment (``HUIXIN_ACCESS_...``)."""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network

from pydantic import Field, SecretStr
from pydantic_settings import SettingsConfigDict

from records.settings_base import FromEnvironment


class AccessSettings(FromEnvironment):
    """Tokens, certificates and limits.

    ``token_key``: 32 bytes in hexadecimal, the Ed25519 key that signs tokens; where absent, made once and kept in
    ``home/secrets``. ``token_keys_former``: keys of earlier rotations, a JSON list, needed until their last tokens end.
    ``token_seconds``: how long a token lasts. ``issuer``, ``audience``: what tokens must name.
    ``trusted_proxies``: addresses or networks (a JSON list) whose ``certificate_header`` is believed: the SHA-256 of
    the client's certificate, hexadecimal or base64url. The proxy must drop that header from what others send.
    ``per_second``, ``burst``, ``per_day``: limits of a client that has none of its own, the first two in each worker.
    """

    model_config = SettingsConfigDict(env_prefix="HUIXIN_ACCESS_", extra="ignore")

    token_key: SecretStr | None = None
    token_keys_former: tuple[SecretStr, ...] = ()
    token_seconds: int = Field(600, ge=10, le=3600)
    issuer: str = Field("huixin", min_length=1, max_length=200)
    audience: str = Field("huixin-api", min_length=1, max_length=200)
    trusted_proxies: tuple[IPv4Network | IPv6Network, ...] = ()
    certificate_header: str = Field("X-Client-Certificate-SHA256", pattern=r"^[A-Za-z0-9-]{1,60}$")
    per_second: float = Field(20_000, gt=0)
    burst: float = Field(40_000, ge=1)
    per_day: int | None = Field(None, gt=0)
