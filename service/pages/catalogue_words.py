"""The words of the catalogue page: of types, kinds, uses and of the columns that every batch has."""

from __future__ import annotations

from typing import Any, get_args

from records.catalogue.kinds import (
    DISCLOSURE_WORDS,
    FREQUENCY_MONTHS,
    FREQUENCY_WORDS,
    KEY_GROUP_WORDS,
    KIND_WORDS,
    POLARITY_WORDS,
    USE_WORDS,
    KeyGroup,
)
from records.catalogue.model import Catalogue, FieldType, Item
from records.words import Text

TYPE_WORDS: dict[FieldType, Text] = {
    "text": Text("文本", "text"),
    "integer": Text("整数", "whole number"),
    "decimal": Text("小数（四位）", "decimal, 4 places"),
    "money": Text("金额（元，两位小数）", "money, CNY, 2 places"),
    "date": Text("日期", "date, YYYY-MM-DD"),
    "boolean": Text("是否", "true or false"),
    "code": Text("代码", "code"),
    "subject": Text("主体身份号码", "identity number of a subject"),
}
COMMON = (
    ("record_id", "必填。来源内唯一的记录编号", "Required. Unique within the item"),
    (
        "subject_number",
        "必填。统一社会信用代码或公民身份号码；入库后只留加密编号",
        "Required. Unified social credit code or citizen number; only a keyed hash is kept",
    ),
    (
        "subject_kind",
        "主体类别；目录项涉及多类主体时必填",
        "Kind of subject; required where the item has several kinds",
    ),
    ("occurred_on", "必填。发生日期，上海时间", "Required. The day on which it happened, in Shanghai"),
    ("supersedes", "所更正记录的编号", "The record id that this record corrects"),
    (
        "recorded_at",
        "仅历史装载：原系统获知的 UTC 时刻",
        "Historical loads only: the UTC moment at which another system learnt of it",
    ),
)


def key_groups(catalogue: Catalogue) -> dict[KeyGroup, list[Item]]:
    """The items that place a person in each key group; groups that no item covers are left out."""
    found: dict[KeyGroup, list[Item]] = {}
    for group in get_args(KeyGroup):
        items = [item for item in catalogue.items.values() if item.key_group == group]
        if items:
            found[group] = items
    return found


def words(catalogue: Catalogue) -> dict[str, Any]:
    """What the page's template needs."""
    return {
        "catalogue": catalogue,
        "covered": key_groups(catalogue),
        "types": TYPE_WORDS,
        "kinds": KIND_WORDS,
        "polarities": POLARITY_WORDS,
        "frequencies": FREQUENCY_WORDS,
        "disclosures": DISCLOSURE_WORDS,
        "uses": USE_WORDS,
        "key_groups": KEY_GROUP_WORDS,
        "periodic": tuple(FREQUENCY_MONTHS),
        "common": COMMON,
        "named": lambda codes, of: [of[code] for code in codes],
        "natural_key": lambda item: [item.fields[name].words for name in item.natural_key],
    }
