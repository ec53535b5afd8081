"""``/v1/watch-lists``: the subjects in which a client has an interest."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from scoring.warning_rules import Severity
from service.exchange import entered
from service.idempotency import Once
from service.problems import MEDIA_TYPE, PROBLEMS, Problem
from service.references import NO_NUMBER
from service.routes.files import SubjectId
from service.security import Asking
from service.watch.lists import Entry, Interest, WatchList, WatchLists
from service.watch.paging import cursor as cursor_of
from service.watch.paging import place

CONFLICT: dict[int | str, dict[str, Any]] = {
    409: {
        "model": Problem,
        "description": "名称已用或已达上限 / name taken or limit reached",
        "content": {MEDIA_TYPE: {}},
    }
}
router = APIRouter(prefix="/v1/watch-lists", tags=["watch lists"], responses=PROBLEMS | CONFLICT)
MOST = 200
ListId = Annotated[str, Path(pattern="^w-[0-9a-f]{24}$", description="名单编号 / id of the list")]
Cursor = Annotated[str | None, Query(max_length=200, description="上一页的 next / the last page's next")]
Limit = Annotated[int, Query(ge=1, le=500, description="每页至多 / a page, at most")]


class InterestAsked(BaseModel):
    """A subject to watch."""

    model_config = ConfigDict(extra="forbid")

    subject: Annotated[
        str, Field(min_length=1, max_length=64, description="主体编号或证照号码 / subject id or identity number")
    ]
    authorisation: Annotated[
        str | None,
        Field(
            min_length=1,
            max_length=100,
            description="本人书面授权编号，自然人必填 / reference of the person's authorisation, needed for a person",
        ),
        NO_NUMBER,
    ] = None


class ListAsked(BaseModel):
    """A new watch list; more subjects can be put on it later."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "name": "在贷企业 2025",
                    "threshold": "orange",
                    "subjects": [{"subject": "8856ff13f5bbf23995ee8daee4057af2"}],
                }
            ]
        },
    )

    name: Annotated[str, Field(min_length=1, max_length=120, pattern=r"^[^\x00-\x1f]*$", description="名称 / name")]
    threshold: Annotated[Severity, Field(description="从哪一级起告知 / told from this severity on")] = "yellow"
    subjects: Annotated[list[InterestAsked], Field(max_length=MOST, description="主体 / subjects")] = []


class EntriesAsked(BaseModel):
    """Subjects to put on a list: all of them, or none."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {"subjects": [{"subject": "0b4c62b7d4cd4ddc0d4b5d9d5a6ce1f7", "authorisation": "SQ-2025-000123"}]}
            ]
        },
    )

    subjects: Annotated[list[InterestAsked], Field(min_length=1, max_length=MOST, description="主体 / subjects")]


class ListAnswer(BaseModel):
    """A watch list; ``entries``: how many subjects are on it."""

    watch_list_id: str
    name: str
    threshold: Severity
    created_at: datetime
    entries: int


class ListPage(BaseModel):
    """``next``: cursor of the following page, if there is one."""

    watch_lists: list[ListAnswer]
    next: str | None


class EntryAnswer(BaseModel):
    """A watched subject; its identity number is masked."""

    subject_id: str
    segment: str
    masked: str
    authorisation: str | None
    added_at: datetime


class EntryPage(BaseModel):
    """``next``: cursor of the following page, if there is one."""

    entries: list[EntryAnswer]
    next: str | None


@router.post("", summary="新建关注名单 / make a watch list", status_code=201, response_model=ListAnswer)
def make(request: Request, asked: ListAsked, client: Asking, once: Once) -> Any:
    """本方客户的名单与告知级别。 / A list of the client's own customers, and from which severity on it is told."""
    with entered(request, client, "watch.list"):
        interests = _interests(asked.subjects)
        lists = _lists(request)
        return once.answer(
            client.client_id, lambda: _list(lists.make(client, asked.name, asked.threshold, interests)), status=201
        )


@router.get("", summary="关注名单 / watch lists")
def every(request: Request, client: Asking, cursor: Cursor = None, limit: Limit = 100) -> ListPage:
    """本方的名单。 / The client's own lists."""
    with entered(request, client, "watch.list"):
        after = place(cursor, 1)
        found = _lists(request).of(client, after[0] if after else None, limit + 1)
    following = cursor_of(found[limit - 1].watch_list_id) if len(found) > limit else None
    return ListPage(watch_lists=[_list(one) for one in found[:limit]], next=following)


@router.get("/{watch_list_id}", summary="一个名单 / one list")
def one(request: Request, watch_list_id: ListId, client: Asking) -> ListAnswer:
    """名称、告知级别与主体数。 / Name, threshold, and how many are on it."""
    with entered(request, client, "watch.list"):
        return _list(_lists(request).one(client, watch_list_id))


@router.delete("/{watch_list_id}", summary="删除名单 / remove a list", status_code=204)
def remove(request: Request, watch_list_id: ListId, client: Asking) -> None:
    """名单及其主体一并移除，此后不再告知。 / The list goes with all on it; nothing more is told of them."""
    with entered(request, client, "watch.list.remove"):
        _lists(request).remove(client, watch_list_id)


@router.post(
    "/{watch_list_id}/entries",
    summary="加入主体 / put subjects on a list",
    status_code=201,
    response_model=list[EntryAnswer],
)
def add(request: Request, watch_list_id: ListId, asked: EntriesAsked, client: Asking, once: Once) -> Any:
    """全部加入或全不加入；重复加入只更新授权。 / All or none; a repeated one only takes the new authorisation."""

    def act() -> list[EntryAnswer]:
        return [_entry(one) for one in _lists(request).add(client, watch_list_id, _interests(asked.subjects))]

    with entered(request, client, "watch.add"):
        return once.answer(client.client_id, act, status=201)


@router.get("/{watch_list_id}/entries", summary="名单上的主体 / subjects on a list")
def entries(
    request: Request, watch_list_id: ListId, client: Asking, cursor: Cursor = None, limit: Limit = 100
) -> EntryPage:
    """按主体编号排列。 / In the order of their ids."""
    with entered(request, client, "watch.entries"):
        after = place(cursor, 1)
        found = _lists(request).entries(client, watch_list_id, after[0] if after else None, limit + 1)
    following = cursor_of(found[limit - 1].subject_id) if len(found) > limit else None
    return EntryPage(entries=[_entry(entry) for entry in found[:limit]], next=following)


@router.delete("/{watch_list_id}/entries/{subject_id}", summary="移出主体 / take a subject off", status_code=204)
def take_off(request: Request, watch_list_id: ListId, subject_id: SubjectId, client: Asking) -> None:
    """贷款结清或授权撤回时移出。 / When the loan is repaid or the authorisation is withdrawn."""
    with entered(request, client, "watch.remove"):
        _lists(request).take_off(client, watch_list_id, subject_id)


def _lists(request: Request) -> WatchLists:
    found: WatchLists = request.app.state.watch.lists
    return found


def _interests(asked: list[InterestAsked]) -> list[Interest]:
    return [Interest(one.subject, one.authorisation) for one in asked]


def _list(found: WatchList) -> ListAnswer:
    return ListAnswer(
        watch_list_id=found.watch_list_id,
        name=found.name,
        threshold=found.threshold,
        created_at=found.created_at.replace(tzinfo=UTC),
        entries=found.entries,
    )


def _entry(found: Entry) -> EntryAnswer:
    return EntryAnswer(
        subject_id=found.subject_id,
        segment=found.segment,
        masked=found.masked,
        authorisation=found.authorisation,
        added_at=found.added_at.replace(tzinfo=UTC),
    )
