"""What can be wrong with a model to compile or with rows to explain."""

from __future__ import annotations

from records.errors import HuixinError
from records.words import Text


class UnsupportedModel(HuixinError):
    """The boosted model cannot be compiled exactly; nothing was compiled."""

    code = "unsupported-model"
    status = 422
    title = Text("模型无法编译", "Model cannot be compiled")


class BadRows(HuixinError):
    """The rows do not fit the compiled model; nothing was computed."""

    code = "bad-rows"
    status = 422
    title = Text("特征矩阵有误", "Rows do not fit the model")


class BadExplainer(HuixinError):
    """Saved arrays are not those of a compiled explainer of this version."""

    code = "bad-explainer"
    status = 500
    title = Text("已编译的解释器有误", "Bad compiled explainer")
