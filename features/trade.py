"""Features of foreign trade: exports and imports declared to customs."""

from __future__ import annotations

from features.definition import ENTERPRISE, Derived, Feature, ratio, total, year_change
from records.words import Text

MONTH = "customs.trade_month"
NO_TRADE = Text("无进出口申报", "no customs declaration")

FEATURES = [
    Feature(
        code="exports_month_12m",
        item=MONTH,
        segments=ENTERPRISE,
        words=Text("近12个月月均出口额", "exports a month, last 12 months"),
        unit="CNY",
        direction=0,
        window_months=12,
        measure=lambda r, w: ratio(total(r.exports, w), r.count(where=w)),
        missing=NO_TRADE,
    ),
    Feature(
        code="exports_change_year",
        item=MONTH,
        segments=ENTERPRISE,
        words=Text("近6个月出口与上年同期之比", "exports, last 6 months over the same months a year before"),
        unit="ratio",
        direction=-1,
        window_months=18,
        measure=lambda r, w: year_change(r, r.exports, w),
        missing=Text("上年同期出口申报不足", "too few declarations in the same months a year before"),
    ),
    Derived(
        code="exports_share_of_revenue",
        segments=ENTERPRISE,
        words=Text("月均出口额占月均销售额", "exports over declared revenue, a month"),
        unit="share",
        direction=0,
        inputs=("exports_month_12m", "revenue_month_12m"),
        formula=lambda t: ratio(t.exports_month_12m, t.revenue_month_12m),
        missing=NO_TRADE,
    ),
]
