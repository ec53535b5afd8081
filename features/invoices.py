"""Features of sales and purchase invoices: volume, margin, cancellations, partners, regularity, trend."""

from __future__ import annotations

from features.definition import Condition, Feature, Grouping, Rows, Segment, Value, ratio, total
from records.words import Text

ENTERPRISE: tuple[Segment, ...] = ("enterprise",)
INVOICE = "tax.invoice"
LONG, SHORT = 36, 12
NO_INVOICE = Text("无发票记录", "no invoice")
NO_SALE = Text("无有效销项发票", "no valid sales invoice")
NO_PURCHASE = Text("无有效进项发票", "no valid purchase invoice")


def _sale(r: Rows) -> Condition:
    return r.direction == "sale"


def _purchase(r: Rows) -> Condition:
    return r.direction == "purchase"


def _valid(r: Rows) -> Condition:
    return r.status == "valid"


def _valid_sale(r: Rows) -> Condition:
    return _sale(r) & _valid(r)


def _valid_purchase(r: Rows) -> Condition:
    return _purchase(r) & _valid(r)


def _months(r: Rows, w: Condition) -> Value:
    """Months from the first invoice that counts to the as-of's month, both included."""
    return r.age_months.max(where=w) + 1


def _sum(amount: Value, w: Condition) -> Value:
    """An exact sum in float64; 0 where other invoices count but none of these."""
    return total(amount, w).fill_null(0.0)


def _over(above: Value, below: Value) -> Value:
    """``above / below``; missing where returns leave nothing (or less) below."""
    return (below > 0).ifelse(ratio(above, below), None)


def _per_mille(rate: Value) -> Value:
    """To the nearest thousandth: tax is rounded to the fen, and what is left of that says nothing."""
    return (rate * 1000.0 + 0.5).floor().cast("float64") / 1000.0


def _yuan(amount: Value) -> Value:
    """Money in whole yuan whose square is an exact decimal. Not decimal(18): DuckDB keeps its products at 18 digits."""
    return amount.cast("decimal(19,0)")


def _concentration(amount: Value) -> Value:
    """Herfindahl-Hirschman index of the positive net amounts by partner, 0 to 1."""
    yuan, net = _yuan(amount), amount > 0
    whole = yuan.sum(where=net).cast("float64")
    return ratio((yuan * yuan).sum(where=net), whole * whole)


def _largest_share(amount: Value) -> Value:
    """The largest positive net amount over the sum of the positive ones."""
    yuan, net = _yuan(amount), amount > 0
    return ratio(yuan.max(where=net), yuan.sum(where=net))


def _variation(amount: Value, age: Value) -> Value:
    """Standard deviation of monthly amounts over their mean; months without any, since the first invoice, are 0."""
    yuan, months = _yuan(amount), (age.max() + 1).cast("float64")
    mean = yuan.sum().cast("float64") / months
    square = (yuan * yuan).sum().cast("float64") / months
    return _over((square - mean * mean).clip(lower=0.0).sqrt(), mean)


BY_PARTNER = Grouping(
    key=lambda r: r.counterparty,
    values={
        "sales": lambda r, w: r.amount.sum(where=w & _sale(r)),
        "purchases": lambda r, w: r.amount.sum(where=w & _purchase(r)),
    },
    window_months=LONG,
    where=_valid,
)
BY_MONTH = Grouping(
    key=lambda r: r.age_months,
    values={
        "sales": lambda r, w: r.amount.sum(where=w & _sale(r)),
        "purchases": lambda r, w: r.amount.sum(where=w & _purchase(r)),
        "age": lambda r, w: r.age_months.max(where=w),
    },
    window_months=LONG,
    where=_valid,
)

