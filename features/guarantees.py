"""Features of guarantees given and received: how much, for whom, in which circles, and how the others fare."""

from __future__ import annotations

from features.definition import BOTH, FARMER, Derived, Feature, Link, ratio, total
from features.measures import counted, lasting, most, now
from records.words import Text

GUARANTEE, JOINT, LOAN = "loan.guarantee", "bank.joint_liability", "loan.account_month"
GUARANTEED = Link(GUARANTEE, "guaranteed")
GUARANTORS = Link(GUARANTEE, "guaranteed", reverse=True)
GUARANTEED_BY_THEM = Link(GUARANTEE, "guaranteed", then=GUARANTEED)
PARTNERS = Link(JOINT, "partner")
IN_FORCE = lasting("ends_on")
NO_LOAN = Text("无贷款账户记录", "no loan account on record")
NOBODY_GUARANTEED = Text("未为有贷款记录者担保", "guarantees nobody with a loan on record")
NO_GUARANTOR = Text("无有贷款记录的担保人", "no guarantor with a loan on record")

FEATURES = [
    Feature(
        code="guarantees_open_amount",
        item=GUARANTEE,
        segments=BOTH,
        words=Text("在保对外担保金额", "guarantees given and in force"),
        unit="CNY",
        direction=1,
        where=IN_FORCE,
        measure=lambda r, w: total(r.amount, w),
        when_empty=0.0,
        actionable=True,
    ),
    Derived(
        code="guarantees_over_balance",
        segments=BOTH,
        words=Text("在保对外担保与自身贷款余额之比", "guarantees given over own loan balance"),
        unit="ratio",
        direction=1,
        inputs=("guarantees_open_amount", "loan_balance_now"),
        formula=lambda t: ratio(t.guarantees_open_amount, t.loan_balance_now),
        actionable=True,
        missing=NO_LOAN,
    ),
    most(
        "guaranteed_dpd_max_3m",
        LOAN,
        BOTH,
        Text("近3个月被担保人最大逾期天数", "most days past due of those it guarantees, last 3 months"),
        lambda r: r.days_past_due,
        "days",
        via=GUARANTEED,
        months=3,
        missing=NOBODY_GUARANTEED,
    ),
    counted(
        "guaranteed_enforcement_open",
        "court.enforcement",
        BOTH,
        Text("被担保人未结执行案件数", "enforcement open against those it guarantees"),
        via=GUARANTEED,
        where=lasting("closed_on"),
    ),
    now(
        "guaranteed_dishonest_now",
        "court.dishonest",
        BOTH,
        Text("被担保人被列为失信被执行人", "one that it guarantees is listed as dishonest judgment debtor"),
        via=GUARANTEED,
        until="removed_on",
    ),
    most(
        "guarantor_dpd_max_3m",
        LOAN,
        BOTH,
        Text("近3个月担保人最大逾期天数", "most days past due of its guarantors, last 3 months"),
        lambda r: r.days_past_due,
        "days",
        via=GUARANTORS,
        months=3,
        missing=NO_GUARANTOR,
    ),
    now(
        "guarantee_mutual_now",
        GUARANTEE,
        BOTH,
        Text("存在互保", "guarantees somebody who guarantees it"),
        via=GUARANTEED,
        until="ends_on",
        where=lambda r: r.guaranteed == r.subject_id,
        actionable=True,
    ),
    now(
        "guarantee_circle_of_three_now",
        GUARANTEE,
        BOTH,
        Text("处于三方担保圈", "stands in a circle of three guarantees"),
        via=GUARANTEED_BY_THEM,
        until="ends_on",
        where=lambda r: r.guaranteed == r.subject_id,
        actionable=True,
    ),
    counted(
        "joint_partners_now",
        JOINT,
        FARMER,
        Text("现有联保成员数", "partners in joint liability"),
        where=lasting("ended_on"),
        direction=0,
    ),
    most(
        "joint_partner_dpd_max_3m",
        LOAN,
        FARMER,
        Text("近3个月联保成员最大逾期天数", "most days past due of partners in joint liability, last 3 months"),
        lambda r: r.days_past_due,
        "days",
        via=PARTNERS,
        months=3,
        missing=Text("无有贷款记录的联保成员", "no partner in joint liability with a loan on record"),
    ),
]
