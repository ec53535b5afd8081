"""The model card: what a model is for, what it learnt from, how good it is, and where it must not be used."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from models.calibration import PD_FLOOR
from models.validation.figures import jeffreys
from records.catalogue.kinds import KIND_WORDS
from records.words import Language, Text

if TYPE_CHECKING:
    from models.validation.report import ValidationReport

FAMILY_WORDS = {
    "boosted": Text("受单调约束的梯度提升树（LightGBM）", "boosted trees with monotone constraints (LightGBM)"),
    "scorecard": Text("单调 WOE 评分卡（逻辑回归）", "scorecard of monotone WOE bins (logistic regression)"),
}


@dataclass(frozen=True)
class Section:
    """A headed list of statements."""

    title: Text
    lines: tuple[Text, ...]


@dataclass(frozen=True)
class ModelCard:
    """A card after Mitchell et al. (2019, Model cards for model reporting), in both languages."""

    title: Text
    sections: tuple[Section, ...]

    def markdown(self, language: Language) -> str:
        """The card as Markdown, such as a registry shows beside a version."""
        parts = [f"# {self.title.in_language(language)}"]
        for section in self.sections:
            parts.append(f"## {section.title.in_language(language)}")
            parts.append("\n".join(f"- {line.in_language(language)}" for line in section.lines))
        return "\n\n".join(parts) + "\n"


def model_card(report: ValidationReport) -> ModelCard:
    """The card of the model that ``report`` validated."""
    kind = segment_words(report.model.segment)
    title = Text(f"模型卡：{kind.zh}信用评级", f"Model card: credit rating, {kind.en}")
    makers = (_purpose, _model, _data, _figures, _limits, _fairness, _fingerprint)
    return ModelCard(title, tuple(make(report) for make in makers))


def segment_words(segment: str) -> Text:
    """What a subject of a segment is called; the segment's own name where the catalogue knows no such kind."""
    found = next((words for code, words in KIND_WORDS.items() if code == segment), Text(segment, segment))
    return Text(found.zh, found.en.lower())


def _purpose(report: ValidationReport) -> Section:
    kind = segment_words(report.model.segment)
    return Section(
        Text("用途与使用者", "Purpose, and who may use it"),
        (
            Text(
                f"估计{kind.zh}未来 12 个月内违约的概率（PD），换算为评分（300–900）与等级（AAA–C），"
                "并给出精确到分的理由。",
                f"Estimates the probability that a subject ({kind.en}) defaults within 12 months (PD), as a score "
                "(300 to 900), a grade (AAA to C), and reasons exact to the point.",
            ),
            Text(
                "融资平台与农村金融机构：在取得主体授权并记明目的后，用于授信审批、定价与贷后管理的参考。",
                "Financing platforms and rural banks: for decisions on credit, prices and monitoring, with the "
                "subject's authorisation and a stated purpose.",
            ),
            Text(
                "分析人员：用于复核、回测与再训练；监管机构：用于检查模型与抽查评分。",
                "Analysts: to review, backtest and retrain; regulators: to examine the model and single scores.",
            ),
            Text(
                "主体本人：有权知悉评分、理由及其依据的记录，并提出异议。",
                "The subject: may see the score, its reasons and the records behind them, and may object.",
            ),
            Text(
                "不得用于：单独作出拒绝决定、行政处罚、招聘，也不得用于授权目的之外的任何用途。",
                "Not for: refusals by the score alone, administrative penalties, hiring, or any purpose beyond the "
                "one that was authorised.",
            ),
        ),
    )


def _model(report: ValidationReport) -> Section:
    model = report.model
    family = FAMILY_WORDS.get(model.family, Text(model.family, model.family))
    heaviest = model.depends_on[:5]
    return Section(
        Text("模型", "Model"),
        (
            Text(f"{family.zh}，{model.features} 个特征。", f"{family.en}, {model.features} features."),
            Text(
                f"校准：对数赔率的仿射变换（斜率 {model.slope:.3f}，截距 {model.intercept:+.3f}），故理由保持精确。",
                f"Calibration: affine on the log-odds (slope {model.slope:.3f}, intercept {model.intercept:+.3f}), so "
                "that reasons stay exact.",
            ),
            Text(
                "最有分量的特征：" + "、".join(f"{words.zh}（{share:.0%}）" for _, words, share in heaviest) + "。",
                "What weighs most: " + ", ".join(f"{words.en} ({share:.0%})" for _, words, share in heaviest) + ".",
            ),
        ),
    )


