"""What can go wrong between a source and the door."""

from __future__ import annotations

from records.errors import HuixinError
from records.words import Text


class ExchangeError(HuixinError):
    """``offset``: how much of the upload is here, where that helps; ``retry_after``: seconds to wait."""

    offset: int | None = None
    retry_after: int | None = None


class UnknownUpload(ExchangeError):
    code = "unknown-upload"
    status = 404
    title = Text("没有此上传", "No such upload")


class UnknownBatch(ExchangeError):
    code = "unknown-batch"
    status = 404
    title = Text("没有此批次", "No such batch")


class KeyTaken(ExchangeError):
    """The batch key stands for another batch."""

    code = "batch-key-taken"
    status = 409
    title = Text("批次键已被使用", "Batch key taken")


class WrongOffset(ExchangeError):
    code = "wrong-offset"
    status = 409
    title = Text("起点不符", "Wrong offset")

    def __init__(self, offset: int) -> None:
        super().__init__(
            Text(f"已收到 {offset} 字节；请从此处续传", f"{offset} bytes are here; go on from this offset")
        )
        self.offset = offset


class NotReceiving(ExchangeError):
    """The upload is complete, settled or given up: nothing more of it is taken."""

    code = "not-receiving"
    status = 409
    title = Text("上传已结束", "The upload takes no more")

    def __init__(self, state: str, offset: int) -> None:
        super().__init__(
            Text(f"此上传的状态为 {state}，不再接收内容", f"the state of this upload is {state}; it takes no more")
        )
        self.offset = offset


class UploadBusy(ExchangeError):
    code = "upload-busy"
    status = 409
    title = Text("上传正被写入", "The upload is being written")
    retry_after = 1


class TooLarge(ExchangeError):
    code = "too-large"
    status = 413
    title = Text("过大", "Too large")


class TooSlow(ExchangeError):
    code = "too-slow"
    status = 408
    title = Text("请求体过慢", "The body came too slowly")


class WrongMediaType(ExchangeError):
    code = "wrong-media-type"
    status = 415
    title = Text("内容类型不符", "Wrong media type")


class TooMany(ExchangeError):
    """Back-pressure: try again later."""

    code = "too-many"
    status = 429
    title = Text("请稍后再传", "Come back later")

    def __init__(self, text: Text, retry_after: int) -> None:
        super().__init__(text)
        self.retry_after = retry_after


class WrongDigest(ExchangeError):
    """The chunk is not what its Content-Digest says (RFC 9530); nothing of it was kept."""

    code = "wrong-digest"
    status = 422
    title = Text("校验和不符", "Wrong digest")


class WrongChecksum(ExchangeError):
    """The whole upload is not what its SHA-256 says; it is to be sent again."""

    code = "wrong-checksum"
    status = 422
    title = Text("整批校验和不符", "Wrong checksum")


class SpoolLost(ExchangeError):
    """What had been received is no longer there or was damaged; it is to be sent again."""

    code = "spool-lost"
    status = 410
    title = Text("已收内容已失", "What was received is lost")


class BadDeclaration(ExchangeError):
    code = "bad-declaration"
    status = 422
    title = Text("声明有误", "Bad declaration")


class BadReceipt(ExchangeError):
    code = "bad-receipt"
    status = 422
    title = Text("回执无效", "The receipt does not verify")


class GaveUp(ExchangeError):
    """The door failed on a batch again and again for no reason of the batch's that it could tell."""

    code = "gave-up"
    status = 500
    title = Text("无法处理", "Could not be taken in")


class BadConnector(ExchangeError):
    """The connector's file does not say what can be pulled."""

    code = "bad-connector"
    status = 422
    title = Text("连接器有误", "Bad connector")


class SourceDown(ExchangeError):
    """The source's database did not answer as it should; nothing changed, the next pull begins where this one did."""

    code = "source-down"
    status = 503
    title = Text("来源数据库未应答", "The source's database did not answer")
