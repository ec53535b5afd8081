"""Events: what clients are told, kept with its deliveries in the transaction that made it true."""

from __future__ import annotations

import secrets
from datetime import datetime
from hashlib import sha256
from typing import Any, Literal, get_args

import orjson
from sqlalchemy import select
from sqlalchemy.orm import Session

from records.database_watch import DeliveryRow, EventRow, WebhookRow

EventType = Literal["warning.raised", "warning.ended", "ping"]
EVENT_TYPES: tuple[EventType, ...] = get_args(EventType)
WAITING, DELIVERED, DEAD = "waiting", "delivered", "dead"


def event_id(*what: str) -> str:
    """The same id for the same thing, so that whoever is told twice can tell."""
    return "e-" + sha256("\0".join(what).encode()).hexdigest()[:32]


def announce(
    session: Session,
    client_id: str,
    event_type: EventType,
    identity: str,
    at: datetime,
    told: dict[str, Any],
    *,
    subject_id: str | None = None,
    webhook_id: str | None = None,
) -> bool:
    """Keep an event of a client, on its way to those of its webhooks that want it; in the caller's write transaction.

    ``told`` must hold no identity number. ``webhook_id``: to this one alone, whatever it wants. Returns whether it is
    news that anybody wanted.
    """
    hooks = session.scalars(select(WebhookRow).where(WebhookRow.client_id == client_id)).all()
    wanted = [
        one for one in hooks if (event_type in one.event_types if webhook_id is None else one.webhook_id == webhook_id)
    ]
    if not wanted or session.get(EventRow, identity) is not None:
        return False
    body = {"event_id": identity, "type": event_type, "created_at": f"{at.isoformat()}Z", **told}
    session.add(
        EventRow(
            event_id=identity,
            client_id=client_id,
            event_type=event_type,
            subject_id=subject_id,
            created_at=at,
            body=orjson.dumps(body).decode(),
        )
    )
    for hook in wanted:
        session.add(
            DeliveryRow(
                delivery_id=f"d-{secrets.token_hex(12)}",
                webhook_id=hook.webhook_id,
                event_id=identity,
                state=WAITING,
                attempts=0,
                created_at=at,
                next_at=at,
            )
        )
    session.flush()
    return True
