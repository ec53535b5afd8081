"""Drawings of a validation report: rates of groups with their intervals, movement between grades, calibrations."""

from __future__ import annotations

from markupsafe import Markup

from models.grades import GRADE_WORDS, GRADES, MasterScale
from models.validation.bootstrap import Interval
from models.validation.report import ValidationReport
from records.words import Language, Text
from service.pages.charts.frame import INK, PAPER, bare, category_axis, said
from service.pages.content import Curve, GradeRow, Option, SegmentSection

WIDTH, HEIGHT = 150, 18
LEAST_TOP = 0.02


def section(report: ValidationReport, name: Text) -> SegmentSection:
    """The report's curves and grades as the charts of model quality read them."""
    scale = MasterScale()
    grades = tuple(
        GradeRow(
            grade=one.grade,
            words=GRADE_WORDS[one.grade],
            pd_from=scale.range(one.grade)[0],
            pd_to=scale.range(one.grade)[1],
            subjects=one.rows,
            mean_pd=one.mean_pd,
            observed=one.observed,
            low=one.low if one.rows else None,
            high=one.high if one.rows else None,
        )
        for one in report.backtest.grades
    )
    bad, good = (Curve(Text(*words), report.ks["pd"], report.ks[key]) for key, words in _SIDES)
    return SegmentSection(
        segment=report.model.segment,
        name=name,
        as_of=report.model.validated_as_of,
        grades=grades,
        validated_as_of=report.model.validated_as_of,
        columns=(),
        figures=(),
        roc=(_roc(report),),
        ks_bad=bad,
        ks_good=good,
        calibration=report.calibration,
    )


def migration_map(report: ValidationReport, language: Language) -> Option:
    """Grades before and after, each row adding up to 100%."""
    moved = report.stability.migration if report.stability else None
    assert moved is not None  # noqa: S101
    cells = []
    for row, counts in enumerate(moved.counts):
        total = sum(counts)
        cells += [[column, row, round(count / total, 4)] for column, count in enumerate(counts) if count]
    label = {"interval": 0, "color": INK, "fontSize": 12}
    shown = {"show": True, "fontSize": 11, "formatter": "=share", "color": INK}
    return {
        **bare(),
        "tooltip": {**bare()["tooltip"], "trigger": "item", "formatter": "=cell"},
        "grid": {"left": 58, "right": 10, "top": 30, "bottom": 44},
        "xAxis": category_axis(GRADES, position="bottom", axisLabel=label)
        | {"name": said(language, "之后", "after"), "nameLocation": "middle", "nameGap": 28},
        "yAxis": category_axis(GRADES, inverse=True, axisLabel=label)
        | {"name": said(language, "之前", "before"), "nameLocation": "start", "nameGap": 12},
        "visualMap": {"show": False, "min": 0, "max": 1, "dimension": 2, "inRange": {"color": [PAPER, "--blue"]}},
        "series": [{"type": "heatmap", "data": cells, "label": shown}],
    }


def gauge(interval: Interval | None, observed: float | None, mean_pd: float | None, top: float) -> Markup:
    """The interval of an observed rate as a line, the rate as a dot, the mean PD as a bar across; 0 to ``top``."""
    if interval is None or observed is None or mean_pd is None:
        return Markup("")

    def x(value: float) -> float:
        return round(3 + (WIDTH - 6) * min(value / top, 1.0), 1)

    middle = HEIGHT / 2
    inside = "" if interval.low <= mean_pd <= interval.high else " off"
    return Markup(  # noqa: S704  (numbers and names of this file only)
        f'<svg class="gauge{inside}" viewBox="0 0 {WIDTH} {HEIGHT}" aria-hidden="true" focusable="false">'
        f'<path class="reach" d="M{x(interval.low)} {middle}H{x(interval.high)}"/>'
        f'<circle class="came" cx="{x(observed)}" cy="{middle}" r="3.5"/>'
        f'<path class="said" d="M{x(mean_pd)} 2V{HEIGHT - 2}"/></svg>'
    )


def gauge_top(highs: list[float | None]) -> float:
    """Where the gauges of a table end."""
    return max([LEAST_TOP, *(high for high in highs if high is not None)])


_SIDES = (("bad", ("违约户", "defaulters")), ("good", ("未违约户", "others")))


def _roc(report: ValidationReport) -> Curve:
    value = report.figure("auc").value
    auc = "" if value != value else f" {value:.3f}"
    return Curve(Text("本模型" + auc, "this model" + auc), report.roc["false_positive"], report.roc["true_positive"])
