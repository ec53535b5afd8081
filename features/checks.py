"""What may be registered as a feature: lawful, made of what its item really has, and named but once."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from typing import Any, ClassVar

from features.definition import AnyFeature, Derived, Feature, Link, Peer, Rows, Value, condition
from records.errors import HuixinError
from records.protected import PROTECTED_FIELDS
from records.words import Text

# Regulation on the credit reporting industry, Art. 14: information that may not be collected.
PROHIBITED = re.compile(
    r"宗教|信仰|基因|指纹|血型|疾病|病史|religio|genetic|genom|finger[_ ]?print|blood|disease|illness"
    r"|(?<![a-z])(genes?|dna|medical)(?![a-z])"
)
# Protected attributes are for fairness audits only, by any name and by any measure that reads their fields.
PROTECTED = re.compile(
    r"性别|年龄|民族|出生|行政村|gender|ethnic|birth|(?<![a-z])(sex|age_of_head|village_code)(?![a-z])"
)
CODE = re.compile(r"[a-z][a-z0-9_]*")
# What a measure sees beside the columns of its item.
SPINE_COLUMNS = {
    "row": "int64",
    "as_of": "timestamp(6)",
    "as_of_day": "date",
    "as_of_month": "int64",
    "age_days": "int64",
    "age_months": "int64",
}


class BadFeature(HuixinError):
    code: ClassVar[str] = "bad-feature"
    status: ClassVar[int] = 500
    title: ClassVar[Text] = Text("特征声明有误", "Bad feature declaration")


def check(feature: AnyFeature, known: Mapping[str, AnyFeature], items: Mapping[str, Any]) -> None:
    """Raises ``BadFeature`` for a feature that may not be registered beside the ``known`` ones."""
    said = f"{feature.code} {feature.words.zh} {feature.words.en}".lower()
    if not CODE.fullmatch(feature.code):
        raise _bad(
            feature.code, "代码只用小写字母、数字和下划线", "a code is lower-case letters, digits and underscores"
        )
    if feature.code in known:
        raise _bad(feature.code, "代码已被使用", "the code is taken")
    if PROHIBITED.search(said):
        raise _bad(
            feature.code, "征信业管理条例第十四条禁止采集", "prohibited by Art. 14 of the credit-reporting regulation"
        )
    if feature.window_months is not None and not 1 <= feature.window_months <= 120:
        raise _bad(feature.code, "窗口应为 1 至 120 个月", "a window of 1 to 120 months is accepted")
    match feature:
        case Feature():
            protected = _check_measured(feature, items)
        case Derived():
            protected = _check_derived(feature, known)
        case Peer():
            protected = _check_peer(feature, known, items)
    if feature.use == "model" and (protected or PROTECTED.search(said)):
        raise _bad(
            feature.code,
            "受保护属性只可用于公平性审计（use='fairness'）",
            "a protected attribute is for fairness audits only",
        )


def fields_read(feature: Feature, item: Any) -> frozenset[str]:
    """Names of the columns of ``item`` that the feature's measure, condition, grouping and evidence read."""
    schema = item.arrow_schema
    rows = _columns((*zip(schema.names, schema.types, strict=True), *SPINE_COLUMNS.items()))
    grouping = feature.grouping
    shown = _read(feature.evidence(rows), rows) if feature.evidence else frozenset()
    if grouping is None:
        return _read(feature.measure(rows, feature.condition(rows)), rows) | shown
    counts = condition(rows, grouping.window_months, grouping.where)
    found = [grouping.key(rows), *(measure(rows, counts) for measure in grouping.values.values())]
    groups = _columns(
        (("key", "int64"), *((name, one.type()) for name, one in zip(grouping.values, found[1:], strict=True)))
    )
    feature.measure(groups, feature.condition(groups) if feature.where else groups.key.notnull())
    return shown.union(*(_read(value, rows) for value in [*found, counts]))


@cache
def _columns(types: tuple[tuple[str, Any], ...]) -> Rows:
    """A table of columns with their types (Arrow's or Ibis'); shared by the features of an item."""
    import ibis
    import pyarrow as pa
    from ibis.formats.pyarrow import PyArrowType

    return ibis.table(
        {name: PyArrowType.to_ibis(one) if isinstance(one, pa.DataType) else one for name, one in types},
        name="rows",
    )


def _read(value: Value, rows: Rows) -> frozenset[str]:
    from ibis.expr.operations import Field

    return frozenset(field.name for field in value.op().find(Field) if field.rel == rows.op())


