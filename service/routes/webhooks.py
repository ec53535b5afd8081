"""``/v1/webhooks``: where a client wants to be told, and what became of what it was told."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from records.words import Text
from service.desk.errors import BadCursor
from service.exchange import entered
from service.problems import PROBLEMS
from service.routes.watch_lists import CONFLICT, Cursor, Limit
from service.security import Asking
from service.watch.events import EventType
from service.watch.paging import cursor as cursor_of
from service.watch.paging import place
from service.watch.webhooks import Delivery, DeliveryState, Webhook, Webhooks

router = APIRouter(prefix="/v1/webhooks", tags=["webhooks"], responses=PROBLEMS | CONFLICT)
HookId = Annotated[str, Path(pattern="^h-[0-9a-f]{24}$", description="回调编号 / id of the webhook")]
DeliveryId = Annotated[str, Path(pattern="^d-[0-9a-f]{24}$", description="投递编号 / id of the delivery")]
Instant = Annotated[datetime, AfterValidator(lambda moment: moment.replace(tzinfo=UTC))]


class HookAsked(BaseModel):
    """Where to send which events."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"url": "https://bank.example/huixin", "event_types": ["warning.raised", "warning.ended"]}]
        },
    )

    url: Annotated[
        str, Field(min_length=1, max_length=500, description="https 地址，须在公网 / https, on the internet")
    ]
    event_types: Annotated[
        list[EventType], Field(min_length=1, max_length=10, description="事件类型 / types of event")
    ] = ["warning.raised", "warning.ended"]


class HookAnswer(BaseModel):
    """A webhook. ``failures`` in a row; it rests until ``rests_until`` then; ``waiting``, ``dead``: deliveries."""

    webhook_id: str
    url: str
    event_types: list[EventType]
    created_at: Instant
    failures: int
    rests_until: Instant | None
    waiting: int
    dead: int


class NewHook(HookAnswer):
    """A webhook with its ``secret``, which is not shown again."""

    secret: str


class SecretAnswer(BaseModel):
    """A webhook's new secret, which is not shown again."""

    secret: str


class PingAnswer(BaseModel):
    """The id of the event that is on its way."""

    event_id: str


class DeliveryAnswer(BaseModel):
    """An event on its way. ``last``: the latest attempt (at, status, problem, seconds); ``next_at``: the next one."""

    delivery_id: str
    event_id: str
    event_type: EventType
    subject_id: str | None
    state: DeliveryState
    attempts: int
    created_at: Instant
    next_at: Instant | None
    settled_at: Instant | None
    last: dict[str, Any] | None


class DeliveryPage(BaseModel):
    """Deliveries, the latest first; ``next``: cursor of the following page, if there is one."""

    deliveries: list[DeliveryAnswer]
    next: str | None


@router.post("", summary="新增回调 / add a webhook", status_code=201)
def add(request: Request, asked: HookAsked, client: Asking) -> NewHook:
    """密钥只显示这一次，用以核验签名。 / The secret is shown this once; signatures are verified with it."""
    with entered(request, client, "webhook.add"):
        hook, secret = _hooks(request).add(client, asked.url, asked.event_types)
    return NewHook(**_shown(hook), secret=secret)


@router.get("", summary="回调 / webhooks")
def every(request: Request, client: Asking) -> list[HookAnswer]:
    """本方的全部回调。 / All of the client's own."""
    with entered(request, client, "webhook"):
        return [HookAnswer(**_shown(hook)) for hook in _hooks(request).of(client)]


@router.get("/{webhook_id}", summary="一个回调 / one webhook")
def one(request: Request, webhook_id: HookId, client: Asking) -> HookAnswer:
    """状况与待投递数。 / How it does, and how much is on its way to it."""
    with entered(request, client, "webhook"):
        return HookAnswer(**_shown(_hooks(request).one(client, webhook_id)))


@router.delete("/{webhook_id}", summary="删除回调 / remove a webhook", status_code=204)
def remove(request: Request, webhook_id: HookId, client: Asking) -> None:
    """未投递的一并作废。 / What was on its way to it is given up."""
    with entered(request, client, "webhook.remove"):
        _hooks(request).remove(client, webhook_id)


@router.post("/{webhook_id}/secret", summary="更换密钥 / replace the secret")
def secret(request: Request, webhook_id: HookId, client: Asking) -> SecretAnswer:
    """此后 24 小时内新旧密钥各签一次。 / For 24 hours each body is signed under both secrets."""
    with entered(request, client, "webhook.secret"):
        return SecretAnswer(secret=_hooks(request).new_secret(client, webhook_id))


@router.post("/{webhook_id}/ping", summary="试投一次 / send a test event", status_code=202)
def ping(request: Request, webhook_id: HookId, client: Asking) -> PingAnswer:
    """投递一个 ping 事件。 / An event of the type ping is sent."""
    with entered(request, client, "webhook.ping"):
        return PingAnswer(event_id=_hooks(request).ping(client, webhook_id))


@router.get("/{webhook_id}/deliveries", summary="投递 / deliveries")
def deliveries(
    request: Request,
    webhook_id: HookId,
    client: Asking,
    state: Annotated[DeliveryState | None, Query(description="状态 / state")] = None,
    cursor: Cursor = None,
    limit: Limit = 100,
) -> DeliveryPage:
    """待投、已投与死信，最近者在前。 / Waiting, delivered and dead, the latest first."""
    with entered(request, client, "webhook.deliveries"):
        found = _hooks(request).deliveries(client, webhook_id, state, _before(cursor), limit + 1)
    last = found[limit - 1] if len(found) > limit else None
    following = cursor_of(last.created_at.isoformat(), last.delivery_id) if last is not None else None
    return DeliveryPage(deliveries=[_delivery(one) for one in found[:limit]], next=following)


@router.post("/{webhook_id}/deliveries/{delivery_id}/redeliver", summary="重新投递 / send again", status_code=202)
def redeliver(request: Request, webhook_id: HookId, delivery_id: DeliveryId, client: Asking) -> DeliveryAnswer:
    """同一事件、同一内容再投，死信亦可。 / The same event and body once more, dead letters too."""
    with entered(request, client, "webhook.redeliver"):
        return _delivery(_hooks(request).redeliver(client, webhook_id, delivery_id))


def _hooks(request: Request) -> Webhooks:
    found: Webhooks = request.app.state.watch.webhooks
    return found


def _shown(hook: Webhook) -> dict[str, Any]:
    return asdict(hook)


def _delivery(found: Delivery) -> DeliveryAnswer:
    return DeliveryAnswer(**asdict(found))


def _before(cursor: str | None) -> tuple[datetime, str] | None:
    parts = place(cursor, 2)
    if parts is None:
        return None
    try:
        moment = datetime.fromisoformat(parts[0])
    except ValueError as error:
        raise BadCursor(Text("cursor 无效；请用上一页的 next", "not a cursor: use a page's next")) from error
    return moment.replace(tzinfo=None), parts[1]
