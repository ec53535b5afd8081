"""Features of an enterprise's registration: how long it has stood, with what capital."""

from __future__ import annotations

from features.definition import ENTERPRISE, Feature, latest
from features.measures import counted, is_any
from records.words import Text

FEATURES = [
    Feature(
        code="firm_age_years",
        item="market.registration",
        segments=ENTERPRISE,
        words=Text("成立年限", "years since establishment"),
        unit="years",
        direction=-1,
        measure=lambda r, w: r.as_of_day.delta(r.registered_on, unit="day").max(where=w).cast("float64") / 365.25,
        evidence_most=1,
    ),
    Feature(
        code="registered_capital",
        item="market.registration",
        segments=ENTERPRISE,
        words=Text("注册资本", "registered capital"),
        unit="CNY",
        direction=-1,
        measure=lambda r, w: latest(r, r.registered_capital, w),
        evidence_most=1,
    ),
    Feature(
        code="registration_changes_24m",
        item="market.registration",
        segments=ENTERPRISE,
        words=Text("近24个月登记变更次数", "changes of registration, last 24 months"),
        unit="count",
        direction=0,
        window_months=24,
        measure=lambda r, w: r.count(where=w),
        when_empty=0.0,
    ),
    counted(
        "representative_changes_24m",
        "market.change",
        ENTERPRISE,
        Text("近24个月法定代表人变更次数", "changes of the legal representative, last 24 months"),
        months=24,
        where=is_any("matter", "legal_representative"),
        direction=1,
    ),
]
