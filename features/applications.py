"""Features of applications for credit: how often a subject asks, and what lenders answer."""

from __future__ import annotations

from features.definition import BOTH
from features.measures import counted, is_any
from records.words import Text

APPLICATION = "bank.credit_application"
DECIDED = is_any("decision", "approved", "reduced", "refused")
NO_APPLICATION = Text("无信贷申请记录", "no application for credit")

FEATURES = [
    counted(
        "credit_applications_6m",
        APPLICATION,
        BOTH,
        Text("近6个月信贷申请次数", "applications for credit, last 6 months"),
        months=6,
        direction=1,
    ),
    counted(
        "credit_refusals_24m",
        APPLICATION,
        BOTH,
        Text("近24个月信贷申请被拒次数", "applications for credit refused, last 24 months"),
        months=24,
        where=is_any("decision", "refused"),
    ),
]