VOLUME = [
    Feature(
        code="invoice_sales_month_36m",
        item=INVOICE,
        segments=ENTERPRISE,
        words=Text("近36个月月均销项金额", "sales invoiced a month, last 36 months"),
        unit="CNY",
        direction=-1,
        window_months=LONG,
        where=_valid,
        measure=lambda r, w: ratio(_sum(r.amount, w & _sale(r)), _months(r, w)),
        actionable=True,
        missing=NO_INVOICE,
    ),
    Feature(
        code="invoice_purchases_month_36m",
        item=INVOICE,
        segments=ENTERPRISE,
        words=Text("近36个月月均进项金额", "purchases invoiced a month, last 36 months"),
        unit="CNY",
        direction=0,
        window_months=LONG,
        where=_valid,
        measure=lambda r, w: ratio(_sum(r.amount, w & _purchase(r)), _months(r, w)),
        missing=NO_INVOICE,
    ),
    Feature(
        code="invoice_sales_count_month_36m",
        item=INVOICE,
        segments=ENTERPRISE,
        words=Text("近36个月月均销项发票份数", "sales invoices a month, last 36 months"),
        unit="count",
        direction=-1,
        window_months=LONG,
        where=_valid,
        measure=lambda r, w: ratio(r.count(where=w & _sale(r)), _months(r, w)),
        actionable=True,
        missing=NO_INVOICE,
    ),
    Feature(
        code="invoice_purchases_count_month_36m",
        item=INVOICE,
        segments=ENTERPRISE,
        words=Text("近36个月月均进项发票份数", "purchase invoices a month, last 36 months"),
        unit="count",
        direction=-1,
        window_months=LONG,
        where=_valid,
        measure=lambda r, w: ratio(r.count(where=w & _purchase(r)), _months(r, w)),
        missing=NO_INVOICE,
    ),
    Feature(
        code="invoice_sale_average_36m",
        item=INVOICE,
        segments=ENTERPRISE,
        words=Text("近36个月平均每份销项金额", "average amount of a sales invoice, last 36 months"),
        unit="CNY",
        direction=0,
        window_months=LONG,
        where=lambda r: _valid_sale(r) & (r.amount > 0),
        measure=lambda r, w: ratio(total(r.amount, w), r.count(where=w)),
        missing=NO_SALE,
    ),
    Feature(
        code="invoice_purchase_average_36m",
        item=INVOICE,
        segments=ENTERPRISE,
        words=Text("近36个月平均每份进项金额", "average amount of a purchase invoice, last 36 months"),
        unit="CNY",
        direction=0,
        window_months=LONG,
        where=lambda r: _valid_purchase(r) & (r.amount > 0),
        measure=lambda r, w: ratio(total(r.amount, w), r.count(where=w)),
        missing=NO_PURCHASE,
    ),
    Feature(
        code="invoice_margin_36m",
        item=INVOICE,
        segments=ENTERPRISE,
        words=Text("近36个月毛利率（销项减进项，占销项）", "margin (sales less purchases, over sales), last 36 months"),
        unit="share",
        direction=0,
        window_months=LONG,
        where=_valid,
        measure=lambda r, w: _over(
            _sum(r.amount, w & _sale(r)) - _sum(r.amount, w & _purchase(r)), _sum(r.amount, w & _sale(r))
        ),
        missing=NO_SALE,
    ),
    Feature(
        code="invoice_sales_tax_rate_36m",
        item=INVOICE,
        segments=ENTERPRISE,
        words=Text("近36个月销项平均税率", "average tax rate of sales, last 36 months"),
        unit="share",
        direction=0,
        window_months=LONG,
        where=_valid_sale,
        measure=lambda r, w: _per_mille(_over(total(r.tax, w), total(r.amount, w))),
        missing=NO_SALE,
    ),
    Feature(
        code="invoice_purchases_tax_rate_36m",
        item=INVOICE,
        segments=ENTERPRISE,
        words=Text("近36个月进项平均税率", "average tax rate of purchases, last 36 months"),
        unit="share",
        direction=0,
        window_months=LONG,
        where=_valid_purchase,
        measure=lambda r, w: _per_mille(_over(total(r.tax, w), total(r.amount, w))),
        missing=NO_PURCHASE,
    ),
]

