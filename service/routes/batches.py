"""``/v1/batches``: small batches in one request, the receipts of all; zero reports; the key that receipts verify by."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import date, datetime
from hashlib import sha256
from typing import Annotated, Any

from anyio import to_thread
from fastapi import APIRouter, Path, Query, Request, Response
from fastapi.responses import FileResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect

from records.database import BatchRow
from records.exchange.errors import BadDeclaration, UnknownBatch
from records.exchange.hub import Exchange
from records.exchange.uploads import Declaration, Ending
from records.receipt import Receipt
from records.words import Text
from service.exchange import body_of, entered, look, reader_of, sender_of, sending
from service.problems import MEDIA_TYPE, PROBLEMS, Problem
from service.security import Asking, Client

EXCHANGE_PROBLEMS: dict[int | str, dict[str, Any]] = {
    status: {"model": Problem, "description": words, "content": {MEDIA_TYPE: {}}}
    for status, words in {
        408: "请求体过慢 / the body came too slowly",
        409: "批次键或起点不符 / key or offset does not fit",
        410: "已收内容已失，请重发 / what was received is lost: send it again",
        413: "过大 / too large",
        415: "内容类型不符 / wrong media type",
        429: "请稍后，见 Retry-After / later, see Retry-After",
        507: "磁盘将满 / storage is full",
    }.items()
}
router = APIRouter(prefix="/v1", tags=["exchange"], responses=PROBLEMS | EXCHANGE_PROBLEMS)
PAGE = 100
BatchId = Annotated[str, Path(max_length=40, description="批次编号 / id of the batch")]


class SaidReceipt(BaseModel):
    """What a receipt says; ``rejects`` names the reject file where rows were refused."""

    iss: str
    batch_id: str
    batch_key: str | None
    item: str
    source: str
    version: int
    sha256: str
    received_at: str
    accepted_at: str
    rows_read: int
    rows_accepted: int
    rows_rejected: int
    rejects: str | None


class ReceiptAnswer(BaseModel):
    """A receipt and, as ``jws``, the same signed (EdDSA; key at /v1/receipts/key)."""

    receipt: SaidReceipt
    jws: str
    channel: str
    links: dict[str, str]


class BatchPage(BaseModel):
    """Batches in the order in which they were accepted; ``next``: cursor of the following page, if there is one."""

    batches: list[ReceiptAnswer]
    next: str | None


class ZeroReport(BaseModel):
    """There was nothing of ``item`` in ``month``."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"item": "court.enforcement", "month": "2025-10"}]}
    )

    item: Annotated[str, Field(max_length=80, description="目录项 / item of the catalogue")]
    month: Annotated[str, Field(pattern="^20[0-9]{2}-(0[1-9]|1[0-2])$", description="年月 / month")]


@router.post(
    "/batches",
    summary="一次送完的小批 / a small batch in one request",
    status_code=201,
    response_model=ReceiptAnswer,
    responses={200: {"model": ReceiptAnswer, "description": "此前已收 / received before"}},
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
        }
    },
)
async def push(
    request: Request,
    response: Response,
    client: Asking,
    item: Annotated[str, Query(max_length=80, description="目录项 / item of the catalogue")],
    batch_key: Annotated[str, Query(min_length=1, max_length=100, description="批次键 / key of the batch")],
    ending: Annotated[Ending, Query(description="文件格式 / form of the file")],
    version: Annotated[int | None, Query(ge=1, le=1_000_000, description="目录项版本 / version of the item")] = None,
    history: Annotated[bool, Query(description="历史装载 / historical load")] = False,
) -> Any:
    """请求体即文件，至多 8 MiB；回执当即返回，表示已永久入库。

    The body is the file, 8 MiB at most; the receipt comes at once and means that the records are kept for good.
    """
    exchange = _exchange(request)
    sender = await run_in_threadpool(sending, request, client, "batch.push")

    def take(content: bytes) -> tuple[Receipt, dict[str, Any]]:
        declared = Declaration(item, batch_key, ending, len(content), sha256(content).hexdigest(), version, history)
        with entered(request, client, "batch.push"):
            receipt = exchange.push(sender, declared, content)
        return receipt, answer(exchange, exchange.batch(receipt.batch_id, None))

    try:
        async with body_of(request) as content:
            receipt, found = await to_thread.run_sync(take, content, limiter=request.app.state.exchange.door)
    except ClientDisconnect:
        return Response(status_code=204)
    response.status_code = 200 if receipt.replayed else 201
    return found


