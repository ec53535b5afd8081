"""Content to one self-contained HTML file."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache, partial
from pathlib import Path
from typing import Any

import orjson
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from markupsafe import Markup, escape

from features.documentation import Documentation
from features.monitoring import Drift
from models.grades import GRADE_WORDS
from models.score_drift import ScoreDrift
from models.validation.card import segment_words
from models.validation.report import ValidationReport
from records.assessment import GRADE_WORDS as ASSESSMENT_GRADES
from records.assessment import MEASURE_WORDS, Assessment
from records.catalogue.kinds import DISCLOSURE_WORDS, KIND_WORDS, USE_WORDS
from records.catalogue.model import Catalogue
from records.moment import SHANGHAI_OFFSET
from records.subject_file.model import VIEW_WORDS, SubjectFile
from records.words import Language, Text
from scoring.rating import Rating
from service.desk import words as desk_words
from service.desk.credit_report import CreditReport
from service.pages import catalogue_words as listing
from service.pages import feature_words
from service.pages.charts import file as filed
from service.pages.charts import quality, study, submission
from service.pages.charts import timeline as lines
from service.pages.charts import validation as validated
from service.pages.charts.frame import chart
from service.pages.charts.waterfall import TOP_REASONS, waterfall
from service.pages.content import CumcmReport, DataTable, DemoReport, Option
from service.pages.summary import CONFIDENCE_WORDS, SEGMENT_WORDS, SEVERITY_WORDS, ladder, share, signed, summary
from service.pages.validation_words import validation_words

HERE = Path(__file__).parent
Charts = dict[str, dict[Language, Option]]


def demo_page(content: DemoReport) -> str:
    """The demo's report."""
    options: Charts = {}
    tables: dict[str, DataTable] = {}
    for section in content.segments:
        name = section.segment
        options[f"grades-{name}"] = chart(partial(quality.grade_bars, section.grades))
        options[f"roc-{name}"] = chart(partial(quality.roc_lines, section.roc))
        options[f"ks-{name}"] = chart(partial(quality.ks_lines, section))
        options[f"calibration-{name}"] = chart(partial(quality.calibration_points, section))
        tables[f"roc-{name}"] = quality.roc_table(section.roc)
        tables[f"ks-{name}"] = quality.ks_table(section)
        tables[f"calibration-{name}"] = quality.calibration_table(section)
    if content.timeline is not None:
        options["timeline"] = chart(partial(lines.timeline, content.timeline))
        tables["timeline"] = lines.timeline_table(content.timeline)
    for number, rating in enumerate(content.reports):
        options[f"waterfall-{number}"] = chart(partial(waterfall, rating))
    title = Text("惠信演示报告", "Huixin demo report")
    height = lines.timeline_height(content.timeline) if content.timeline else 0
    return _page("demo.html", title, options, tables, content=content, timeline_height=height)


def credit_report_page(rating: Rating, *, synthetic: bool = False) -> str:
    """One rating as a credit report. ``synthetic`` puts the banner of made-up data on it."""
    title = Text(f"信用报告 {rating.masked}", f"Credit report {rating.masked}")
    options = {"waterfall-0": chart(partial(waterfall, rating))}
    return _page("credit_report.html", title, options, {}, rating=rating, synthetic=synthetic)


def render_credit_report(rating: Rating, path: Path | str, *, synthetic: bool = False) -> Path:
    """Write the report of one rating to ``path``."""
    written = Path(path)
    written.write_text(credit_report_page(rating, synthetic=synthetic), encoding="utf-8")
    return written


def report_page(report: CreditReport, language: Language | None = None) -> str:
    """A subject's credit report; it opens in ``language`` (default: Chinese) and can be read in both."""
    name = report.file.subject.name or report.file.subject.masked
    options = {} if report.rating is None else {"waterfall-0": chart(partial(waterfall, report.rating))}
    return _page(
        "subject_report.html",
        Text(f"信用报告 {name}", f"Credit report {name}"),
        options,
        {},
        language=language or "zh",
        report=report,
        rating=report.rating,
        file=report.file,
        words=desk_words,
        kind_words=KIND_WORDS,
        view_words=VIEW_WORDS,
        disclosure_words=DISCLOSURE_WORDS,
        use_words=USE_WORDS,
    )


def subject_file_page(file: SubjectFile, *, synthetic: bool = False) -> str:
    """A subject's file as a report. ``synthetic`` puts the banner of made-up data on it."""
    options: Charts = {}
    tables: dict[str, DataTable] = {}
    if file.months:
        options["months"] = chart(partial(filed.month_bars, file))
        tables["months"] = filed.month_table(file)
    if file.links:
        options["links"] = chart(partial(filed.link_graph, file))
    name = file.subject.name or file.subject.masked
    return _page(
        "subject_file.html",
        Text(f"信用档案 {name}", f"Credit file {name}"),
        options,
        tables,
        file=file,
        synthetic=synthetic,
        kind_words=KIND_WORDS,
        view_words=VIEW_WORDS,
        disclosure_words=DISCLOSURE_WORDS,
        use_words=USE_WORDS,
    )