CANCELLATIONS = [
    Feature(
        code="invoice_sales_void_share_36m",
        item=INVOICE,
        segments=ENTERPRISE,
        words=Text("近36个月作废销项发票占比（份数）", "share of sales invoices made void, last 36 months"),
        unit="share",
        direction=1,
        window_months=LONG,
        where=_sale,
        measure=lambda r, w: ratio(r.count(where=w & ~_valid(r)), r.count(where=w)),
        actionable=True,
        missing=NO_SALE,
    ),
    Feature(
        code="invoice_purchases_void_share_36m",
        item=INVOICE,
        segments=ENTERPRISE,
        words=Text("近36个月作废进项发票占比（份数）", "share of purchase invoices made void, last 36 months"),
        unit="share",
        direction=0,
        window_months=LONG,
        where=_purchase,
        measure=lambda r, w: ratio(r.count(where=w & ~_valid(r)), r.count(where=w)),
        missing=NO_PURCHASE,
    ),
    Feature(
        code="invoice_sales_return_share_36m",
        item=INVOICE,
        segments=ENTERPRISE,
        words=Text("近36个月红字销项发票占比（份数）", "share of sales invoices that are returns, last 36 months"),
        unit="share",
        direction=0,
        window_months=LONG,
        where=_valid_sale,
        measure=lambda r, w: ratio(r.count(where=w & (r.amount < 0)), r.count(where=w)),
        missing=NO_SALE,
    ),
    Feature(
        code="invoice_purchases_return_share_36m",
        item=INVOICE,
        segments=ENTERPRISE,
        words=Text("近36个月红字进项发票占比（份数）", "share of purchase invoices that are returns, last 36 months"),
        unit="share",
        direction=0,
        window_months=LONG,
        where=_valid_purchase,
        measure=lambda r, w: ratio(r.count(where=w & (r.amount < 0)), r.count(where=w)),
        missing=NO_PURCHASE,
    ),
]

PARTNERS = [
    Feature(
        code="invoice_customers_36m",
        item=INVOICE,
        segments=ENTERPRISE,
        words=Text("近36个月客户数", "number of customers, last 36 months"),
        unit="count",
        direction=-1,
        window_months=LONG,
        where=_valid_sale,
        measure=lambda r, w: r.counterparty.nunique(where=w),
        actionable=True,
        missing=NO_SALE,
    ),
    Feature(
        code="invoice_suppliers_36m",
        item=INVOICE,
        segments=ENTERPRISE,
        words=Text("近36个月供应商数", "number of suppliers, last 36 months"),
        unit="count",
        direction=-1,
        window_months=LONG,
        where=_valid_purchase,
        measure=lambda r, w: r.counterparty.nunique(where=w),
        missing=NO_PURCHASE,
    ),
    Feature(
        code="invoice_customer_concentration_36m",
        item=INVOICE,
        segments=ENTERPRISE,
        words=Text("近36个月客户集中度（赫芬达尔指数）", "concentration of customers (Herfindahl), last 36 months"),
        unit="ratio",
        direction=1,
        grouping=BY_PARTNER,
        measure=lambda g, w: _concentration(g.sales),
        actionable=True,
        missing=NO_SALE,
    ),
    Feature(
        code="invoice_supplier_concentration_36m",
        item=INVOICE,
        segments=ENTERPRISE,
        words=Text("近36个月供应商集中度（赫芬达尔指数）", "concentration of suppliers (Herfindahl), last 36 months"),
        unit="ratio",
        direction=1,
        grouping=BY_PARTNER,
        measure=lambda g, w: _concentration(g.purchases),
        missing=NO_PURCHASE,
    ),
    Feature(
        code="invoice_largest_customer_share_36m",
        item=INVOICE,
        segments=ENTERPRISE,
        words=Text("近36个月最大客户销售占比", "share of the largest customer in sales, last 36 months"),
        unit="share",
        direction=1,
        grouping=BY_PARTNER,
        measure=lambda g, w: _largest_share(g.sales),
        actionable=True,
        missing=NO_SALE,
    ),
]

