"""Features of agricultural insurance: what is insured, and what weather and disease cost."""

from __future__ import annotations

from features.definition import FARMER, Derived, Feature, ratio, total
from features.measures import counted, is_any, summed
from records.words import Text

POLICY, CLAIM = "insurance.policy", "insurance.claim"
WEATHER = is_any("cause", "drought", "flood")
NO_SEASON = Text("无种养殖记录", "no season on record")
NOT_INSURED = Text("无农业保险记录", "no agricultural insurance on record")

FEATURES = [
    Feature(
        code="insured_amount_open",
        item="insurance.policy",
        segments=FARMER,
        words=Text("在保农业保险金额", "agricultural insurance in force"),
        unit="CNY",
        direction=-1,
        where=lambda r: r.ends_on.isnull() | (r.ends_on > r.as_of_day),
        measure=lambda r, w: total(r.insured, w),
        when_empty=0.0,
        actionable=True,
    ),
    Derived(
        code="insurance_cover_share",
        segments=FARMER,
        words=Text("在保金额与近12个月产值之比", "insurance in force over output of the last 12 months"),
        unit="ratio",
        direction=-1,
        inputs=("insured_amount_open", "season_output_12m"),
        formula=lambda t: ratio(t.insured_amount_open, t.season_output_12m),
        actionable=True,
        missing=NO_SEASON,
    ),
    Feature(
        code="insurance_claims_24m",
        item="insurance.claim",
        segments=FARMER,
        words=Text("近24个月农业保险理赔次数", "insurance claims, last 24 months"),
        unit="count",
        direction=1,
        window_months=24,
        measure=lambda r, w: r.count(where=w),
        when_empty=0.0,
    ),
    Feature(
        code="insurance_claimed_12m",
        item="insurance.claim",
        segments=FARMER,
        words=Text("近12个月农业保险赔款", "insurance paid out, last 12 months"),
        unit="CNY",
        direction=0,
        window_months=12,
        measure=lambda r, w: total(r.amount, w),
        when_empty=0.0,
    ),
    Feature(
        code="insured_amount_36m",
        item=POLICY,
        segments=FARMER,
        words=Text("近36个月累计农业保险金额", "amount insured, last 36 months together"),
        unit="CNY",
        direction=0,
        window_months=36,
        measure=lambda r, w: total(r.insured, w),
        missing=NOT_INSURED,
    ),
    summed(
        "insurance_claimed_36m",
        CLAIM,
        FARMER,
        Text("近36个月农业保险赔款", "insurance paid out, last 36 months"),
        "amount",
        months=36,
        direction=0,
    ),
    Derived(
        code="insurance_claimed_over_insured_36m",
        segments=FARMER,
        words=Text("近36个月赔款与保险金额之比", "insurance paid out over the amount insured, last 36 months"),
        unit="ratio",
        direction=1,
        inputs=("insurance_claimed_36m", "insured_amount_36m"),
        formula=lambda t: ratio(t.insurance_claimed_36m, t.insured_amount_36m),
        missing=NOT_INSURED,
    ),
    counted(
        "weather_claims_36m",
        CLAIM,
        FARMER,
        Text("近36个月旱涝理赔次数", "claims for drought and flood, last 36 months"),
        months=36,
        where=WEATHER,
    ),
    summed(
        "weather_claimed_12m",
        CLAIM,
        FARMER,
        Text("近12个月旱涝赔款", "paid out for drought and flood, last 12 months"),
        "amount",
        months=12,
        where=WEATHER,
        direction=0,
    ),
    Derived(
        code="weather_loss_share_of_output",
        segments=FARMER,
        words=Text("近12个月旱涝赔款与产值之比", "paid out for drought and flood over output, last 12 months"),
        unit="ratio",
        direction=1,
        inputs=("weather_claimed_12m", "season_output_12m"),
        formula=lambda t: ratio(t.weather_claimed_12m, t.season_output_12m),
        missing=NO_SEASON,
    ),
]
