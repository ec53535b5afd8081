"""Features of electricity use and bills."""

from __future__ import annotations

from features.definition import BOTH, ENTERPRISE, Feature, Peer, ratio, total, year_change
from features.registration import NO_SECTOR_PEERS, SECTOR_AND_DISTRICT
from features.series import trend
from records.words import Text

USAGE = "power.usage"
NO_METER = Text("无用电记录", "no electricity record")

FEATURES = [
    Feature(
        code="power_kwh_month_12m",
        item=USAGE,
        segments=BOTH,
        words=Text("近12个月月均用电量（千瓦时）", "electricity a month, last 12 months (kWh)"),
        unit="level",
        direction=0,
        window_months=12,
        measure=lambda r, w: ratio(total(r.kwh, w), r.count(where=w)),
        missing=NO_METER,
    ),
    Feature(
        code="power_change_3m",
        item=USAGE,
        segments=BOTH,
        words=Text("近3个月与此前9个月月均用电量之比", "electricity a month, last 3 months over the 9 before"),
        unit="ratio",
        direction=-1,
        window_months=12,
        measure=lambda r, w: ratio(
            ratio(total(r.kwh, w & (r.age_months <= 3)), r.count(where=w & (r.age_months <= 3))),
            ratio(total(r.kwh, w & (r.age_months > 3)), r.count(where=w & (r.age_months > 3))),
        ),
        missing=NO_METER,
    ),
    Feature(
        code="power_change_year",
        item=USAGE,
        segments=BOTH,
        words=Text("近6个月用电量与上年同期之比", "electricity, last 6 months over the same months a year before"),
        unit="ratio",
        direction=-1,
        window_months=18,
        measure=lambda r, w: year_change(r, r.kwh, w),
        missing=Text("上年同期用电记录不足", "too few bills in the same months a year before"),
    ),
    Feature(
        code="power_late_days_month_12m",
        item=USAGE,
        segments=BOTH,
        words=Text("近12个月平均电费逾期天数", "average days paid late, electricity, last 12 months"),
        unit="days",
        direction=1,
        window_months=12,
        measure=lambda r, w: ratio(total(r.days_late, w), r.count(where=w)),
        actionable=True,
        missing=NO_METER,
        evidence=lambda r: r.days_late > 0,
    ),
    Feature(
        code="power_late_days_month_3m",
        item=USAGE,
        segments=BOTH,
        words=Text("近3个月平均电费逾期天数", "average days paid late, electricity, last 3 months"),
        unit="days",
        direction=1,
        window_months=3,
        measure=lambda r, w: ratio(total(r.days_late, w), r.count(where=w)),
        actionable=True,
        missing=NO_METER,
        evidence=lambda r: r.days_late > 0,
    ),
    Feature(
        code="power_late_months_share_12m",
        item=USAGE,
        segments=BOTH,
        words=Text("近12个月电费逾期月份占比", "share of months with the bill paid late, last 12 months"),
        unit="share",
        direction=1,
        window_months=12,
        measure=lambda r, w: ratio(r.count(where=w & (r.days_late > 0)), r.count(where=w)),
        actionable=True,
        missing=NO_METER,
        evidence=lambda r: r.days_late > 0,
    ),
    trend(
        "power_trend_12m",
        USAGE,
        BOTH,
        Text("近12个月用电量趋势（月均变化率）", "trend of electricity use, last 12 months (share a month)"),
        lambda r: r.kwh,
        months=12,
        missing=Text("近12个月用电记录不足6期", "fewer than 6 electricity bills in the last 12 months"),
    ),
    Peer(
        code="power_change_year_rank",
        segments=ENTERPRISE,
        words=Text(
            "用电量同比在同行业同区县中的位次",
            "where the change of electricity over a year stands in its industry and district",
        ),
        direction=-1,
        of="power_change_year",
        group=SECTOR_AND_DISTRICT,
        missing=NO_SECTOR_PEERS,
    ),
]