REGULARITY = [
    Feature(
        code="invoice_sales_active_share_36m",
        item=INVOICE,
        segments=ENTERPRISE,
        words=Text("近36个月有销项的月份占比", "share of months with sales, last 36 months"),
        unit="share",
        direction=-1,
        window_months=LONG,
        where=_valid,
        measure=lambda r, w: ratio(r.age_months.nunique(where=w & _sale(r)), _months(r, w)),
        actionable=True,
        missing=NO_INVOICE,
    ),
    Feature(
        code="invoice_purchases_active_share_36m",
        item=INVOICE,
        segments=ENTERPRISE,
        words=Text("近36个月有进项的月份占比", "share of months with purchases, last 36 months"),
        unit="share",
        direction=-1,
        window_months=LONG,
        where=_valid,
        measure=lambda r, w: ratio(r.age_months.nunique(where=w & _purchase(r)), _months(r, w)),
        actionable=True,
        missing=NO_INVOICE,
    ),
    Feature(
        code="invoice_sales_variation_36m",
        item=INVOICE,
        segments=ENTERPRISE,
        words=Text("近36个月月销售额波动（变异系数）", "variation of monthly sales over their mean, last 36 months"),
        unit="ratio",
        direction=1,
        grouping=BY_MONTH,
        measure=lambda g, w: _variation(g.sales, g.age),
        missing=NO_SALE,
    ),
    Feature(
        code="invoice_purchases_variation_36m",
        item=INVOICE,
        segments=ENTERPRISE,
        words=Text(
            "近36个月月采购额波动（变异系数）", "variation of monthly purchases over their mean, last 36 months"
        ),
        unit="ratio",
        direction=1,
        grouping=BY_MONTH,
        measure=lambda g, w: _variation(g.purchases, g.age),
        missing=NO_PURCHASE,
    ),
    Feature(
        code="invoice_sales_peak_share_36m",
        item=INVOICE,
        segments=ENTERPRISE,
        words=Text("近36个月最旺一月占销售额", "share of the best month in sales, last 36 months"),
        unit="share",
        direction=1,
        grouping=BY_MONTH,
        measure=lambda g, w: _largest_share(g.sales),
        missing=NO_SALE,
    ),
]

TREND = [
    Feature(
        code="invoice_sales_month_12m",
        item=INVOICE,
        segments=ENTERPRISE,
        words=Text("近12个月月均销项金额", "sales invoiced a month, last 12 months"),
        unit="CNY",
        direction=-1,
        window_months=SHORT,
        where=_valid_sale,
        measure=lambda r, w: total(r.amount, w) / 12.0,
        when_empty=0.0,
        actionable=True,
    ),
    Feature(
        code="invoice_sales_change_year",
        item=INVOICE,
        segments=ENTERPRISE,
        words=Text("近12个月销项与此前12个月之比", "sales invoiced, last 12 months over the 12 before"),
        unit="ratio",
        direction=-1,
        window_months=24,
        where=_valid_sale,
        measure=lambda r, w: _over(_sum(r.amount, w & (r.age_months <= 12)), total(r.amount, w & (r.age_months > 12))),
        actionable=True,
        missing=Text("不足24个月销项", "less than 24 months of sales invoices"),
    ),
    Feature(
        code="invoice_sales_change_6m",
        item=INVOICE,
        segments=ENTERPRISE,
        words=Text("近6个月销项与上年同期之比", "sales invoiced, last 6 months over the same months a year before"),
        unit="ratio",
        direction=-1,
        window_months=18,
        where=_valid_sale,
        measure=lambda r, w: _over(_sum(r.amount, w & (r.age_months <= 6)), total(r.amount, w & (r.age_months > 12))),
        actionable=True,
        missing=Text("不足18个月销项", "less than 18 months of sales invoices"),
    ),
    Feature(
        code="invoice_purchases_change_year",
        item=INVOICE,
        segments=ENTERPRISE,
        words=Text("近12个月进项与此前12个月之比", "purchases invoiced, last 12 months over the 12 before"),
        unit="ratio",
        direction=0,
        window_months=24,
        where=_valid_purchase,
        measure=lambda r, w: _over(_sum(r.amount, w & (r.age_months <= 12)), total(r.amount, w & (r.age_months > 12))),
        missing=Text("不足24个月进项", "less than 24 months of purchase invoices"),
    ),
    Feature(
        code="invoice_sale_age_days",
        item=INVOICE,
        segments=ENTERPRISE,
        words=Text("距最近一份销项发票的天数", "days since the latest sales invoice"),
        unit="days",
        direction=1,
        where=_valid_sale,
        measure=lambda r, w: r.age_days.min(where=w),
        actionable=True,
        missing=NO_SALE,
    ),
    Feature(
        code="invoice_history_months",
        item=INVOICE,
        segments=ENTERPRISE,
        words=Text("首份发票至今的月数", "months since the first invoice"),
        unit="months",
        direction=-1,
        where=_valid,
        measure=lambda r, w: r.age_months.max(where=w),
        missing=NO_INVOICE,
    ),
]

FEATURES = [*VOLUME, *CANCELLATIONS, *PARTNERS, *REGULARITY, *TREND]
