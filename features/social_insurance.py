"""Features of social-insurance contributions: whether they are paid, and for how many people."""

from __future__ import annotations

from features.definition import ENTERPRISE, Feature, ratio, total
from records.words import Text

CONTRIBUTION = "social_insurance.contribution"
NOT_INSURED = Text("无社保缴费记录", "no social-insurance record")

FEATURES = [
    Feature(
        code="social_paid_share_12m",
        item=CONTRIBUTION,
        segments=ENTERPRISE,
        words=Text("近12个月社保实缴占应缴", "contributions paid over due, last 12 months"),
        unit="share",
        direction=-1,
        window_months=12,
        measure=lambda r, w: ratio(total(r.paid, w), total(r.due, w)),
        actionable=True,
        missing=NOT_INSURED,
        evidence=lambda r: r.paid < r.due,
    ),
    Feature(
        code="social_paid_share_3m",
        item=CONTRIBUTION,
        segments=ENTERPRISE,
        words=Text("近3个月社保实缴占应缴", "contributions paid over due, last 3 months"),
        unit="share",
        direction=-1,
        window_months=3,
        measure=lambda r, w: ratio(total(r.paid, w), total(r.due, w)),
        actionable=True,
        missing=NOT_INSURED,
        evidence=lambda r: r.paid < r.due,
    ),
    Feature(
        code="social_short_months_share_12m",
        item=CONTRIBUTION,
        segments=ENTERPRISE,
        words=Text("近12个月社保欠缴月份占比", "share of months with contributions short, last 12 months"),
        unit="share",
        direction=1,
        window_months=12,
        measure=lambda r, w: ratio(r.count(where=w & (r.paid < r.due)), r.count(where=w)),
        actionable=True,
        missing=NOT_INSURED,
        evidence=lambda r: r.paid < r.due,
    ),
    Feature(
        code="insured_persons_month_12m",
        item=CONTRIBUTION,
        segments=ENTERPRISE,
        words=Text("近12个月月均参保人数", "insured persons a month, last 12 months"),
        unit="persons",
        direction=-1,
        window_months=12,
        measure=lambda r, w: ratio(total(r.insured_persons, w), r.count(where=w)),
        missing=NOT_INSURED,
    ),
    Feature(
        code="insured_persons_change_3m",
        item=CONTRIBUTION,
        segments=ENTERPRISE,
        words=Text("近3个月与此前9个月平均参保人数之比", "insured persons, last 3 months over the 9 before"),
        unit="ratio",
        direction=-1,
        window_months=12,
        measure=lambda r, w: ratio(
            ratio(total(r.insured_persons, w & (r.age_months <= 3)), r.count(where=w & (r.age_months <= 3))),
            ratio(total(r.insured_persons, w & (r.age_months > 3)), r.count(where=w & (r.age_months > 3))),
        ),
        actionable=True,
        missing=NOT_INSURED,
    ),
]
