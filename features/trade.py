"""Features of foreign trade: exports and imports declared to customs."""

from __future__ import annotations

from features.definition import ENTERPRISE, Feature, year_change
from records.words import Text

MONTH = "customs.trade_month"
NO_TRADE = Text("无进出口申报", "no customs declaration")

FEATURES = [
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
]
