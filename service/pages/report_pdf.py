"""A credit report as a PDF, in one language."""

from __future__ import annotations

from datetime import datetime

from models.grades import GRADE_WORDS
from records.catalogue.kinds import KIND_WORDS, Polarity
from records.moment import SHANGHAI_OFFSET
from records.subject_file.model import VIEW_WORDS, FileRecord, ItemRecords
from records.words import Language, Text
from scoring.rating import Rating
from service.desk import words
from service.desk.credit_report import CreditReport
from service.pages.pdf_sheet import Sheet
from service.pages.summary import CONFIDENCE_WORDS, SEVERITY_WORDS, share, signed, summary

TOP_REASONS = 15
LATEST = 6
POLARITIES: tuple[tuple[Polarity, Text, Text], ...] = (
    (
        "adverse",
        Text("负面记录", "Adverse records"),
        Text("没有在保存期限内的负面记录。", "There is no adverse record within its retention."),
    ),
    ("positive", Text("正面记录", "Positive records"), Text("没有正面记录。", "There is no positive record.")),
    ("neutral", Text("中性记录", "Neutral records"), Text("没有中性记录。", "There is no neutral record.")),
)


def report_pdf(report: CreditReport, language: Language = "zh") -> bytes:
    """The report's PDF: A4, its font embedded as the subset of what is said."""
    made = _Report(report, language)
    made.cover()
    made.rating()
    made.grades()
    made.file()
    made.objections()
    made.looks()
    made.sources()
    name = report.file.subject.name or report.file.subject.masked
    title = made.t(f"信用报告 {name}", f"Credit report {name}")
    foot = made.t(
        f"惠信信用报告 {report.report_id} · 时点 {_minute(report.as_of)}（上海时间）",
        f"Huixin credit report {report.report_id} · as of {_minute(report.as_of)} (Shanghai)",
    )
    return made.sheet.pdf(title, foot)


