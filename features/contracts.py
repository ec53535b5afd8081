"""Features of contracts with public bodies: what an enterprise is awarded, how it performs, what it is owed."""

from __future__ import annotations

from features.definition import ENTERPRISE, Link
from features.measures import both, is_any, lasting, ones, part, summed
from records.words import Text

CONTRACT, ARREARS = "finance.procurement_contract", "industry.payment_arrears"
DEBTORS = Link(ARREARS, "creditor", reverse=True)
NO_CONTRACT = Text("无政府采购合同", "no procurement contract")

FEATURES = [
    summed(
        "contract_amount_12m",
        CONTRACT,
        ENTERPRISE,
        Text("近12个月政府采购合同金额", "amount of procurement contracts, last 12 months"),
        "amount",
        months=12,
        direction=-1,
    ),
    part(
        "contract_accepted_share_36m",
        CONTRACT,
        ENTERPRISE,
        Text("近36个月政府采购合同验收合格占比", "share of procurement contracts accepted, last 36 months"),
        ones(is_any("performance", "accepted")),
        ones(),
        months=36,
        where=is_any("performance", "accepted", "defective", "terminated"),
        direction=-1,
        actionable=True,
        missing=Text("无已验收的政府采购合同", "no procurement contract was judged"),
    ),
    summed(
        "owed_by_public_bodies",
        ARREARS,
        ENTERPRISE,
        Text("机关和事业单位拖欠其未结清款项", "owed to it past due by public bodies and not settled"),
        "amount",
        via=DEBTORS,
        where=both(lambda r: r.creditor == r.subject_id, lasting("settled_on")),
    ),
]
