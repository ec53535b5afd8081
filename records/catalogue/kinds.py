"""The closed word lists of the catalogue: kinds of subject, frequencies, uses, key groups, each in both languages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from records.words import Text

SubjectKind = Literal["enterprise", "farmer", "individual", "institution", "organisation", "government"]
Polarity = Literal["positive", "adverse", "neutral"]
Frequency = Literal["monthly", "quarterly", "half-yearly", "yearly", "on change", "on event"]
Disclosure = Literal["public", "government", "authorised"]
Use = Literal["rating", "warning", "report", "supervision", "publicity", "statistics", "fairness"]
KeyGroup = Literal[
    "civil_servant",
    "legal_representative",
    "senior_financial_manager",
    "lawyer",
    "accountant",
    "tax_agent",
    "auditor",
    "appraiser",
    "inspector",
    "insurance_broker",
    "medical_staff",
    "teacher",
    "researcher",
    "journalist",
    "guide",
    "floating_population",
]

KIND_WORDS: Mapping[SubjectKind, Text] = {
    "enterprise": Text("企业", "Enterprise"),
    "farmer": Text("农户", "Farmer household"),
    "individual": Text("个人", "Individual"),
    "institution": Text("事业单位", "Public institution"),
    "organisation": Text("社会组织", "Social organisation"),
    "government": Text("政府部门", "Government body"),
}
POLARITY_WORDS: Mapping[Polarity, Text] = {
    "positive": Text("正面", "Positive"),
    "adverse": Text("负面", "Adverse"),
    "neutral": Text("中性", "Neutral"),
}
FREQUENCY_WORDS: Mapping[Frequency, Text] = {
    "monthly": Text("每月", "Monthly"),
    "quarterly": Text("每季", "Quarterly"),
    "half-yearly": Text("每半年", "Half-yearly"),
    "yearly": Text("每年", "Yearly"),
    "on change": Text("变更时", "On change"),
    "on event": Text("发生时", "On event"),
}
FREQUENCY_MONTHS: Mapping[Frequency, int] = {"monthly": 1, "quarterly": 3, "half-yearly": 6, "yearly": 12}
DISCLOSURE_WORDS: Mapping[Disclosure, Text] = {
    "public": Text("社会公开", "Public"),
    "government": Text("政务共享", "Shared within government"),
    "authorised": Text("授权查询", "Only with authorisation"),
}
USE_WORDS: Mapping[Use, Text] = {
    "rating": Text("评级", "Rating"),
    "warning": Text("预警", "Early warning"),
    "report": Text("信用报告", "Credit report"),
    "supervision": Text("监管", "Supervision"),
    "publicity": Text("公示", "Publicity"),
    "statistics": Text("统计", "Statistics"),
    "fairness": Text("公平性审计", "Fairness audit"),
}
KEY_GROUP_WORDS: Mapping[KeyGroup, Text] = {
    "civil_servant": Text("公务员", "Civil servants"),
    "legal_representative": Text("企业法定代表人", "Legal representatives"),
    "senior_financial_manager": Text("金融机构高级管理人员", "Senior financial managers"),
    "lawyer": Text("律师", "Lawyers"),
    "accountant": Text("会计从业人员", "Accountants"),
    "tax_agent": Text("税务代理人", "Tax agents"),
    "auditor": Text("审计人员", "Auditors"),
    "appraiser": Text("评估师", "Appraisers"),
    "inspector": Text("检验检测人员", "Inspectors"),
    "insurance_broker": Text("保险经纪人", "Insurance brokers"),
    "medical_staff": Text("医务人员", "Medical staff"),
    "teacher": Text("教师", "Teachers"),
    "researcher": Text("科研人员", "Researchers"),
    "journalist": Text("新闻从业人员", "Journalists"),
    "guide": Text("导游", "Tour guides"),
    "floating_population": Text("流动人口", "Floating population"),
}
