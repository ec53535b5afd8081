"""What a feature is: a number computed from records at an as-of, with its meaning beside it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from records.errors import HuixinError
from records.words import Text

Segment = Literal["enterprise", "farmer"]
ENTERPRISE: tuple[Segment, ...] = ("enterprise",)
FARMER: tuple[Segment, ...] = ("farmer",)
BOTH: tuple[Segment, ...] = ("enterprise", "farmer")
Use = Literal["model", "fairness"]
Unit = Literal["CNY", "ratio", "share", "count", "days", "months", "years", "points", "mu", "persons", "level", "flag"]
Rows = Any  # an Ibis table: spine rows joined with the records visible to them
Condition = Any  # an Ibis boolean column of such a table
Value = Any  # an Ibis value
Measure = Callable[[Rows, Condition], Value]

NO_RECORD = Text("无记录", "no record")
# Regulation on the credit reporting industry, Art. 14: information that may not be collected.
PROHIBITED = (
    "宗教",
    "信仰",
    "基因",
    "指纹",
    "血型",
    "疾病",
    "病史",
    "religio",
    "gene_",
    "genetic",
    "fingerprint",
    "blood",
    "disease",
)
# Protected attributes: for fairness audits only.
PROTECTED = ("sex", "gender", "age_of_head", "birth_year", "ethnic", "village_code", "性别", "年龄", "民族", "行政村")


class BadFeature(HuixinError):
    code: ClassVar[str] = "bad-feature"
    status: ClassVar[int] = 500
    title: ClassVar[Text] = Text("特征声明有误", "Bad feature declaration")


@dataclass(frozen=True, eq=False)
class Grouping:
    """Rows gathered by ``key`` (a counterparty, a month) before features are measured on the groups.

    ``values`` names exact sums or counts of each group; a group exists when some row meets the condition.
    """

    key: Callable[[Rows], Value]
    values: Mapping[str, Measure]
    window_months: int | None = None
    where: Callable[[Rows], Condition] | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class Feature:
    """A number measured on the visible records of one item.

    ``measure(r, w)`` is an Ibis aggregate over the rows ``r`` (all columns of the item, and ``as_of``, ``as_of_day``,
    ``age_days``, ``age_months``: 0 in the as-of's month) under the condition ``w``: in the window (``age_months <=
    window_months``) and ``where(r)``. With a ``grouping``, ``r`` holds one row a group.
    Sum decimals and integers only and go to float64 at the end: then every engine and every path gives the same bits.

    ``direction``: +1 where PD rises with the value, -1 where it falls, 0 where nothing is claimed.
    ``when_empty``: the value where no record meets the condition; None means missing (no record is not zero).
    """

    code: str
    item: str
    segments: tuple[Segment, ...]
    words: Text
    unit: Unit
    direction: Literal[-1, 0, 1]
    measure: Measure
    window_months: int | None = None
    where: Callable[[Rows], Condition] | None = None
    grouping: Grouping | None = None
    when_empty: float | None = None
    actionable: bool = False
    use: Use = "model"
    missing: Text = NO_RECORD

    @property
    def inputs(self) -> tuple[str, ...]:
        return ()

    def condition(self, rows: Rows) -> Condition:
        """The rows that count: in the window, and ``where`` holds."""
        return condition(rows, self.window_months, self.where)


@dataclass(frozen=True, kw_only=True, eq=False)
class Derived:
    """A number computed from other features (``inputs``) of the same subject and as-of."""

    code: str
    segments: tuple[Segment, ...]
    words: Text
    unit: Unit
    direction: Literal[-1, 0, 1]
    inputs: tuple[str, ...]
    formula: Callable[[Rows], Value]
    actionable: bool = False
    use: Use = "model"
    missing: Text = NO_RECORD
    window_months: int | None = None
    item: str = ""


AnyFeature = Feature | Derived


def condition(rows: Rows, window_months: int | None, where: Callable[[Rows], Condition] | None) -> Condition:
    """In the last ``window_months`` months (and the as-of's own), and ``where`` holds."""
    import ibis

    inside = rows.age_months <= window_months if window_months is not None else ibis.literal(True)
    return inside & where(rows) if where else inside


def ratio(above: Value, below: Value) -> Value:
    """``above / below`` in float64; missing where ``below`` is zero or missing."""
    return above.cast("float64") / below.cast("float64").nullif(0.0)


def total(amount: Value, where: Condition) -> Value:
    """An exact sum of money or of whole numbers, carried to float64 at the end."""
    return amount.sum(where=where).cast("float64")


def latest(rows: Rows, value: Value, where: Condition) -> Value:
    """The value of the latest record (by day, then by record id) that meets the condition."""
    import ibis

    return value.first(where=where & value.notnull(), order_by=[ibis.desc(rows.occurred_on), ibis.desc(rows.record_id)])


def check(feature: AnyFeature, known: Mapping[str, AnyFeature], items: Mapping[str, Any]) -> None:
    """Raises ``BadFeature`` for a feature that may not be registered."""
    said = f"{feature.code} {feature.words.zh} {feature.words.en}".lower()
    if feature.code in known:
        raise _bad(feature.code, "代码已被使用", "the code is taken")
    if any(word in said for word in PROHIBITED):
        raise _bad(
            feature.code, "征信业管理条例第十四条禁止采集", "prohibited by Art. 14 of the credit-reporting regulation"
        )
    if feature.use == "model" and any(word in said for word in PROTECTED):
        raise _bad(
            feature.code,
            "受保护属性只可用于公平性审计（use='fairness'）",
            "a protected attribute is for fairness audits only",
        )
    if isinstance(feature, Feature) and feature.item not in items:
        raise _bad(feature.code, f"目录中没有 {feature.item}", f"no item {feature.item} in the catalogue")
    if unknown := [code for code in feature.inputs if code not in known]:
        listed = ", ".join(unknown)
        raise _bad(feature.code, f"未知的输入特征 {listed}", f"unknown input features {listed}")
    if feature.window_months is not None and not 1 <= feature.window_months <= 120:
        raise _bad(feature.code, "窗口应为 1 至 120 个月", "a window of 1 to 120 months is accepted")


def _bad(code: str, zh: str, en: str) -> BadFeature:
    return BadFeature(Text(f"特征 {code}：{zh}", f"feature {code}: {en}"))
