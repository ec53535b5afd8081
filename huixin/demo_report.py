"""What the demo's report shows, gathered from a base that has been filled, learnt and scored."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from county.plan import CountyPlan
from huixin.oracle import Validation, validate
from huixin.train import SEGMENTS
from huixin.warning_history import warning_timeline
from models.grades import GRADE_WORDS, GRADES, MasterScale
from models.validation import auc, calibration, grade_table, jeffreys, ks_curve, roc
from records.base import RecordBase
from records.moment import end_of_day, now
from records.words import Text
from scoring.rating import Rater, Rating
from service.pages.content import Curve, DemoReport, Figure, GradeRow, SegmentSection
from service.pages.render import demo_page

Floats = npt.NDArray[np.float64]
AUTHORISATION = "SQ-DEMO-0001"
PURPOSE = "demonstration"


@dataclass(frozen=True)
class WrittenReport:
    """Where the report lies, the question it answers, and the command that asks it."""

    path: Path
    asked: dict[str, str]
    curl: str


def write_report(
    base: RecordBase,
    plan: CountyPlan,
    folder: Path,
    started: float,
    curl: CurlLine,
    files: tuple[tuple[Text, str], ...] = (),
) -> WrittenReport:
    """Write ``<folder>/report.html``. ``files``: pages of credit files by kind, relative to ``folder``."""
    as_of = plan.month_ends[-1]
    rater = Rater(base)
    sections = tuple(_section(base, rater, segment, folder, as_of) for segment in SEGMENTS)
    ratings = tuple(_rate_typical(rater, folder, segment, as_of) for segment in SEGMENTS)
    asked = {
        "subject": ratings[-1].subject_id,
        "as_of": as_of.isoformat(),
        "purpose": PURPOSE,
        "authorisation": AUTHORISATION,
    }
    file_consent(base, ratings[-1].subject_id)
    command = curl.command(asked)
    content = DemoReport(
        generated_at=now(),
        synthetic=True,
        subjects=plan.subjects,
        records=sum(batch.rows_accepted for batch in base.batches()),
        months=plan.months,
        seconds=time.perf_counter() - started,
        segments=sections,
        timeline=warning_timeline(rater, plan.month_ends),
        warnings=tuple(one for segment in SEGMENTS for one in rater.warnings(segment, end_of_day(as_of), 8)),
        reports=ratings,
        curl=command,
        files=files,
        people_and_bodies=plan.people + plan.institutions + plan.organisations + plan.governments,
    )
    path = folder / "report.html"
    path.write_text(demo_page(content), encoding="utf-8")
    return WrittenReport(path, asked, command)


def file_consent(base: RecordBase, subject_id: str) -> None:
    """The made-up authorisation that the demo's question cites, unless it is filed already and lasts."""
    from service.security.consents import Authorisation, Consents

    consents = Consents(base)
    rows, _ = consents.page(None, None, 50, subject_id)
    if not any(row.reference == AUTHORISATION and row.withdrawn_at is None and row.valid_until > now() for row in rows):
        until = now() + timedelta(days=3650)
        consents.file(Authorisation(AUTHORISATION, subject_id, (PURPOSE,), until, "合成 / synthetic"), "demo")


@dataclass(frozen=True)
class CurlLine:
    """The command that asks the running service; the key is read from its file, so that no page holds it."""

    key_file: Path
    address: str = "http://127.0.0.1:8000"

    def command(self, asked: dict[str, str]) -> str:
        import orjson

        body = orjson.dumps(asked).decode()
        return (
            f'curl -s {self.address}/v1/scores -H "X-API-Key: $(cat {self.key_file})" '
            f"-H 'Content-Type: application/json' -d '{body}'"
        )


def curl_line(base: RecordBase, folder: Path) -> CurlLine:
    """For the service as ``make serve`` starts it."""
    return CurlLine(folder / "api-key")