def _check_measured(feature: Feature, items: Mapping[str, Any]) -> bool:
    """Whether the feature reads a protected field. Raises ``BadFeature`` where its item cannot give it."""
    if feature.item not in items:
        raise _bad(feature.code, f"目录中没有 {feature.item}", f"no item {feature.item} in the catalogue")
    item = items[feature.item]
    _check_use(feature, item)
    if feature.via is not None:
        _check_link(feature, feature.via, items)
    elif strangers := [segment for segment in feature.segments if segment not in item.subject_kinds]:
        listed = ", ".join(strangers)
        raise _bad(feature.code, f"{item.code} 不涉及 {listed}", f"{item.code} is not about {listed}")
    try:
        read = fields_read(feature, item).union(*(_fields_of(step, items) for step in _steps(feature)))
    except (AttributeError, TypeError) as error:
        raise _bad(feature.code, f"无法由 {item.code} 计算：{error}", f"{item.code} cannot give it: {error}") from error
    return bool(read & PROTECTED_FIELDS)


def _steps(feature: Feature) -> tuple[Link, ...]:
    return feature.via.steps if feature.via else ()


def _check_link(feature: Feature, link: Link, items: Mapping[str, Any]) -> None:
    """Raises ``BadFeature`` where a step names no subject or may not be used, or the first is about others."""
    for step in link.steps:
        if step.item not in items:
            raise _bad(feature.code, f"目录中没有 {step.item}", f"no item {step.item} in the catalogue")
        item = items[step.item]
        _check_use(feature, item)
        for name, kind in ((step.field, "subject"), (step.until, "date")):
            if name is not None and (name not in item.fields or item.fields[name].type != kind):
                raise _bad(
                    feature.code,
                    f"{item.code} 没有类型为 {kind} 的字段 {name}",
                    f"{item.code} has no field {name} of type {kind}",
                )
    first = items[link.item]
    if not link.reverse and (strangers := [one for one in feature.segments if one not in first.subject_kinds]):
        listed = ", ".join(strangers)
        raise _bad(feature.code, f"{first.code} 不涉及 {listed}", f"{first.code} is not about {listed}")


def _fields_of(step: Link, items: Mapping[str, Any]) -> frozenset[str]:
    schema = items[step.item].arrow_schema
    rows = _columns(tuple(zip(schema.names, schema.types, strict=True)))
    return frozenset({step.field}) | (_read(step.where(rows), rows) if step.where else frozenset())


def _check_use(feature: Feature, item: Any) -> None:
    """Raises ``BadFeature`` where the catalogue does not permit the use: only what may be rated by feeds a model."""
    needed = {"model": "rating", "supervision": "supervision"}.get(feature.use)
    if needed is not None and needed not in item.uses:
        permitted = ", ".join(item.uses)
        raise _bad(
            feature.code,
            f"目录不许把 {item.code} 用于 {needed}；准许的用途：{permitted}",
            f"the catalogue does not permit {item.code} for {needed}; permitted uses: {permitted}",
        )


def _check_peer(feature: Peer, known: Mapping[str, AnyFeature], items: Mapping[str, Any]) -> bool:
    """Whether something that it compares is for fairness audits only. Raises ``BadFeature`` where it cannot compare."""
    protected = _check_inputs(feature, known)
    if not isinstance(known[feature.of], Feature):
        raise _bad(feature.code, f"{feature.of} 不是由记录直接计量的特征", f"{feature.of} is not measured on records")
    groups = [_check_measured(one, items) for one in (*feature.group.by, *feature.group.wider)]
    return protected or any(groups)


def _check_derived(feature: Derived, known: Mapping[str, AnyFeature]) -> bool:
    """Whether an input is for fairness audits only. Raises ``BadFeature`` where it reads what is no input."""
    protected = _check_inputs(feature, known)
    try:
        feature.formula(_columns(tuple((name, "float64") for name in feature.inputs)))
    except (AttributeError, TypeError) as error:
        raise _bad(
            feature.code, f"公式用了未列出的输入：{error}", f"its formula reads what is no input: {error}"
        ) from error
    return protected


def _check_inputs(feature: Derived | Peer, known: Mapping[str, AnyFeature]) -> bool:
    """Whether an input is for fairness audits only. Raises ``BadFeature`` where one is not there or may not be used."""
    if unknown := [code for code in feature.inputs if code not in known]:
        listed = ", ".join(unknown)
        raise _bad(feature.code, f"未知的输入特征 {listed}", f"unknown input features {listed}")
    missing = [code for code in feature.inputs if not set(feature.segments) <= set(known[code].segments)]
    if missing:
        listed = ", ".join(missing)
        raise _bad(feature.code, f"输入特征 {listed} 不涵盖其主体类别", f"its segments have no input {listed}")
    if feature.use == "model" and (barred := [code for code in feature.inputs if known[code].use == "supervision"]):
        listed = ", ".join(barred)
        raise _bad(feature.code, f"输入 {listed} 只可用于监管", f"its inputs {listed} are for supervision only")
    return any(known[code].use == "fairness" for code in feature.inputs)


def _bad(code: str, zh: str, en: str) -> BadFeature:
    return BadFeature(Text(f"特征 {code}：{zh}", f"feature {code}: {en}"))
