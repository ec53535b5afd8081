"""Features of administrative and environmental penalties and ratings."""

from __future__ import annotations

from features.definition import ENTERPRISE, Feature, latest, total
from features.measures import is_any, level, now, ones, part
from records.words import Text

COLOUR_LEVEL = {"green": 3.0, "blue": 2.0, "yellow": 1.0, "red": 0.0}

FEATURES = [
    Feature(
        code="penalty_count_12m",
        item="market.penalty",
        segments=ENTERPRISE,
        words=Text("近12个月行政处罚次数", "administrative penalties, last 12 months"),
        unit="count",
        direction=1,
        window_months=12,
        measure=lambda r, w: r.count(where=w),
        when_empty=0.0,
    ),
    Feature(
        code="penalty_count_36m",
        item="market.penalty",
        segments=ENTERPRISE,
        words=Text("近36个月行政处罚次数", "administrative penalties, last 36 months"),
        unit="count",
        direction=1,
        window_months=36,
        measure=lambda r, w: r.count(where=w),
        when_empty=0.0,
    ),
    Feature(
        code="penalty_amount_36m",
        item="market.penalty",
        segments=ENTERPRISE,
        words=Text("近36个月罚没金额", "fines and confiscations, last 36 months"),
        unit="CNY",
        direction=1,
        window_months=36,
        measure=lambda r, w: total(r.amount, w),
        when_empty=0.0,
    ),
    Feature(
        code="environment_penalty_count_24m",
        item="environment.penalty",
        segments=ENTERPRISE,
        words=Text("近24个月环境处罚次数", "environmental penalties, last 24 months"),
        unit="count",
        direction=1,
        window_months=24,
        measure=lambda r, w: r.count(where=w),
        when_empty=0.0,
    ),
    Feature(
        code="environment_rating_level",
        item="environment.rating",
        segments=ENTERPRISE,
        words=Text(
            "最近环境信用评价（绿=3，蓝=2，黄=1，红=0）",
            "latest environmental rating (green 3 to red 0)",
        ),
        unit="level",
        direction=-1,
        measure=lambda r, w: latest(r, r.colour.cases(*COLOUR_LEVEL.items()), w),
        missing=Text("未参加环境信用评价", "not rated"),
        evidence_most=1,
    ),
    now(
        "abnormal_listing_now",
        "market.abnormal_listing",
        ENTERPRISE,
        Text("列入经营异常名录", "listed for irregular operation"),
        until="removed_on",
        actionable=True,
    ),
    part(
        "inspection_failed_share_36m",
        "market.random_inspection",
        ENTERPRISE,
        Text("近36个月双随机抽查未通过占比", "share of random inspections not passed, last 36 months"),
        ones(is_any("result", "uncooperative", "unreachable", "closed")),
        ones(),
        months=36,
        direction=1,
        missing=Text("未被抽查", "never inspected"),
    ),
    level(
        "labour_grade_level",
        "personnel.labour_grade",
        ENTERPRISE,
        Text("最近劳动保障守法诚信等级（A=2，B=1，C=0）", "latest labour-law grade (A=2, B=1, C=0)"),
        "grade",
        {"A": 2.0, "B": 1.0, "C": 0.0},
        missing=Text("未评劳动保障守法诚信等级", "no labour-law grade"),
    ),
    part(
        "product_failed_share_36m",
        "quality.product_inspection",
        ENTERPRISE,
        Text("近36个月产品质量抽查不合格批次占比", "share of batches that failed product inspections, last 36 months"),
        lambda r: r.failed,
        lambda r: r.batches,
        months=36,
        direction=1,
        actionable=True,
        missing=Text("产品未被抽查", "products never inspected"),
    ),
]
