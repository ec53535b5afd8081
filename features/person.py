"""Features of individuals: their loans and cards, courts, offices in enterprises, insurance, fund, commitments."""

from __future__ import annotations

from features.definition import INDIVIDUAL, Derived, Feature, ratio, total
from features.measures import both, counted, is_any, lasting, level, now, ones, part, summed
from records.words import Text

LOAN, CARD = "bank.person_loan_month", "bank.card_month"
INSURED, FUND, FUND_LOAN = "social_insurance.person_insured", "housing_fund.person_account", "housing_fund.loan_month"
MEDIATION = "justice.mediation"
NO_LOAN = Text("无个人贷款记录", "no personal loan on record")
NO_CARD = Text("无信用卡记录", "no credit card on record")
NO_INSURANCE = Text("无参保记录", "no social-insurance record")
NO_FUND = Text("无公积金缴存记录", "no housing-fund record")
PERIOD_MONTHS = 6  # insurance and fund report half-yearly

LOANS = [
    Feature(
        code="person_loan_dpd_max_12m",
        item=LOAN,
        segments=INDIVIDUAL,
        words=Text("近12个月个人贷款最大逾期天数", "most days past due on personal loans, last 12 months"),
        unit="days",
        direction=1,
        window_months=12,
        measure=lambda r, w: r.days_past_due.max(where=w),
        actionable=True,
        missing=NO_LOAN,
        evidence=lambda r: r.days_past_due > 0,
    ),
    part(
        "person_loan_late_months_share_24m",
        LOAN,
        INDIVIDUAL,
        Text("近24个月个人贷款逾期月份占比", "share of months with a personal loan past due, last 24 months"),
        ones(lambda r: r.days_past_due > 0),
        ones(),
        months=24,
        direction=1,
        actionable=True,
        missing=NO_LOAN,
    ),
    Feature(
        code="person_loan_balance",
        item=LOAN,
        segments=INDIVIDUAL,
        words=Text("上月末个人贷款余额", "balance of personal loans at the last month end"),
        unit="CNY",
        direction=0,
        window_months=1,
        where=lambda r: r.age_months == 1,
        measure=lambda r, w: total(r.balance, w),
        missing=NO_LOAN,
    ),
    part(
        "card_use_3m",
        CARD,
        INDIVIDUAL,
        Text("近3个月信用卡额度使用率", "share of the card limits used, last 3 months"),
        lambda r: r.used,
        lambda r: r.credit_limit,
        months=3,
        direction=1,
        actionable=True,
        missing=NO_CARD,
    ),
    part(
        "card_late_months_share_12m",
        CARD,
        INDIVIDUAL,
        Text("近12个月信用卡逾期月份占比", "share of months with a card past due, last 12 months"),
        ones(lambda r: r.days_past_due > 0),
        ones(),
        months=12,
        direction=1,
        actionable=True,
        missing=NO_CARD,
    ),
    summed(
        "person_guarantee_amount",
        "bank.person_guarantee",
        INDIVIDUAL,
        Text("在保个人对外担保金额", "amount of personal guarantees in force"),
        "amount",
        where=lasting("ends_on"),
    ),
    counted(
        "insurer_paid_for_person_36m",
        "insurance.loan_guarantee_claim",
        INDIVIDUAL,
        Text("近36个月保险代偿贷款次数", "loans that an insurer had to pay, last 36 months"),
        months=36,
    ),
    Feature(
        code="fund_loan_overdue_instalments_12m",
        item=FUND_LOAN,
        segments=INDIVIDUAL,
        words=Text("近12个月公积金贷款最多逾期期数", "most instalments overdue on a housing-fund loan, last 12 months"),
        unit="count",
        direction=1,
        window_months=12,
        measure=lambda r, w: r.overdue_instalments.max(where=w),
        use="supervision",
        missing=Text("无公积金贷款", "no housing-fund loan"),
    ),
]

COURTS = [
    counted(
        "person_defendant_count_36m",
        "court.person_case",
        INDIVIDUAL,
        Text("近36个月个人作为被告的案件数", "cases as a defendant in person, last 36 months"),
        months=36,
        where=is_any("role", "defendant"),
    ),
    counted(
        "person_loan_case_count_36m",
        "court.person_case",
        INDIVIDUAL,
        Text("近36个月借贷类被诉案件数", "cases about loans as a defendant in person, last 36 months"),
        months=36,
        where=both(is_any("role", "defendant"), is_any("cause", "loan", "private_lending", "credit_card")),
    ),
    now(
        "person_enforcement_open",
        "court.person_enforcement",
        INDIVIDUAL,
        Text("个人有未结执行案件", "enforcement open against the person"),
        until="closed_on",
        actionable=True,
    ),
    summed(
        "person_enforcement_amount_36m",
        "court.person_enforcement",
        INDIVIDUAL,
        Text("近36个月个人被执行金额", "amount enforced against the person, last 36 months"),
        "amount",
        months=36,
    ),
    now(
        "person_dishonest_now",
        "court.person_dishonest",
        INDIVIDUAL,
        Text("个人被列为失信被执行人", "listed in person as dishonest judgment debtor"),
        until="removed_on",
        actionable=True,
    ),
    now(
        "consumption_limited_now",
        "court.consumption_limit",
        INDIVIDUAL,
        Text("被限制高消费", "high consumption restricted"),
        until="lifted_on",
        actionable=True,
    ),
    part(
        "mediation_performed_share_60m",
        MEDIATION,
        INDIVIDUAL,
        Text("近60个月已履行的调解协议占比", "share of mediated agreements performed, last 60 months"),
        ones(lambda r: r.performed_on.notnull() & (r.performed_on <= r.as_of_day)),
        ones(),
        months=60,
        where=lambda r: r.due_on.notnull() & (r.due_on <= r.as_of_day),
        direction=-1,
        missing=Text("无到期的调解协议", "no mediated agreement has fallen due"),
    ),
]

