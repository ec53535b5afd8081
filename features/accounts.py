"""Features of yearly accounts: the annual report to the market regulator and the settlement of income tax."""

from __future__ import annotations

from features.definition import ENTERPRISE
from features.measures import counted, is_any, latest_ratio
from records.words import Text

REPORT, SETTLEMENT = "market.annual_report", "tax.annual_settlement"
NO_REPORT = Text("无公示资产负债的年报", "no annual report that discloses assets")
NO_SETTLEMENT = Text("无所得税汇算清缴", "no settlement of income tax")

FEATURES = [
    latest_ratio(
        "debt_ratio_latest",
        REPORT,
        ENTERPRISE,
        Text("最近年报资产负债率", "liabilities over assets, latest annual report"),
        "total_liabilities",
        "total_assets",
        unit="share",
        months=24,
        direction=1,
        missing=NO_REPORT,
    ),
    counted(
        "annual_reports_late_36m",
        REPORT,
        ENTERPRISE,
        Text("近36个月年报迟报或未报次数", "annual reports late or missing, last 36 months"),
        months=36,
        where=is_any("status", "late", "missing"),
    ),
    latest_ratio(
        "profit_margin_latest",
        SETTLEMENT,
        ENTERPRISE,
        Text("最近年度利润率", "profit over revenue, latest settlement"),
        "profit",
        "revenue",
        unit="share",
        months=24,
        direction=-1,
        missing=NO_SETTLEMENT,
    ),
]
