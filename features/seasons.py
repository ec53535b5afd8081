"""Features of seasons: what crops and livestock cost and yield, against the same seasons of other years."""

from __future__ import annotations

from features.definition import (
    FARMER,
    Derived,
    Feature,
    Grouping,
    Peer,
    PeerGroup,
    Rows,
    Value,
    latest,
    ratio,
    total,
    year_change,
)
from features.measures import part, text_number
from features.series import recency
from records.words import Text

SEASON = "farm.season"
NO_SEASON = Text("无种养殖记录", "no season on record")
BY_SEASON = Grouping(
    key=lambda r: r.record_id,
    values={
        "output": lambda r, w: r.output.sum(where=w),
        "cost": lambda r, w: r.cost.sum(where=w),
        "age": lambda r, w: r.age_days.min(where=w),
    },
    window_months=36,
)

LAST_PRODUCT = Feature(
    code="product_number",
    item=SEASON,
    segments=FARMER,
    words=Text("最近一季品种（编号）", "product of the latest season (number)"),
    unit="level",
    direction=0,
    window_months=24,
    measure=lambda r, w: text_number(latest(r, r["product"], w)),
)
LAST_KIND = Feature(
    code="product_kind_number",
    item=SEASON,
    segments=FARMER,
    words=Text("最近一季种养类别（编号）", "kind of the latest season (number)"),
    unit="level",
    direction=0,
    window_months=24,
    measure=lambda r, w: latest(r, (r.kind == "livestock").cast("int64"), w),
)
SAME_PRODUCT = PeerGroup(by=(LAST_PRODUCT,), wider=(LAST_KIND,))
NO_GROWERS = Text(
    "无种养殖记录，或同类农户不足20户", "no season, or fewer than 20 households with the same to compare with"
)


def _output(r: Rows) -> Value:
    return r.output


def _cost(r: Rows) -> Value:
    return r.cost


