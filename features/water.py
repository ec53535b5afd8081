"""Features of water use and bills."""

from __future__ import annotations

from features.definition import ENTERPRISE, Feature, ratio, total
from records.words import Text

USAGE = "water.usage"
NO_METER = Text("无用水记录", "no water record")

FEATURES = [
    Feature(
        code="water_late_days_month_6m",
        item=USAGE,
        segments=ENTERPRISE,
        words=Text("近6个月平均水费逾期天数", "average days paid late, water, last 6 months"),
        unit="days",
        direction=1,
        window_months=6,
        measure=lambda r, w: ratio(total(r.days_late, w), r.count(where=w)),
        actionable=True,
        missing=NO_METER,
        evidence=lambda r: r.days_late > 0,
    ),
]