OFFICES = [
    Feature(
        code="legal_representative_offices",
        item="market.legal_representative",
        segments=INDIVIDUAL,
        words=Text("现任法定代表人的企业数", "enterprises whose legal representative the person is"),
        unit="count",
        direction=0,
        where=lasting("ended_on"),
        measure=lambda r, w: r.enterprise.nunique(where=w),
        when_empty=0.0,
    ),
    counted(
        "legal_representative_left_24m",
        "market.legal_representative",
        INDIVIDUAL,
        Text("近24个月卸任法定代表人次数", "offices as legal representative left, last 24 months"),
        where=lambda r: (
            r.ended_on.notnull() & (r.ended_on <= r.as_of_day) & (r.as_of_day.delta(r.ended_on, unit="day") <= 731)
        ),
        direction=0,
    ),
    Feature(
        code="officer_positions",
        item="market.officer",
        segments=INDIVIDUAL,
        words=Text("现任董监高的企业数", "enterprises in which the person is a director, supervisor or manager"),
        unit="count",
        direction=0,
        where=lasting("ended_on"),
        measure=lambda r, w: r.enterprise.nunique(where=w),
        when_empty=0.0,
    ),
    now(
        "office_banned_now",
        "market.office_ban",
        INDIVIDUAL,
        Text("被限制担任企业职务", "barred from office in enterprises"),
        until="banned_until",
    ),
    counted(
        "failed_enterprise_offices_60m",
        "market.office_ban",
        INDIVIDUAL,
        Text(
            "近60个月因所任企业失败或失信而受限次数", "bars after an enterprise failed or was dishonest, last 60 months"
        ),
        months=60,
        where=is_any("reason", "revoked_enterprise", "bankruptcy", "dishonest_debtor"),
    ),
]

REGULARITY = [
    part(
        "insured_months_share_24m",
        INSURED,
        INDIVIDUAL,
        Text("近24个月社保缴费月份占比", "share of months insured, last 24 months"),
        lambda r: r.months_paid,
        ones(times=PERIOD_MONTHS),
        months=24,
        direction=-1,
        missing=NO_INSURANCE,
    ),
    part(
        "fund_months_share_24m",
        FUND,
        INDIVIDUAL,
        Text("近24个月公积金缴存月份占比", "share of months paid into the housing fund, last 24 months"),
        lambda r: r.months_paid,
        ones(times=PERIOD_MONTHS),
        months=24,
        direction=-1,
        missing=NO_FUND,
    ),
    level(
        "income_tax_settlement_level",
        "tax.person_settlement",
        INDIVIDUAL,
        Text(
            "最近个税汇算情况（已办=1，未缴或未办=0）",
            "latest income-tax settlement (settled 1, unpaid or not filed 0)",
        ),
        "outcome",
        {"exempt": 1.0, "refunded": 1.0, "settled": 1.0, "unpaid": 0.0, "not_filed": 0.0},
        use="supervision",
    ),
    now(
        "telecom_arrears_now",
        "telecom.arrears",
        INDIVIDUAL,
        Text("有未缴清的电信欠费", "telephone bills in arrears"),
        until="cleared_on",
        use="supervision",
        actionable=True,
    ),
    counted(
        "power_theft_count_36m",
        "power.theft",
        INDIVIDUAL,
        Text("近36个月窃电次数", "thefts of electricity, last 36 months"),
        months=36,
    ),
    Feature(
        code="volunteer_hours_12m",
        item="civil_affairs.volunteer",
        segments=INDIVIDUAL,
        words=Text("近12个月志愿服务时长（小时）", "hours volunteered, last 12 months"),
        unit="hours",
        direction=-1,
        window_months=12,
        measure=lambda r, w: total(r.hours, w),
        when_empty=0.0,
        use="supervision",
    ),
]

COUNTS = ("person_enforcement_open", "person_dishonest_now", "consumption_limited_now", "office_banned_now")
FEATURES = [
    *LOANS,
    *COURTS,
    *OFFICES,
    *REGULARITY,
    Derived(
        code="person_measures_now",
        segments=INDIVIDUAL,
        words=Text("当前对个人生效的惩戒与执行措施数", "measures in force against the person now"),
        unit="count",
        direction=1,
        inputs=COUNTS,
        formula=lambda t: t[COUNTS[0]] + t[COUNTS[1]] + t[COUNTS[2]] + t[COUNTS[3]],
    ),
    Derived(
        code="person_guarantee_to_balance",
        segments=INDIVIDUAL,
        words=Text("在保担保金额与贷款余额之比", "guarantees in force over the balance of loans"),
        unit="ratio",
        direction=1,
        inputs=("person_guarantee_amount", "person_loan_balance"),
        formula=lambda t: ratio(t.person_guarantee_amount, t.person_loan_balance),
        missing=NO_LOAN,
    ),
]
