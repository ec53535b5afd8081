"""What can be wrong with a case that is brought to the desk."""

from __future__ import annotations

from typing import ClassVar

from records.errors import HuixinError
from records.words import Text


class UnknownCase(HuixinError):
    """There is none of this id, or none that the client may see."""

    code: ClassVar[str] = "unknown-case"
    status: ClassVar[int] = 404
    title: ClassVar[Text] = Text("没有此件", "Unknown case")


class BadCase(HuixinError):
    """What is asked does not fit the record or the case; nothing was changed."""

    code: ClassVar[str] = "bad-case"
    status: ClassVar[int] = 422
    title: ClassVar[Text] = Text("申请内容有误", "Bad case")


class CaseClosed(HuixinError):
    """The case is not in a state in which this can be done; nothing was changed."""

    code: ClassVar[str] = "case-state"
    status: ClassVar[int] = 409
    title: ClassVar[Text] = Text("此件状态不允许", "Not possible in this state")


class SameHand(HuixinError):
    """Four eyes: whoever asked for it or proposed it may not approve it."""

    code: ClassVar[str] = "same-hand"
    status: ClassVar[int] = 403
    title: ClassVar[Text] = Text("须由另一人批准", "Another one must approve")


class BadCursor(HuixinError):
    code: ClassVar[str] = "bad-cursor"
    status: ClassVar[int] = 422
    title: ClassVar[Text] = Text("翻页标记有误", "Bad cursor")
