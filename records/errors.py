"""What can be wrong with a question or with data, in words for both languages."""

from __future__ import annotations

from typing import ClassVar

from records.words import Text


class HuixinError(Exception):
    """Base of every error that a user can cause and can mend.

    ``code`` is stable and machine-readable, ``status`` is the HTTP status of the
    RFC 9457 problem, ``text`` says what was wrong, where, and what is accepted.
    """

    code: ClassVar[str] = "error"
    status: ClassVar[int] = 400
    title: ClassVar[Text] = Text("请求有误", "Bad request")

    def __init__(self, text: Text) -> None:
        super().__init__(f"{text.zh} / {text.en}")
        self.text = text


class UnknownItem(HuixinError):
    code = "unknown-item"
    status = 404
    title = Text("目录中没有此项", "Item not in the catalogue")


class CatalogueError(HuixinError):
    code = "bad-catalogue"
    status = 500
    title = Text("信用信息目录有误", "Bad catalogue")


class BadBatch(HuixinError):
    """The whole batch is refused; nothing of it was kept."""

    code = "bad-batch"
    status = 422
    title = Text("整批拒收", "Batch refused")


class UnknownVersion(BadBatch):
    """The batch names a version of the item that the catalogue does not know."""

    code = "unknown-version"
    title = Text("目录项版本不存在", "Unknown version of an item")


class StorageFull(HuixinError):
    """The disk is full; nothing of the batch was kept."""

    code = "storage-full"
    status = 507
    title = Text("存储空间不足", "Storage is full")


class KeysRotated(HuixinError):
    code = "keys-rotated"
    status = 503
    title = Text("标识密钥已轮换", "The identity keys were rotated")


class BadIdentifier(HuixinError):
    code = "bad-identifier"
    status = 422
    title = Text("主体标识有误", "Bad identifier")


class BadMoment(HuixinError):
    code = "bad-moment"
    status = 422
    title = Text("时点有误", "Bad as-of moment")


class UnknownSubject(HuixinError):
    code = "unknown-subject"
    status = 404
    title = Text("没有此主体", "Unknown subject")


class ModelNotTrained(HuixinError):
    code = "model-not-trained"
    status = 503
    title = Text("尚无已发布的模型", "No model has been promoted")


class NotAllowed(HuixinError):
    code = "not-allowed"
    status = 403
    title = Text("无权查询", "Not allowed")


class NotAuthenticated(HuixinError):
    code = "not-authenticated"
    status = 401
    title = Text("未通过身份验证", "Not authenticated")


class BadSettings(HuixinError):
    code = "bad-settings"
    status = 500
    title = Text("配置有误", "Bad settings")
