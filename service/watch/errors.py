"""What can be wrong with a watch list or a webhook."""

from __future__ import annotations

from typing import ClassVar

from records.errors import HuixinError
from records.words import Text


class UnknownWatchList(HuixinError):
    code: ClassVar[str] = "unknown-watch-list"
    status: ClassVar[int] = 404
    title: ClassVar[Text] = Text("没有此关注名单", "No such watch list")


class NotWatched(HuixinError):
    code: ClassVar[str] = "not-watched"
    status: ClassVar[int] = 404
    title: ClassVar[Text] = Text("主体不在名单上", "The subject is not on the list")


class NameTaken(HuixinError):
    code: ClassVar[str] = "name-taken"
    status: ClassVar[int] = 409
    title: ClassVar[Text] = Text("名称已被使用", "The name is taken")


class TooManyWatched(HuixinError):
    code: ClassVar[str] = "too-many-watched"
    status: ClassVar[int] = 409
    title: ClassVar[Text] = Text("已达上限", "The limit is reached")


class BadWebhook(HuixinError):
    code: ClassVar[str] = "bad-webhook"
    status: ClassVar[int] = 422
    title: ClassVar[Text] = Text("回调地址有误", "Bad webhook")


class UnknownWebhook(HuixinError):
    code: ClassVar[str] = "unknown-webhook"
    status: ClassVar[int] = 404
    title: ClassVar[Text] = Text("没有此回调", "No such webhook")


class UnknownDelivery(HuixinError):
    code: ClassVar[str] = "unknown-delivery"
    status: ClassVar[int] = 404
    title: ClassVar[Text] = Text("没有此投递", "No such delivery")
