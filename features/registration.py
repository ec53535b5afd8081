"""Features of an enterprise's registration: how long it has stood, with what capital."""

from __future__ import annotations

from features.definition import ENTERPRISE, Feature, PeerGroup, latest
from features.measures import counted, is_any, text_number
from records.words import Text

INDUSTRIES = ("A", "C", "E", "F", "G", "H", "I", "L", "M", "O", "X")
BY_INDUSTRY = Feature(
    code="industry_number",
    item="market.registration",
    segments=ENTERPRISE,
    words=Text("行业门类（编号）", "industry (number)"),
    unit="level",
    direction=0,
    measure=lambda r, w: latest(r, r.industry.cases(*((code, at) for at, code in enumerate(INDUSTRIES))), w),
)
BY_DISTRICT = Feature(
    code="district_number",
    item="market.registration",
    segments=ENTERPRISE,
    words=Text("区县（编号）", "district (number)"),
    unit="level",
    direction=0,
    measure=lambda r, w: text_number(latest(r, r.district, w)),
)
SECTOR_AND_DISTRICT = PeerGroup(by=(BY_INDUSTRY, BY_DISTRICT), wider=(BY_INDUSTRY,))
NO_SECTOR_PEERS = Text(
    "无记录，或同行业企业不足20户", "no record, or fewer than 20 enterprises of the industry to compare with"
)

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