class _Report:
    """The parts of one report, in the order in which they are read."""

    def __init__(self, report: CreditReport, language: Language) -> None:
        self.report = report
        self.language: Language = language
        self.sheet = Sheet(language)

    def t(self, zh: str, en: str) -> str:
        return zh if self.language == "zh" else en

    def said(self, text: Text | str | None) -> str:
        if text is None:
            return "—"
        return text if isinstance(text, str) else text.in_language(self.language)

    def cover(self) -> None:
        report, file = self.report, self.report.file
        self.sheet.say(f"{self.t('信用报告', 'Credit report')} {file.subject.name or file.subject.masked}", "title")
        for note in file.notes:
            self.sheet.say(self.said(note))
        kinds = " ".join(self.said(KIND_WORDS[kind]) for kind in file.subject.kinds)
        self.sheet.pairs(
            [
                (self.t("主体", "Subject"), f"{kinds} {file.subject.masked}"),
                (self.t("时点（上海时间）", "As of (Shanghai)"), _minute(report.as_of)),
                (self.t("出具时间", "Made at"), _minute(report.made_at)),
                (self.t("查询目的", "Purpose"), self.said(words.PURPOSE_WORDS.get(report.purpose, report.purpose))),
                (self.t("展示范围", "Shown"), self.said(VIEW_WORDS[file.view])),
                (self.t("报告编号", "Report id"), report.report_id),
            ]
        )

    def rating(self) -> None:
        self.sheet.say(self.t("评级、理由与预警", "Rating, reasons and warnings"), "heading")
        rating = self.report.rating
        if rating is None:
            self.sheet.say(self.said(self.report.unrated))
            return
        confidence = self.said(CONFIDENCE_WORDS[rating.confidence])
        figures = [
            (self.t("评分（300 至 900）", "Score (300 to 900)"), f"{rating.score:.1f}"),
            (self.t("12 个月违约概率", "PD, 12 months"), share(rating.pd)),
            (self.t("资料置信度", "Confidence"), confidence),
        ]
        self.sheet.badge(rating.grade, list(GRADE_WORDS).index(rating.grade), figures)
        gap = self.t("", " ")
        self.sheet.say(gap.join(self.said(one) for one in summary(rating)))
        if rating.distress:
            odds = self.t("；", "; ").join(
                self.t(f"{months} 个月内 {share(value, 1)}", f"within {months} months {share(value, 1)}")
                for months, value in rating.distress.items()
            )
            self.sheet.say(f"{self.t('陷入困境的概率：', 'Probability of distress: ')}{odds}", "soft")
        for note in rating.notes:
            self.sheet.say(self.said(note), "soft")
        self._reasons(rating)
        self._signals(rating)

    def _reasons(self, rating: Rating) -> None:
        self.sheet.say(self.t("理由（合计等于评分）", "Reasons (they add up to the score)"), "subheading")
        rows = [[f"{rating.base_points:.2f}", self.t("基准分", "Base"), "", ""]]
        shown, rest = rating.reasons[:TOP_REASONS], rating.reasons[TOP_REASONS:]
        cells = [
            [
                self.sheet.points(signed(one.points, 2), gain=one.points >= 0),
                self.said(one.words),
                self.said(one.value_words),
                ", ".join(record.record_id for record in one.evidence[:2]) or "—",
            ]
            for one in shown
        ]
        if rest:
            total = signed(sum(one.points for one in rest), 2)
            cells.append([total, self.t(f"其余 {len(rest)} 项之和", f"sum of the {len(rest)} others"), "", ""])
        if rating.clip_points:
            clipped = self.t("截至 300 至 900 分", "Clipped to 300 to 900")
            cells.append([signed(rating.clip_points, 2), clipped, "", ""])
        cells.append([f"{rating.score:.2f}", self.t("评分", "Score"), "", ""])
        head = [
            self.t("分", "Points"),
            self.t("理由", "Reason"),
            self.t("取值", "Value"),
            self.t("依据的记录", "Records behind it"),
        ]
        self.sheet.table(head, [*rows, *cells], (1.1, 4, 2.2, 3.6), soft=(3,))
        model = self.t(
            f"模型 {rating.model_name} 第 {rating.model_version} 版；评分编号 {rating.score_id}",
            f"Model {rating.model_name} version {rating.model_version}; score id {rating.score_id}",
        )
        self.sheet.say(model, "soft")

    def _signals(self, rating: Rating) -> None:
        self.sheet.say(self.t("预警信号", "Early-warning signals"), "subheading")
        if not rating.signals:
            self.sheet.say(self.t("没有预警信号。", "No signals."))
            return
        rows = [
            [
                self.said(SEVERITY_WORDS[one.severity]),
                f"{self.said(one.words)}\n{self.said(one.detail)}",
                one.since.isoformat(),
            ]
            for one in rating.signals
        ]
        head = [self.t("级别", "Severity"), self.t("信号", "Signal"), self.t("证据起始", "Evidence since")]
        self.sheet.table(head, rows, (1, 7, 1.6))

    def grades(self) -> None:
        self.sheet.say(self.t("等级历史", "Grades given"), "heading")
        if not self.report.grades:
            self.sheet.say(self.t("没有给出过等级。", "No grade was given."))
            return
        rows = [
            [one.as_of.isoformat(), one.grade, f"{one.score:.1f}", self.said(GRADE_WORDS[one.grade]), one.model_version]
            for one in self.report.grades
        ]
        head = [
            self.t("时点", "As of"),
            self.t("等级", "Grade"),
            self.t("评分", "Score"),
            self.t("含义", "Meaning"),
            self.t("模型版本", "Model version"),
        ]
        self.sheet.table(head, rows, (1.5, 1, 1, 4.5, 1.4))

    def file(self) -> None:
        file = self.report.file
        counted = self.t(f"{file.records:,} 条记录", f"{file.records:,} records")
        self.sheet.say(f"{self.t('信用档案', 'Credit file')} · {counted}", "heading")
        for record in file.basics:
            self.sheet.pairs([(self.said(one.words), self.said(one.said)) for one in record.fields])
        for polarity, name, none in POLARITIES:
            self.sheet.say(f"{self.said(name)} {file.count(polarity):,}", "subheading")
            if not file.count(polarity):
                self.sheet.say(self.said(none), "soft")
            for one in file.of_polarity(polarity):
                self._item(one)
        for gap in file.gaps:
            erased = self.t(f"{gap.records} 条依法删除", f"{gap.records} erased")
            self.sheet.say(f"{self.said(gap.words)}：{erased} · {_minute(gap.erased_at)} · {gap.legal_basis}", "soft")

    def _item(self, one: ItemRecords) -> None:
        records = one.records[: LATEST if one.polarity == "neutral" else None]
        newest = self.t(f"，列最近 {len(records)} 条", f", the latest {len(records)} shown")
        told = self.t(f"共 {one.total:,} 条", f"{one.total:,} in all") + (newest if one.total > len(records) else "")
        self.sheet.say(f"{self.said(one.words)} · {self.said(one.source_words)} · {told} · {one.legal_basis}", "lead")
        head = [
            self.t("发生", "Happened"),
            self.t("内容", "What"),
            self.t("标注", "Marks"),
            self.t("记录编号", "Record id"),
        ]
        self.sheet.table(head, [self._record(record) for record in records], (1.2, 5.6, 1.4, 2.8), soft=(2, 3))

    def _record(self, record: FileRecord) -> list[str]:
        said = self.t("；", "; ").join(f"{self.said(one.words)} {self.said(one.said)}" for one in record.fields)
        marks = [self.t("有异议", "disputed")] if record.dispute else []
        marks += [f"{self.said(step.what)} {_minute(step.at)[:10]}" for step in record.history]
        if record.reported_of:
            marks.append(
                f"{self.t('承继自', 'carried on from')} {record.reported_of.name or record.reported_of.masked}"
            )
        if record.expires_on:
            marks.append(f"{self.t('展示至', 'shown until')} {record.expires_on}")
        return [record.occurred_on.isoformat(), said, "\n".join(marks), record.record_id]

    def objections(self) -> None:
        self.sheet.say(self.t("异议", "Objections"), "heading")
        if not self.report.objections:
            self.sheet.say(self.t("没有提出过异议。", "No objection was made."))
            return
        rows = []
        for one in self.report.objections:
            outcome = self.said(one.state)
            if one.remedy:
                outcome += self.t("，", ", ") + self.said(one.remedy)
            outcome += f"\n{one.answer}" if one.answer else f"\n{self.t('答复期限', 'due on')} {one.due_on}"
            rows.append([_minute(one.lodged_at), f"{self.said(one.item_words)}\n{one.record_id}", one.reason, outcome])
        head = [
            self.t("提出", "Lodged"),
            self.t("记录", "Record"),
            self.t("事由", "Reason"),
            self.t("结果", "Outcome"),
        ]
        self.sheet.table(head, rows, (1.7, 2.5, 3.5, 3.5))

    def looks(self) -> None:
        self.sheet.say(self.t("谁查询过（出具前两年）", "Who looked (the two years before)"), "heading")
        if not self.report.looks:
            self.sheet.say(self.t("此前两年没有人查询。", "Nobody looked in the two years before."))
            return
        rows = [
            [
                _minute(one.at),
                self.said(one.role) + (f"\n{one.who}" if one.who else ""),
                self.said(one.what),
                self.said(one.purpose),
            ]
            for one in self.report.looks
        ]
        head = [self.t("时间", "When"), self.t("查询方", "Who"), self.t("内容", "What"), self.t("目的", "Purpose")]
        self.sheet.table(head, rows, (2, 2.5, 3, 2))

    def sources(self) -> None:
        self.sheet.say(self.t("来源说明", "Sources"), "heading")
        self.sheet.say(self.said(words.SOURCES_STATEMENT))
        told = [one for one in self.report.file.sources if one.records]
        silent = [self.said(one.words) for one in self.report.file.sources if not one.records]
        rows = [[self.said(one.words), f"{one.items}", f"{one.records:,}", _minute(one.latest)] for one in told]
        head = [
            self.t("来源", "Source"),
            self.t("目录项", "Items"),
            self.t("记录", "Records"),
            self.t("最近入库", "Latest recorded"),
        ]
        self.sheet.table(head, rows, (4, 1.2, 1.2, 2.4))
        if silent:
            self.sheet.say(self.t("没有记录：", "No records: ") + self.t("、", ", ").join(silent), "soft")
        self.sheet.say(self.t("如何提出异议", "How to object"), "subheading")
        self.sheet.say(self.said(words.HOW_TO_OBJECT))
        self.sheet.say(self.t("保存、修复与使用", "Retention, repair and use"), "subheading")
        self.sheet.say(self.said(words.RETENTION))


def _minute(moment: datetime | None) -> str:
    return "—" if moment is None else f"{moment + SHANGHAI_OFFSET:%Y-%m-%d %H:%M}"
