"""``/v1/uploads``: a batch of any size, chunk by chunk, gone on with after any break.

Modelled on the IETF's resumable uploads (draft-ietf-httpbis-resumable-upload) and tus 1.0: an offset that is always
true, chunks appended by PATCH. Two things differ: what is sent is declared first (item, key, size, SHA-256), and a
chunk of which the end did not arrive is not kept.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal

import anyio
from fastapi import APIRouter, Header, Path, Query, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect

from records.database import UploadRow
from records.exchange.errors import WrongMediaType
from records.exchange.hub import Exchange
from records.exchange.signing import own_key
from records.exchange.uploads import ACCEPTED, EXPIRED, GIVEN_UP, QUEUED, RECEIVING, REFUSED, Declaration, Ending
from records.words import Text
from service.exchange import ExchangeService, body_of, entered, reader_of, sender_of, sending
from service.problems import PROBLEMS, problem
from service.routes.batches import EXCHANGE_PROBLEMS, ReceiptAnswer, rejects_response, signed
from service.security import Asking

router = APIRouter(prefix="/v1/uploads", tags=["exchange"], responses=PROBLEMS | EXCHANGE_PROBLEMS)
CHUNK_TYPES = ("application/offset+octet-stream", "application/partial-upload", "application/octet-stream")
LOOK_SECONDS = 0.1
UploadId = Annotated[str, Path(max_length=40, description="上传编号 / id of the upload")]


class UploadRequest(BaseModel):
    """What is about to be sent. Names and paths of the sender's files are not asked."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "item": "tax.filing",
                    "batch_key": "2025-10",
                    "ending": "csv.gz",
                    "size": 73400320,
                    "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
                }
            ]
        },
    )

    item: Annotated[str, Field(max_length=80, description="目录项 / item of the catalogue")]
    batch_key: Annotated[
        str,
        Field(
            min_length=1, max_length=100, description="本来源内唯一的批次键；重发时不变 / the same when it is resent"
        ),
    ]
    ending: Annotated[Ending, Field(description="文件格式 / form of the file")]
    size: Annotated[int, Field(ge=1, le=1 << 50, description="字节数 / bytes")]
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$", description="整个文件的 SHA-256 / of the whole file")]
    version: Annotated[int | None, Field(ge=1, le=1_000_000, description="目录项版本 / version of the item")] = None
    history: Annotated[bool, Field(description="历史装载，须运营方开放 / historical load, where it is opened")] = False


class UploadAnswer(BaseModel):
    """An upload as it stands. ``offset``: bytes that are here for good; the next chunk begins there."""

    upload_id: str
    state: Literal["receiving", "queued", "accepted", "refused", "given up", "expired"]
    offset: int
    size: int
    chunk_bytes_most: int
    item: str
    version: int
    batch_key: str | None
    created_at: datetime
    updated_at: datetime
    expires_at: datetime | None
    batch_id: str | None
    problem: dict[str, Any] | None
    links: dict[str, str]


@router.post(
    "",
    summary="申报一批 / declare a batch",
    status_code=201,
    responses={200: {"model": UploadAnswer, "description": "已有同一申报 / there is the same one"}},
)
def declare(request: Request, response: Response, asked: UploadRequest, client: Asking) -> UploadAnswer:
    """同一批次键、同一申报返回已有的上传；申报不同则 409。

    The same key with the same declaration gives the upload that there is; with another declaration, 409.
    """
    exchange = _exchange(request)
    with entered(request, client, "upload.declare"):
        row, new = exchange.uploads.declare(sender_of(client), Declaration(**asked.model_dump()))
    response.status_code = 201 if new else 200
    response.headers["Location"] = f"/v1/uploads/{row.upload_id}"
    response.headers.update(_progress(exchange, row))
    return _answer(exchange, row)


@router.patch(
    "/{upload_id}",
    summary="续传一段 / append a chunk",
    status_code=204,
    response_class=Response,
    responses={
        202: {"model": UploadAnswer, "description": "已收齐，排队入库 / complete, queued"},
        204: {"description": "已收，未完 / kept, more to come"},
    },
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {one: {"schema": {"type": "string", "format": "binary"}} for one in CHUNK_TYPES},
        }
    },
)
async def append(
    request: Request,
    upload_id: UploadId,
    client: Asking,
    upload_offset: Annotated[int, Header(ge=0, le=1 << 50, description="本段起点 / where the chunk begins")],
    content_digest: Annotated[str | None, Header(description="RFC 9530：sha-256=:Base64:")] = None,
) -> Response:
    """回复即表示已落盘。起点不符为 409，并在 Upload-Offset 中给出正确起点。

    The answer means that the chunk is on disk. A wrong offset is 409, with the right one in Upload-Offset.
    """
    exchange, service = _exchange(request), _service(request)
    if request.headers.get("content-type", "").split(";")[0].strip().lower() not in CHUNK_TYPES:
        accepted = ", ".join(CHUNK_TYPES)
        raise WrongMediaType(Text(f"可用：{accepted}", f"accepted: {accepted}"))
    sender = await run_in_threadpool(sending, request, client, "upload.chunk")

    def receive(chunk: bytes) -> UploadRow:
        with entered(request, client, "upload.chunk"):
            return exchange.uploads.receive(upload_id, sender, upload_offset, chunk)

    try:
        async with body_of(request) as chunk:
            row = await run_in_threadpool(receive, chunk)
    except ClientDisconnect:
        return Response(status_code=204)
    headers = _progress(exchange, row)
    if row.state == RECEIVING:
        return Response(status_code=204, headers=headers)
    service.worker.wake()
    return JSONResponse(_answer(exchange, row).model_dump(mode="json"), 202, headers=headers)


