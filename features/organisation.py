"""Features of social organisations: annual inspection, filings, grading, use of donations, lists and penalties."""

from __future__ import annotations

from features.definition import ORGANISATION, Derived, Feature, latest, ratio
from features.measures import counted, is_any, level, now, part
from records.words import Text

INSPECTION, DONATIONS = "civil_affairs.annual_inspection", "civil_affairs.donation_use"
NO_INSPECTION = Text("无年检记录", "no annual inspection on record")
NO_DONATIONS = Text("无捐赠收支公开记录", "no account of donations on record")
STARS = {"5A": 5.0, "4A": 4.0, "3A": 3.0, "2A": 2.0, "1A": 1.0}

FEATURES = [
    Feature(
        code="organisation_age_years",
        item="civil_affairs.registration",
        segments=ORGANISATION,
        words=Text("社会组织成立年限", "years since the organisation was registered"),
        unit="years",
        direction=-1,
        measure=lambda r, w: r.as_of_day.delta(r.registered_on, unit="day").max(where=w).cast("float64") / 365.25,
        evidence_most=1,
    ),
    level(
        "organisation_inspection_level",
        INSPECTION,
        ORGANISATION,
        Text("最近年检结论（合格=3，未参检=0）", "latest annual inspection (passed 3, not submitted 0)"),
        "result",
        {"passed": 3.0, "basically_passed": 2.0, "failed": 1.0, "not_submitted": 0.0},
        missing=NO_INSPECTION,
    ),
    counted(
        "organisation_inspections_missed_36m",
        INSPECTION,
        ORGANISATION,
        Text("近36个月年检不合格或未参检次数", "annual inspections failed or missed, last 36 months"),
        months=36,
        where=is_any("result", "failed", "not_submitted"),
    ),
    Feature(
        code="organisation_net_assets",
        item=INSPECTION,
        segments=ORGANISATION,
        words=Text("最近年检净资产", "net assets at the latest inspection"),
        unit="CNY",
        direction=-1,
        measure=lambda r, w: latest(r, r.net_assets.cast("float64"), w),
        missing=NO_INSPECTION,
        evidence_most=1,
    ),
    Feature(
        code="organisation_expenditure_to_income",
        item=INSPECTION,
        segments=ORGANISATION,
        words=Text("最近年检支出与收入之比", "expenditure over income at the latest inspection"),
        unit="ratio",
        direction=1,
        measure=lambda r, w: latest(r, ratio(r.expenditure, r.income), w),
        missing=NO_INSPECTION,
        evidence_most=1,
    ),
    level(
        "organisation_stars",
        "civil_affairs.grading",
        ORGANISATION,
        Text("最近评估等级（5A=5，1A=1）", "latest grading (5A 5 to 1A 1)"),
        "grade",
        STARS,
        missing=Text("未参加评估", "not graded"),
    ),
    now(
        "organisation_charity_now",
        "civil_affairs.charity",
        ORGANISATION,
        Text("现为慈善组织", "is recognised as a charity"),
        until="withdrawn_on",
        direction=-1,
    ),
    part(
        "donations_spent_share_36m",
        DONATIONS,
        ORGANISATION,
        Text("近36个月慈善支出占捐赠收入", "charitable spending over donations, last 36 months"),
        lambda r: r.charitable_spending,
        lambda r: r.donations,
        months=36,
        direction=-1,
        missing=NO_DONATIONS,
    ),
    part(
        "management_cost_share_36m",
        DONATIONS,
        ORGANISATION,
        Text("近36个月管理费用占捐赠收入", "management cost over donations, last 36 months"),
        lambda r: r.management_cost,
        lambda r: r.donations,
        months=36,
        direction=1,
        actionable=True,
        missing=NO_DONATIONS,
    ),
    now(
        "organisation_abnormal_now",
        "civil_affairs.abnormal_listing",
        ORGANISATION,
        Text("列入活动异常名录", "listed for abnormal activity"),
        until="removed_on",
        actionable=True,
    ),
    now(
        "organisation_serious_now",
        "civil_affairs.serious_listing",
        ORGANISATION,
        Text("列入严重违法失信名单", "listed for serious violations"),
        until="removed_on",
    ),
    counted(
        "organisation_penalty_36m",
        "civil_affairs.penalty",
        ORGANISATION,
        Text("近36个月民政行政处罚次数", "penalties by civil affairs, last 36 months"),
        months=36,
    ),
    counted(
        "organisation_changes_overdue_36m",
        "civil_affairs.change_filing",
        ORGANISATION,
        Text("近36个月逾期变更备案次数", "changes filed overdue, last 36 months"),
        months=36,
        where=lambda r: r.overdue,
        use="supervision",
    ),
    level(
        "law_firm_assessment_level",
        "justice.law_firm_assessment",
        ORGANISATION,
        Text("最近律所年度考核（合格=1，不合格=0）", "latest assessment as a law firm (passed 1, failed 0)"),
        "result",
        {"passed": 1.0, "failed": 0.0},
        use="supervision",
        missing=Text("不是律师事务所或未考核", "no law firm, or not assessed"),
    ),
    level(
        "school_inspection_level",
        "education.school_inspection",
        ORGANISATION,
        Text("最近民办学校年检（合格=2，不合格=0）", "latest inspection as a private school (passed 2 to 0)"),
        "result",
        {"passed": 2.0, "basically_passed": 1.0, "failed": 0.0},
        missing=Text("不是民办学校或未年检", "no private school, or not inspected"),
    ),
    Derived(
        code="organisation_measures_now",
        segments=ORGANISATION,
        words=Text("当前对组织生效的名单与执行措施数", "lists and enforcement in force against the organisation now"),
        unit="count",
        direction=1,
        inputs=(
            "body_enforcement_open",
            "body_dishonest_now",
            "organisation_abnormal_now",
            "organisation_serious_now",
            "black_list_now",
        ),
        formula=lambda t: (
            t.body_enforcement_open
            + t.body_dishonest_now
            + t.organisation_abnormal_now
            + t.organisation_serious_now
            + t.black_list_now
        ),
    ),
]
