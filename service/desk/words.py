"""What a credit report says in set phrases: purposes, roles, looks, states, rights."""

from __future__ import annotations

from records.words import Text

PURPOSE_WORDS = {
    "loan_application": Text("贷款审批", "loan application"),
    "loan_monitoring": Text("贷后管理", "loan monitoring"),
    "review": Text("复核", "review"),
    "demonstration": Text("演示", "demonstration"),
    "own_report": Text("本人查询", "own report"),
}
ROLE_WORDS = {
    "platform": Text("融资平台", "financing platform"),
    "bank": Text("银行", "bank"),
    "agency": Text("报送单位", "agency"),
    "analyst": Text("分析人员", "analyst"),
    "regulator": Text("监管机构", "regulator"),
    "subject": Text("本人", "the subject itself"),
}
LOOK_WORDS = {
    "score": Text("评级", "rating"),
    "read": Text("查看评分", "rating read"),
    "file": Text("查阅档案", "file opened"),
    "report": Text("信用报告", "credit report"),
    "report.read": Text("取阅报告", "report fetched"),
}
STATE_WORDS = {
    "open": Text("核查中", "being checked"),
    "upheld": Text("成立", "upheld"),
    "rejected": Text("不成立", "rejected"),
}
REMEDY_WORDS = {
    "correction": Text("已更正", "corrected"),
    "withdrawal": Text("已撤回", "withdrawn"),
}
UNKNOWN_LOOKER = Text("系统操作", "operator")
HOW_TO_OBJECT = Text(
    "认为报告所依据的信息有误或有遗漏，可向征信机构或信息提供者提出异议，要求更正；"
    "相关记录当即标注，应在 20 日内核查处理并书面答复（征信业管理条例第二十五条）。"
    "请引用报告编号与记录编号。对答复不服的，可向监管机构投诉（第二十六条）。",
    "Whoever finds the information behind this report wrong or incomplete may object to the credit-reporting agency "
    "or to the source and ask for a correction; the record is marked at once, and must be checked and answered in "
    "writing within 20 days (Regulation on the credit reporting industry, Art. 25). Please name the report id and the "
    "record ids. Whoever does not accept the answer may complain to the regulator (Art. 26).",
)
RETENTION = Text(
    "负面信息自不良行为终止之日起保存五年，期满删除（第十六条）；"
    "符合条件的可申请信用修复（国家发展改革委令第58号），修复后不再展示。"
    "查询个人信息须取得本人书面同意并约定用途（第十八条），不得用作约定以外的用途（第二十条）。",
    "Adverse information is kept five years from the end of the conduct and then deleted (Art. 16); credit repair may "
    "be asked for where the conditions are met (NDRC order 58 of 2023), and what was repaired is shown no longer. "
    "Asking about a person needs that person's written consent and an agreed purpose (Art. 18), and serves no other "
    "(Art. 20).",
)
SOURCES_STATEMENT = Text(
    "报告依据下列单位报送的记录，征信机构未作改动；评分由所列版本的模型据此算出，供参考，不替代授信决定。",
    "The report rests on records that the agencies below reported, unchanged; the score was computed from them by the "
    "model version named here. It informs a decision and does not take it.",
)
NO_MODEL = Text("此类主体尚无上线的评级模型。", "No rating model serves for this kind of subject yet.")
NOT_RATED = Text("此类主体不评级。", "This kind of subject is not rated.")
