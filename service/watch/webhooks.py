"""Webhooks of clients: where they want to be told, of what, and what became of it."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import delete, func, select, tuple_
from sqlalchemy.orm import Session

from records.base import RecordBase
from records.database import writing
from records.database_watch import DeliveryRow, EventRow, WebhookRow
from records.moment import now
from records.words import Text
from scoring.audit import enter
from service.security import Client, allow
from service.watch.addresses import check_url
from service.watch.errors import BadWebhook, TooManyWatched, UnknownDelivery, UnknownWebhook
from service.watch.events import WAITING, EventType, announce, event_id
from service.watch.signature import Signer, new_salt

FORMER_SECRET = timedelta(hours=24)
DeliveryState = Literal["waiting", "delivered", "dead"]


@dataclass(frozen=True)
class Webhook:
    """A webhook as its client sees it; ``waiting`` and ``dead``: how many deliveries are."""

    webhook_id: str
    url: str
    event_types: tuple[EventType, ...]
    created_at: datetime
    failures: int
    rests_until: datetime | None
    waiting: int
    dead: int


@dataclass(frozen=True)
class Delivery:
    """An event on its way; ``last``: status, problem and seconds of the latest attempt, and when it was."""

    delivery_id: str
    event_id: str
    event_type: str
    subject_id: str | None
    state: DeliveryState
    attempts: int
    created_at: datetime
    next_at: datetime | None
    settled_at: datetime | None
    last: dict[str, Any] | None


class Webhooks:
    """The webhooks of the clients of one base; each client sees its own only."""

    def __init__(self, base: RecordBase) -> None:
        self.base = base
        self.settings = base.settings.watch
        self.signer = Signer(base.settings)

    def add(self, client: Client, url: str, event_types: Sequence[EventType]) -> tuple[Webhook, str]:
        """A new webhook, and its secret, which is not shown again. Raises ``BadWebhook`` or ``TooManyWatched``."""
        allow(client, "webhooks")
        check_url(url, loopback=self.settings.loopback)
        if not event_types:
            raise BadWebhook(Text("event_types：至少一种", "event_types: at least one is needed"))
        with writing(self.base.engine) as session:
            mine = select(func.count()).select_from(WebhookRow).where(WebhookRow.client_id == client.client_id)
            most = self.settings.webhooks_most
            if (session.scalar(mine) or 0) >= most:
                raise TooManyWatched(Text(f"回调至多 {most} 个", f"at most {most} webhooks are accepted"))
            row = WebhookRow(
                webhook_id=f"h-{secrets.token_hex(12)}",
                client_id=client.client_id,
                url=url,
                event_types=list(dict.fromkeys(event_types)),
                salt=new_salt(),
                created_at=now(),
                failures=0,
            )
            session.add(row)
            session.flush()
            payload = {"webhook_id": row.webhook_id, "event_types": row.event_types}
            enter(session, client.client_id, "webhook.add", payload=payload)
            return _webhook(session, row), self.signer.secret(row.webhook_id, row.salt)

    def of(self, client: Client) -> list[Webhook]:
        allow(client, "webhooks")
        query = select(WebhookRow).where(WebhookRow.client_id == client.client_id).order_by(WebhookRow.created_at)
        with Session(self.base.engine) as session:
            return [_webhook(session, row) for row in session.scalars(query).all()]

    def one(self, client: Client, webhook_id: str) -> Webhook:
        """Raises ``UnknownWebhook``."""
        allow(client, "webhooks")
        with Session(self.base.engine) as session:
            return _webhook(session, _own(session, client, webhook_id))

    def remove(self, client: Client, webhook_id: str) -> None:
        """Remove a webhook; what was on its way to it is given up. Raises ``UnknownWebhook``."""
        allow(client, "webhooks")
        with writing(self.base.engine) as session:
            row = _own(session, client, webhook_id)
            session.execute(delete(DeliveryRow).where(DeliveryRow.webhook_id == webhook_id))
            session.delete(row)
            enter(session, client.client_id, "webhook.remove", payload={"webhook_id": webhook_id})

    def new_secret(self, client: Client, webhook_id: str) -> str:
        """Another secret; for a day each body is signed under the former one too. Raises ``UnknownWebhook``."""
        allow(client, "webhooks")
        with writing(self.base.engine) as session:
            row = _own(session, client, webhook_id)
            row.former_salt, row.former_until, row.salt = row.salt, now() + FORMER_SECRET, new_salt()
            enter(session, client.client_id, "webhook.secret", payload={"webhook_id": webhook_id})
            return self.signer.secret(row.webhook_id, row.salt)

    def ping(self, client: Client, webhook_id: str) -> str:
        """Send an event of the type ``ping``, to try the way; returns its id. Raises ``UnknownWebhook``."""
        allow(client, "webhooks")
        with writing(self.base.engine) as session:
            row = _own(session, client, webhook_id)
            row.rests_until = None
            identity = event_id("ping", webhook_id, secrets.token_hex(16))
            announce(session, client.client_id, "ping", identity, now(), {}, webhook_id=webhook_id)
            enter(session, client.client_id, "webhook.ping", payload={"webhook_id": webhook_id})
            return identity

    def deliveries(
        self,
        client: Client,
        webhook_id: str,
        state: DeliveryState | None,
        before: tuple[datetime, str] | None,
        most: int,
    ) -> list[Delivery]:
        """Deliveries, the latest first, those before ``before`` (created_at, delivery_id) only.

        Raises ``UnknownWebhook``.
        """
        allow(client, "webhooks")
        query = select(DeliveryRow, EventRow).join(EventRow, EventRow.event_id == DeliveryRow.event_id)
        query = query.where(DeliveryRow.webhook_id == webhook_id)
        if state is not None:
            query = query.where(DeliveryRow.state == state)
        if before is not None:
            query = query.where(tuple_(DeliveryRow.created_at, DeliveryRow.delivery_id) < tuple_(*before))
        ordered = query.order_by(DeliveryRow.created_at.desc(), DeliveryRow.delivery_id.desc())
        with Session(self.base.engine) as session:
            _own(session, client, webhook_id)
            return [_delivery(row, event) for row, event in session.execute(ordered.limit(most)).all()]

    def redeliver(self, client: Client, webhook_id: str, delivery_id: str) -> Delivery:
        """Send it again, whatever became of it: the same event, the same body. Raises ``UnknownDelivery``."""
        allow(client, "webhooks")
        with writing(self.base.engine) as session:
            hook = _own(session, client, webhook_id)
            row = session.get(DeliveryRow, delivery_id)
            event = session.get(EventRow, row.event_id) if row is not None else None
            if row is None or row.webhook_id != webhook_id or event is None:
                raise UnknownDelivery(Text("没有此投递", "no such delivery of this webhook"))
            row.state, row.attempts, row.next_at, row.settled_at = WAITING, 0, now(), None
            hook.rests_until = None
            payload = {"webhook_id": webhook_id, "delivery_id": delivery_id, "event_id": row.event_id}
            enter(session, client.client_id, "webhook.redeliver", subject_id=event.subject_id, payload=payload)
            return _delivery(row, event)


def _own(session: Session, client: Client, webhook_id: str) -> WebhookRow:
    row = session.get(WebhookRow, webhook_id)
    if row is None or row.client_id != client.client_id:
        raise UnknownWebhook(Text("没有此回调，或属于他人", "no such webhook, or it is another client's"))
    return row


def _webhook(session: Session, row: WebhookRow) -> Webhook:
    of_it = select(DeliveryRow.state, func.count()).where(DeliveryRow.webhook_id == row.webhook_id)
    counts = dict(session.execute(of_it.group_by(DeliveryRow.state)).tuples().all())
    types: tuple[EventType, ...] = tuple(row.event_types)  # type: ignore[arg-type]
    return Webhook(
        row.webhook_id,
        row.url,
        types,
        row.created_at,
        row.failures,
        row.rests_until,
        counts.get("waiting", 0),
        counts.get("dead", 0),
    )


def _delivery(row: DeliveryRow, event: EventRow) -> Delivery:
    state: DeliveryState = row.state  # type: ignore[assignment]
    return Delivery(
        row.delivery_id,
        row.event_id,
        event.event_type,
        event.subject_id,
        state,
        row.attempts,
        row.created_at,
        row.next_at,
        row.settled_at,
        row.last,
    )
