"""Features of an enterprise's contributions to the housing fund."""

from __future__ import annotations

from features.definition import ENTERPRISE
from features.measures import part
from records.words import Text

CONTRIBUTION = "housing_fund.contribution"
NO_FUND = Text("无公积金缴存记录", "no housing-fund record")

FEATURES = [
    part(
        "fund_paid_share_6m",
        CONTRIBUTION,
        ENTERPRISE,
        Text("近6个月公积金实缴占应缴", "housing fund paid over due, last 6 months"),
        lambda r: r.paid,
        lambda r: r.due,
        months=6,
        direction=-1,
        actionable=True,
        missing=NO_FUND,
    ),
]