def _section(base: RecordBase, rater: Rater, segment: str, folder: Path, as_of: date) -> SegmentSection:
    found = validate(base, segment, folder / "truth.parquet")
    scores = pl.read_parquet(folder / "scores" / f"{segment}.parquet", columns=["pd"])["pd"].to_numpy()
    bundle = rater.serving(segment).rating
    curves = [_roc(found, found.pd, Text("惠信提升模型", "Huixin boosted model"))]
    curves.append(_roc(found, found.scorecard_pd, Text("评分卡", "scorecard")))
    curves.append(_roc(found, found.true_pd, Text("真实 PD", "true PD")))
    lines = ks_curve(found.outcome, found.pd)
    x = tuple(lines["pd"].tolist())
    return SegmentSection(
        segment=segment,
        name=SEGMENTS[segment],
        as_of=as_of,
        grades=_grades(scores, found, bundle.scale),
        validated_as_of=found.as_of,
        columns=(Text("提升模型", "boosted"), Text("评分卡", "scorecard"), Text("真实 PD", "true PD")),
        figures=_figures(found, bundle.metrics),
        roc=tuple(curves),
        ks_bad=Curve(Text("违约户", "defaulters"), x, tuple(lines["bad"].tolist())),
        ks_good=Curve(Text("未违约户", "others"), x, tuple(lines["good"].tolist())),
        calibration=tuple(calibration(found.outcome, found.pd)),
    )


def _figures(found: Validation, metrics: dict[str, float]) -> tuple[Figure, ...]:
    from models import validation

    columns = (found.pd, found.scorecard_pd, found.true_pd)

    def row(name: Text, measure: Any, places: int) -> Figure:
        return Figure(name, tuple(f"{measure(found.outcome, pd):.{places}f}" for pd in columns))

    ceiling = validation.gini(found.outcome, found.true_pd)
    interval = f"{metrics['auc_low']:.3f}–{metrics['auc_high']:.3f}"
    shares = tuple(f"{validation.gini(found.outcome, pd) / ceiling:.3f}" for pd in columns)
    return (
        row(Text("AUC", "AUC"), auc, 3),
        Figure(Text("AUC 95% 自助区间", "AUC, 95% bootstrap interval"), (interval, "", "")),
        Figure(Text("占可达基尼的份额", "share of the attainable Gini"), shares),
        row(Text("KS", "KS"), validation.ks, 3),
        row(Text("Brier 分", "Brier score"), validation.brier, 4),
        row(Text("校准误差 ECE", "calibration error (ECE)"), validation.ece, 4),
        Figure(
            Text("样本 / 违约", "rows / defaults"),
            (f"{len(found.outcome):,} / {found.outcome.sum():.0f}", "", ""),
        ),
    )


def _grades(scores: Floats, found: Validation, scale: MasterScale) -> tuple[GradeRow, ...]:
    """Today's portfolio by grade, with the observed rates of the validation beside it."""
    positions = scale.positions(scores)
    rows = []
    for position, judged in enumerate(grade_table(found.outcome, found.pd, scale)):
        inside = positions == position
        low, high = scale.range(GRADES[position])
        rate_low, rate_high = jeffreys(judged["defaults"], judged["rows"]) if judged["rows"] else (None, None)
        rows.append(
            GradeRow(
                grade=GRADES[position],
                words=GRADE_WORDS[GRADES[position]],
                pd_from=low,
                pd_to=high,
                subjects=int(inside.sum()),
                mean_pd=float(scores[inside].mean()) if inside.any() else None,
                observed=judged["observed"],
                low=rate_low,
                high=rate_high,
            )
        )
    return tuple(rows)


def _roc(found: Validation, pd: Floats, name: Text) -> Curve:
    line = roc(found.outcome, pd)
    label = f" {auc(found.outcome, pd):.3f}"
    return Curve(
        Text(name.zh + label, name.en + label),
        tuple(line["false_positive"].tolist()),
        tuple(line["true_positive"].tolist()),
    )


def _rate_typical(rater: Rater, folder: Path, segment: str, as_of: date) -> Rating:
    """A full report of the subject in the middle of grade B: neither spotless nor lost."""
    scores = pl.read_parquet(folder / "scores" / f"{segment}.parquet", columns=["subject_id", "grade", "pd"])
    of_grade = scores.filter(pl.col("grade") == "B")
    ordered = (of_grade if of_grade.height else scores).sort("pd", "subject_id")
    subject = str(ordered["subject_id"][ordered.height // 2])
    return rater.rate(subject, as_of, actor="demo", purpose=PURPOSE, authorisation=AUTHORISATION)