def _data(report: ValidationReport) -> Section:
    model = report.model
    learnt = sorted(model.trained_as_ofs)
    first, last = (str(learnt[0]), str(learnt[-1])) if learnt else ("—", "—")
    lines = [
        Text(
            f"学习时点：{first} 至 {last}（{len(learnt)} 个月末）；每行只含该时点已知的记录。",
            f"Learnt at {len(learnt)} month ends from {first} to {last}; a row holds only what was known then.",
        ),
        Text(
            f"验证时点：{model.validated_as_of}，{model.rows:,} 行、{model.subjects:,} 户、违约 {model.defaults:,}。",
            f"Validated as of {model.validated_as_of}: {model.rows:,} rows, {model.subjects:,} subjects, "
            f"{model.defaults:,} defaults.",
        ),
        Text(
            "违约：时点后 12 个月内贷款逾期 90 天以上、列为次级以下，或被列为失信被执行人；"
            "只看时点有贷款且尚未违约者。",
            "Default: within 12 months of the as-of a loan 90 days past due or classed substandard or worse, or a "
            "listing as dishonest judgment debtor; of borrowers who were not in default by then.",
        ),
    ]
    lines += model.inferred
    if model.synthetic:
        lines.append(Text("数据为合成数据，不涉及真实主体。", "The data are synthetic; no real subject is in them."))
    if not model.out_of_time:
        lines.append(Text("验证并非时间外：历史太短。", "Validation is not out of time: history is too short."))
    return Section(Text("数据与时点", "Data and moments"), tuple(lines))


def _figures(report: ValidationReport) -> Section:
    lines = []
    for code in ("auc", "ks", "h_measure", "brier", "ece"):
        one = report.figure(code)
        if one.value != one.value:
            continue
        said = f"{one.value:.4f} ({one.interval.low:.4f}–{one.interval.high:.4f})"
        lines.append(Text(f"{one.words.zh}：{said}", f"{one.words.en}: {said}"))
    tests = report.backtest
    lines.append(
        Text(
            f"等级回测：{tests.used} 个等级中 {tests.inside} 个在 95% Jeffreys 区间内；最大等级占 "
            f"{tests.scale.largest_share:.0%}。",
            f"Grades: {tests.inside} of {tests.used} inside their 95% Jeffreys interval; the largest holds "
            f"{tests.scale.largest_share:.0%}.",
        )
    )
    return Section(
        Text("指标（验证样本，括号内为 95% 区间）", "Figures (validation rows, 95% intervals)"), tuple(lines)
    )


def _limits(report: ValidationReport) -> Section:
    lines = [
        Text(
            "只了解向公共信用库报送的记录；未报送者不为其所知，来源静默会使评分失准。",
            "It knows what is reported to the public credit base alone; a source that falls silent spoils scores.",
        ),
        Text(
            "PD 反映学习期的经济状况；经济转折时以长期平均锚定，并每年复核。",
            "PDs reflect the times it learnt from: anchor to the long-run average when they change; review yearly.",
        ),
        Text(
            f"用于资本计量时 PD 不低于 {PD_FLOOR:.2%}；{report.below_floor:.1%} 的行低于此值。",
            f"For capital no PD counts below {PD_FLOOR:.2%}; {report.below_floor:.1%} of the rows lie below.",
        ),
    ]
    lines += [
        Text(
            f"按{one.words.zh}：{_listed(few, 'zh')}样本太少，未作评价。",
            f"By {one.words.en}: too few to judge for {_listed(few, 'en')}.",
        )
        for one in report.slices
        if (few := [part.words for part in one.slices if part.few])
    ]
    if report.low_default:
        low, high = jeffreys(report.model.defaults, report.model.rows)
        lines.append(
            Text(
                f"违约很少，整体违约率的 95% 区间为 {low:.2%}–{high:.2%}；等级 PD 宜取低违约组合上界。",
                f"Defaults are few; the rate of all lies between {low:.2%} and {high:.2%}: prefer the upper bounds for "
                "low-default portfolios.",
            )
        )
    return Section(Text("局限", "Limits"), tuple(lines))


def _fairness(report: ValidationReport) -> Section:
    lines = [
        Text(
            "性别、年龄、行政村等受保护属性不参与训练，只用于公平性审计；宗教、基因、指纹、血型、疾病等信息不予采集。",
            "Protected attributes (sex, age, village) are kept out of training and serve audits alone; religion, "
            "genes, fingerprints, blood type and disease are not collected at all.",
        )
    ]
    for one in report.fairness:
        judged = [group for group in one.groups if group.impact is not None]
        if judged:
            worst = min(judged, key=lambda group: group.impact or 0.0)
            lines.append(
                Text(
                    f"{one.words.zh}：最低有利比例之比 {worst.impact:.2f}（{worst.words.zh}）。",
                    f"{one.words.en}: lowest impact ratio {worst.impact:.2f} ({worst.words.en}).",
                )
            )
    if not report.fairness:
        lines.append(
            Text("该主体类别未登记受保护属性。", "No protected attribute is registered for this kind of subject.")
        )
    return Section(Text("公平性", "Fairness"), tuple(lines))


def _fingerprint(report: ValidationReport) -> Section:
    model = report.model
    return Section(
        Text("指纹", "Fingerprint"),
        (
            Text(f"模型文件：{model.fingerprint or '—'}", f"files of the model: {model.fingerprint or '—'}"),
            Text(f"训练数据：{model.data_fingerprint or '—'}", f"training data: {model.data_fingerprint or '—'}"),
            Text(f"代码版本：{model.code_version or '—'}", f"version of the code: {model.code_version or '—'}"),
            Text(f"随机种子：{model.seed}", f"seed: {model.seed}"),
        ),
    )


def _listed(names: list[Text], language: Language) -> str:
    return ("、" if language == "zh" else ", ").join(one.in_language(language) for one in names)
