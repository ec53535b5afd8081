"""Features of an enterprise's owner: the legal representative's own credit, and the other enterprises it represents.

Regulation on the credit reporting industry, Art. 28 and 29: a lender may ask about a person with that person's consent;
the items that are read here permit rating, and a reason shows record ids, never what a record says.
"""

from __future__ import annotations

from features.definition import ENTERPRISE, Link
from features.measures import counted, lasting, most, now, part
from records.words import Text

OFFICE = "market.legal_representative"
OWNER = Link(OFFICE, "enterprise", reverse=True)
FELLOWS = Link(OFFICE, "enterprise", reverse=True, then=Link(OFFICE, "enterprise"))
NO_OWNER_LOAN = Text("法定代表人无个人贷款记录", "no personal loan of the legal representative on record")
NO_OWNER_CARD = Text("法定代表人无信用卡记录", "no credit card of the legal representative on record")
NO_FELLOW = Text("法定代表人无其他有贷款记录的企业", "no other enterprise of the representative with a loan on record")

FEATURES = [
    most(
        "owner_loan_dpd_max_12m",
        "bank.person_loan_month",
        ENTERPRISE,
        Text(
            "近12个月法定代表人个人贷款最大逾期天数", "most days past due of the legal representative, last 12 months"
        ),
        lambda r: r.days_past_due,
        "days",
        via=OWNER,
        months=12,
        missing=NO_OWNER_LOAN,
        actionable=True,
    ),
    part(
        "owner_card_use_3m",
        "bank.card_month",
        ENTERPRISE,
        Text(
            "近3个月法定代表人信用卡额度使用率", "share of the legal representative's card limits used, last 3 months"
        ),
        lambda r: r.used,
        lambda r: r.credit_limit,
        via=OWNER,
        months=3,
        direction=1,
        missing=NO_OWNER_CARD,
        actionable=True,
    ),
    counted(
        "owner_enforcement_open",
        "court.person_enforcement",
        ENTERPRISE,
        Text("法定代表人未结执行案件数", "enforcement open against the legal representative"),
        via=OWNER,
        where=lasting("closed_on"),
    ),
    now(
        "owner_dishonest_now",
        "court.person_dishonest",
        ENTERPRISE,
        Text("法定代表人被列为失信被执行人", "the legal representative is listed as dishonest judgment debtor"),
        via=OWNER,
        until="removed_on",
        actionable=True,
    ),
    most(
        "fellow_dpd_max_3m",
        "loan.account_month",
        ENTERPRISE,
        Text(
            "近3个月同一法定代表人其他企业最大逾期天数",
            "most days past due of the representative's other enterprises, last 3 months",
        ),
        lambda r: r.days_past_due,
        "days",
        via=FELLOWS,
        months=3,
        missing=NO_FELLOW,
    ),
    now(
        "fellow_dishonest_now",
        "court.dishonest",
        ENTERPRISE,
        Text(
            "同一法定代表人其他企业被列为失信被执行人",
            "another enterprise of the representative is listed as dishonest judgment debtor",
        ),
        via=FELLOWS,
        until="removed_on",
    ),
]
