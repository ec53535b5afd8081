"""Features of court cases, enforcement and the list of dishonest judgment debtors."""

from __future__ import annotations

from features.definition import Feature, total
from records.words import Text

BOTH = ("enterprise", "farmer")

FEATURES = [
    Feature(
        code="court_defendant_count_12m",
        item="court.case",
        segments=BOTH,
        words=Text("近12个月作为被告的案件数", "cases as defendant, last 12 months"),
        unit="count",
        direction=1,
        window_months=12,
        where=lambda r: r.role == "defendant",
        measure=lambda r, w: r.count(where=w),
        when_empty=0.0,
    ),
    Feature(
        code="court_defendant_count_36m",
        item="court.case",
        segments=BOTH,
        words=Text("近36个月作为被告的案件数", "cases as defendant, last 36 months"),
        unit="count",
        direction=1,
        window_months=36,
        where=lambda r: r.role == "defendant",
        measure=lambda r, w: r.count(where=w),
        when_empty=0.0,
    ),
    Feature(
        code="court_loan_case_count_24m",
        item="court.case",
        segments=BOTH,
        words=Text("近24个月借款合同被诉案件数", "loan-contract cases as defendant, last 24 months"),
        unit="count",
        direction=1,
        window_months=24,
        where=lambda r: (r.role == "defendant") & (r.cause == "loan"),
        measure=lambda r, w: r.count(where=w),
        when_empty=0.0,
    ),
    Feature(
        code="court_defendant_amount_24m",
        item="court.case",
        segments=BOTH,
        words=Text("近24个月作为被告的标的额", "amount in dispute as defendant, last 24 months"),
        unit="CNY",
        direction=1,
        window_months=24,
        where=lambda r: r.role == "defendant",
        measure=lambda r, w: total(r.amount, w),
        when_empty=0.0,
    ),
    Feature(
        code="enforcement_open_count",
        item="court.enforcement",
        segments=BOTH,
        words=Text("未结执行案件数", "open enforcement cases"),
        unit="count",
        direction=1,
        where=lambda r: r.closed_on.isnull() | (r.closed_on > r.as_of_day),
        measure=lambda r, w: r.count(where=w),
        when_empty=0.0,
        actionable=True,
    ),
    Feature(
        code="enforcement_count_36m",
        item="court.enforcement",
        segments=BOTH,
        words=Text("近36个月执行案件数", "enforcement cases, last 36 months"),
        unit="count",
        direction=1,
        window_months=36,
        measure=lambda r, w: r.count(where=w),
        when_empty=0.0,
    ),
    Feature(
        code="dishonest_now",
        item="court.dishonest",
        segments=BOTH,
        words=Text("列入失信被执行人名单", "listed as dishonest judgment debtor"),
        unit="flag",
        direction=1,
        where=lambda r: r.removed_on.isnull() | (r.removed_on > r.as_of_day),
        measure=lambda r, w: (r.count(where=w) > 0).cast("int64"),
        when_empty=0.0,
        actionable=True,
    ),
]
