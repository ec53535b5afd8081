"""Features of the key groups: whether a register has the person now, professional discipline, assessments, honours.

What the catalogue does not permit for ratings serves supervision only.
"""

from __future__ import annotations

from functools import reduce
from typing import Any

from features.definition import INDIVIDUAL, AnyFeature, Derived, Feature
from features.measures import counted, is_any, level, now
from records.words import Text

# Item of the register, code of the group, and what a member is called.
REGISTERS = (
    ("personnel.civil_servant", "civil_servant", "公务员", "a civil servant"),
    ("financial_regulator.senior_manager", "senior_financial_manager", "金融机构高管", "a senior financial manager"),
    ("justice.lawyer", "lawyer", "执业律师", "a lawyer"),
    ("finance.accountant", "accountant", "会计人员", "an accountant"),
    ("tax.agent", "tax_agent", "涉税服务人员", "a tax agent"),
    ("audit.auditor", "auditor", "审计人员", "an auditor"),
    ("finance.appraiser", "appraiser", "评估师", "an appraiser"),
    ("quality.inspector", "inspector", "检验检测人员", "an inspector"),
    ("financial_regulator.insurance_broker", "insurance_broker", "保险经纪人", "an insurance broker"),
    ("health.practice_licence", "practitioner", "医务人员", "a licensed health practitioner"),
    ("education.teacher", "teacher", "教师", "a teacher"),
    ("science.researcher", "researcher", "科研人员", "a researcher"),
    ("press.journalist", "journalist", "持证记者", "a journalist"),
    ("tourism.guide", "guide", "导游", "a tour guide"),
    ("public_security.residence_permit", "residence_permit", "居住证持有人", "a holder of a residence permit"),
)
# Item of the discipline, code, and as what the person was disciplined.
DISCIPLINE = (
    ("financial_regulator.broker_misconduct", "insurance_broker", "保险经纪人", "as an insurance broker"),
    ("justice.lawyer_discipline", "lawyer", "律师", "as a lawyer"),
    ("finance.accountant_discipline", "accountant", "会计人员", "as an accountant"),
    ("tax.agent_misconduct", "tax_agent", "涉税服务人员", "as a tax agent"),
    ("audit.auditor_discipline", "auditor", "审计人员", "as an auditor"),
    ("finance.appraiser_discipline", "appraiser", "评估师", "as an appraiser"),
    ("quality.inspector_misconduct", "inspector", "检验检测人员", "as an inspector"),
    ("health.practice_discipline", "practitioner", "医务人员", "as a health practitioner"),
    ("education.teacher_discipline", "teacher", "教师", "as a teacher"),
    ("science.misconduct", "researcher", "科研人员", "as a researcher"),
    ("press.journalist_discipline", "journalist", "新闻从业人员", "as a journalist"),
    ("tourism.guide_discipline", "guide", "导游", "as a tour guide"),
    ("personnel.civil_servant_discipline", "civil_servant", "公职人员", "as a civil servant"),
)
HONOURS = (
    ("personnel.civil_servant_award", "civil_servant", "公务员奖励", "as a civil servant"),
    ("justice.lawyer_award", "lawyer", "律师表彰", "as a lawyer"),
    ("health.staff_award", "practitioner", "医务人员表彰", "as a health practitioner"),
    ("education.teacher_award", "teacher", "教师表彰", "as a teacher"),
    ("science.researcher_award", "researcher", "科学技术奖励", "as a researcher"),
)
ANNUAL = {"excellent": 3.0, "competent": 2.0, "passed": 2.0, "basically_competent": 1.0, "basically_passed": 1.0}
GRADES = {"AAA": 3.0, "AA": 2.0, "A": 1.0, "B": 0.0}


def _registered(item: str, code: str, zh: str, en: str) -> Feature:
    words = Text(f"现为{zh}", f"is {en} now")
    return now(f"{code}_now", item, INDIVIDUAL, words, until="ended_on", direction=0, use="supervision")


def _disciplined(item: str, code: str, zh: str, en: str) -> Feature:
    words = Text(f"近36个月{zh}受处理次数", f"disciplined {en}, last 36 months")
    return counted(f"{code}_discipline_36m", item, INDIVIDUAL, words, months=36, use="supervision")


