"""Features of a farming household: people, land, machinery, subsidies, the cooperative, the village's evaluation."""

from __future__ import annotations

import functools
import operator

from features.definition import FARMER, Derived, Feature, Value, latest, ratio, total
from features.measures import both, counted, is_any, lasting, mean, now, summed
from records.words import Text

TRANSFER = "land.transfer"
NO_HOUSEHOLD = Text("无农户基本情况", "no household record")


def _group_number(name: Value) -> Value:
    """A name as a number of 32 bits, the same in every engine: the first eight hexadecimal digits of its MD5."""
    import ibis

    digits, hashed = ibis.literal("0123456789abcdef"), name.hexdigest("md5")
    places = [digits.find(hashed.substr(at, 1)).cast("int64") * 16 ** (7 - at) for at in range(8)]
    return functools.reduce(operator.add, places)


FEATURES = [
    Feature(
        code="household_members",
        item="village.household",
        segments=FARMER,
        words=Text("家庭人口", "members of the household"),
        unit="persons",
        direction=0,
        measure=lambda r, w: latest(r, r.members, w),
        missing=NO_HOUSEHOLD,
        evidence_most=1,
    ),
    Feature(
        code="household_labour_share",
        item="village.household",
        segments=FARMER,
        words=Text("劳动力占家庭人口", "labourers over members of the household"),
        unit="share",
        direction=-1,
        measure=lambda r, w: ratio(latest(r, r.labourers, w), latest(r, r.members, w)),
        missing=NO_HOUSEHOLD,
        evidence_most=1,
    ),
    Feature(
        code="head_birth_year",
        item="village.household",
        segments=FARMER,
        words=Text("户主出生年份", "birth year of the head"),
        unit="years",
        direction=0,
        measure=lambda r, w: latest(r, r.head_birth_year, w),
        use="fairness",
        missing=NO_HOUSEHOLD,
        evidence_most=1,
    ),
    Feature(
        code="head_sex_female",
        item="village.household",
        segments=FARMER,
        words=Text("户主性别为女", "sex of the head: female"),
        unit="flag",
        direction=0,
        measure=lambda r, w: latest(r, (r.head_sex == "female").cast("int64"), w),
        use="fairness",
        missing=NO_HOUSEHOLD,
        evidence_most=1,
    ),
    Feature(
        code="village_group",
        item="village.household",
        segments=FARMER,
        words=Text("所在行政村（编组号，大小无意义）", "village (the number of a group; its size means nothing)"),
        unit="level",
        direction=0,
        measure=lambda r, w: _group_number(latest(r, r.village, w)),
        use="fairness",
        missing=NO_HOUSEHOLD,
        evidence_most=1,
    ),
    Feature(
        code="land_area_mu",
        item="land.contract",
        segments=FARMER,
        words=Text("在期承包土地面积", "land under contract"),
        unit="mu",
        direction=-1,
        where=lambda r: r.ends_on.isnull() | (r.ends_on > r.as_of_day),
        measure=lambda r, w: total(r.area_mu, w),
        missing=Text("无土地承包记录", "no land contract"),
    ),
    Feature(
        code="subsidy_12m",
        item="farm.subsidy",
        segments=FARMER,
        words=Text("近12个月涉农补贴", "farm subsidies, last 12 months"),
        unit="CNY",
        direction=-1,
        window_months=12,
        measure=lambda r, w: total(r.amount, w),
        when_empty=0.0,
    ),
    Feature(
        code="village_points_latest",
        item="village.evaluation",
        segments=FARMER,
        words=Text("最近村级信用评定分", "latest village credit evaluation"),
        unit="points",
        direction=-1,
        measure=lambda r, w: latest(r, r.points, w),
        actionable=True,
        missing=Text("未参加村级评定", "not evaluated by the village"),
        evidence_most=1,
    ),
    Feature(
        code="village_points_lowest_36m",
        item="village.evaluation",
        segments=FARMER,
        words=Text("近36个月最低村级评定分", "lowest village credit evaluation, last 36 months"),
        unit="points",
        direction=-1,
        window_months=36,
        measure=lambda r, w: r.points.min(where=w),
        missing=Text("未参加村级评定", "not evaluated by the village"),
    ),
    summed(
        "land_rented_in_mu",
        TRANSFER,
        FARMER,
        Text("在期流入土地面积", "land rented in, in force"),
        "area_mu",
        unit="mu",
        where=both(is_any("direction", "in"), lasting("ends_on")),
        direction=0,
    ),
    summed(
        "land_rented_out_mu",
        TRANSFER,
        FARMER,
        Text("在期流出土地面积", "land rented out, in force"),
        "area_mu",
        unit="mu",
        where=both(is_any("direction", "out"), lasting("ends_on")),
        direction=0,
    ),
    counted(
        "machinery_now",
        "agriculture.machinery",
        FARMER,
        Text("现有农业机械台数", "farm machines that it has"),
        where=lasting("disposed_on"),
        direction=-1,
    ),
    now(
        "cooperative_member_now",
        "agriculture.cooperative_member",
        FARMER,
        Text("加入农民专业合作社", "member of a farmers' cooperative"),
        until="ended_on",
        direction=-1,
        actionable=True,
    ),
    mean(
        "village_points_mean_36m",
        "village.evaluation",
        FARMER,
        Text("近36个月平均村级评定分", "average village credit evaluation, last 36 months"),
        lambda r: r.points,
        "points",
        months=36,
        direction=-1,
        missing=Text("未参加村级评定", "not evaluated by the village"),
    ),
    Derived(
        code="village_points_change",
        segments=FARMER,
        words=Text("最近村级评定分与近36个月平均之差", "latest village evaluation less the average of 36 months"),
        unit="points",
        direction=-1,
        inputs=("village_points_latest", "village_points_mean_36m"),
        formula=lambda t: t.village_points_latest - t.village_points_mean_36m,
        actionable=True,
        missing=Text("未参加村级评定", "not evaluated by the village"),
    ),
]
