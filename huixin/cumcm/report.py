"""What the study's page shows."""

from __future__ import annotations

import numpy as np

from huixin.cumcm.base import StudyTable
from huixin.cumcm.ratings import Rated, RatedEnterprise, said
from huixin.cumcm.reader import StudyData
from huixin.cumcm.study import BASELINES, FOLDS, REPEATS, OutOfFold
from models.grades import GRADE_WORDS, GRADES, MasterScale
from models.validation import roc
from records.moment import now
from records.words import Text
from service.pages.content import CumcmReport, Curve, GradeRow, RatedRow

ARROWS = {1: "PD↑", -1: "PD↓", 0: "—"}
WEIGHTY_FEATURES = 12


def study_report(
    data: StudyData,
    table: StudyTable,
    found: dict[str, OutOfFold],
    rated: Rated,
    correlation: tuple[float, float],
) -> CumcmReport:
    """Figures are out of fold; the list of ratings is of the model fitted on every enterprise with a record."""
    ours = found["huixin"]
    curve = roc(ours.outcome, ours.mean_margin)
    by_weight = np.argsort(-rated.weight, kind="stable")
    return CumcmReport(
        generated_at=now(),
        as_of=data.as_of_day,
        enterprises=len(ours.outcome),
        defaults=int(ours.outcome.sum()),
        invoices=len(data.invoices),
        auc=ours.auc,
        standard_error=ours.standard_error,
        interval=ours.interval(),
        spearman=correlation[0],
        kendall=correlation[1],
        method=_method(rated, len(table.codes)),
        baselines=tuple((words, found[name].auc, found[name].standard_error) for name, words in BASELINES.items()),
        roc=Curve(
            Text("惠信", "Huixin"), tuple(curve["false_positive"].tolist()), tuple(curve["true_positive"].tolist())
        ),
        scores_by_bank_grade=_by_bank_grade(rated),
        grades=_grades(rated),
        features=tuple(
            (table.features[column].words, float(rated.weight[column]), ARROWS[int(table.features[column].direction)])
            for column in by_weight[:WEIGHTY_FEATURES]
        ),
        rows=tuple(_row(row) for row in sorted(rated.rows, key=lambda row: -row.pd)),
        notes=_notes(data, ours),
    )


def _method(rated: Rated, features: int) -> Text:
    events = int(sum(bool(row.defaulted) for row in rated.rows))
    return Text(
        f"方法：{features} 个发票特征按秩变换，方向受约束的逻辑回归（权重先验标准差 0.5），"
        f"再按违约户数（{events}）掺入单调浅树；两部分都可逐特征相加，理由因此精确。"
        f"{FOLDS} 折 × {REPEATS} 次重复分层交叉验证，AUC 为 {FOLDS * REPEATS} 个测试折的平均；校准用折外得分。",
        f"Method: {features} invoice features by rank, a logistic regression with declared directions (prior standard "
        f"deviation 0.5 on a weight), and shallow monotone trees with a share that grows with the number of defaults "
        f"({events}); both add up feature by feature, so reasons are exact. {FOLDS}-fold x {REPEATS} repeated "
        f"stratified cross-validation; the AUC is the mean over {FOLDS * REPEATS} test folds; calibrated out of fold.",
    )


def _notes(data: StudyData, ours: OutOfFold) -> tuple[Text, ...]:
    low, high = float(ours.repeat_aucs.min()), float(ours.repeat_aucs.max())
    defaulted = float(ours.outcome.mean())
    return (
        Text(
            f"各次重复的 AUC 在 {low:.3f} 至 {high:.3f} 之间；同一次重复的各折合并计算时平均为 {ours.pooled_auc:.3f}。",
            f"Repeats lie between {low:.3f} and {high:.3f}; with the folds of a repeat pooled the mean is "
            f"{ours.pooled_auc:.3f}.",
        ),
        Text(
            "设计特征与方法时曾在同样的折上看过约九十次试算，AUC 因此略为乐观；方法的各项设定未按折调优。",
            "Features and method were designed with some ninety runs on these folds in view, so the AUC is a little "
            "optimistic; no setting is tuned fold by fold.",
        ),
        Text(
            f"样本违约率 {defaulted:.0%}，远高于一般贷款组合；PD 与等级只适用于同样构成的组合，"
            "有信贷记录的企业是训练样本，其列出的评级并非折外结果（折外结果见 ratings.csv；上方各图用折外结果）。",
            f"The sample's default rate is {defaulted:.0%}, far above that of a usual portfolio; PDs and grades speak "
            "for portfolios of that make-up. Enterprises with a record are training data, so their listed ratings are "
            "not out of fold (those are in ratings.csv, and in the charts of discrimination above).",
        ),
        Text(
            f"文件中有 {data.repeated:,} 行发票与另一行完全相同，已作重复剔除。",
            f"{data.repeated:,} invoice lines repeat another one in every column and were left out.",
        ),
    )


def _by_bank_grade(rated: Rated) -> dict[str, tuple[float, ...]]:
    """Out-of-fold scores by the bank's grade."""
    scores: dict[str, list[float]] = {}
    for row in rated.rows:
        if row.bank_grade is not None and row.score_out_of_fold is not None:
            scores.setdefault(row.bank_grade, []).append(row.score_out_of_fold)
    return {grade: tuple(values) for grade, values in sorted(scores.items())}


def _grades(rated: Rated) -> tuple[GradeRow, ...]:
    """All enterprises by grade; observed rates would be those of the training data, so none is shown."""
    scale: MasterScale = rated.bundle.scale
    rows = []
    for grade in GRADES:
        pds = [row.pd for row in rated.rows if row.grade == grade]
        low, high = scale.range(grade)
        rows.append(
            GradeRow(
                grade=grade,
                words=GRADE_WORDS[grade],
                pd_from=low,
                pd_to=high,
                subjects=len(pds),
                mean_pd=float(np.mean(pds)) if pds else None,
                observed=None,
                low=None,
                high=None,
            )
        )
    return tuple(rows)


def _row(row: RatedEnterprise) -> RatedRow:
    return RatedRow(
        code=row.code,
        with_record=row.defaulted is not None,
        pd=row.pd,
        score=row.score,
        grade=row.grade,
        bank_grade=row.bank_grade,
        defaulted=row.defaulted,
        reasons=tuple(Text(*said(one)) for one in row.reasons),
    )