FEATURES = [
    Feature(
        code="season_output_12m",
        item=SEASON,
        segments=FARMER,
        words=Text("近12个月种养产值", "output of crops and livestock, last 12 months"),
        unit="CNY",
        direction=-1,
        window_months=12,
        measure=lambda r, w: total(r.output, w),
        actionable=True,
        missing=NO_SEASON,
    ),
    Feature(
        code="season_margin_12m",
        item=SEASON,
        segments=FARMER,
        words=Text("近12个月种养产值与投入之比", "output over cost, last 12 months"),
        unit="ratio",
        direction=-1,
        window_months=12,
        measure=lambda r, w: ratio(total(r.output, w), total(r.cost, w)),
        actionable=True,
        missing=NO_SEASON,
    ),
    Feature(
        code="season_margin_36m",
        item=SEASON,
        segments=FARMER,
        words=Text("近36个月种养产值与投入之比", "output over cost, last 36 months"),
        unit="ratio",
        direction=-1,
        window_months=36,
        measure=lambda r, w: ratio(total(r.output, w), total(r.cost, w)),
        missing=NO_SEASON,
    ),
    Feature(
        code="season_latest_margin",
        item=SEASON,
        segments=FARMER,
        words=Text("最近一季产值与投入之比", "output over cost, latest season"),
        unit="ratio",
        direction=-1,
        measure=lambda r, w: ratio(latest(r, r.output, w), latest(r, r.cost, w)),
        missing=NO_SEASON,
        evidence_most=1,
    ),
    Feature(
        code="season_loss_share_36m",
        item=SEASON,
        segments=FARMER,
        words=Text("近36个月亏损季占比", "share of seasons at a loss, last 36 months"),
        unit="share",
        direction=1,
        window_months=36,
        measure=lambda r, w: ratio(r.count(where=w & (r.output < r.cost)), r.count(where=w)),
        missing=NO_SEASON,
        evidence=lambda r: r.output < r.cost,
    ),
    Feature(
        code="season_worst_margin_36m",
        item=SEASON,
        segments=FARMER,
        words=Text("近36个月最差一季产值与投入之比", "output over cost in the worst season, last 36 months"),
        unit="ratio",
        direction=-1,
        grouping=BY_SEASON,
        measure=lambda g, w: ratio(g.output, g.cost).min(where=w),
        missing=NO_SEASON,
        evidence=lambda r: r.output < r.cost,
    ),
    Feature(
        code="season_products_36m",
        item=SEASON,
        segments=FARMER,
        words=Text("近36个月种养品种数", "products grown or bred, last 36 months"),
        unit="count",
        direction=-1,
        window_months=36,
        measure=lambda r, w: r["product"].nunique(where=w),
        missing=NO_SEASON,
    ),
    Feature(
        code="livestock_share_36m",
        item=SEASON,
        segments=FARMER,
        words=Text("近36个月养殖产值占比", "share of output from livestock, last 36 months"),
        unit="share",
        direction=0,
        window_months=36,
        measure=lambda r, w: ratio(total(r.output, w & (r.kind == "livestock")).fill_null(0.0), total(r.output, w)),
        missing=NO_SEASON,
        evidence=lambda r: r.kind == "livestock",
    ),
    Feature(
        code="season_age_days",
        item=SEASON,
        segments=FARMER,
        words=Text("距最近一季的天数", "days since the latest season"),
        unit="days",
        direction=1,
        measure=lambda r, w: r.age_days.min(where=w),
        missing=NO_SEASON,
        evidence_most=1,
    ),
    Derived(
        code="loan_balance_over_output",
        segments=FARMER,
        words=Text("贷款余额与近12个月产值之比", "loan balance over output of the last 12 months"),
        unit="ratio",
        direction=1,
        inputs=("loan_balance_now", "season_output_12m"),
        formula=lambda t: ratio(t.loan_balance_now, t.season_output_12m),
        actionable=True,
        missing=NO_SEASON,
    ),
    Feature(
        code="season_output_change_year",
        item=SEASON,
        segments=FARMER,
        words=Text("近12个月产值与上年同季之比", "output of the last 12 months over the same seasons a year before"),
        unit="ratio",
        direction=-1,
        window_months=24,
        measure=lambda r, w: year_change(r, r.output, w, months=12, least=1),
        actionable=True,
        missing=Text("上年同季无种养殖记录", "no season at the same time a year before"),
    ),
    Feature(
        code="season_cost_change_year",
        item=SEASON,
        segments=FARMER,
        words=Text("近12个月投入与上年同季之比", "cost of the last 12 months over the same seasons a year before"),
        unit="ratio",
        direction=0,
        window_months=24,
        measure=lambda r, w: year_change(r, r.cost, w, months=12, least=1),
        missing=Text("上年同季无种养殖记录", "no season at the same time a year before"),
    ),
    Derived(
        code="season_margin_change_year",
        segments=FARMER,
        words=Text("产值投入比与上年同季之比", "output over cost, against the same seasons a year before"),
        unit="ratio",
        direction=-1,
        inputs=("season_output_change_year", "season_cost_change_year"),
        formula=lambda t: ratio(t.season_output_change_year, t.season_cost_change_year),
        missing=Text("上年同季无种养殖记录", "no season at the same time a year before"),
    ),
    recency(
        "season_profit_age_days",
        SEASON,
        FARMER,
        Text("距最近一个盈利季的天数", "days since the latest season that made a profit"),
        where=lambda r: r.output > r.cost,
        direction=1,
        missing=Text("无盈利季记录", "no season with a profit on record"),
    ),
    part(
        "crop_margin_24m",
        SEASON,
        FARMER,
        Text("近24个月种植产值与投入之比", "output over cost of crops, last 24 months"),
        _output,
        _cost,
        unit="ratio",
        months=24,
        where=lambda r: r.kind == "crop",
        direction=-1,
        missing=Text("无种植记录", "no crop on record"),
    ),
    part(
        "livestock_margin_24m",
        SEASON,
        FARMER,
        Text("近24个月养殖产值与投入之比", "output over cost of livestock, last 24 months"),
        _output,
        _cost,
        unit="ratio",
        months=24,
        where=lambda r: r.kind == "livestock",
        direction=-1,
        missing=Text("无养殖记录", "no livestock on record"),
    ),
    part(
        "crop_output_per_mu_24m",
        SEASON,
        FARMER,
        Text("近24个月种植亩均产值（元）", "output of crops per mu, last 24 months (CNY)"),
        _output,
        lambda r: r.area_mu,
        unit="CNY",
        months=24,
        where=lambda r: (r.kind == "crop") & (r.area_mu > 0),
        direction=-1,
        actionable=True,
        missing=Text("无种植面积记录", "no crop area on record"),
    ),
    Peer(
        code="season_margin_12m_rank",
        segments=FARMER,
        words=Text(
            "产值投入比在同品种农户中的位次", "where output over cost stands among households with the same product"
        ),
        direction=-1,
        of="season_margin_12m",
        group=SAME_PRODUCT,
        missing=NO_GROWERS,
        actionable=True,
    ),
    Peer(
        code="crop_output_per_mu_rank",
        segments=FARMER,
        words=Text("亩均产值在同品种农户中的位次", "where output per mu stands among households with the same product"),
        direction=-1,
        of="crop_output_per_mu_24m",
        group=SAME_PRODUCT,
        missing=NO_GROWERS,
        actionable=True,
    ),
]
