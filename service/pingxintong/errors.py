"""What can be wrong with what a platform sends."""

from __future__ import annotations

from typing import ClassVar

from records.errors import HuixinError
from records.words import Text


class UnknownApplication(HuixinError):
    code: ClassVar[str] = "unknown-application"
    status: ClassVar[int] = 404
    title: ClassVar[Text] = Text("没有此申请", "No such application")


class Differs(HuixinError):
    """The same application, decision or outcome came before with other content."""

    code: ClassVar[str] = "differs-from-before"
    status: ClassVar[int] = 409
    title: ClassVar[Text] = Text("与先前报送的不一致", "It differs from what came before")


class NotNow(HuixinError):
    code: ClassVar[str] = "not-at-this-stage"
    status: ClassVar[int] = 409
    title: ClassVar[Text] = Text("此申请的现状不允许", "Not at this stage of the application")


class BadReport(HuixinError):
    code: ClassVar[str] = "bad-report"
    status: ClassVar[int] = 422
    title: ClassVar[Text] = Text("报送内容有误", "Bad report")