@router.get("/batches", summary="批次与回执 / batches and their receipts", response_model=BatchPage)
def batches(
    request: Request,
    client: Asking,
    item: Annotated[str | None, Query(max_length=80, description="只看此目录项 / of this item only")] = None,
    cursor: Annotated[str | None, Query(max_length=200, description="上一页的 next / the last page's next")] = None,
    limit: Annotated[int, Query(ge=1, le=PAGE, description="每页批数 / batches a page")] = PAGE,
) -> Any:
    """来源看自己的，监管机构看全部。 / A source sees its own, a regulator all."""
    exchange = _exchange(request)
    with entered(request, client, "batches.list"):
        found = exchange.batches(reader_of(client), item, _opened(cursor), limit + 1)
    known = item if item in exchange.base.catalogue.items else None  # what it is not may be anything
    look(request, client, "batches.list", item=known, batches=len(found[:limit]))
    more = found[limit - 1] if len(found) > limit else None
    return {
        "batches": [answer(exchange, row) for row in found[:limit]],
        "next": _closed(more.accepted_at, more.batch_id) if more else None,
    }


@router.get("/batches/{batch_id}/receipt", summary="签名回执 / the signed receipt", response_model=ReceiptAnswer)
def receipt_of(request: Request, batch_id: BatchId, client: Asking) -> Any:
    """任何时候再取，内容相同。 / The same at any later time."""
    with entered(request, client, "receipt.read"):
        row = _exchange(request).batch(batch_id, reader_of(client))
    return signed(request, client, row)


@router.get(
    "/batches/{batch_id}/rejects",
    summary="被拒的行 / the rows that were refused",
    response_class=Response,
    responses={200: {"content": {"text/csv": {}}, "description": "改正后重发 / to correct and resend"}},
)
def rejects_of(request: Request, batch_id: BatchId, client: Asking) -> Response:
    """CSV；身份号码以密封标记代替，可原样重发。 / Identity numbers are sealed tokens, which may be sent back."""
    with entered(request, client, "rejects.read"):
        return rejects_response(request, client, batch_id)


@router.post(
    "/nothing-to-report",
    summary="零报告 / nothing to report",
    status_code=201,
    responses={200: {"model": ZeroReport, "description": "此前已报 / said before"}},
)
def nothing_to_report(request: Request, response: Response, asked: ZeroReport, client: Asking) -> ZeroReport:
    """本月此项无记录：沉默与无事由此区分。 / So that silence and emptiness differ."""
    with entered(request, client, "nothing-to-report"):
        month = date.fromisoformat(f"{asked.month}-01")
        new = _exchange(request).nothing_to_report(sender_of(client), asked.item, month)
    response.status_code = 201 if new else 200
    return asked


@router.get("/receipts/key", summary="回执公钥（JWKS） / public key of receipts")
def receipt_key(request: Request) -> dict[str, Any]:
    """公开；据此可离线核验回执。 / Public; receipts verify by it without asking us."""
    return _exchange(request).signer.key_set()


def signed(request: Request, client: Client, row: BatchRow) -> dict[str, Any]:
    """The receipt of a batch, and an entry that it was read."""
    look(request, client, "receipt.read", batch_id=row.batch_id)
    return answer(_exchange(request), row)


def answer(exchange: Exchange, row: BatchRow) -> dict[str, Any]:
    root = f"/v1/batches/{row.batch_id}"
    links = {"receipt": f"{root}/receipt"}
    if exchange.reject_file(row) is not None:
        links["rejects"] = f"{root}/rejects"
    return exchange.signer.signed(Receipt.from_dict(row.receipt)) | {"channel": row.channel, "links": links}


def rejects_response(request: Request, client: Client, batch_id: str | None) -> Response:
    """The reject file of a batch, streamed. Raises ``UnknownBatch`` where there is none."""
    exchange = _exchange(request)
    row = exchange.batch(batch_id or "", reader_of(client))
    path = exchange.reject_file(row)
    if path is None:
        raise UnknownBatch(Text("此批没有被拒的行", "no row of this batch was refused"))
    look(request, client, "rejects.read", batch_id=row.batch_id)
    return FileResponse(path, media_type="text/csv; charset=utf-8", filename=path.name)


def _closed(accepted_at: datetime, batch_id: str) -> str:
    return urlsafe_b64encode(f"{accepted_at.isoformat()} {batch_id}".encode()).decode()


def _opened(cursor: str | None) -> tuple[datetime, str] | None:
    if cursor is None:
        return None
    try:
        moment, batch_id = urlsafe_b64decode(cursor).decode().split(" ")
        return datetime.fromisoformat(moment).replace(tzinfo=None), batch_id
    except ValueError as error:
        raise BadDeclaration(Text("cursor 无效；请用上一页的 next", "not a cursor: use a page's next")) from error


def _exchange(request: Request) -> Exchange:
    found: Exchange = request.app.state.exchange.exchange
    return found
