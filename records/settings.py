"""Where this installation keeps its things. Read from the environment (``HUIXIN_...``)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import NoDecode, SettingsConfigDict

from records.access_settings import AccessSettings
from records.exchange.limits import ExchangeLimits
from records.settings_base import FromEnvironment
from records.watch_settings import WatchSettings


class Settings(FromEnvironment):
    """Checked configuration; every default works on one machine without a server.

    ``home``: folder of everything that a run writes.
    ``database_url``: operations database (SQLite in ``home`` unless a PostgreSQL URL is given).
    ``mlflow_uri``: MLflow tracking and registry (SQLite in ``home`` unless a server is given).
    ``identity_key``: key of the subject ids; where absent, made once and kept in ``home/secrets``.
    ``identity_keys_former``: keys of earlier rotations, newest first, as a JSON list; each is needed until its subjects
    are known under the present one (``huixin identity status``).
    ``catalogue_folder``: the installation's own catalogue files, beside those that Huixin ships.
    ``feature_modules``: the installation's own Python modules that declare ``FEATURES``, separated by commas.
    ``batch_rows_most``: a batch of more rows is refused.
    ``log_level``: log lines below it are not written. ``log_requests``: which requests have a line of their own.
    ``traces_url``: where OpenTelemetry spans go (OTLP over HTTP), none unless given. ``traces_share``: of which part of
    the requests, where the caller has not decided.
    ``drain_seconds``: requests under way have so long to end when the service stops.
    ``exchange``: how much sources may push at once (``HUIXIN_EXCHANGE_...``).
    ``watch``: watch lists and webhooks (``HUIXIN_WATCH_...``).
    ``access``: tokens, certificates and limits of clients (``HUIXIN_ACCESS_...``).
    """

    model_config = SettingsConfigDict(env_prefix="HUIXIN_", extra="ignore")

    home: Path = Path("var")
    database_url: str | None = None
    mlflow_uri: str | None = None
    identity_key: SecretStr | None = None
    identity_keys_former: Annotated[tuple[SecretStr, ...], NoDecode] = ()
    catalogue_folder: Path | None = None
    batch_rows_most: int = 100_000_000
    feature_modules: Annotated[tuple[str, ...], NoDecode] = ()
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_requests: Literal["none", "failed", "all"] = "failed"
    traces_url: str | None = Field(None, pattern=r"^https?://[^/\s]+")
    traces_share: float = Field(1.0, ge=0, le=1)
    drain_seconds: int = Field(30, ge=0, le=600)
    exchange: ExchangeLimits = Field(default_factory=ExchangeLimits)
    watch: WatchSettings = Field(default_factory=WatchSettings)
    access: AccessSettings = Field(default_factory=AccessSettings)

    @field_validator("feature_modules", mode="before")
    @classmethod
    def _between_commas(cls, value: Any) -> Any:
        return tuple(one.strip() for one in value.split(",") if one.strip()) if isinstance(value, str) else value

    @field_validator("identity_keys_former", mode="before")
    @classmethod
    def _json_list(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        try:
            return tuple(json.loads(value))
        except (ValueError, TypeError):
            raise ValueError("a JSON list of strings is accepted") from None

    @property
    def records_folder(self) -> Path:
        return self.home / "records"

    @property
    def quarantine_folder(self) -> Path:
        return self.home / "quarantine"

    @property
    def peers_folder(self) -> Path:
        return self.home / "peers"

    @property
    def operations_url(self) -> str:
        return self.database_url or f"sqlite:///{(self.home / 'operations.db').resolve()}"

    @property
    def tracking_uri(self) -> str:
        return self.mlflow_uri or f"sqlite:///{(self.home / 'mlflow.db').resolve()}"

    @property
    def artifact_folder(self) -> Path:
        return (self.home / "mlflow-artifacts").resolve()
