"""How the watch works and how webhooks are delivered. Read from the environment (``HUIXIN_WATCH_...``)."""

from __future__ import annotations

from pydantic import Field, SecretStr
from pydantic_settings import SettingsConfigDict

from records.settings_base import FromEnvironment


class WatchSettings(FromEnvironment):
    """Bounds and habits of the watch.

    ``loopback``: whether webhooks may be on this machine, over http too: for tests only.
    ``webhook_key``: master key of the webhooks' secrets, the same on every host; where absent, made once and kept in
    ``home/secrets``.
    ``attempts_most``: then a delivery is a dead letter. ``first_wait_seconds`` doubles at each attempt up to
    ``longest_wait_seconds``, and is shortened at random by up to half.
    ``timeout_seconds``: connecting, sending and the answer's head together.
    ``lease_seconds``: a worker that is silent for so long has lost its webhook, or its turn.
    ``deliver``: whether this service delivers. ``senders``: webhooks that one process serves at once.
    ``evaluate``: whether this service evaluates too, as ``huixin watch loop`` does in a process of its own.
    ``every``: whether month ends are evaluated for all rated subjects, so that regulators see all.
    ``batch_seconds``: shortest time between evaluations after batches. ``look_seconds``: how often to look for work.
    ``keep_days``: how long settled deliveries can be looked at.
    """

    model_config = SettingsConfigDict(env_prefix="HUIXIN_WATCH_", extra="ignore")

    loopback: bool = False
    webhook_key: SecretStr | None = Field(None, min_length=32)
    attempts_most: int = Field(12, ge=1, le=100)
    first_wait_seconds: float = Field(5, gt=0)
    longest_wait_seconds: float = Field(6 * 3600, gt=0)
    timeout_seconds: float = Field(10, gt=0, le=60)
    lease_seconds: float = Field(120, gt=0)
    deliver: bool = True
    evaluate: bool = False
    every: bool = True
    batch_seconds: float = Field(300, ge=0)
    look_seconds: float = Field(1, gt=0)
    keep_days: float = Field(30, gt=0)
    senders: int = Field(4, ge=1, le=64)
    lists_most: int = Field(100, ge=1)
    entries_most: int = Field(200_000, ge=1)
    webhooks_most: int = Field(10, ge=1)