def _honoured(item: str, code: str, zh: str, en: str) -> Feature:
    words = Text(f"近60个月{zh}次数", f"honoured {en}, last 60 months")
    return counted(f"{code}_honours_60m", item, INDIVIDUAL, words, months=60, direction=-1, use="supervision")


def _sum(code: str, words: Text, features: list[Feature], direction: Any) -> Derived:
    """The sum of counts and flags, none of which is ever missing."""
    inputs = tuple(feature.code for feature in features)
    return Derived(
        code=code,
        segments=INDIVIDUAL,
        words=words,
        unit="count",
        direction=direction,
        inputs=inputs,
        formula=lambda t: reduce(lambda one, other: one + other, (t[name] for name in inputs)),
        use="supervision",
    )


REGISTERED = [_registered(*row) for row in REGISTERS]
DISCIPLINED = [_disciplined(*row) for row in DISCIPLINE]
HONOURED = [_honoured(*row) for row in HONOURS]
ASSESSED = [
    level(
        "civil_servant_assessment_level",
        "personnel.civil_servant_assessment",
        INDIVIDUAL,
        Text("最近公务员年度考核等次（优秀=3，不称职=0）", "latest assessment as a civil servant (excellent 3 to 0)"),
        "result",
        ANNUAL | {"incompetent": 0.0},
        use="supervision",
    ),
    level(
        "teacher_assessment_level",
        "education.teacher_assessment",
        INDIVIDUAL,
        Text("最近教师年度考核等次（优秀=3，不合格=0）", "latest assessment as a teacher (excellent 3 to 0)"),
        "result",
        ANNUAL | {"failed": 0.0},
        use="supervision",
    ),
    level(
        "lawyer_assessment_level",
        "justice.lawyer_assessment",
        INDIVIDUAL,
        Text("最近律师年度考核等次（称职=2，不称职=0）", "latest assessment as a lawyer (competent 2 to 0)"),
        "result",
        ANNUAL | {"incompetent": 0.0},
        use="supervision",
    ),
    level(
        "practitioner_assessment_level",
        "health.practice_assessment",
        INDIVIDUAL,
        Text("最近医师定期考核（合格=1，不合格=0）", "latest assessment as a physician (passed 1, failed 0)"),
        "result",
        {"passed": 1.0, "failed": 0.0},
        use="supervision",
    ),
    level(
        "driver_assessment_level",
        "transport.driver_assessment",
        INDIVIDUAL,
        Text("最近驾驶员诚信考核等级（AAA=3，B=0）", "latest assessment as a professional driver (AAA 3 to B 0)"),
        "grade",
        GRADES,
        use="supervision",
    ),
    level(
        "tax_agent_points",
        "tax.agent_points",
        INDIVIDUAL,
        Text("最近涉税服务信用积分", "latest credit points as a tax agent"),
        "points",
        use="supervision",
    ),
    level(
        "guide_points",
        "tourism.guide_assessment",
        INDIVIDUAL,
        Text("最近导游服务评价分", "latest service points as a tour guide"),
        "points",
        use="supervision",
    ),
]
FEATURES: list[AnyFeature] = [
    *REGISTERED,
    *DISCIPLINED,
    *HONOURED,
    *ASSESSED,
    counted(
        "manager_sanction_36m",
        "financial_regulator.manager_sanction",
        INDIVIDUAL,
        Text("近36个月金融从业处罚次数", "sanctioned in the financial trade, last 36 months"),
        months=36,
    ),
    counted(
        "severe_discipline_60m",
        "financial_regulator.manager_sanction",
        INDIVIDUAL,
        Text(
            "近60个月被暂停或取消金融从业资格次数",
            "suspended from the financial trade or licence revoked, last 60 months",
        ),
        months=60,
        where=is_any("measure", "suspension", "revocation"),
    ),
    _sum(
        "registers_now",
        Text("现登记在册的重点职业数", "professional registers that have the person"),
        REGISTERED[:-1],
        0,
    ),
    _sum(
        "discipline_36m",
        Text("近36个月职业处理总次数", "disciplined in any profession, last 36 months"),
        DISCIPLINED,
        1,
    ),
    _sum("honours_60m", Text("近60个月职业表彰总次数", "honoured in any profession, last 60 months"), HONOURED, -1),
]
