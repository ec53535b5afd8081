"""Tables of the watch: whom clients watch, the alerts kept of each subject, and what is on its way to webhooks."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, DateTime, ForeignKey, Index, Integer, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from records.database import Operations


class WatchListRow(Operations):
    """A client's list of subjects in which it has an interest; ``threshold``: the least severity it is told of."""

    __tablename__ = "watch_lists"
    watch_list_id: Mapped[str] = mapped_column(String(40), primary_key=True)
    client_id: Mapped[str] = mapped_column(ForeignKey("clients.client_id"))
    name: Mapped[str] = mapped_column(String(120))
    threshold: Mapped[str] = mapped_column(String(10))
    created_at: Mapped[datetime] = mapped_column(DateTime)
    __table_args__ = (UniqueConstraint("client_id", "name", name="uq_watch_lists_name"),)


class WatchEntryRow(Operations):
    """A subject on a watch list; ``told_at``: when its client was first told of the alerts that stood already."""

    __tablename__ = "watch_entries"
    watch_list_id: Mapped[str] = mapped_column(ForeignKey("watch_lists.watch_list_id"), primary_key=True)
    subject_id: Mapped[str] = mapped_column(String(32), primary_key=True, index=True)
    segment: Mapped[str] = mapped_column(String(20))
    authorisation: Mapped[str | None] = mapped_column(String(100))
    added_at: Mapped[datetime] = mapped_column(DateTime)
    told_at: Mapped[datetime | None] = mapped_column(DateTime)


class SubjectAlertsRow(Operations):
    """A subject's alerts as of its latest evaluation; ``gravest``: rank of the gravest raised one (0 is red)."""

    __tablename__ = "subject_alerts"
    subject_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    segment: Mapped[str] = mapped_column(String(20))
    as_of: Mapped[datetime] = mapped_column(DateTime)
    gravest: Mapped[int] = mapped_column(Integer)
    alerts: Mapped[str] = mapped_column(Text)
    distress: Mapped[dict[str, float]] = mapped_column(JSON)
    __table_args__ = (Index("ix_subject_alerts_gravest", "gravest", "subject_id"),)


class WatchTurnRow(Operations):
    """Whose turn it is to evaluate, and what was evaluated last: a month end, and a state of the base."""

    __tablename__ = "watch_turns"
    turn: Mapped[str] = mapped_column(String(20), primary_key=True)
    month_end: Mapped[datetime | None] = mapped_column(DateTime)
    state: Mapped[int | None] = mapped_column(Integer)
    worker: Mapped[str | None] = mapped_column(String(80))
    leased_until: Mapped[datetime | None] = mapped_column(DateTime)


class WebhookRow(Operations):
    """Where a client wants events sent. The secret is not here: it is derived from ``salt`` and the master key.

    ``failures`` in a row; it ``rests_until`` then. ``worker`` holds it until ``leased_until``.
    """

    __tablename__ = "webhooks"
    webhook_id: Mapped[str] = mapped_column(String(40), primary_key=True)
    client_id: Mapped[str] = mapped_column(ForeignKey("clients.client_id"), index=True)
    url: Mapped[str] = mapped_column(String(500))
    event_types: Mapped[list[str]] = mapped_column(JSON)
    salt: Mapped[str] = mapped_column(String(32))
    former_salt: Mapped[str | None] = mapped_column(String(32))
    former_until: Mapped[datetime | None] = mapped_column(DateTime)
    created_at: Mapped[datetime] = mapped_column(DateTime)
    failures: Mapped[int] = mapped_column(Integer)
    rests_until: Mapped[datetime | None] = mapped_column(DateTime)
    worker: Mapped[str | None] = mapped_column(String(80))
    leased_until: Mapped[datetime | None] = mapped_column(DateTime)


class EventRow(Operations):
    """Something that a client is told; ``body`` is sent byte for byte, each time the same."""

    __tablename__ = "events"
    event_id: Mapped[str] = mapped_column(String(40), primary_key=True)
    client_id: Mapped[str] = mapped_column(String(40), index=True)
    event_type: Mapped[str] = mapped_column(String(40))
    subject_id: Mapped[str | None] = mapped_column(String(32))
    created_at: Mapped[datetime] = mapped_column(DateTime, index=True)
    body: Mapped[str] = mapped_column(Text)


class DeliveryRow(Operations):
    """An event on its way to a webhook: waiting, delivered, or dead after too many attempts."""

    __tablename__ = "deliveries"
    delivery_id: Mapped[str] = mapped_column(String(40), primary_key=True)
    webhook_id: Mapped[str] = mapped_column(ForeignKey("webhooks.webhook_id"))
    event_id: Mapped[str] = mapped_column(String(40))
    state: Mapped[str] = mapped_column(String(12))
    attempts: Mapped[int] = mapped_column(Integer)
    created_at: Mapped[datetime] = mapped_column(DateTime)
    next_at: Mapped[datetime | None] = mapped_column(DateTime)
    settled_at: Mapped[datetime | None] = mapped_column(DateTime)
    last: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    __table_args__ = (
        UniqueConstraint("webhook_id", "event_id", name="uq_deliveries_event"),
        Index("ix_deliveries_due", "state", "next_at"),
    )