def cumcm_page(content: CumcmReport) -> str:
    """The study of real small enterprises."""
    options = {
        "roc": chart(partial(quality.roc_lines, [content.roc])),
        "grades": chart(partial(quality.grade_bars, content.grades)),
        "bank": chart(partial(study.bank_grades, content)),
        "weights": chart(partial(study.weights, content.features)),
    }
    tables = {"roc": quality.roc_table([content.roc]), "bank": study.bank_table(content)}
    title = Text("惠信：真实小微企业研究", "Huixin: a study of real small enterprises")
    return _page("cumcm.html", title, options, tables, content=content)


def assessment_page(found: Assessment, catalogue: Catalogue) -> str:
    """How sources report, in one month and up to it; names are those of ``catalogue``."""
    names = {code: source.words for code, source in catalogue.sources.items()}
    options, tables = {}, {}
    if found.ranking:
        options = {
            "measures": chart(partial(submission.measures_map, found, names)),
            "trend": chart(partial(submission.trend_lines, found, names)),
        }
        tables = {
            "measures": submission.measures_table(found, names),
            "trend": submission.trend_table(found, names),
        }
    month = f"{found.month:%Y-%m}"
    return _page(
        "assessment.html",
        Text(f"信用信息报送考核 {month}", f"Submission assessment {month}"),
        options,
        tables,
        found=found,
        sources=names,
        item_names={code: item.words for code, item in catalogue.items.items()},
        field_names={
            code: {name: field.words for name, field in item.fields.items()} for code, item in catalogue.items.items()
        },
        worst=submission.worst(found),
        grades=ASSESSMENT_GRADES,
        measure_words=MEASURE_WORDS,
        points_by_source=submission.points_by_source(found),
        sparkline=submission.sparkline,
        map_height=submission.map_height(found),
    )


def catalogue_page(catalogue: Catalogue) -> str:
    """All sources, items and fields of ``catalogue``."""
    return _page(
        "catalogue.html", Text("信用信息目录", "Credit information catalogue"), {}, {}, **listing.words(catalogue)
    )


def dictionary_page(found: Documentation) -> str:
    """The features of one kind of subject: what they mean, and how they behave."""
    kind = feature_words.kind(found.profiles.segment)
    title = Text(f"特征字典：{kind.zh}", f"Feature dictionary: {kind.en}")
    return _page("features.html", title, {}, {}, **feature_words.dictionary_words(found))


def drift_page(found: Drift, scores: Sequence[ScoreDrift] = ()) -> str:
    """How far the features of one kind of subject have moved, and which sources are silent."""
    kind = feature_words.kind(found.segment)
    title = Text(f"输入漂移：{kind.zh}", f"Drift of inputs: {kind.en}")
    return _page("drift.html", title, {}, {}, **feature_words.drift_words(found, scores))


def validation_page(report: ValidationReport, version: str = "") -> str:
    """How good a rating model is, and its card; ``version``: the registered one, where it has been registered."""
    name = segment_words(report.model.segment)
    section = validated.section(report, name)
    options = {
        "roc": chart(partial(quality.roc_lines, section.roc)),
        "ks": chart(partial(quality.ks_lines, section)),
        "calibration": chart(partial(quality.calibration_points, section)),
        "grades": chart(partial(quality.grade_bars, section.grades)),
    }
    if report.stability and report.stability.migration:
        options["migration"] = chart(partial(validated.migration_map, report))
    tables = {
        "roc": quality.roc_table(section.roc),
        "ks": quality.ks_table(section),
        "calibration": quality.calibration_table(section),
    }
    title = Text(f"模型验证报告：{name.zh}", f"Model validation: {name.en}")
    return _page(
        "validation.html",
        title,
        options,
        tables,
        **validation_words(report),
        section=section,
        version=version,
        drawn=tuple(options),
    )


def _page(template: str, title: Text, options: Charts, tables: dict[str, DataTable], **content: Any) -> str:
    return (
        _environment()
        .get_template(template)
        .render(
            title=title,
            tables=tables,
            options=Markup(_script_json(options)),  # noqa: S704  (escaped below)
            echarts=Markup(_echarts() if options else ""),  # noqa: S704
            **content,
        )
    )


def _echarts() -> str:
    return (HERE / "static/echarts/echarts.min.js").read_text(encoding="utf-8")


def _script_json(value: Any) -> str:
    """JSON that cannot end the script element that holds it."""
    return (
        orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS | orjson.OPT_SERIALIZE_NUMPY)
        .decode()
        .replace("<", "\\u003c")
    )


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=select_autoescape(default=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        both=both,
        percent=share,
        signed=signed,
        minute=lambda moment: f"{moment + SHANGHAI_OFFSET:%Y-%m-%d %H:%M}",
    )
    environment.globals.update(
        t=lambda zh, en: both(Text(zh, en)),
        item_words=_item_words,
        grade_words=GRADE_WORDS,
        severity_words=SEVERITY_WORDS,
        confidence_words=CONFIDENCE_WORDS,
        segment_words=SEGMENT_WORDS,
        summary=summary,
        ladder=ladder,
        top_reasons=TOP_REASONS,
    )
    return environment


def both(text: Text | str) -> Markup:
    """A text in both languages, of which the page shows one; a plain string is the same in both."""
    if isinstance(text, str):
        return escape(text)
    return Markup('<span class="zh" lang="zh-CN">{}</span><span class="en" lang="en">{}</span>').format(
        text.zh, text.en
    )


def _item_words(code: str) -> Text:
    """An item's name; its code where this catalogue does not know it."""
    item = Catalogue.load().items.get(code)
    return item.words if item else Text(code, code)
