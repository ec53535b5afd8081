"""How much the exchange takes in at once. Read from the environment (``HUIXIN_EXCHANGE_...``)."""

from __future__ import annotations

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from records.settings_base import FromEnvironment

MIB = 1 << 20


class ExchangeLimits(FromEnvironment):
    """Bounds that keep one source from crowding out the others, and the disk from filling up.

    ``chunk_bytes_most``: body of one request. ``upload_bytes_most``: a whole batch. ``spool_bytes_most``: all batches
    on their way in together. ``open_most``: unfinished or queued uploads of one source. ``queue_most``: uploads waiting
    for the door. ``bodies_most``: request bodies in memory at once, a process; ``pushes_most``: those among them that
    pass the door at once, while the others wait. ``disk_reserve_bytes``: free space that is never used up.
    ``idle_days``: an upload without progress for so long is given up. ``body_seconds``: a slower body is cut off.
    ``lease_seconds``: a worker that is silent for so long has lost its batch to another one.
    ``clear_in_memory_most``: batches up to this size lie in memory, not on disk, while they pass the door in clear.
    ``history``: whether sources may push records with a ``recorded_at`` of their own; it rewrites what was known when.
    """

    model_config = SettingsConfigDict(env_prefix="HUIXIN_EXCHANGE_", extra="ignore")

    chunk_bytes_most: int = Field(8 * MIB, ge=1, le=64 * MIB)
    upload_bytes_most: int = Field(20 * 1024 * MIB, ge=1)
    spool_bytes_most: int = Field(100 * 1024 * MIB, ge=1)
    open_most: int = Field(20, ge=1)
    queue_most: int = Field(500, ge=1)
    bodies_most: int = Field(16, ge=1)
    pushes_most: int = Field(2, ge=1)
    disk_reserve_bytes: int = Field(1024 * MIB, ge=0)
    idle_days: float = Field(7, gt=0)
    body_seconds: float = Field(120, gt=0)
    lease_seconds: float = Field(30, gt=0)
    clear_in_memory_most: int = Field(256 * MIB, ge=0)
    history: bool = False
