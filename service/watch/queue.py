"""Deliveries that are due: a webhook is leased to one worker at a time, through the database.

A lease that is not renewed ends by itself, so that a killed worker's webhook goes to another one. What was sent but not
yet noted as sent is then sent again: the same event id, the same body.
"""

from __future__ import annotations

import random
from datetime import datetime, timedelta

from sqlalchemy import Engine, delete, or_, select, update
from sqlalchemy.orm import Session

from records.database import ClientRow, writing
from records.database_watch import DeliveryRow, EventRow, WebhookRow
from records.moment import now
from records.watch_settings import WatchSettings
from scoring.audit import enter
from service.watch.events import DEAD, DELIVERED, WAITING
from service.watch.posting import Answer

REST_MOST_SECONDS = 300.0  # of a webhook after failures; a delivery's own wait may be longer


class DeliveryQueue:
    """The queue in the table ``deliveries``, the longest due first."""

    def __init__(self, engine: Engine, settings: WatchSettings) -> None:
        self.engine = engine
        self.settings = settings
        self.lease = timedelta(seconds=settings.lease_seconds)

    def claim(self, worker: str) -> WebhookRow | None:
        """The next webhook with something due, leased to ``worker``; ``None`` where there is none."""
        with Session(self.engine) as session:
            if _due_webhook(session) is None:
                return None
        with writing(self.engine) as session:
            row = _due_webhook(session)
            if row is None:
                return None
            row.worker, row.leased_until = worker, now() + self.lease
            session.flush()
            session.refresh(row)
            session.expunge(row)
            return row

    def next(self, webhook: WebhookRow) -> tuple[DeliveryRow, EventRow] | None:
        """What is to be sent now, for as long as the lease holds."""
        query = (
            select(DeliveryRow, EventRow)
            .join(EventRow, EventRow.event_id == DeliveryRow.event_id)
            .join(WebhookRow, WebhookRow.webhook_id == DeliveryRow.webhook_id)
            .where(DeliveryRow.webhook_id == webhook.webhook_id, WebhookRow.worker == webhook.worker)
            .where(DeliveryRow.state == WAITING, DeliveryRow.next_at <= now())
            .order_by(DeliveryRow.next_at, DeliveryRow.created_at, DeliveryRow.delivery_id)
        )
        with Session(self.engine, expire_on_commit=False) as session:
            found = session.execute(query.limit(1)).tuples().first()
            return None if found is None else (found[0], found[1])

    def settle(self, webhook: WebhookRow, sent: DeliveryRow, answer: Answer) -> None:
        """Note what came of an attempt, and renew the lease."""
        with writing(self.engine) as session:
            hook = session.get(WebhookRow, webhook.webhook_id)
            row = session.get(DeliveryRow, sent.delivery_id)
            if hook is None or row is None or row.state != WAITING:
                return
            moment = now()
            ours = hook.worker == webhook.worker
            if ours:
                hook.leased_until = moment + self.lease
            if answer.taken:
                row.state, row.settled_at, row.next_at = DELIVERED, moment, None
                hook.failures, hook.rests_until = 0, None
            elif ours:
                self._failed(session, hook, row, moment)
            else:
                return
            row.attempts += 1
            row.last = {"at": f"{moment.isoformat()}Z", "status": answer.status, "problem": answer.problem}
            row.last |= {"seconds": answer.seconds}

    def release(self, webhook: WebhookRow) -> None:
        """Let others have it."""
        with writing(self.engine) as session:
            mine = (WebhookRow.webhook_id == webhook.webhook_id, WebhookRow.worker == webhook.worker)
            session.connection().execute(update(WebhookRow).where(*mine).values(worker=None, leased_until=None))

    def tidy(self) -> None:
        """Forget what was settled long ago."""
        before = now() - timedelta(days=self.settings.keep_days)
        settled = DeliveryRow.state.in_((DELIVERED, DEAD)) & (DeliveryRow.settled_at < before)
        with writing(self.engine) as session:
            session.execute(delete(DeliveryRow).where(settled))
            left = select(DeliveryRow.event_id)
            session.execute(delete(EventRow).where(EventRow.created_at < before, EventRow.event_id.not_in(left)))

    def _failed(self, session: Session, hook: WebhookRow, row: DeliveryRow, moment: datetime) -> None:
        """Try again later, or no more; meanwhile the webhook rests, so that one that is down holds up no worker."""
        hook.failures += 1
        hook.rests_until = moment + timedelta(seconds=min(self._wait(hook.failures), REST_MOST_SECONDS))
        if row.attempts + 1 < self.settings.attempts_most:
            row.next_at = moment + timedelta(seconds=self._wait(row.attempts + 1))
            return
        row.state, row.settled_at, row.next_at = DEAD, moment, None
        payload = {"webhook_id": hook.webhook_id, "delivery_id": row.delivery_id, "event_id": row.event_id}
        enter(session, hook.client_id, "webhook.dead", payload=payload)

    def _wait(self, attempts: int) -> float:
        """Seconds to wait after the ``attempts``-th failure: doubled each time, shortened at random by up to half."""
        longest = min(
            self.settings.first_wait_seconds * 2.0 ** min(attempts - 1, 40), self.settings.longest_wait_seconds
        )
        return longest * random.uniform(0.5, 1.0)  # noqa: S311  (spreads retries, guards nothing)


def _due_webhook(session: Session) -> WebhookRow | None:
    moment = now()
    query = (
        select(WebhookRow)
        .join(DeliveryRow, DeliveryRow.webhook_id == WebhookRow.webhook_id)
        .join(ClientRow, ClientRow.client_id == WebhookRow.client_id)
        .where(DeliveryRow.state == WAITING, DeliveryRow.next_at <= moment, ClientRow.revoked_at.is_(None))
        .where(or_(WebhookRow.rests_until.is_(None), WebhookRow.rests_until <= moment))
        .where(or_(WebhookRow.leased_until.is_(None), WebhookRow.leased_until < moment))
        .order_by(DeliveryRow.next_at)
    )
    return session.scalars(query.limit(1)).first()