@router.head("/{upload_id}", summary="进度（仅头部） / progress, headers only", response_class=Response)
def progress(request: Request, upload_id: UploadId, client: Asking) -> Response:
    """Upload-Offset、Upload-Length、Upload-Complete。 / Where to go on from."""
    exchange = _exchange(request)
    with entered(request, client, "upload.read"):
        row = exchange.uploads.get(upload_id, reader_of(client))
    return Response(status_code=200, headers=_progress(exchange, row))


@router.get("/{upload_id}", summary="进度与状态 / progress and state")
def state(request: Request, response: Response, upload_id: UploadId, client: Asking) -> UploadAnswer:
    """断线后由此得知从何处续传。 / Where to go on from after a break, and what became of it."""
    exchange = _exchange(request)
    with entered(request, client, "upload.read"):
        row = exchange.uploads.get(upload_id, reader_of(client))
    response.headers.update(_progress(exchange, row))
    return _answer(exchange, row)


@router.delete("/{upload_id}", summary="放弃 / give up", status_code=204)
def give_up(request: Request, upload_id: UploadId, client: Asking) -> None:
    """放弃未完成或被拒的上传；批次键可再用。 / Forget an unfinished or refused one; its key is free again."""
    with entered(request, client, "upload.give-up"):
        _exchange(request).uploads.give_up(upload_id, sender_of(client))


@router.get(
    "/{upload_id}/receipt",
    summary="签名回执 / the signed receipt",
    response_model=ReceiptAnswer,
    responses={202: {"model": UploadAnswer, "description": "尚未收齐或仍在排队 / not settled yet"}},
)
async def receipt(
    request: Request,
    upload_id: UploadId,
    client: Asking,
    wait: Annotated[float, Query(ge=0, le=30, description="最多等待的秒数 / seconds to wait at most")] = 0,
) -> Any:
    """整批被拒时为 RFC 9457 问题。 / Where the whole batch was refused, its RFC 9457 problem."""
    exchange, service = _exchange(request), _service(request)

    def read() -> UploadRow:
        with entered(request, client, "receipt.read"):
            return exchange.uploads.get(upload_id, reader_of(client))

    until = time.monotonic() + wait
    while (row := await run_in_threadpool(read)).state in (RECEIVING, QUEUED):
        if time.monotonic() >= until or service.worker.stopping.is_set():
            headers = _progress(exchange, row) | {"Retry-After": "1"}
            return JSONResponse(_answer(exchange, row).model_dump(mode="json"), 202, headers=headers)
        await anyio.sleep(LOOK_SECONDS)
    if row.state != ACCEPTED or row.batch_id is None:
        return _refusal(request, row)
    batch_id = row.batch_id
    return await run_in_threadpool(lambda: signed(request, client, exchange.batch(batch_id, reader_of(client))))


@router.get(
    "/{upload_id}/rejects",
    summary="被拒的行 / the rows that were refused",
    response_class=Response,
    responses={200: {"content": {"text/csv": {}}, "description": "改正后重发 / to correct and resend"}},
)
def rejects(request: Request, upload_id: UploadId, client: Asking) -> Response:
    """CSV；身份号码以密封标记代替，可原样重发。 / Identity numbers are sealed tokens, which may be sent back."""
    exchange = _exchange(request)
    with entered(request, client, "rejects.read"):
        row = exchange.uploads.get(upload_id, reader_of(client))
        if row.state == REFUSED:
            return _refusal(request, row)
        return rejects_response(request, client, row.batch_id)


def _refusal(request: Request, row: UploadRow) -> JSONResponse:
    if row.state in (GIVEN_UP, EXPIRED) or row.problem is None:
        title = Text("上传已放弃或过期", "The upload was given up or has expired")
        return problem(request, "not-receiving", 409, title, title)
    found = row.problem
    return problem(request, found["code"], found["status"], Text(**found["title"]), Text(**found["detail"]))


def _answer(exchange: Exchange, row: UploadRow) -> UploadAnswer:
    limits, updated = exchange.base.settings.exchange, row.updated_at.replace(tzinfo=UTC)
    own, root = own_key(row.batch_key), f"/v1/uploads/{row.upload_id}"
    return UploadAnswer(
        upload_id=row.upload_id,
        state=row.state,
        offset=row.received,
        size=row.size,
        chunk_bytes_most=limits.chunk_bytes_most,
        item=row.item,
        version=row.version,
        batch_key=own.removesuffix(f"~{row.upload_id}") if own else None,
        created_at=row.created_at.replace(tzinfo=UTC),
        updated_at=updated,
        expires_at=updated + timedelta(days=limits.idle_days) if row.state == RECEIVING else None,
        batch_id=row.batch_id,
        problem=row.problem,
        links={"self": root, "receipt": f"{root}/receipt", "rejects": f"{root}/rejects"},
    )


def _progress(exchange: Exchange, row: UploadRow) -> dict[str, str]:
    return {
        "Upload-Offset": str(row.received),
        "Upload-Length": str(row.size),
        "Upload-Complete": "?1" if row.received == row.size else "?0",
        "Upload-Limit": f"max-append-size={exchange.base.settings.exchange.chunk_bytes_most}",
    }


def _service(request: Request) -> ExchangeService:
    found: ExchangeService = request.app.state.exchange
    return found


def _exchange(request: Request) -> Exchange:
    return _service(request).exchange
